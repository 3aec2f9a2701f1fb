"""Labels by a trained model: its own search answers, or improves what an earlier set holds."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from nco.core.case import Case, Report
from nco.core.defaults import load_cases
from nco.core.errors import NCOError
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.zoo import weights

PREFIX = "model:"  # before a model's name where a solver's is expected


def answers(
    name: str,
    cases: Sequence[Case],
    check: Callable[[Case, Any], Report],
    *,
    seed: int,
    rollouts: int | None,
    known: Sequence[tuple[Any, float]] | None = None,
) -> list[tuple[Any, float]]:
    """A checked solution and its cost for every case, never worse than the known one.

    Args:
        name: a shipped model, a model folder or a checkpoint.
        cases: of one size, each with its own numbering.
        seed, rollouts: of the search, or the width of its beam; None is its own deterministic pass.
        known: solutions to begin at, in the cases' own numbers, with their costs. Then the policy's
            last search goes on from them; otherwise its first one begins from nothing.

    Raises:
        NCOError: where the model's solution is not feasible.
    """
    model = weights.load(name)
    problem: Any = model.problem
    instance = load_cases(problem, cases)
    start = None
    if known is not None:
        rows = [case.indexed(solution) for case, (solution, _) in zip(cases, known, strict=True)]
        actions = problem.actions(instance, rows)
        cost = problem.cost(instance, actions[:, None])[:, 0]
        start = Incumbent(actions, cost, "known")
    search = named(model.policy.searches[0 if known is None else -1])
    best = start
    with torch.inference_mode():
        budget = Budget.counting(rollouts, seed=seed)
        for incumbent in search(Task(problem, model.policy, instance), budget, start):
            best = incumbent
    assert best is not None
    solutions = problem.solution(instance, best.actions)
    answered = []
    for index, (case, solution) in enumerate(zip(cases, solutions, strict=True)):
        numbered = case.numbered(solution)
        report = check(case, numbered)
        if not report.feasible or report.cost is None:
            raise NCOError(f"{case.name}: model {name} answered: {report.defect}")
        answer = (numbered, float(report.cost))
        if known is not None and known[index][1] <= answer[1]:
            answer = known[index]
        answered.append(answer)
    return answered

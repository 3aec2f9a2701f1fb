"""What a policy of an online problem costs on average: simulation over many random futures.

    evaluation = simulate(problem, policy, case, traces=1000, seed=0)
    print(evaluation.cost, evaluation.cost_standard_error, evaluation.measures)

Equal seeds are equal futures whatever the policy, the number of traces and the time that there is,
so the costs of two policies can be compared trace by trace, which is far more precise than
comparing their means (`difference`).
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nco import registry
from nco.core.capabilities import Online
from nco.core.case import Case
from nco.core.defaults import cases_of
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Select, greedy, rollout
from nco.core.seeds import generator
from nco.solving.options import Options
from nco.zoo import weights


@dataclass(frozen=True)
class Sampling:
    """How many traces are played, and how their costs are trusted.

    Attributes:
        together: traces at a time, as memory allows.
        few: traces before it is known how long they take; then as many as there were before.
        checked: traces that the independent checker prices again.
        agree: relative difference of checker (exact) and simulation (float32) that is rounding.
    """

    together: int = 2000
    few: int = 32
    checked: int = 1
    agree: float = 1e-3


SAMPLING = Sampling()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A policy's figures over independent futures of one case.

    Attributes:
        cost, cost_standard_error: mean over the traces, and its standard error.
        sign: -1 where the problem's own objective is to be maximised (a profit), else 1.
        measures: name to mean, of what `Online.measures` names; errors: their standard errors.
        costs: ``[K]`` double, of each trace.
        violations: what the independent checker says of the first traces; empty is feasible.
        seconds: wall time.
    """

    cost: float
    cost_standard_error: float
    sign: int
    measures: dict[str, float]
    errors: dict[str, float]
    costs: Tensor
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def traces(self) -> int:
        """How many futures were played."""
        return len(self.costs)

    @property
    def objective(self) -> float:
        """The mean cost in the problem's own sense."""
        return self.sign * self.cost


def simulate(
    problem: Problem[Any, Any],
    policy: Policy,
    case: Case,
    *,
    traces: int = Options.traces,
    seed: int = 0,
    together: int = SAMPLING.together,
    device: torch.device | str = "cpu",
    select: Select = greedy,
    deadline: float | None = None,
) -> Evaluation:
    """Plays `policy` on `traces` random futures of `case`.

    Args:
        problem: an online one, of the case's folder.
        policy: built, on `device`.
        traces: how many; seed: of the futures; together: how many at a time (memory).
        select: how the policy's decisions are taken.
        deadline: `time.perf_counter` reading at which to stop, with as many traces as were played;
            `Sampling.few` are in any case.

    Raises:
        NCOError: where the problem is not online, or fewer than two traces are asked for.
    """
    if not isinstance(problem, Online):
        raise NCOError(f"{case.problem} is not an online problem: there is nothing to simulate")
    if traces < 2:
        raise NCOError(f"traces must be at least 2, for a standard error, not {traces}")
    begin = time.perf_counter()
    costs: list[Tensor] = []
    named: dict[str, list[Tensor]] = {}
    sign, violations = 1, list[str]()
    first, cut = 0, False
    while first < traces and not cut:
        # parts have fixed places, so that a future does not depend on how many are played
        part = min(together, max(first, SAMPLING.few))
        count = min(part, traces - first)
        if costs and deadline is not None:
            now = time.perf_counter()
            fits = int(first * (deadline - now) / (now - begin))
            cut = fits < count
            if fits < 2:
                break
            count = min(count, fits)
        drawn = problem.traces(case, part, generator(seed, "simulate", first))
        instance = (drawn if count == part else drawn[:count]).to(device)
        with torch.inference_mode():
            played = rollout(problem, policy, instance, 1, select, logp=False)
            measures = problem.measures(instance, played.actions)
        costs.append(played.cost[:, 0].double().cpu())
        for name, value in measures.items():
            named.setdefault(name, []).append(value[:, 0].double().cpu())
        if first == 0:
            sign, violations = _checked(problem, instance, played.actions, costs[0])
        first += count
    return _evaluation(costs, named, sign, violations, time.perf_counter() - begin)


def _evaluation(
    costs: list[Tensor],
    named: dict[str, list[Tensor]],
    sign: int,
    violations: list[str],
    seconds: float,
) -> Evaluation:
    """Means and errors of what was played, part by part."""
    joined = {name: torch.cat(parts) for name, parts in named.items()}
    every = torch.cat(costs)
    return Evaluation(
        cost=float(every.mean()),
        cost_standard_error=standard_error(every),
        sign=sign,
        measures={name: float(value.mean()) for name, value in joined.items()},
        errors={name: standard_error(value) for name, value in joined.items()},
        costs=every,
        violations=violations,
        seconds=seconds,
    )


def standard_error(values: Tensor) -> float:
    """Of the mean of independent `values` ``[K]``."""
    return float(values.double().std() / math.sqrt(len(values)))


def difference(first: Evaluation, second: Evaluation) -> tuple[float, float]:
    """How much more the first policy costs than the second, and the standard error of that.

    Both must be of the same seed: trace by trace, over the traces that both have.
    """
    both = min(first.traces, second.traces)
    apart = first.costs[:both] - second.costs[:both]
    return float(apart.mean()), standard_error(apart)


def _checked(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, costs: Tensor
) -> tuple[int, list[str]]:
    """The sense of the objective, and what the checker objects to in the first traces."""
    folder = registry.folder_of(problem)
    if not folder.has("check"):
        return 1, []
    check = folder.check.check
    sign, violations = 1, list[str]()
    part = instance[: SAMPLING.checked]
    solutions = problem.solution(part, actions[: SAMPLING.checked, 0])
    for row, (case, solution) in enumerate(zip(cases_of(problem, part), solutions, strict=True)):
        report = check(case, case.numbered(solution))
        violations += report.violations
        if report.cost is None:
            continue
        if report.objective is not None and report.objective != report.cost:
            sign = -1
        simulated = float(costs[row])
        if not math.isclose(report.cost, simulated, rel_tol=SAMPLING.agree, abs_tol=SAMPLING.agree):
            violations.append(f"trace {row} costs {report.cost:g}, but {simulated:g} was simulated")
    return sign, violations


def policy_of(case: Case, solution: Any, device: str = "cpu") -> tuple[Problem[Any, Any], Policy]:
    """The policy of an online case's solution, with the problem that it plays.

    Args:
        solution: ``{"model": NAME}`` (a shipped model, a folder or a checkpoint), or a rule as the
            classical solvers of the problem's ``classical.py`` return it.
    """
    if isinstance(solution, dict) and set(solution) == {"model"}:
        model = weights.load(solution["model"], device)
        if registry.folder_of(model.problem).name != case.problem:
            raise NCOError(f"model {solution['model']} is not one for {case.problem}")
        return model.problem, model.policy
    folder = registry.folder(case.problem)
    if not folder.has("rules"):
        raise NCOError(f"{case.problem} has no rules that can be played: give {{'model': NAME}}")
    # rules may look at more than networks do, such as the calendar
    problem: Problem[Any, Any] = getattr(folder.rules, "problem", folder.problem_class)()
    return problem, folder.rules.policy(case, solution).to(device)


def next_action(case: Case, solution: Any) -> Any:
    """What a policy does first in the state that `case` describes, in the case's own numbers.

    The canonical solution of one step: of an inventory network, ``[[amount of each edge]]``.
    """
    problem, policy = policy_of(case, solution)
    if not isinstance(problem, Online):
        raise NCOError(f"{case.problem} is not an online problem: it has no next action")
    instance = problem.mask_future(problem.traces(case, 1, generator("next")), 0)
    with torch.inference_mode():
        seen = problem.observe(instance, problem.reset(instance, 1))
        action = policy.decide(policy.encode(problem.features(instance)), seen).mode()
    return problem.solution(instance, action)[0]

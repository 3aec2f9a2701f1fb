"""`solve` for online problems: choose a policy on some futures, evaluate it on others.

An online case has no single best plan, because its future is not known. What is returned is a
policy: the best of the shipped networks that fit and of the classical rules, chosen by simulation,
with its mean cost on fresh traces. Planning against a known future is the hindsight optimum, which
nobody can reach; it has to be asked for.
"""

import time
from dataclasses import dataclass
from typing import Any

import torch

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.seeds import derive, generator
from nco.solving.options import Options
from nco.solving.simulate import Evaluation, policy_of, simulate, standard_error
from nco.solving.solution import Solution, Status
from nco.workers import pool
from nco.workers.outcome import Improvement
from nco.zoo import weights
from nco.zoo.cards import NO_MODEL

HINDSIGHT = "hindsight"  # what a problem's classical.py calls its planner with perfect information


@dataclass(frozen=True)
class Effort:
    """How much is spent on choosing a policy, and how much on its evaluation.

    Attributes:
        trial: traces on which candidates are compared.
        foreseen: traces that the planner with perfect information plans.
        rules: share of a time limit that finding classical rules may take.
        trials: share of what is left then for all trials; the rest is for the evaluation.
        least: seconds that a rule has in any case.
    """

    trial: int = 500
    foreseen: int = 30
    rules: float = 0.5
    trials: float = 0.5
    least: float = 0.05


EFFORT = Effort()


def solve(case: Case, options: Options, begin: float) -> Solution:
    """The best policy at hand for an online case, evaluated; or, if asked for, hindsight."""
    if options.hindsight:
        return _foreseen(case, options, begin)
    deadline = None if options.time_limit is None else begin + options.time_limit
    faults: list[str] = []
    candidates = _candidates(case, options, begin, faults)
    setup = time.perf_counter() - begin
    history: list[Improvement] = []
    best, least = candidates[0], float("inf")
    trials_end = (
        None if deadline is None else begin + setup + EFFORT.trials * (deadline - begin - setup)
    )
    for place, (solution, source) in enumerate(candidates if len(candidates) > 1 else []):
        end = None
        if trials_end is not None:
            now = time.perf_counter()
            end = now + (trials_end - now) / (len(candidates) - place)
        trial = _evaluate(case, solution, options, "trial", min(EFFORT.trial, options.traces), end)
        if trial.cost < least:
            best, least = (solution, source), trial.cost
            history.append(Improvement(time.perf_counter() - begin, trial.cost, source))
    evaluation = _evaluate(case, best[0], options, "evaluation", options.traces, deadline)
    history.append(Improvement(time.perf_counter() - begin, evaluation.cost, best[1]))
    return as_solution(
        case, best[0], best[1], evaluation, options.seed, begin, setup, history, faults
    )


def as_solution(
    case: Case,
    solution: Any,
    source: str,
    evaluation: Evaluation,
    seed: int,
    begin: float,
    setup: float,
    history: list[Improvement],
    faults: list[str],
) -> Solution:
    """A policy and its evaluation as what `nco.solve` returns."""
    feasible = not evaluation.violations
    return Solution(
        problem=case.problem,
        name=case.name,
        n=case.size,
        cost=evaluation.cost,
        objective=evaluation.objective,
        feasible=feasible,
        violations=evaluation.violations,
        solution=solution,
        taken=list,  # a policy's actions depend on what it sees
        status=Status.SIMULATED if feasible else Status.INFEASIBLE,
        seconds=time.perf_counter() - begin,
        setup_seconds=setup,
        model=source,
        seed=seed,
        history=history,
        case=case,
        cost_standard_error=evaluation.cost_standard_error,
        measures={**evaluation.measures, "traces": evaluation.traces},
        faults=faults,
    )


def _evaluate(
    case: Case, solution: Any, options: Options, what: str, traces: int, deadline: float | None
) -> Evaluation:
    problem, policy = policy_of(case, solution, options.device)
    seed = derive(options.seed, what)
    return simulate(
        problem, policy, case, traces=traces, seed=seed, device=options.device, deadline=deadline
    )


def _candidates(
    case: Case, options: Options, begin: float, faults: list[str]
) -> list[tuple[Any, str]]:
    """Solutions with their sources: the network asked for, or what fits, and classical rules.

    What went wrong with the rules is added to `faults`.
    """
    if options.model not in ("auto", NO_MODEL):
        policy_of(
            case, {"model": options.model}, options.device
        )  # its errors, before anything is spent
        return [({"model": options.model}, options.model)]
    fitting = weights.fitting(case.problem, case) if options.model == "auto" else []
    candidates: list[tuple[Any, str]] = [({"model": name}, name) for name in fitting]
    if options.classical or not candidates:
        candidates += _rules(case, options, begin, faults)
    if not candidates:
        raise NCOError(f"no policy for this {case.problem} case: train one and name it with model=")
    return candidates


def _rules(case: Case, options: Options, begin: float, faults: list[str]) -> list[tuple[Any, str]]:
    """What the classical solvers that suit the case return, each in a child process."""
    folder = registry.folder(case.problem)
    names = folder.policies.policies(case) if folder.policies is not None else []
    end = None if options.time_limit is None else begin + options.time_limit * EFFORT.rules
    rules: list[tuple[Any, str]] = []
    for index, name in enumerate(names):
        left = None
        if end is not None:
            left = max((end - time.perf_counter()) / (len(names) - index), EFFORT.least)
        outcome = pool.run(case, name, time_limit=left, seed=options.seed)
        if outcome.solution is not None:
            rules.append((outcome.solution, name))
        elif outcome.error is not None:
            faults.append(f"{name}: {outcome.error}")
            if not rules and index == len(names) - 1:
                raise NCOError(faults[-1])
    return rules


def _foreseen(case: Case, options: Options, begin: float) -> Solution:
    """The mean cost of perfect plans, over random futures or of the case's own one."""
    folder = registry.folder(case.problem)
    if HINDSIGHT not in folder.classical.solvers():
        raise NCOError(f"{case.problem} has no solver with perfect information")
    problem: Any = folder.problem_class()
    check = folder.check.check
    parts = [case]
    if not case.foreseen:
        random = generator(options.seed, HINDSIGHT)
        parts = problem.cases(problem.traces(case, min(EFFORT.foreseen, options.traces), random))
    setup = time.perf_counter() - begin
    costs: list[float] = []
    sign, violations, plan = 1, list[str](), None
    for part in parts:
        left = None
        if options.time_limit is not None:
            left = options.time_limit - (time.perf_counter() - begin)
            if costs and left <= 0:
                break
        outcome = pool.run(part, HINDSIGHT, time_limit=left, seed=options.seed)
        if outcome.solution is None:
            raise NCOError(f"{HINDSIGHT}: {outcome.error or 'no plan found'}")
        report, plan = check(part, outcome.solution), outcome.solution
        violations += report.violations
        assert report.cost is not None
        sign = 1 if report.objective in (None, report.cost) else -1
        costs.append(float(report.cost))
    every = torch.tensor(costs, dtype=torch.double)
    error = standard_error(every) if len(costs) > 1 else 0.0
    evaluation = Evaluation(float(every.mean()), error, sign, {}, {}, every, violations)
    solution = plan if len(parts) == 1 else {"plan": HINDSIGHT}
    return as_solution(case, solution, HINDSIGHT, evaluation, options.seed, begin, setup, [], [])

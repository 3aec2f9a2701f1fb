"""`solve` for online problems: choose a policy on some futures, evaluate it on others.

An online case has no single best plan, because its future is not known. What is returned is a
policy: the best of the shipped networks that fit and of the classical rules, chosen by simulation,
with its mean cost on fresh traces. Planning against a known future is the hindsight optimum, which
nobody can reach; it has to be asked for.
"""

import time
from typing import Any

import torch

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.seeds import derive, generator
from nco.solving.options import Ask
from nco.solving.simulate import Evaluation, policy_of, simulate, standard_error
from nco.solving.solution import Improvement, Solution
from nco.workers import pool
from nco.zoo import weights

TRIAL = 500  # traces on which candidates are compared
HINDSIGHT = "hindsight"  # what a problem's classical.py calls its planner with perfect information
FORESEEN = 30  # traces that it plans
SHARE = 0.5  # of a time limit that finding classical rules may take
TRIALS = 0.5  # of what is left then, for all trials; the rest is for the evaluation


def solve(case: Case, ask: Ask, begin: float) -> Solution:
    """The best policy at hand for an online case, evaluated; or, if asked for, hindsight."""
    if ask.hindsight:
        return _foreseen(case, ask, begin)
    deadline = None if ask.time_limit is None else begin + ask.time_limit
    faults: list[str] = []
    candidates = _candidates(case, ask, begin, faults)
    setup = time.perf_counter() - begin
    history: list[Improvement] = []
    best, least = candidates[0], float("inf")
    trials_end = None if deadline is None else begin + setup + TRIALS * (deadline - begin - setup)
    for place, (solution, source) in enumerate(candidates if len(candidates) > 1 else []):
        end = None
        if trials_end is not None:
            now = time.perf_counter()
            end = now + (trials_end - now) / (len(candidates) - place)
        trial = _evaluate(case, solution, ask, "trial", min(TRIAL, ask.traces), end)
        if trial.cost < least:
            best, least = (solution, source), trial.cost
            history.append(Improvement(time.perf_counter() - begin, trial.cost, source))
    evaluation = _evaluate(case, best[0], ask, "evaluation", ask.traces, deadline)
    history.append(Improvement(time.perf_counter() - begin, evaluation.cost, best[1]))
    return as_solution(case, best[0], best[1], evaluation, ask.seed, begin, setup, history, faults)


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
        status="SIMULATED" if feasible else "INFEASIBLE",
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
    case: Case, solution: Any, ask: Ask, what: str, traces: int, deadline: float | None
) -> Evaluation:
    problem, policy = policy_of(case, solution, ask.device)
    seed = derive(ask.seed, what)
    return simulate(
        problem, policy, case, traces=traces, seed=seed, device=ask.device, deadline=deadline
    )


def _candidates(case: Case, ask: Ask, begin: float, faults: list[str]) -> list[tuple[Any, str]]:
    """Solutions with their sources: the network asked for, or what fits, and classical rules.

    What went wrong with the rules is added to `faults`.
    """
    if ask.model != "auto":
        policy_of(case, {"model": ask.model}, ask.device)  # its errors, before anything is spent
        return [({"model": ask.model}, ask.model)]
    found: list[tuple[Any, str]] = [
        ({"model": name}, name) for name in weights.fitting(case.problem, case)
    ]
    if ask.classical or not found:
        found += _rules(case, ask, begin, faults)
    if not found:
        raise NCOError(f"no policy for this {case.problem} case: train one and name it with model=")
    return found


def _rules(case: Case, ask: Ask, begin: float, faults: list[str]) -> list[tuple[Any, str]]:
    """What the classical solvers that suit the case return, each in a child process."""
    folder = registry.folder(case.problem)
    names = folder.policies.policies(case) if folder.policies is not None else []
    end = None if ask.time_limit is None else begin + ask.time_limit * SHARE
    found: list[tuple[Any, str]] = []
    for index, name in enumerate(names):
        left = None
        if end is not None:
            left = max((end - time.perf_counter()) / (len(names) - index), 0.05)
        outcome = pool.run(case, name, time_limit=left, seed=ask.seed)
        if outcome.solution is not None:
            found.append((outcome.solution, name))
        elif outcome.error is not None:
            faults.append(f"{name}: {outcome.error}")
            if not found and index == len(names) - 1:
                raise NCOError(faults[-1])
    return found


def _foreseen(case: Case, ask: Ask, begin: float) -> Solution:
    """The mean cost of perfect plans, over random futures or of the case's own one."""
    folder = registry.folder(case.problem)
    if HINDSIGHT not in folder.classical.solvers():
        raise NCOError(f"{case.problem} has no solver with perfect information")
    problem: Any = folder.problem_class()
    check = folder.check.check
    parts = [case]
    if not case.foreseen:
        random = generator(ask.seed, HINDSIGHT)
        parts = problem.cases(problem.traces(case, min(FORESEEN, ask.traces), random))
    setup = time.perf_counter() - begin
    costs: list[float] = []
    sign, violations, plan = 1, list[str](), None
    for part in parts:
        left = None
        if ask.time_limit is not None:
            left = ask.time_limit - (time.perf_counter() - begin)
            if costs and left <= 0:
                break
        outcome = pool.run(part, HINDSIGHT, time_limit=left, seed=ask.seed)
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
    return as_solution(case, solution, HINDSIGHT, evaluation, ask.seed, begin, setup, [], [])

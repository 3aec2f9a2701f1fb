"""What a solver answers, whoever it is: our own in this process, classical ones in children."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.benchmark.contest import Entrant
from nco.benchmark.cores import lineup
from nco.benchmark.plan import Plan
from nco.benchmark.runs import FINAL, HISTORY, STREAMED, Run, improvements
from nco.core.case import Case
from nco.core.seeds import derive
from nco.solving.solution import Status
from nco.workers.outcome import Improvement, Outcome
from nco.workers.pool import Workers

if TYPE_CHECKING:
    from nco.solving.simulate import Evaluation

PRICED = 200  # solutions on the way that are checked; of more, as many spread evenly


def own(entrant: Entrant, case: Case, limit: float | None, plan: Plan) -> Outcome:
    """`nco.solve`; whatever it raises is the outcome's error."""
    from nco.solving.solver import solve

    assert entrant.model is not None
    begin = time.perf_counter()
    try:
        solution = solve(
            case,
            model=entrant.model,
            time_limit=limit,
            seed=plan.seed,
            device=plan.device,
            classical=entrant.classical,
        )
    except Exception as error:  # whatever it is, it is this run's outcome, and listed
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(None, time.perf_counter() - begin, message)
    if solution.status is Status.INTERRUPTED:  # Ctrl-C, which `solve` answers with the best so far
        raise KeyboardInterrupt
    history, faults = tuple(solution.history), tuple(solution.faults)
    return Outcome(solution.solution, solution.seconds, None, history, faults=faults)


def classical(
    name: str, case: Case, limit: float | None, plan: Plan, pool: Workers
) -> list[Outcome]:
    """The runs of a classical solver's row, as many at a time as the pool has children."""
    members = lineup(case.problem, name, plan.cores, plan.seed, case)
    handles = [
        pool.submit(
            case, member, time_limit=limit, seed=seed, watch=limit is not None, cores=plan.cores
        )
        for member, seed in members
    ]
    try:
        outcomes = [handle.wait() for handle in handles]
    except BaseException:
        for handle in handles:
            handle.cancel()
        raise
    named = [
        replace(outcome, error=f"{member}: {outcome.error}")
        if outcome is not None and outcome.error is not None and len(members) > 1
        else outcome
        for (member, _), outcome in zip(members, outcomes, strict=True)
    ]
    return [outcome for outcome in named if outcome is not None]


def best_of(case: Case, outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several runs: the best feasible one, and the solutions on the way of all."""
    if len(outcomes) == 1:
        return outcomes[0]
    seconds = max(outcome.seconds for outcome in outcomes)
    errors = tuple(outcome.error for outcome in outcomes if outcome.error)
    improvements = tuple(step for outcome in outcomes for step in outcome.improvements)
    solutions = [outcome.solution for outcome in outcomes if outcome.solution is not None]
    if not solutions:
        return Outcome(None, seconds, "; ".join(errors) or None, improvements)
    best = solutions[0]
    if not registry.folder(case.problem).is_online:  # policies are no better or worse here
        check = registry.folder(case.problem).check.check
        reports = [check(case, solution) for solution in solutions]
        costs = [r.cost if r.feasible and r.cost is not None else math.inf for r in reports]
        best = solutions[costs.index(min(costs))]
    return Outcome(best, seconds, None, improvements, faults=errors)


def priced(
    name: str, case: Case, solver: str, limit: float | None, outcome: Outcome, plan: Plan
) -> Run:
    """The outcome as a run, judged by the problem's checker or by simulation; gaps still open."""
    run = Run(
        problem=case.problem,
        instance=name,
        size=case.size,
        solver=solver,
        time_limit=limit,
        cost=None,
        objective=None,
        gap_percent=None,
        seconds=outcome.seconds,
        error=outcome.error,
        faults=outcome.faults,
        solution=outcome.solution,
    )
    is_online = registry.folder(case.problem).is_online
    if is_online and isinstance(outcome.solution, Mapping):  # a policy; plans are lists
        return _as_policy(run, case, plan)
    if outcome.solution is None:
        return replace(run, error=outcome.error or "no solution found")
    report = registry.folder(case.problem).check.check(case, outcome.solution)
    if not report.feasible:
        return replace(run, error=f"infeasible: {report.defect}")
    return _traced(replace(run, cost=report.cost, objective=report.objective), case, outcome)


def _as_policy(run: Run, case: Case, plan: Plan) -> Run:
    evaluation = _simulated(case, run.solution, plan)
    if evaluation.violations:
        return replace(run, error=f"infeasible: {evaluation.violations[0]}")
    return replace(
        run,
        cost=evaluation.cost,
        objective=evaluation.objective,
        cost_standard_error=evaluation.cost_standard_error,
        measures=evaluation.measures,
    )


def _simulated(case: Case, solution: Any, plan: Plan) -> "Evaluation":
    """A policy on the futures that all policies of this comparison meet."""
    from nco.solving.simulate import policy_of, simulate

    problem, policy = policy_of(case, solution)
    return simulate(problem, policy, case, seed=derive(plan.seed, "benchmark"))


def _traced(run: Run, case: Case, outcome: Outcome) -> Run:
    """With the points on the way, all priced by the same checker, and the last answer."""
    assert run.cost is not None
    points = [step for step in outcome.improvements if step.is_priced]
    traced = HISTORY if points else FINAL
    if outcome.improvements and not points:
        points, traced = _on_the_way(case, outcome.improvements), STREAMED
    return replace(
        run,
        points=improvements([*points, Improvement(run.seconds, run.cost, run.solver)]),
        traced=traced,
    )


def _on_the_way(case: Case, told: Sequence[Improvement]) -> list[Improvement]:
    """The feasible ones among solutions that were told, with their costs."""
    check = registry.folder(case.problem).check.check
    step = max(1, -(-len(told) // PRICED))
    points = []
    for each in told[::step]:
        report = check(case, each.solution)
        if report.feasible and report.cost is not None:
            points.append(replace(each, cost=report.cost, solution=None))
    return points

"""What a solver answers, whoever it is: our own in this process, classical ones in children."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.benchmark.contest import Entrant
from nco.benchmark.cores import lineup
from nco.benchmark.plan import Plan
from nco.benchmark.runs import FINAL, HISTORY, STREAMED, Point, Run, improvements
from nco.core.case import Case
from nco.core.seeds import derive
from nco.workers.pool import Outcome, Workers

if TYPE_CHECKING:
    from nco.solving.simulate import Evaluation

PRICED = 200  # solutions on the way that are checked; of more, as many spread evenly


@dataclass(frozen=True)
class Answer:
    """A solution, its wall time, and what is known of the way to it.

    Attributes:
        history: of `nco.solve`, priced already; None for classical solvers.
        found: of classical solvers that tell: seconds and solutions, by whom.
    """

    solution: Any
    seconds: float
    error: str | None = None
    history: tuple[Point, ...] | None = None
    found: tuple[tuple[float, Any, str], ...] = ()
    faults: tuple[str, ...] = ()


def own(entrant: Entrant, case: Case, limit: float | None, plan: Plan) -> Answer:
    """`nco.solve`; whatever it raises is the answer's error."""
    from nco.solving.solver import solve

    assert entrant.model is not None
    begin = time.perf_counter()
    try:
        found = solve(
            case,
            model=entrant.model,
            time_limit=limit,
            seed=plan.seed,
            device=plan.device,
            classical=entrant.classical,
        )
    except Exception as error:  # whatever it is, it is this run's outcome, and listed
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return Answer(None, time.perf_counter() - begin, message)
    if found.status == "INTERRUPTED":  # Ctrl-C, which `solve` answers with the best so far
        raise KeyboardInterrupt
    history = tuple(Point(step.seconds, step.cost, step.source) for step in found.history)
    return Answer(found.solution, found.seconds, None, history, (), tuple(found.faults))


def classical(
    name: str, case: Case, limit: float | None, plan: Plan, pool: Workers
) -> list[tuple[str, Outcome]]:
    """The runs of a classical solver's row, as many at a time as the pool has children."""
    handles = [
        (
            member,
            pool.submit(
                case,
                member,
                time_limit=limit,
                seed=seed,
                watch=limit is not None,
                cores=plan.cores,
            ),
        )
        for member, seed in lineup(case.problem, name, plan.cores, plan.seed)
    ]
    try:
        outcomes = [(member, handle.wait()) for member, handle in handles]
    except BaseException:
        for _, handle in handles:
            handle.cancel()
        raise
    return [(member, outcome) for member, outcome in outcomes if outcome is not None]


def best_of(case: Case, outcomes: Sequence[tuple[str, Outcome]]) -> Answer:
    """One answer of several runs: the best feasible one, and the solutions on the way of all."""
    seconds = max(outcome.seconds for _, outcome in outcomes)
    errors = [f"{name}: {outcome.error}" for name, outcome in outcomes if outcome.error]
    found = tuple(
        (step.seconds, step.solution, name) for name, outcome in outcomes for step in outcome.found
    )
    solutions = [outcome.solution for _, outcome in outcomes if outcome.solution is not None]
    if len(outcomes) == 1:
        return Answer(outcomes[0][1].solution, seconds, outcomes[0][1].error, None, found)
    if not solutions:
        return Answer(None, seconds, "; ".join(errors) or None, None, found)
    if registry.folder(case.problem).is_online:  # policies, which are no better or worse here
        return Answer(solutions[0], seconds, None, None, found, tuple(errors))
    check = registry.folder(case.problem).check.check
    reports = [check(case, solution) for solution in solutions]
    costs = [math.inf if r.cost is None or r.violations else r.cost for r in reports]
    best = solutions[costs.index(min(costs))]
    return Answer(best, seconds, None, None, found, tuple(errors))


def priced(
    name: str, case: Case, solver: str, limit: float | None, answer: Answer, plan: Plan
) -> Run:
    """The answer as a run, judged by the problem's checker or by simulation; gaps still open."""
    run = Run(
        problem=case.problem,
        instance=name,
        size=case.size,
        solver=solver,
        time_limit=limit,
        cost=None,
        objective=None,
        gap_percent=None,
        seconds=answer.seconds,
        error=answer.error,
        faults=answer.faults,
        solution=answer.solution,
    )
    is_online = registry.folder(case.problem).is_online
    if is_online and isinstance(answer.solution, Mapping):  # a policy; plans are lists
        return _as_policy(run, case, plan)
    if answer.solution is None:
        return replace(run, error=answer.error or "no solution found")
    report = registry.folder(case.problem).check.check(case, answer.solution)
    if not report.feasible:
        return replace(run, error=f"infeasible: {(report.violations or ['no cost'])[0]}")
    return _traced(replace(run, cost=report.cost, objective=report.objective), case, answer)


def _as_policy(run: Run, case: Case, plan: Plan) -> Run:
    found = _simulated(case, run.solution, plan)
    if found.violations:
        return replace(run, error=f"infeasible: {found.violations[0]}")
    return replace(
        run,
        cost=found.cost,
        objective=found.objective,
        cost_standard_error=found.cost_standard_error,
        measures=found.measures,
    )


def _simulated(case: Case, solution: Any, plan: Plan) -> "Evaluation":
    """A policy on the futures that all policies of this comparison meet."""
    from nco.solving.simulate import policy_of, simulate

    problem, policy = policy_of(case, solution)
    return simulate(problem, policy, case, seed=derive(plan.seed, "benchmark"))


def _traced(run: Run, case: Case, answer: Answer) -> Run:
    """With the points on the way, all priced by the same checker, and the last answer."""
    assert run.cost is not None
    if answer.history is not None:
        points, traced = list(answer.history), HISTORY
    else:
        points, traced = _on_the_way(case, answer.found), STREAMED if answer.found else FINAL
    return replace(
        run,
        points=improvements([*points, Point(run.seconds, run.cost, run.solver)]),
        traced=traced,
    )


def _on_the_way(case: Case, found: Sequence[tuple[float, Any, str]]) -> list[Point]:
    check = registry.folder(case.problem).check.check
    step = max(1, -(-len(found) // PRICED))
    points = []
    for seconds, solution, source in found[::step]:
        report = check(case, solution)
        if report.feasible and report.cost is not None:
            points.append(Point(seconds, report.cost, source))
    return points

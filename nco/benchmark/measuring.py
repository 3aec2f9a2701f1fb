"""The runs of a contest, one after the other."""

from collections.abc import Iterator
from dataclasses import replace

from nco import registry
from nco.benchmark import cold
from nco.benchmark.answers import best_of, classical, own, priced
from nco.benchmark.contest import Contest, Entrant
from nco.benchmark.cores import confined
from nco.benchmark.plan import Plan
from nco.benchmark.runs import Run
from nco.core.case import Case
from nco.workers import lanes
from nco.workers.outcome import Outcome
from nco.workers.pool import Workers

WARM_UP = (0.05, 1.0)  # seconds: load everything, then take the whole path once


def measure(contest: Contest) -> Iterator[Run]:
    """The runs as they end, gaps still open; those from a cold start come last."""
    plan = contest.plan
    with confined(plan.cores):
        # apart from the child in which nco.solve improves its solutions
        with Workers(plan.cores) as pool:
            _warm_up(contest, pool)
            for name, case in contest.cases:
                for limit in contest.limits:
                    for entrant in contest.entrants[case.problem]:
                        outcome = _outcome(entrant, case, limit, plan, pool)
                        yield priced(name, case, entrant.name, limit, outcome, plan)
        for name, case in contest.chilled:
            for limit in contest.limits:
                for entrant in contest.entrants[case.problem]:
                    outcome = cold.outcome(entrant, case, limit, plan)
                    run = priced(name, case, entrant.name, limit, outcome, plan)
                    yield replace(run, cold=True)


def _warm_up(contest: Contest, pool: Workers) -> None:
    """Every solver on the first instance of each problem; failures will show in the runs."""
    first = {case.problem: case for _, case in reversed(contest.cases)}
    for problem, case in first.items():
        folder = registry.folder(problem)
        classical_ones = [each.name for each in contest.entrants[problem] if each.model is None]
        if classical_ones:
            pool.warm(*map(folder.solver, classical_ones))
        if any(each.model is not None and each.classical for each in contest.entrants[problem]):
            for core in range(contest.plan.cores):  # or `nco.solve` would still load in the first
                lanes.current().lane(core).workers.warm(*folder.improvers())
        for entrant in contest.entrants[problem]:
            for seconds in WARM_UP:
                _outcome(entrant, case, seconds, contest.plan, pool)


def _outcome(
    entrant: Entrant, case: Case, limit: float | None, plan: Plan, pool: Workers
) -> Outcome:
    if entrant.model is not None:
        return own(entrant, case, limit, plan)
    return best_of(case, classical(entrant.name, case, limit, plan, pool))

"""Classical solvers of one flexible job shop; they block, in a child process (`nco.baselines`)."""

import importlib.util

from nco.problems.fjsp.files import Case, Schedule, scheduled
from nco.shop import cpsat as intervals
from nco.shop.plan import Plan, by_rule

__all__ = ["ortools", "cpsat", "mwkr", "mor", "spt", "lpt", "fifo"]  # noqa: RUF022  the first is the default


def finishers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["ortools"] if importlib.util.find_spec("ortools") else []


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """OR-Tools' CP-SAT with two workers; hinted with `start` and never worse than it.

    Without a `time_limit` it goes on until the optimum is proven.
    """
    return _intervals(case, time_limit, seed, start, 2)


def cpsat(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """The same with one worker, for many cases at a time."""
    return _intervals(case, time_limit, seed, start, 1)


def _intervals(
    case: Case, time_limit: float | None, seed: int, start: Schedule | None, workers: int
) -> Schedule | None:
    hint = None
    if start is not None:
        own = case.indexed(start)
        hint = Plan(own["start"], own["machine"])
    found = intervals.solve(
        case.work, time_limit=time_limit, seed=seed, start=hint, workers=workers
    )
    return None if found is None else case.numbered(scheduled(found))


def _by_rule(case: Case, name: str) -> Schedule:
    return case.numbered(scheduled(by_rule(case.work, name)))


def mwkr(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by most work remaining: a non-delay schedule, each operation on the
    machine that would complete it first; ignores limit, seed and start."""
    return _by_rule(case, "mwkr")


def mor(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by most operations remaining."""
    return _by_rule(case, "mor")


def spt(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by shortest processing time."""
    return _by_rule(case, "spt")


def lpt(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by longest processing time."""
    return _by_rule(case, "lpt")


def fifo(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by arrival: first in, first out."""
    return _by_rule(case, "fifo")

"""Classical solvers of one job shop; they block, and run in a child process (`nco.baselines`)."""

import importlib.util

from nco.problems.jssp.files import Case
from nco.shop import cpsat as intervals
from nco.shop.plan import Plan, by_rule

__all__ = ["ortools", "cpsat", "mwkr", "mor", "spt", "lpt", "fifo"]  # noqa: RUF022  the first is the default

Start = list[list[int]]


def finishers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["ortools"] if importlib.util.find_spec("ortools") else []


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """OR-Tools' CP-SAT with two workers; hinted with `start` and never worse than it.

    Without a `time_limit` it goes on until the optimum is proven.
    """
    return _intervals(case, time_limit, seed, start, 2)


def cpsat(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """The same with one worker, for many cases at a time."""
    return _intervals(case, time_limit, seed, start, 1)


def _intervals(
    case: Case, time_limit: float | None, seed: int, start: Start | None, workers: int
) -> Start | None:
    hint = None if start is None else Plan(start, case.machines.tolist())
    found = intervals.solve(
        case.work, time_limit=time_limit, seed=seed, start=hint, workers=workers
    )
    return None if found is None else found.start


def mwkr(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """Dispatching by most work remaining: a non-delay schedule; ignores limit, seed and start."""
    return by_rule(case.work, "mwkr").start


def mor(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """Dispatching by most operations remaining."""
    return by_rule(case.work, "mor").start


def spt(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """Dispatching by shortest processing time."""
    return by_rule(case.work, "spt").start


def lpt(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """Dispatching by longest processing time."""
    return by_rule(case.work, "lpt").start


def fifo(
    case: Case, *, time_limit: float | None, seed: int, start: Start | None = None
) -> Start | None:
    """Dispatching by arrival: first in, first out."""
    return by_rule(case.work, "fifo").start

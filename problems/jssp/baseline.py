"""Classical solvers of one job shop; they block, and run in a child process (`nco.baselines`)."""

import importlib.util
from collections.abc import Callable

from nco.case import Proof
from nco.problems.jssp.files import Case
from nco.shop import cpsat as intervals
from nco.shop import polish as both
from nco.shop import tabu as orders
from nco.shop.plan import Plan, by_rule, construct

__all__ = ["ortools", "cpsat", "tabu", "polish", "mwkr", "mor", "spt", "lpt", "fifo"]  # noqa: RUF022  the first is the default

Start = list[list[int]]
Found = Callable[[Start], None]


def finishers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", "ortools"] if importlib.util.find_spec("ortools") else ["tabu"]


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Start | None = None,
    found: Found | None = None,
    cores: int = 2,
    proof: Proof | None = None,
) -> Start | None:
    """OR-Tools' CP-SAT with a worker a core; hinted with `start` and never worse than it.

    Without a `time_limit` it goes on until the optimum is proven.
    """
    return _intervals(case, time_limit, seed, start, cores, found, proof)


def cpsat(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Start | None = None,
    found: Found | None = None,
    proof: Proof | None = None,
) -> Start | None:
    """The same with one worker, for many cases at a time."""
    return _intervals(case, time_limit, seed, start, 1, found, proof)


def _hint(case: Case, start: Start | None) -> Plan | None:
    return None if start is None else Plan(start, case.machines.tolist())


def _teller(found: Found | None) -> Callable[[Plan], None] | None:
    """Tells of plans as the solutions that they are."""
    return None if found is None else lambda plan: found(plan.start)


def _intervals(
    case: Case,
    time_limit: float | None,
    seed: int,
    start: Start | None,
    workers: int,
    found: Found | None,
    proof: Proof | None,
) -> Start | None:
    best = intervals.solve(
        case.work,
        time_limit=time_limit,
        seed=seed,
        start=_hint(case, start),
        workers=workers,
        found=_teller(found),
        proof=proof,
    )
    return None if best is None else best.start


def tabu(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Start | None = None,
    found: Found | None = None,
) -> Start | None:
    """Tabu search over the orders on machines, from `start` or else from the best rule's plan."""
    first = _hint(case, start) or construct(case.work)
    best = orders.improve(case.work, first, time_limit=time_limit, seed=seed, found=_teller(found))
    return best.start


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Start | None = None,
    found: Found | None = None,
    cores: int = 2,
    iterations: int = orders.STEPS,
    proof: Proof | None = None,
) -> Start | None:
    """Tabu search, and CP-SAT with the rest of the time unless the shop is large.

    Without a time limit `iterations` steps of tabu search.
    """
    first = _hint(case, start)
    best = both.polish(
        case.work,
        time_limit=time_limit,
        seed=seed,
        start=first,
        workers=cores,
        iterations=iterations,
        found=_teller(found),
        proof=proof,
    )
    return best.start


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

"""Classical solvers of one flexible job shop; they block, in a child process (`nco.baselines`)."""

import importlib.util
from collections.abc import Callable

from nco.case import Proof
from nco.problems.fjsp.files import Case, Schedule, scheduled
from nco.shop import cpsat as intervals
from nco.shop import polish as both
from nco.shop import tabu as orders
from nco.shop.plan import Plan, by_rule, construct

__all__ = ["ortools", "cpsat", "tabu", "polish", "mwkr", "mor", "spt", "lpt", "fifo"]  # noqa: RUF022  the first is the default


Found = Callable[[Schedule], None]


def finishers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", "ortools"] if importlib.util.find_spec("ortools") else ["tabu"]


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Schedule | None = None,
    found: Found | None = None,
    cores: int = 2,
    proof: Proof | None = None,
) -> Schedule | None:
    """OR-Tools' CP-SAT with a worker a core; hinted with `start` and never worse than it.

    Without a `time_limit` it goes on until the optimum is proven.
    """
    return _intervals(case, time_limit, seed, start, cores, found, proof)


def cpsat(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Schedule | None = None,
    found: Found | None = None,
    proof: Proof | None = None,
) -> Schedule | None:
    """The same with one worker, for many cases at a time."""
    return _intervals(case, time_limit, seed, start, 1, found, proof)


def _hint(case: Case, start: Schedule | None) -> Plan | None:
    if start is None:
        return None
    own = case.indexed(start)
    return Plan(own["start"], own["machine"])


def _teller(case: Case, found: Found | None) -> Callable[[Plan], None] | None:
    """Tells of plans as the solutions that they are."""
    return None if found is None else lambda plan: found(case.numbered(scheduled(plan)))


def _intervals(
    case: Case,
    time_limit: float | None,
    seed: int,
    start: Schedule | None,
    workers: int,
    found: Found | None,
    proof: Proof | None,
) -> Schedule | None:
    hint = _hint(case, start)
    best = intervals.solve(
        case.work,
        time_limit=time_limit,
        seed=seed,
        start=hint,
        workers=workers,
        found=_teller(case, found),
        proof=proof,
    )
    return None if best is None else case.numbered(scheduled(best))


def _by_rule(case: Case, name: str) -> Schedule:
    return case.numbered(scheduled(by_rule(case.work, name)))


def tabu(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Schedule | None = None,
    found: Found | None = None,
) -> Schedule | None:
    """Tabu search over the orders on machines, from `start` or else from the best rule's plan."""
    first = _hint(case, start) or construct(case.work)
    best = orders.improve(
        case.work, first, time_limit=time_limit, seed=seed, found=_teller(case, found)
    )
    return case.numbered(scheduled(best))


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Schedule | None = None,
    found: Found | None = None,
    cores: int = 2,
    iterations: int = orders.STEPS,
    proof: Proof | None = None,
) -> Schedule | None:
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
        found=_teller(case, found),
        proof=proof,
    )
    return case.numbered(scheduled(best))


def mwkr(
    case: Case, *, time_limit: float | None, seed: int, start: Schedule | None = None
) -> Schedule | None:
    """Dispatching by most work remaining, each operation on the
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

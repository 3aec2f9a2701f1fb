"""Classical solvers of one shop; they block, and run in a child process (`nco.workers.pool`).

A shop's `classical.py` takes its `solvers` and `improvers` from here.
"""

import importlib.util
import time
from collections.abc import Callable
from typing import Any, Protocol

from nco.core.case import Proof
from nco.problems._shop import cpsat as intervals
from nco.problems._shop import polish as both
from nco.problems._shop.plan import Plan, Work, by_rule
from nco.registry.interface import Solver

Solution = Any  # as the problem's files have it
Found = Callable[[Solution], None]


class Case(Protocol):
    """What a shop's case tells its solvers."""

    @property
    def work(self) -> Work: ...

    def planned(self, solution: Solution) -> Plan: ...

    def stated(self, plan: Plan) -> Solution: ...


CP_SAT = ("ortools.sat.python.cp_model",)
KERNELS = "nco.problems._shop.kernels.warm"


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, found=True, cores=True, proof=True, modules=CP_SAT),
        "cpsat": Solver(cpsat, found=True, proof=True, modules=CP_SAT),
        "tabu": Solver(tabu, found=True, iterations=100, kernels=KERNELS),
        "polish": Solver(
            polish,
            found=True,
            cores=True,
            iterations=100,
            proof=True,
            modules=CP_SAT,
            kernels=KERNELS,
        ),
        "mwkr": Solver(mwkr),
        "mor": Solver(mor),
        "spt": Solver(spt),
        "lpt": Solver(lpt),
        "fifo": Solver(fifo),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", "ortools"] if importlib.util.find_spec("ortools") else ["tabu"]


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Solution | None = None,
    found: Found | None = None,
    cores: int = 2,
    proof: Proof | None = None,
) -> Solution | None:
    """OR-Tools' CP-SAT with a thread for each core, which begins at `start`.

    The plan is never worse than `start`. Without a `time_limit` the search goes on until the
    optimum is proven.
    """
    return _intervals(case, time_limit, seed, start, cores, found, proof)


def cpsat(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Solution | None = None,
    found: Found | None = None,
    proof: Proof | None = None,
) -> Solution | None:
    """As `ortools`, on one core, for many cases at a time."""
    return _intervals(case, time_limit, seed, start, 1, found, proof)


def _hint(case: Case, start: Solution | None) -> Plan | None:
    """A warm start as a plan."""
    return None if start is None else case.planned(start)


def _teller(case: Case, found: Found | None) -> Callable[[Plan], None] | None:
    """Calls `found` with each plan, as a solution of the case."""
    return None if found is None else lambda plan: found(case.stated(plan))


def _intervals(
    case: Case,
    time_limit: float | None,
    seed: int,
    start: Solution | None,
    cores: int,
    found: Found | None,
    proof: Proof | None,
) -> Solution | None:
    """CP-SAT on the work list, on so many cores."""
    best = intervals.solve(
        case.work,
        time_limit=time_limit,
        seed=seed,
        start=_hint(case, start),
        cores=cores,
        found=_teller(case, found),
        proof=proof,
    )
    return None if best is None else case.stated(best)


def tabu(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Solution | None = None,
    found: Found | None = None,
    iterations: int = both.STEPS,
) -> Solution | None:
    """Compiled tabu search, never worse than `start`; it ends early where it proves an optimum.

    Without a time limit it makes `iterations` steps.
    """
    begun = time.perf_counter()
    from nco.problems._shop.kernels import tabu as kernels

    best = kernels.improve(
        case.work,
        until=None if time_limit is None else begun + time_limit,
        iterations=iterations if time_limit is None else None,
        seed=seed,
        start=_hint(case, start),
        tell=_teller(case, found),
    )
    return case.stated(best)


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Solution | None = None,
    found: Found | None = None,
    cores: int = 2,
    iterations: int = both.STEPS,
    proof: Proof | None = None,
) -> Solution | None:
    """Tabu search, and CP-SAT with the rest of the time unless the shop is large.

    Without a time limit it makes `iterations` steps of tabu search.
    """
    first = _hint(case, start)
    best = both.polish(
        case.work,
        time_limit=time_limit,
        seed=seed,
        start=first,
        cores=cores,
        iterations=iterations,
        found=_teller(case, found),
        proof=proof,
    )
    return case.stated(best)


def mwkr(
    case: Case, *, time_limit: float | None, seed: int, start: Solution | None = None
) -> Solution | None:
    """Dispatching by most work remaining, each operation on the machine that completes it first.

    Like the other rules it ignores limit, seed and start.
    """
    return case.stated(by_rule(case.work, "mwkr"))


def mor(
    case: Case, *, time_limit: float | None, seed: int, start: Solution | None = None
) -> Solution | None:
    """Dispatching by most operations remaining."""
    return case.stated(by_rule(case.work, "mor"))


def spt(
    case: Case, *, time_limit: float | None, seed: int, start: Solution | None = None
) -> Solution | None:
    """Dispatching by shortest processing time."""
    return case.stated(by_rule(case.work, "spt"))


def lpt(
    case: Case, *, time_limit: float | None, seed: int, start: Solution | None = None
) -> Solution | None:
    """Dispatching by longest processing time."""
    return case.stated(by_rule(case.work, "lpt"))


def fifo(
    case: Case, *, time_limit: float | None, seed: int, start: Solution | None = None
) -> Solution | None:
    """Dispatching by arrival: first in, first out."""
    return case.stated(by_rule(case.work, "fifo"))

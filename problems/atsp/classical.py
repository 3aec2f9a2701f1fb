"""Classical solvers on an ATSP case: a compiled local search, OR-Tools, PyVRP, and CP-SAT's proofs.

All but the first count in integers. Distances that are not are multiplied by a power of ten: for
routing and PyVRP see the TSP's solvers, for CP-SAT the longest is put between 1,500,000 and
15,000,000.
"""

import importlib.util
import math
import time
from collections.abc import Sequence

import numpy as np

from nco.core.case import Proof
from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems.atsp import exact
from nco.problems.atsp.files import Case
from nco.problems.tsp import classical as tsp
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools, found=True, variants=("ortools", "ortools_pci"), modules=with_ortools.MODULES
        ),
        "ortools_pci": Solver(ortools_pci, found=True, modules=with_ortools.MODULES),
        "cpsat": Solver(cpsat, proof=True, modules=CPSAT_MODULES, largest=LARGEST_WHOLE),
        "pyvrp": Solver(pyvrp, found=True, modules=with_pyvrp.MODULES),
        "oropt": Solver(oropt, found=True, iterations=100, kernels=KERNELS),
        "polish": Solver(
            polish,
            found=True,
            iterations=100,
            proof=True,
            modules=CPSAT_MODULES,
            largest=LARGEST_WHOLE,
            kernels=KERNELS,
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {
        "polish": ("numba", "ortools"),
        "oropt": ("numba",),
        "cpsat": ("ortools",),
        "pyvrp": ("pyvrp",),
        "ortools": ("ortools",),
    }
    return [
        name for name, packages in needed.items() if all(map(importlib.util.find_spec, packages))
    ]


KERNELS = "nco.problems.atsp.kernels.warm"
CPSAT_MODULES = ("ortools.sat.python.cp_model", "ortools.graph.python.linear_sum_assignment")
LARGEST_WHOLE = 1000  # cities up to which CP-SAT ends in time
KICKS = 100  # for each city, where nothing limits the local search
SHARE = 0.3  # of the time that the local search has before CP-SAT
LEAST = 0.1  # seconds below which CP-SAT would do no more than read a model of `USUAL` cities
USUAL = 300
PROVABLE = 100  # cities up to which CP-SAT gets somewhere, whatever the bound says


def oropt(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: tsp.Found | None = None,
    iterations: int | None = None,
) -> list[int]:
    """Iterated local search by swaps of neighbouring segments, which keep directions; compiled.

    Args:
        case: the case.
        time_limit: seconds from here on; None where `iterations` are given, and otherwise
            `KICKS` for each city.
        seed: of the random numbers.
        start: a tour to improve.
        found: is called with better tours on the way.
        iterations: kicks, after which it stops wherever the clock stands.
    """
    begun = time.perf_counter()
    from nco.problems.atsp.kernels.local_search import search

    if case.size <= 2:
        return case.ids.tolist()
    if time_limit is None and iterations is None:
        iterations = KICKS * case.size
    answer = search(
        case.matrix(),
        until=None if time_limit is None else begun + time_limit,
        iterations=iterations,
        seed=seed,
        start=None if start is None else exact.positions(case, start),
        tell=None if found is None else lambda better: found(case.numbered(better)),
    )
    return case.numbered(answer.tour)


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: tsp.Found | None = None,
    iterations: int | None = None,
    proof: Proof | None = None,
) -> list[int]:
    """`oropt` for a share of the time, and then `cpsat`, which proves its tour or shortens it.

    Args:
        case: the case.
        time_limit: seconds from here on; None: `oropt` alone.
        seed: of both.
        start: a tour to improve.
        found: is called with better tours on the way.
        iterations: kicks of `oropt`, which then works alone.
        proof: takes the length of the tour where it is proved optimal.
    """
    begun = time.perf_counter()
    share, bounded = 1.0, None
    if time_limit is not None and time_limit * (1 - SHARE) >= _reading(case.size):
        bounded = exact.bounded(case) if case.size > PROVABLE else None
        share = SHARE if bounded is None or bounded.is_near() else 1.0
    left = None if time_limit is None else time_limit - (time.perf_counter() - begun)
    tour = oropt(
        case,
        time_limit=None if left is None else left * share,
        seed=seed,
        start=start,
        found=found,
        iterations=iterations,
    )
    if time_limit is None or share == 1.0:
        return tour
    if found is not None:
        found(tour)
    left = time_limit - (time.perf_counter() - begun)
    proven = None
    if left > 0 and bounded is not None:
        proven = exact.shortened(case, bounded, time.monotonic() + left, seed, tour, proof)
    elif left > 0:
        proven = cpsat(case, time_limit=left, seed=seed, start=tour, proof=proof)
    matrix = case.matrix()
    both = [exact.positions(case, one) for one in (tour, proven) if one is not None]
    return case.numbered(min(both, key=lambda one: matrix[one, np.roll(one, -1)].sum()))


def _reading(size: int) -> float:
    """Seconds below which CP-SAT would do no more than read its model."""
    return LEAST * max(1.0, size / USUAL) ** 2


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: tsp.Found | None = None,
) -> list[int] | None:
    """OR-Tools: path of cheapest arcs, then guided local search until the time is up.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None stops at the first solution.
        seed: unused; the search is deterministic but for its clock.
        start: a tour to improve instead of a first solution.
        found: is called with each better tour on the way.

    Returns:
        The tour in city numbers, or None where no solution was found.
    """
    if case.size == 3:  # two tours, of which a symmetric case needs only one
        return cpsat(case, time_limit=time_limit, seed=seed, start=start)
    return tsp.ortools(case, time_limit=time_limit, seed=seed, start=start, found=found)


def ortools_pci(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: tsp.Found | None = None,
) -> list[int] | None:
    """Searches as `ortools` does, from a first solution by parallel cheapest insertion."""
    if case.size == 3:
        return cpsat(case, time_limit=time_limit, seed=seed, start=start)
    return tsp.ortools_pci(case, time_limit=time_limit, seed=seed, start=start, found=found)


def pyvrp(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: tsp.Found | None = None,
) -> list[int] | None:
    """PyVRP's iterated local search, with one vehicle of no capacity; weak on random distances.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first local optimum.
        seed: of PyVRP's own random numbers.
        start: a tour to begin from.
        found: is called with each better tour on the way.
    """
    if case.size == 3:
        return cpsat(case, time_limit=time_limit, seed=seed, start=start)
    return tsp.pyvrp(case, time_limit=time_limit, seed=seed, start=start, found=found)


def cpsat(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    proof: Proof | None = None,
) -> list[int] | None:
    """The optimal tour where the time allows: assignment, patching, and a search with CP-SAT.

    The assignment problem bounds the tour from below, and its dual prices say by how much at least
    each arc lengthens it (Carpaneto & Toth 1980). Its cycles are patched into a tour (Karp 1979),
    which exchanges of segments shorten. CP-SAT then looks for a circuit of the few arcs that a
    shorter tour may have: first of a length near the bound, which is quickly found or refuted, and
    at last of any length below the tour's.

    Args:
        case: the case; integers are solved exactly, reals to seven digits.
        time_limit: seconds from here on, importing OR-Tools not included; the best tour so far is
            returned then, at 2,000 cities some seconds late. None: until a tour is proved optimal
            (above 300 cities: among those of the `MOST_ARCS` most promising arcs).
        seed: of CP-SAT's random numbers.
        start: a tour to begin from where it is shorter than the patched one.
        proof: takes the length of the tour where it is proved optimal, of whole distances.
    """
    begun = time.monotonic()
    deadline = math.inf if time_limit is None else begun + time_limit
    if case.size <= 2:
        return case.ids.tolist()
    return exact.shortened(case, exact.bounded(case), deadline, seed, start, proof)

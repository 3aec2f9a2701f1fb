"""Classical solvers on an ATSP case: a compiled local search, OR-Tools, PyVRP, and CP-SAT's proofs.

All but the first count in integers. Distances that are not are multiplied by a power of ten: for
routing and PyVRP see the TSP's solvers, for CP-SAT the longest is put between 1,500,000 and
15,000,000.
"""

import importlib.util
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.core.case import Proof
from nco.core.errors import InstanceError
from nco.problems._common import with_cpsat
from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems._routing.integers import LARGEST_SUM, power_of_ten
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
PROVABLE, NEAR = 100, 0.1  # cities, or share of the bound, up to which CP-SAT gets somewhere
DIGITS = 7  # of the longest distance, where distances are not whole
MOST_ARCS = 100_000  # of a CP-SAT model; more would not be presolved in reasonable time
MOST_EXCHANGED = 300  # cities up to which segments are exchanged, n^3 operations a pass
FORBIDDEN = 2**60  # the distance of a city to itself, far above any sum
ROUNDING = 1e-9  # relative, of sums of floats
SHARES = (0.1, 0.25, 0.5, 1.0)  # of the gap to the bound: where the search stops to raise its cap


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
        start=None if start is None else _positions(case, start),
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
        bounded = _bounded(case) if case.size > PROVABLE else None
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
    exact = None
    if left > 0 and bounded is not None:
        exact = _shortened(case, bounded, time.monotonic() + left, seed, tour, proof)
    elif left > 0:
        exact = cpsat(case, time_limit=left, seed=seed, start=tour, proof=proof)
    matrix = case.matrix()
    both = [_positions(case, one) for one in (tour, exact) if one is not None]
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
    return _shortened(case, _bounded(case), deadline, seed, start, proof)


def _shortened(
    case: Case,
    bounded: "Bounded",
    deadline: float,
    seed: int,
    start: Sequence[int] | None,
    proof: Proof | None,
) -> list[int]:
    """The search of `cpsat`, until the reading `deadline` of `time.monotonic`."""
    matrix, scale, table, relaxed, tour, bound = bounded
    if start is not None:
        tour = min(_positions(case, start), tour, key=lambda other: _length(table, other))
    if case.size <= MOST_EXCHANGED and _length(table, tour) > bound:
        tour = _exchange(table, tour, deadline)
    gap = _length(table, tour) - bound
    caps = {min(math.floor(share * gap), gap - 1) for share in SHARES}  # as long is no better
    proven = gap == 0
    for cap in sorted(caps if gap > 0 else ()):
        left = deadline - time.monotonic()
        shorter, proven = _circuit(relaxed.excess, cap, left, seed) if left > 0 else (None, False)
        if shorter is not None:
            tour = shorter
            break
    if proof is not None and proven:
        proof.bound = _least(matrix, scale, _length(table, tour))
    return case.numbered(tour)


def _scale(matrix: np.ndarray) -> float:
    """What distances are multiplied by to become integers; 1 where they can stay as they are."""
    longest = float(matrix.max())
    scale = 1.0 if matrix.dtype == np.int64 else power_of_ten(longest, DIGITS)
    return min(scale, LARGEST_SUM / max(longest * len(matrix), 1e-300))


def _table(matrix: np.ndarray, scale: float) -> np.ndarray:
    """Integer distances, int64 [n, n], the diagonal `FORBIDDEN`."""
    exact = scale == 1 and matrix.dtype == np.int64
    table = (matrix.copy() if exact else np.rint(matrix * scale)).astype(np.int64)
    np.fill_diagonal(table, FORBIDDEN)
    return table


def _least(matrix: np.ndarray, scale: float, optimum: int) -> float | int:
    """What every tour is at least as long as, by the optimum of the integer table.

    Rounding changes each leg by a half at most, and the product and the sums of a float a little.
    """
    if scale == 1 and matrix.dtype == np.int64:
        return optimum
    return (optimum - len(matrix) / 2) / scale * (1 - ROUNDING)


class Relaxed(NamedTuple):
    """The assignment problem's solution: a set of cycles, and a bound from below."""

    follower: np.ndarray  # [n] int64, the city that comes after each
    excess: (
        np.ndarray
    )  # [n, n] int64 >= 0, what a tour with this arc costs above the bound at least


class Bounded(NamedTuple):
    """What the assignment problem says of a case."""

    matrix: np.ndarray  # [n, n] the case's distances
    scale: float
    table: np.ndarray  # [n, n] int64, times the scale; the diagonal is forbidden
    relaxed: Relaxed
    tour: list[int]  # positions, patched from the cycles
    bound: int  # what no tour of the table is shorter than

    def is_near(self) -> bool:
        """Whether the bound says nearly how long a tour is, as for random distances.

        For those of roads it is a fifth shorter than the best tour, and CP-SAT only loses time.
        """
        return _length(self.table, self.tour) <= (1 + NEAR) * self.bound


def _bounded(case: Case) -> Bounded:
    matrix = case.matrix()
    scale = _scale(matrix)
    table = _table(matrix, scale)
    relaxed = assign(table)
    bound = int(table[np.arange(case.size), relaxed.follower].sum())
    return Bounded(matrix, scale, table, relaxed, _patch(table, relaxed.follower), bound)


def assign(table: np.ndarray) -> Relaxed:
    """Solves the assignment problem, and finds its dual prices by shortest paths."""
    from ortools.graph.python import linear_sum_assignment

    size = len(table)
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    rows, columns = np.nonzero(table < FORBIDDEN)
    solver.add_arcs_with_cost(rows, columns, table[rows, columns])
    if solver.solve() != solver.OPTIMAL:
        raise RuntimeError("the assignment problem was not solved")
    follower = np.array([solver.right_mate(row) for row in range(size)])
    own = table[np.arange(size), follower]
    detour = np.where(table < FORBIDDEN, table - own[:, None], FORBIDDEN)
    price = np.zeros(size, dtype=np.int64)  # of each column
    while True:  # Bellman and Ford; an optimal assignment has no negative cycle
        lower = np.minimum(price, (detour + price[follower][:, None]).min(0))
        if np.array_equal(lower, price):
            break
        price = lower
    excess = table - (own - price[follower])[:, None] - price[None]
    return Relaxed(follower, np.where(table < FORBIDDEN, excess, FORBIDDEN))


def _patch(table: np.ndarray, follower: np.ndarray) -> list[int]:
    """Joins cycles, each time the two for which it costs the least, into a tour of positions."""
    follower = follower.copy()
    size = len(table)
    while True:
        cycle = _cycles(follower)
        if not cycle.any():
            return _tour(follower)
        crossed = table[:, follower]  # [i, j]: from i to what came after j
        own = crossed.diagonal()
        growth = crossed + crossed.T - own[:, None] - own[None]
        growth[cycle[:, None] == cycle[None]] = FORBIDDEN
        first, second = divmod(int(growth.argmin()), size)
        follower[[first, second]] = follower[[second, first]]


def _cycles(follower: np.ndarray) -> np.ndarray:
    """The number, from 0, of the cycle of each position."""
    label = np.full(len(follower), -1)
    count = 0
    for begin in range(len(follower)):
        here = begin
        while label[here] < 0:
            label[here] = count
            here = int(follower[here])
        count = int(label.max()) + 1
    return label


def _tour(follower: np.ndarray) -> list[int]:
    """The one cycle from position 0 on."""
    tour = [0]
    while (here := int(follower[tour[-1]])) != 0:
        tour.append(here)
    return tour


def _exchange(table: np.ndarray, tour: list[int], deadline: float) -> list[int]:
    """Swaps two neighbouring segments, which keeps directions, as long as that shortens the tour.

    That is the one exchange of three arcs without a reversal: i to j+1, k to i+1, j to k+1.
    """
    size = len(tour)
    later = np.arange(size)
    improved = True
    while improved:
        improved = False
        for i in range(size - 2):
            if time.monotonic() > deadline:
                return tour
            around = table[np.ix_(tour, tour)]
            leg = around[later, (later + 1) % size]
            j, k = later[i + 1 : -1, None], later[None, i + 2 :]
            gain = leg[i] + leg[j] + leg[k] - around[i, j + 1] - around[k, i + 1]
            gain = np.where(j < k, gain - around[j, (k + 1) % size], 0)
            best = int(gain.argmax())
            if gain.flat[best] > 0:
                cut, end = i + 2 + best // gain.shape[1], i + 3 + best % gain.shape[1]
                tour = tour[: i + 1] + tour[cut:end] + tour[i + 1 : cut] + tour[end:]
                improved = True
    return tour


def _circuit(
    excess: np.ndarray, cap: int, seconds: float, seed: int
) -> tuple[list[int] | None, bool]:
    """The tour of least total `excess` if that is at most `cap`, from position 0; None if not.

    And whether that is proved: above `MOST_ARCS` the arcs of most excess are left out, and a better
    tour may be missed.
    """
    from ortools.sat.python import cp_model

    kept = excess <= cap
    whole = int(np.count_nonzero(kept)) <= MOST_ARCS
    if not whole:
        kept = excess < np.partition(excess, MOST_ARCS, axis=None)[MOST_ARCS]
    rows, columns = (axis.tolist() for axis in np.nonzero(kept))
    model = cp_model.CpModel()
    arcs = [model.new_bool_var("") for _ in rows]
    model.add_circuit(list(zip(rows, columns, arcs, strict=True)))
    total = cp_model.LinearExpr.weighted_sum(arcs, excess[rows, columns].tolist())
    model.add(total <= cap)
    model.minimize(total)
    solver = with_cpsat.solver(seed, None if seconds == math.inf else seconds)
    solver.parameters.linearization_level = 2  # subtours are cut off the linear relaxation
    solver.parameters.symmetry_level = 0
    solver.parameters.cp_model_probing_level = 0
    status = solver.solve(model)
    if not with_cpsat.has_solution(status):
        return None, whole and bool(status == cp_model.INFEASIBLE)
    chosen = (arc for arc in zip(rows, columns, arcs, strict=True) if solver.value(arc[2]))
    follower = {row: column for row, column, _ in chosen}
    tour = _tour(np.array([follower[row] for row in range(len(excess))]))
    return tour, whole and bool(status == cp_model.OPTIMAL)


def _length(table: np.ndarray, tour: Sequence[int]) -> int:
    """The length of a closed tour of positions, by the integer table."""
    return int(table[tour, np.roll(tour, -1)].sum())


def _positions(case: Case, start: Sequence[int]) -> list[int]:
    """A warm start in positions."""
    tour = case.indexed(start)
    if sorted(tour) != list(range(case.size)):
        raise InstanceError("a warm start must visit every node once", field="start")
    return tour

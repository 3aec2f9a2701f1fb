"""A search for the optimal tour with CP-SAT among the arcs that the assignment problem leaves."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.core.case import Proof
from nco.core.errors import InstanceError
from nco.problems._common import with_cpsat
from nco.problems._routing.integers import LARGEST_SUM, power_of_ten
from nco.problems.atsp import assignment
from nco.problems.atsp.files import Case

DIGITS = 7  # of the longest distance, where distances are not whole
MOST_ARCS = 100_000  # of a CP-SAT model; more would not be presolved in reasonable time
MOST_EXCHANGED = 300  # cities up to which segments are exchanged, n^3 operations a pass
ROUNDING = 1e-9  # relative, of sums of floats
SHARES = (0.1, 0.25, 0.5, 1.0)  # of the gap to the bound: where the search stops to raise its cap
NEAR = 0.1  # share of the bound, from which a tour is so near that CP-SAT gets somewhere


class Bounded(NamedTuple):
    """What the assignment problem says of a case."""

    matrix: np.ndarray  # [n, n] the case's distances
    scale: float
    table: np.ndarray  # [n, n] int64, times the scale; the diagonal is forbidden
    relaxed: assignment.Relaxed
    tour: list[int]  # positions, patched from the cycles
    bound: int  # what no tour of the table is shorter than

    def is_near(self) -> bool:
        """Whether the bound says nearly how long a tour is, as for random distances.

        For those of roads it is a fifth shorter than the best tour, and CP-SAT only loses time.
        """
        return _length(self.table, self.tour) <= (1 + NEAR) * self.bound


def shortened(
    case: Case,
    bounded: Bounded,
    deadline: float,
    seed: int,
    start: Sequence[int] | None,
    proof: Proof | None,
) -> list[int]:
    """The search of `cpsat`, until the reading `deadline` of `time.monotonic`."""
    matrix, scale, table, relaxed, tour, bound = bounded
    if start is not None:
        tour = min(positions(case, start), tour, key=lambda other: _length(table, other))
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
    """Integer distances, int64 [n, n], the diagonal `assignment.FORBIDDEN`."""
    exact = scale == 1 and matrix.dtype == np.int64
    table = (matrix.copy() if exact else np.rint(matrix * scale)).astype(np.int64)
    np.fill_diagonal(table, assignment.FORBIDDEN)
    return table


def _least(matrix: np.ndarray, scale: float, optimum: int) -> float | int:
    """What every tour is at least as long as, by the optimum of the integer table.

    Rounding changes each leg by a half at most, and the product and the sums of a float a little.
    """
    if scale == 1 and matrix.dtype == np.int64:
        return optimum
    return (optimum - len(matrix) / 2) / scale * (1 - ROUNDING)


def bounded(case: Case) -> Bounded:
    """The bound, and a tour near it where distances are random."""
    matrix = case.matrix()
    scale = _scale(matrix)
    table = _table(matrix, scale)
    relaxed = assignment.assign(table)
    bound = int(table[np.arange(case.size), relaxed.follower].sum())
    return Bounded(matrix, scale, table, relaxed, assignment.patch(table, relaxed.follower), bound)


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
    tour = assignment.tour(np.array([follower[row] for row in range(len(excess))]))
    return tour, whole and bool(status == cp_model.OPTIMAL)


def _length(table: np.ndarray, tour: Sequence[int]) -> int:
    """The length of a closed tour of positions, by the integer table."""
    return int(table[tour, np.roll(tour, -1)].sum())


def positions(case: Case, start: Sequence[int]) -> list[int]:
    """A warm start in positions."""
    tour = case.indexed(start)
    if sorted(tour) != list(range(case.size)):
        raise InstanceError("a warm start must visit every node once", field="start")
    return tour

"""Whole distances and loads: as exact as the solvers' integers allow, and never too favourable."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from nco.problems._common.decimals import exact
from nco.problems._routing import integers


@dataclass(frozen=True)
class Points:
    """What distances are read from."""

    metric: str = "EUCLIDEAN"
    coords: np.ndarray | None = None
    distances: np.ndarray | None = None


SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])


def decimals(*values: float) -> list[Fraction]:
    """Decimals, exactly."""
    return [exact(value) for value in values]


@pytest.mark.parametrize(
    ("longest", "factor"),
    [(1.4142, 1e5), (1.5, 1e5), (1.6, 1e4), (150_000.0, 1.0), (0.0, 1.0), (1e-308, 1e300)],
)
def test_power_of_ten_gives_the_longest_distance_its_digits(longest: float, factor: float) -> None:
    """The longest is put between 15,000 and 150,000, as far as float64 goes."""
    assert integers.power_of_ten(longest) == pytest.approx(factor)


def test_whole_distances_stay_as_they_are() -> None:
    """A whole matrix is copied exactly, even above 2^53, while its sums do not overflow."""
    matrix = np.array([[0, 2**53 + 1], [2**53 + 1, 0]])
    assert integers.table(Points("EXPLICIT", distances=matrix), 1.0)[0, 1] == 2**53 + 1
    assert integers.scale(Points("EXPLICIT", distances=np.array([[0, 7], [7, 0]])), 2) == 1.0


def test_large_distances_are_made_smaller_for_their_sum() -> None:
    """No sum of as many legs as asked for exceeds the largest one."""
    case = Points("EXPLICIT", distances=np.array([[0, 2**52], [2**52, 0]]))
    factor = integers.scale(case, 10)
    assert 10 * int(integers.table(case, factor)[0, 1]) <= integers.LARGEST_SUM


def test_real_distances_are_rounded_to_the_nearest() -> None:
    """Of the unit square the side counts 100,000 and the diagonal 141,421; none is cut off."""
    case = Points(coords=SQUARE)
    assert integers.table(case, integers.scale(case, 3)).tolist() == [
        [0, 100_000, 141_421],
        [100_000, 0, 100_000],
        [141_421, 100_000, 0],
    ]
    wide = Points(coords=SQUARE * 99_999.6)  # a factor of 1, and still no whole numbers
    assert integers.scale(wide, 3) == 1.0
    assert integers.table(wide, 1.0)[0, 1] == 100_000


@pytest.mark.parametrize("metric", ["EUC_2D", "CEIL_2D", "MAN_2D", "MAX_2D", "ATT", "GEO"])
def test_longest_bounds_every_distance(metric: str) -> None:
    """No metric has a distance above the bound that the scale is computed from."""
    coords = np.random.default_rng(0).uniform(-90, 90, (40, 2))
    case = Points(metric, coords=coords)
    assert integers.table(case, 1.0).max() <= integers.longest(case)


def test_loads_are_exact_or_rounded_up() -> None:
    """Decimals have a common measure; arbitrary demands count in millionths, rounded up."""
    whole = integers.loads(decimals(0, 0.25, 0.5, 0.1), decimals(0.8, 0.45))
    assert whole == ([0, 5, 10, 2], [16, 9])
    rough = integers.loads(decimals(0, 1 / 3, 5 / 7), decimals(1.0, 0.5))
    assert rough == ([0, 333334, 714286], [10**6, 5 * 10**5])


def test_no_demand_needs_no_capacity() -> None:
    """Where nobody demands anything, capacities stay whole numbers."""
    assert integers.loads(decimals(0, 0), decimals(0)) == ([0, 0], [0])

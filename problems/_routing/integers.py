"""Whole numbers for solvers that count in integers: PyVRP, OR-Tools and fast-tsp.

Distances that are not whole are multiplied by the power of ten that puts the longest between
15,000 and 150,000 (100,000 on the unit square). Demands are divided by their greatest common
measure, which is exact.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np

from nco.problems._routing import metrics

DIGITS = 5  # of the longest distance, where distances are not whole
LARGEST_SUM = 2.0**50  # of distances; leaves room for the penalties that solvers multiply by
HALF_EARTH = 25_000.0  # kilometres: no way on the globe is longer than half the way round
DEEPEST_CAPACITY = 10**9  # up to which demands and capacities are exact
COARSE_CAPACITY = 10**6  # of the largest vehicle, where exact demands would need a larger one


class Located(Protocol):
    """What distances are read from: of n nodes, coordinates in a metric, or a matrix."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [n, 2]
    @property
    def distances(self) -> np.ndarray | None: ...  # [n, n]


def power_of_ten(longest: float, digits: int = DIGITS) -> float:
    """The factor that gives `longest` so many digits: 15,000 to 150,000 where `digits` is 5."""
    if longest <= 0:
        return 1.0
    power = digits - math.ceil(math.log10(longest / 1.5))
    return float(10.0 ** min(power, 300))  # float64 ends at 10^308


def is_whole(case: Located) -> bool:
    """Whether all distances of the case are whole numbers."""
    if case.distances is not None:
        return case.distances.dtype == np.int64
    return case.metric not in metrics.REAL


def longest(case: Located) -> float:
    """An upper bound of the longest distance; the distance itself for a matrix."""
    if case.distances is not None:
        return float(case.distances.max())
    if case.metric in metrics.GLOBE:
        return HALF_EARTH
    assert case.coords is not None
    width, height = np.ptp(case.coords, axis=0).tolist()
    if case.metric == "EUCLIDEAN":
        return math.hypot(width, height)
    return float(width + height + 1)  # the longest metric is MAN_2D; rounding adds 1 at most


def scale(case: Located, legs: int) -> float:
    """The factor that makes distances whole, such that no sum of `legs` of them overflows."""
    most = longest(case)
    factor = 1.0 if is_whole(case) else power_of_ten(most)
    return min(factor, LARGEST_SUM / (most * legs)) if most > 0 else 1.0


def table(case: Located, factor: float, dtype: type[np.integer] = np.int64) -> np.ndarray:
    """Distances times `factor`, rounded to the nearest integer, ``[n, n]``."""
    if case.distances is not None:
        blocks: Iterable[tuple[int, np.ndarray]] = [(0, case.distances)]
        size = len(case.distances)
    else:
        assert case.coords is not None
        blocks = metrics.distance_rows(case.coords, case.metric)
        size = len(case.coords)
    exact = factor == 1 and is_whole(case)  # above 2^53 a product of floats would not be
    whole = np.empty((size, size), dtype=dtype)
    for first, block in blocks:
        whole[first : first + len(block)] = block if exact else np.rint(block * factor)
    return whole


class Loads(NamedTuple):
    """Whole demands of the nodes and whole capacities of the vehicles, in one unit."""

    demands: list[int]
    capacities: list[int]


def loads(demands: Sequence[Fraction], capacities: Sequence[Fraction]) -> Loads:
    """Whole demands and capacities: what fits by them fits in truth.

    They are exact where the largest capacity then stays within `DEEPEST_CAPACITY`. Elsewhere
    (arbitrary real demands) demands are rounded up to millionths of the largest capacity: what
    solvers return always fits, but a route that fills a vehicle to the last millionth is missed.
    """
    shared = math.lcm(*(value.denominator for value in demands))
    measure = Fraction(math.gcd(*(int(value * shared) for value in demands)), shared)
    measure = measure or Fraction(1)  # nobody demands anything
    if max(capacities) / measure > DEEPEST_CAPACITY:
        measure = max(capacities) / COARSE_CAPACITY
    return Loads(
        [math.ceil(value / measure) for value in demands],
        [math.floor(value / measure) for value in capacities],
    )

"""Distances in kernels: by the metric's code and two nodes' coordinates, or from a matrix."""

import math
from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.compiling import Whole, inlined, kernel
from nco.problems._routing import metrics, ordering

MATRIX = 7  # the code of stated distances
METRICS = {
    "EUCLIDEAN": 0,
    "EUC_2D": 1,
    "CEIL_2D": 2,
    "ATT": 3,
    "MAN_2D": 4,
    "MAX_2D": 5,
    "GEO": 6,
    "EXPLICIT": MATRIX,
    "HAVERSINE": 8,
}
TABLE = 3000  # nodes up to which distances on the globe are computed beforehand
EARTH = 6378.388  # kilometres, of TSPLIB
RADIUS = metrics.RADIUS  # kilometres, of HAVERSINE


@inlined
def distance(
    metric: int, x: np.ndarray, y: np.ndarray, matrix: np.ndarray, start: Whole, end: Whole
) -> float:
    """From one node to another, float64; whole where the metric rounds.

    Args:
        metric: a code of `METRICS`.
        x, y: float64 [N], coordinates as `prepare` makes them.
        matrix: float64 [n+1, n+1] where the metric is `MATRIX`; nodes beyond are copies of node 0.
        start, end: nodes.
    """
    if metric == MATRIX:
        size = len(matrix)
        return matrix[start if start < size else 0, end if end < size else 0]
    across, up = x[start] - x[end], y[start] - y[end]
    if metric <= 3:
        square = across * across + up * up
        if metric == 1:
            return np.floor(np.sqrt(square) + 0.5)
        if metric == 0:
            return np.sqrt(square)
        if metric == 2:
            return np.ceil(np.sqrt(square))
        return np.ceil(np.sqrt(square / 10.0))
    if metric == 4:
        return np.floor(np.abs(across) + np.abs(up) + 0.5)
    if metric == 5:
        return max(np.floor(np.abs(across) + 0.5), np.floor(np.abs(up) + 0.5))
    if start == end:  # of which GEO's formula says 1
        return 0.0
    if metric == 8:
        return _great_circle(across, up, x[start], x[end])
    return _geographical(across, up, x[start] + x[end])


@inlined
def _geographical(latitude: float, longitude: float, both: float) -> float:
    """TSPLIB's GEO, whole kilometres, of differences and the sum of latitudes in radians."""
    q1 = math.cos(longitude)
    q2 = math.cos(latitude)
    q3 = math.cos(both)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return np.floor(EARTH * math.acos(max(-1.0, min(1.0, cosine))) + 1.0)


@inlined
def _great_circle(latitude: float, longitude: float, first: float, second: float) -> float:
    """Kilometres by the haversine formula, of differences and both latitudes in radians."""
    north, east = math.sin(0.5 * latitude), math.sin(0.5 * longitude)
    half = north * north + math.cos(first) * math.cos(second) * east * east
    return RADIUS * 2.0 * math.asin(math.sqrt(min(half, 1.0)))


class Places(NamedTuple):
    """Nodes as kernels know them: in an order of their own, the depot 0 first.

    Attributes:
        metric: a code of `METRICS`.
        coords: float64 [n+1, 2], as `distance` takes them; zeros where there are none.
        matrix: float64 [n+1, n+1] where the metric is `MATRIX`, and else [1, 1].
        symmetric: whether all distances are the same both ways.
        order: int64 [n+1], the caller's number of each node.
    """

    metric: int
    coords: np.ndarray
    matrix: np.ndarray
    symmetric: bool
    order: np.ndarray

    @property
    def stated(self) -> np.ndarray | None:
        """The matrix, where distances are stated."""
        return self.matrix if self.metric == MATRIX else None


def prepare(metric: str, coords: np.ndarray | None, distances: np.ndarray | None) -> Places:
    """Nodes of a case; what follows is by straight lines unless there is a matrix.

    Coordinates are put in an order along a curve that fills the plane: what lies together is found
    together in the processor's cache.

    Args:
        metric: ``EXPLICIT`` or one of `metrics.METRICS`.
        coords: [n+1, 2], the depot first.
        distances: [n+1, n+1], from row to column, where the metric is ``EXPLICIT``.
    """
    if (
        distances is None
        and metric in metrics.GLOBE
        and coords is not None
        and len(coords) <= TABLE
    ):
        distances = metrics.distance_matrix(coords, metric)
    if distances is not None:
        matrix = np.array(distances, dtype=np.float64, order="C")  # one that may be written to
        size = len(matrix)
        symmetric = bool((matrix == matrix.T).all())
        return Places(MATRIX, np.zeros((size, 2)), matrix, symmetric, np.arange(size))
    if coords is None:
        raise ValueError(f"the metric {metric} needs coordinates or distances")
    order = np.array(ordering.along_curve(coords), dtype=np.int64)
    placed = np.array(coords[order], dtype=np.float64, order="C")
    if metric == "GEO":
        degrees = np.trunc(placed)
        placed = 3.141592 * (degrees + 5.0 * (placed - degrees) / 3.0) / 180.0
    if metric == "HAVERSINE":
        placed = np.radians(placed)
    return Places(METRICS[metric], placed, np.zeros((1, 1)), True, order)


@kernel
def legs(
    metric: int,
    x: np.ndarray,
    y: np.ndarray,
    matrix: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    into: np.ndarray,
) -> None:
    """Sets `into`, float64 [L], to the distances from `starts`, uint32 [L], to `ends`."""
    for place in range(len(into)):
        into[place] = distance(metric, x, y, matrix, starts[place], ends[place])

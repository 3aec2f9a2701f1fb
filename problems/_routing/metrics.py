"""Distances between points by the metrics of TSPLIB, and matrices of distances.

They follow G. Reinelt, "TSPLIB 95" (Heidelberg, 1995), with two additions, both real numbers:
``EUCLIDEAN`` is the straight line, and ``HAVERSINE`` the great circle in kilometres between decimal
degrees, latitude first (``GEO`` rounds, and reads degrees and minutes).
"""

import math
from collections.abc import Iterator

import numpy as np

from nco.core.errors import InstanceError

EXACT = 2**53  # every whole number up to here is exact as a float64
ROUNDING = 1e-12  # of the largest distance: what floating point makes of a symmetric matrix
METRICS = ("EUC_2D", "CEIL_2D", "MAN_2D", "MAX_2D", "GEO", "ATT", "EUCLIDEAN", "HAVERSINE")
REAL = ("EUCLIDEAN", "HAVERSINE")  # distances that are not rounded
GLOBE = ("GEO", "HAVERSINE")  # latitudes and longitudes
KILOMETRES = "km"  # of distances on the globe
RADIUS = 6371.0088  # kilometres: the mean radius of the Earth (IUGG)
MINUTES = 0.6  # of a degree in DDD.MM: the part behind the point is below it
SLIPS = 0.05  # share of nodes up to which that is passed over: TSPLIB's own ali535 has three
BLOCK = 1 << 20  # distances computed at once, so that temporaries stay at a few times 8 MB


def unit(metric: str) -> str:
    """What distances of a metric are measured in; empty where the source does not say."""
    return KILOMETRES if metric in GLOBE else ""


def whole(matrix: np.ndarray) -> np.ndarray:
    """A float64 matrix as int64 where that loses nothing."""
    integers = matrix.astype(np.int64)
    return integers if np.array_equal(integers, matrix) else matrix


def first_asymmetry(matrix: np.ndarray, tolerance: float = 0.0) -> tuple[int, int] | None:
    """The first pair (row, column) whose two distances differ by more than `tolerance`."""
    pairs = np.argwhere(np.abs(matrix - matrix.T) > tolerance)
    return (int(pairs[0, 0]), int(pairs[0, 1])) if len(pairs) else None


def overflow(coords: np.ndarray, metric: str) -> tuple[int, str] | None:
    """The position of a node whose distances cannot be computed, with the reason; None if fine.

    Args:
        coords: finite coordinates [n, 2].
        metric: one of `METRICS`.
    """
    if metric == "GEO":
        wrong = np.flatnonzero((np.abs(coords) > [90.0, 360.0]).any(1))
        reason = "GEO coordinates are a latitude within 90 and a longitude within 360 degrees"
        if not len(wrong):
            parts = np.abs(coords) - np.trunc(np.abs(coords))
            wrong = np.flatnonzero((parts > MINUTES - 1e-9).any(1))
            wrong = wrong[: len(wrong) if len(wrong) > SLIPS * len(coords) else 0]
            reason = (
                "GEO coordinates are degrees and minutes (DDD.MM), and minutes end at .59: "
                "for decimal degrees state EDGE_WEIGHT_TYPE : HAVERSINE"
            )
        return (int(wrong[0]), reason) if len(wrong) else None
    if metric == "HAVERSINE":
        wrong = np.flatnonzero((np.abs(coords) > [90.0, 360.0]).any(1))
        reason = "a row is a latitude within 90 and a longitude within 360 degrees"
        return (int(wrong[0]), reason) if len(wrong) else None
    with np.errstate(over="ignore"):
        spread = coords.max(0) - coords.min(0)
        square = float((spread * spread).sum())
    limit = EXACT if metric != "EUCLIDEAN" else math.inf
    if math.isfinite(square) and float(spread.sum()) < limit:
        return None
    place = int(np.abs(coords).max(1).argmax())
    return place, "the distances overflow: scale the coordinates down"


def distances(start: np.ndarray, end: np.ndarray, metric: str) -> np.ndarray:
    """Distances between points [..., 2] and [..., 2], which broadcast against each other.

    A point's GEO distance to itself is 1 by the formula; `distance_matrix` puts 0 there.

    Returns:
        int64 [...] of whole distances; float64 [...] for the metrics in `REAL`.
    """
    if metric == "GEO":
        return _geographical(start, end)
    if metric == "HAVERSINE":
        return _great_circle(start, end)
    gap = np.abs(start - end)
    x, y = gap[..., 0], gap[..., 1]
    if metric == "EUCLIDEAN":
        return np.hypot(x, y)
    if metric == "MAN_2D":
        return (x + y + 0.5).astype(np.int64)
    if metric == "MAX_2D":
        return np.maximum(x + 0.5, y + 0.5).astype(np.int64)
    square = x * x + y * y
    if metric == "EUC_2D":
        return (np.sqrt(square) + 0.5).astype(np.int64)
    if metric == "CEIL_2D":
        return np.ceil(np.sqrt(square)).astype(np.int64)
    if metric == "ATT":  # rounded to the nearest, plus one where that rounded down: the ceiling
        return np.ceil(np.sqrt(square / 10.0)).astype(np.int64)
    raise InstanceError(f"use one of {', '.join(METRICS)}", field="metric", value=metric)


def radians(coords: np.ndarray, metric: str) -> np.ndarray:
    """Latitudes and longitudes ``[..., 2]`` of a metric of the globe; GEO has a pi of its own."""
    if metric != "GEO":
        return np.radians(coords)
    degrees = np.trunc(coords)
    angles: np.ndarray = 3.141592 * (degrees + 5.0 * (coords - degrees) / 3.0) / 180.0
    return angles


def _geographical(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """TSPLIB's GEO: degrees and minutes (DDD.MM) on a sphere of 6378.388 km."""
    first, second = radians(start, "GEO"), radians(end, "GEO")
    q1 = np.cos(first[..., 1] - second[..., 1])
    q2 = np.cos(first[..., 0] - second[..., 0])
    q3 = np.cos(first[..., 0] + second[..., 0])
    angle = np.arccos(np.clip(0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3), -1.0, 1.0))
    return (6378.388 * angle + 1.0).astype(np.int64)


def _great_circle(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Kilometres by the haversine formula (Sinnott, Sky and Telescope 68(2), 1984)."""
    first, second = np.radians(start), np.radians(end)
    half = np.sin((second - first) / 2) ** 2
    across = np.cos(first[..., 0]) * np.cos(second[..., 0]) * half[..., 1]
    return 2 * RADIUS * np.arcsin(np.sqrt(np.minimum(half[..., 0] + across, 1.0)))


def surely(distances: np.ndarray, metric: str) -> np.ndarray:
    """What distances in a metric are at least, however their formula is computed; for bounds.

    Great circles between near points lose digits: by a millionth of a metre, or so much of 1000 km.
    """
    return np.maximum(distances * (1 - 1e-9) - 1e-9, 0.0) if metric == "HAVERSINE" else distances


def distance_rows(coords: np.ndarray, metric: str) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of the distance matrix in blocks: (first row, distances [rows, n])."""
    size = len(coords)
    step = max(1, BLOCK // size)
    for first in range(0, size, step):
        block = distances(coords[first : first + step, None], coords[None], metric)
        rows = np.arange(len(block))
        block[rows, first + rows] = 0
        yield first, block


def distance_matrix(coords: np.ndarray, metric: str) -> np.ndarray:
    """All distances [n, n], the diagonal 0; 8 n**2 bytes and little more."""
    matrix = np.empty((len(coords),) * 2, np.float64 if metric in REAL else np.int64)
    for first, block in distance_rows(coords, metric):
        matrix[first : first + len(block)] = block
    return matrix

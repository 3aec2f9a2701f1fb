"""How a network that thinks in the plane sees a case of any metric."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nco.core.geometry import classical_scaling, unit_square
from nco.problems._routing.metrics import GLOBE, RADIUS, distance_matrix, radians

ROUNDED = ("EUCLIDEAN", "EUC_2D", "CEIL_2D", "ATT")  # the plane's own distances, but for rounding
LARGEST_SCALING = 3000  # points; classical scaling takes n^3 operations
NEAREST = 10  # places that are compared
WORSE = 1.1  # classical scaling is this much worse than a map before the map is taken


class Stated(Protocol):
    """What is read of a case."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...
    @property
    def distances(self) -> np.ndarray | None: ...


@dataclass(frozen=True)
class View:
    """A case in the unit square.

    Attributes:
        coords: ``[n, 2]`` in the unit square.
        distances: ``[n, n]`` in its sides where the coordinates do not tell them; else None.
        factor: the source's units in one side of the square.
    """

    coords: np.ndarray
    distances: np.ndarray | None
    factor: float

    def matrix(self) -> np.ndarray:
        """``[n, n]`` distances in sides of the square."""
        if self.distances is not None:
            return self.distances
        return distance_matrix(self.coords, "EUCLIDEAN")


def view(case: Stated) -> View:
    """The case in the unit square, both axes scaled by one factor.

    A metric of the plane needs its coordinates only; rounding is left to the checker. Any other
    comes with its matrix, and where there are no coordinates, or degrees on a globe, they are found
    from it by classical scaling. Where that lays distant parts of the globe over one another, they
    are those of a map.
    """
    if case.distances is None and case.metric in ROUNDED:
        assert case.coords is not None
        coords, factor = unit_square(np.asarray(case.coords, dtype=np.float64))
        return View(coords, None, factor)
    matrix = case.distances
    if matrix is None:
        assert case.coords is not None
        matrix = distance_matrix(case.coords, case.metric)
    matrix = np.asarray(matrix, dtype=np.float64)
    raw = case.coords
    if raw is None:
        raw = classical_scaling(matrix)
    elif case.metric in GLOBE and len(raw) <= LARGEST_SCALING:
        raw = flattened(raw, case.metric, matrix)
    coords, factor = unit_square(np.asarray(raw, dtype=np.float64))
    return View(coords, matrix / factor, factor)


def flattened(coords: np.ndarray, metric: str, matrix: np.ndarray) -> np.ndarray:
    """Places on a globe ``[n, 2]`` in the plane, in the unit of their distances ``[n, n]``."""
    scaled = classical_scaling(matrix)
    mapped = RADIUS * _map(radians(np.asarray(coords, dtype=np.float64), metric))
    return mapped if WORSE * misplaced(mapped, matrix) < misplaced(scaled, matrix) else scaled


def misplaced(places: np.ndarray, matrix: np.ndarray) -> float:
    """How far away the neighbours in the plane are, by the nearest neighbours of all: 1 or more.

    By the distances ``[n, n]``: where unlike parts lie over one another, it is much more than 1.
    """
    count = min(NEAREST, len(matrix) - 1)
    if count < 1:
        return 1.0
    seen, true = distance_matrix(places, "EUCLIDEAN"), np.array(matrix, dtype=np.float64)
    np.fill_diagonal(seen, np.inf)
    np.fill_diagonal(true, np.inf)
    near = np.argpartition(seen, count - 1, 1)[:, :count]
    nearest = np.partition(true, count - 1, 1)[:, :count].sum()
    found = np.take_along_axis(true, near, 1).sum()
    return float(found / nearest) if nearest > 0 else 1.0


def _map(angles: np.ndarray) -> np.ndarray:
    """Equirectangular coordinates ``[n, 2]`` of latitudes and longitudes in radians.

    The map ends at the meridian in the middle of the widest strip without places.
    """
    latitude, longitude = angles.T
    order = np.sort(longitude % (2 * np.pi))
    gaps = np.diff(order, append=order[0] + 2 * np.pi)
    widest = int(gaps.argmax())
    east = (longitude - order[widest] - gaps[widest] / 2) % (2 * np.pi)
    return np.stack([east * np.cos(latitude.mean()), latitude], 1)

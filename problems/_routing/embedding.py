"""How a network that thinks in the plane sees a case of any metric."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nco.core.geometry import classical_scaling, unit_square
from nco.problems._routing.metrics import GLOBE, distance_matrix

ROUNDED = ("EUCLIDEAN", "EUC_2D", "CEIL_2D", "ATT")  # the plane's own distances, but for rounding
LARGEST_SCALING = 3000  # points; classical scaling takes n^3 operations


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
    from it by classical scaling.
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
    if raw is None or (case.metric in GLOBE and len(raw) <= LARGEST_SCALING):
        raw = classical_scaling(matrix)
    coords, factor = unit_square(np.asarray(raw, dtype=np.float64))
    return View(coords, matrix / factor, factor)

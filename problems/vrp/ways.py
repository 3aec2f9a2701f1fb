"""Distances and travel times of a rich routing case as matrices, for solvers and networks.

The checker does not use them.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._routing import metrics
from nco.problems.vrp.case import Case, Rounding

DECIMALS = {Rounding.ROUND: 0, Rounding.ROUND3: 3}


class Ways(NamedTuple):
    """Between all places, float64 ``[D+n, D+n]``."""

    distance: np.ndarray
    duration: np.ndarray


def ways(case: Case, vehicle: int) -> Ways:
    """Distances and travel times of a vehicle type; equal types share no memory."""
    kind = case.vehicles[vehicle]
    if case.distances:
        distance = np.asarray(case.distances[kind.profile], dtype=np.float64)
    else:
        assert case.coords is not None
        distance = rounded(metrics.distance_matrix(case.coords, case.metric), case.rounding)
    if case.durations:
        return Ways(distance, np.asarray(case.durations[kind.profile], dtype=np.float64))
    duration = distance if kind.speed == 1.0 else rounded(distance / kind.speed, case.rounding)
    return Ways(distance, duration)


def rounded(values: np.ndarray, rounding: Rounding) -> np.ndarray:
    """Values by the rule of a case."""
    if rounding is Rounding.EXACT:
        return np.asarray(values, dtype=np.float64)
    if rounding is Rounding.TRUNC1:
        # a product such as 0.3 * 10 may lie just below the whole number that it stands for
        return np.floor(values * 10 + 1e-9) / 10
    scale = 10.0 ** DECIMALS[rounding]
    return np.floor(values * scale + 0.5) / scale

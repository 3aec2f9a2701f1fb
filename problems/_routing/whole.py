"""Tables of distances in integers, none of them longer than it is: for bounds without rounding."""

import numpy as np

GRAIN = 1000  # parts of a whole distance in which prices are counted
SUM = 2**58  # no total of weights and prices comes near the end of int64
ERROR = 2.0**-50  # relative, of a distance in floating point


def scale(distances: np.ndarray) -> int | float | None:
    """What makes distances integers of enough grain; None where they would overflow."""
    longest = float(distances.max())
    most = SUM / max(longest * len(distances), 1e-300)
    if distances.dtype == np.int64:
        return min(GRAIN, int(most)) or None
    return min(most, 2.0**31 / longest) if longest > 0 else None


def floored(distances: np.ndarray, factor: int | float) -> np.ndarray:
    """The table int64 [n, n], no entry above `factor` times the distance."""
    if distances.dtype == np.int64:
        return distances * int(factor)
    return np.floor(distances * (factor * (1 - ERROR))).astype(np.int64)


def unscaled(value: int, factor: int | float, distances: np.ndarray) -> int | float:
    """A bound of the table as one of the case: whole where distances are."""
    if distances.dtype == np.int64:
        return -(-value // int(factor))
    return value / factor * (1 - ERROR)

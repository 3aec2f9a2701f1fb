"""Orders of points without a search: by the nearest one, and along a curve."""

import numpy as np

MOST_NEAREST = 2000  # nodes up to which the nearest one is looked for: n^2 operations
CURVE = 24  # levels of the curve that fills the plane


def nearest_order(coords: np.ndarray | None, distances: np.ndarray | None) -> list[int]:
    """All positions from 0 on, each the nearest one left, by coordinates or by distances.

    Beyond MOST_NEAREST coordinates along a curve that fills the plane.
    """
    count = len(coords if coords is not None else distances if distances is not None else ())
    if coords is not None and distances is None and count > MOST_NEAREST:
        return along_curve(coords)
    left = np.arange(1, count)
    order = [0] if count else []
    while len(left):
        if distances is not None:
            near = distances[order[-1], left]
        else:
            assert coords is not None
            near = np.square(coords[left] - coords[order[-1]]).sum(1)
        pick = int(near.argmin())
        order.append(int(left[pick]))
        left[pick] = left[-1]
        left = left[:-1]
    return order


def along_curve(coords: np.ndarray) -> list[int]:
    """All positions in the order of Hilbert's curve, turned to begin with position 0.

    A longer tour than that of nearest nodes, but it takes n log n operations.
    """
    low = coords.min(0)
    side = max(float((coords.max(0) - low).max()), 1e-300)
    x, y = ((coords - low) / side * (2**CURVE - 1)).astype(np.int64).T
    distance = np.zeros(len(coords), dtype=np.int64)
    for level in range(CURVE - 1, -1, -1):
        bit = 1 << level
        right, upper = (x & bit) > 0, (y & bit) > 0
        distance += (bit * bit) * ((3 * right) ^ upper)
        flip = ~upper & right
        x, y = np.where(flip, 2**CURVE - 1 - x, x), np.where(flip, 2**CURVE - 1 - y, y)
        x, y = np.where(upper, x, y), np.where(upper, y, x)
    order = np.argsort(distance, kind="stable")
    first = int(np.flatnonzero(order == 0)[0])
    return np.roll(order, -first).tolist()

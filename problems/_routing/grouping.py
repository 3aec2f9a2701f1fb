"""Routes that lie side by side, in groups of about equal size."""

import math
from collections.abc import Sequence

import numpy as np


def grouped(sizes: Sequence[int], centres: np.ndarray, most: int, angle: float) -> list[list[int]]:
    """Positions of routes, as few groups as `most` allows, each of about the same size.

    The plane is cut in two along a line, and each part across it, and so on: another angle of the
    first line cuts other neighbours apart.

    Args:
        sizes: of the routes, in customers.
        centres: float64 [R, 2].
        most: customers of a group, unless it is one route.
        angle: of the first line's normal, in radians.
    """
    return _cut(list(range(len(sizes))), sizes, centres, most, angle)


def _cut(
    group: list[int], sizes: Sequence[int], centres: np.ndarray, most: int, angle: float
) -> list[list[int]]:
    whole = sum(sizes[place] for place in group)
    if len(group) == 1 or whole <= most:
        return [group]
    along = centres[group] @ np.array([math.cos(angle), math.sin(angle)])
    ordered = [group[place] for place in np.argsort(along, kind="stable")]
    count = -(-whole // most)  # groups that are to come of it
    wanted = whole * (count // 2) / count
    passed = np.cumsum([sizes[place] for place in ordered])
    middle = int(np.abs(passed[:-1] - wanted).argmin()) + 1
    turned = angle + math.pi / 2
    return [
        part
        for half in (ordered[:middle], ordered[middle:])
        for part in _cut(half, sizes, centres, most, turned)
    ]

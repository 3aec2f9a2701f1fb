"""Candidates for a city's neighbours on the tour: the nearest ones, and some of every quadrant.

Johnson and McGeoch (1997), "The Traveling Salesman Problem: A Case Study in Local Optimization":
the nearest ones alone leave clusters without a way between them.
"""

import numpy as np

from nco.problems._common.kernels.compiling import Whole, compiled, inlined
from nco.problems._routing.kernels import neighbours


def candidates(
    coords: np.ndarray, matrix: np.ndarray | None, nearest: int, quadrant: int
) -> np.ndarray:
    """Uint32 [n+1, K], other cities of each; a city with fewer repeats its nearest.

    Args:
        coords: float64 [n+1, 2]; cities are 1 to n.
        matrix: float64 [n+1, n+1], or None to measure straight lines.
        nearest: how many of the nearest.
        quadrant: how many in each quadrant around the city; none where there is a matrix.
    """
    near = neighbours.nearest(coords, matrix, nearest)
    if matrix is not None or quadrant == 0 or near.shape[1] < nearest:
        return near
    x, y = coords.T.copy()
    members, first, low, high = neighbours.columns(x, y)
    around = np.zeros((len(near), 4 * quadrant), dtype=np.uint32)
    fill_quadrants(x, y, members, first, low, high, around)
    return distinct(np.concatenate([near, around], 1), near.shape[1] + 2 * quadrant)


@compiled
def fill_quadrants(
    x: np.ndarray,
    y: np.ndarray,
    members: np.ndarray,
    first: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    around: np.ndarray,
) -> None:
    """Sets `around`, uint32 [n+1, 4 Q], to the Q nearest of each quadrant; 0 where there are fewer.

    Args:
        x, y: float64 [n+1].
        members, first, low, high: of `neighbours.columns`.
    """
    count = around.shape[1] // 4
    squares = np.empty(count)
    for column in range(len(low)):
        for place in range(first[column], first[column + 1]):
            city = members[place]
            for quadrant in range(4):
                right, up = quadrant % 2 == 1, quadrant >= 2
                kept = 0
                other = column
                while 0 <= other < len(low):
                    gap = low[other] - x[city] if right else x[city] - high[other]
                    if gap > 0 and kept == count and gap * gap >= squares[count - 1]:
                        break
                    begin, end = first[other], first[other + 1]
                    nearest = around[city, quadrant * count : (quadrant + 1) * count]
                    kept = _look(x, y, members[begin:end], city, right, up, nearest, squares, kept)
                    other += 1 if right else -1


@inlined
def _look(
    x: np.ndarray,
    y: np.ndarray,
    members: np.ndarray,
    city: Whole,
    right: bool,
    up: bool,
    nearest: np.ndarray,
    squares: np.ndarray,
    kept: int,
) -> int:
    """Looks through a column's members, sorted by height; the number of `nearest` then."""
    low = neighbours.level(y, members, 0, len(members), y[city])
    count = len(nearest)
    place: int = low if up else low - 1
    while 0 <= place < len(members):
        other = members[place]
        place += 1 if up else -1
        over, across = y[other] - y[city], x[other] - x[city]
        if kept == count and over * over >= squares[count - 1]:
            break
        square = over * over + across * across
        if other == city or (across > 0) != right:
            continue
        if kept == count and square >= squares[count - 1]:
            continue
        kept = neighbours.insert(nearest, squares, kept, other, square)
    return kept


@compiled
def distinct(both: np.ndarray, most: int) -> np.ndarray:
    """The first `most` different cities of each row but the first, uint32 [n+1, most]; 0 is none.

    A row with fewer is filled up with its first city.
    """
    listed = np.zeros((len(both), most), dtype=np.uint32)
    for city in range(1, len(both)):
        kept = 0
        for other in both[city]:
            known = other == 0 or kept == most
            for place in range(kept):
                known = known or listed[city, place] == other
            if not known:
                listed[city, kept] = other
                kept += 1
        listed[city, kept:] = listed[city, 0]
    return listed

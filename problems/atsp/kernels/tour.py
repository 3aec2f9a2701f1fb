"""A tour with a direction, as an array of cities, changed by swaps of neighbouring segments.

A swap turns nothing round: it is the one exchange of three legs that keeps the direction of all
others, and so the only small one that is cheap where there and back differ.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.compiling import Whole, inlined, kernel

SWAPS = 0  # the entry of `Tour.tally`; the others are those of the TSP's


class Tour(NamedTuple):
    """The present tour of the cities 0 to n - 1, and what the search wants to know of them.

    Attributes:
        matrix: float64 [n, n], from row to column.
        later: int64 [n, K], candidates for the city that follows each, the nearest first.
        earlier: int64 [n, K], candidates for the city that precedes each, the nearest first.
        order: int64 [n], the cities as they follow one another.
        position: int64 [n], where in `order` each city is.
        swaps: int64 [S, 3], of each swap the first position and the lengths of both segments.
        queue: int64 [n], a ring of the cities whose surroundings have changed.
        waiting: bool [n], whether a city is in that ring.
        tally: int64 [3], numbers of swaps and of cities in the ring, and where the ring begins.
    """

    matrix: np.ndarray
    later: np.ndarray
    earlier: np.ndarray
    order: np.ndarray
    position: np.ndarray
    swaps: np.ndarray
    queue: np.ndarray
    waiting: np.ndarray
    tally: np.ndarray


@inlined
def after(tour: Tour, city: Whole) -> Whole:
    """The city that follows."""
    place = tour.position[city] + 1
    return tour.order[place if place < len(tour.order) else 0]


@inlined
def before(tour: Tour, city: Whole) -> Whole:
    """The city that precedes."""
    place = tour.position[city]
    return tour.order[place - 1 if place > 0 else len(tour.order) - 1]


@inlined
def ahead(tour: Tour, city: Whole, other: Whole) -> Whole:
    """How many legs after a city another one is visited, from 0 to n - 1."""
    legs = tour.position[other] - tour.position[city]
    return legs if legs >= 0 else legs + len(tour.order)


@inlined
def _turn(tour: Tour, first: Whole, count: Whole) -> None:
    """Turns round `count` cities from a position on, which may reach past the array's end."""
    order, position = tour.order, tour.position
    size = len(order)
    low = first
    high = first + count - 1
    high = high if high < size else high - size
    for _ in range(count // 2):
        one, other = order[low], order[high]
        order[low], order[high] = other, one
        position[other], position[one] = low, high
        low = low + 1 if low + 1 < size else 0
        high = high - 1 if high > 0 else size - 1


@kernel
def rotate(tour: Tour, first: Whole, one: Whole, other: Whole) -> None:
    """Puts the `other` cities before the `one` cities that precede them, from a position on.

    Args:
        tour: the tour.
        first: the position of the first segment's first city.
        one, other: lengths of the first and of the second segment.
    """
    size = len(tour.order)
    second = first + one
    _turn(tour, first, one)
    _turn(tour, second if second < size else second - size, other)
    _turn(tour, first, one + other)


@kernel
def swap(tour: Tour, city: Whole, one: Whole, other: Whole) -> None:
    """Swaps the segments of `one` and of `other` cities that follow a city, and notes it.

    The rest of the tour is a third segment, and to swap any two of the three makes the same tour:
    the longest one stays.

    Args:
        tour: the tour, whose `swaps` must have room.
        city: the one before the first segment.
        one, other: lengths, positive; together at most n - 1.
    """
    size = len(tour.order)
    first = tour.position[city] + 1
    rest = size - one - other
    if one >= other and one >= rest:
        first, one, other = first + one, other, rest
    elif other >= rest:
        first, one, other = first + one + other, rest, one
    first = first if first < size else first - size
    count = tour.tally[SWAPS]
    tour.swaps[count, 0], tour.swaps[count, 1], tour.swaps[count, 2] = first, one, other
    tour.tally[SWAPS] = count + 1
    rotate(tour, first, one, other)


@kernel
def undo(tour: Tour) -> None:
    """Takes back all swaps, the last one first."""
    for count in range(tour.tally[SWAPS] - 1, -1, -1):
        rotate(tour, tour.swaps[count, 0], tour.swaps[count, 2], tour.swaps[count, 1])
    tour.tally[SWAPS] = 0

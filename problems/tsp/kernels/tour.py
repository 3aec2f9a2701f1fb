"""A tour as an array of cities, changed by exchanges of two edges that can be taken back."""

from typing import NamedTuple, Protocol

import numpy as np

from nco.problems._common.kernels.compiling import Whole, inlined, kernel
from nco.problems._routing.kernels.places import distance

FLIPS, WAITING, FIRST = 0, 1, 2  # entries of `Tour.tally`
ZERO, ONE = np.uint32(0), np.uint32(1)  # with these, numbers of cities stay unsigned


class Ring(Protocol):
    """What a ring of waiting cities needs of a tour, with or without a direction."""

    @property
    def queue(self) -> np.ndarray: ...

    @property
    def waiting(self) -> np.ndarray: ...

    @property
    def tally(self) -> np.ndarray: ...


class Tour(NamedTuple):
    """The present tour of the cities 1 to n, and what the search wants to know of them.

    Attributes:
        metric: a code of `places.METRICS`.
        matrix: float64 [n+1, n+1] where the metric is `places.MATRIX`, and else [1, 1].
        x, y: float64 [n+1], coordinates.
        near: uint32 [n+1, K], candidates for a city's neighbour on the tour, the nearest first.
        apart: float64 [n+1, K], their distances.
        order: uint32 [n], the cities as they follow one another.
        position: uint32 [n+1], where in `order` each city is.
        flips: uint32 [F, 2], the first and the last position of each part that was turned round.
        queue: uint32 [n], a ring of the cities whose surroundings have changed.
        waiting: bool [n+1], whether a city is in that ring.
        tally: int64 [3], numbers of flips and of cities in the ring, and where the ring begins.
    """

    metric: int
    matrix: np.ndarray
    x: np.ndarray
    y: np.ndarray
    near: np.ndarray
    apart: np.ndarray
    order: np.ndarray
    position: np.ndarray
    flips: np.ndarray
    queue: np.ndarray
    waiting: np.ndarray
    tally: np.ndarray


@inlined
def leg(tour: Tour, start: Whole, end: Whole) -> float:
    """The distance between two cities."""
    return distance(tour.metric, tour.x, tour.y, tour.matrix, start, end)


@inlined
def after(tour: Tour, city: Whole) -> Whole:
    """The city that follows."""
    place = tour.position[city] + ONE
    return tour.order[place if place < len(tour.order) else ZERO]


@inlined
def before(tour: Tour, city: Whole) -> Whole:
    """The city that precedes."""
    place = tour.position[city]
    return tour.order[place - ONE if place > 0 else np.uint32(len(tour.order) - 1)]


@inlined
def awake(tour: Ring, city: Whole) -> None:
    """Puts a city at the end of the ring, unless it is there."""
    if not tour.waiting[city]:
        size = len(tour.queue)
        place = tour.tally[FIRST] + tour.tally[WAITING]
        tour.queue[place if place < size else place - size] = city
        tour.waiting[city] = True
        tour.tally[WAITING] += 1


@inlined
def next_waiting(tour: Ring) -> Whole:
    """Takes the first city out of the ring."""
    place = tour.tally[FIRST]
    city = tour.queue[place]
    tour.waiting[city] = False
    tour.tally[FIRST] = place + 1 if place + 1 < len(tour.queue) else 0
    tour.tally[WAITING] -= 1
    return city


@kernel
def flip(tour: Tour, first: Whole, last: Whole) -> None:
    """Turns round the cities from one position to another, which may be past the array's end.

    Where they are more than half, the others are turned round instead: it is the same tour, walked
    the other way.
    """
    order, position = tour.order, tour.position
    size = np.int64(len(order))
    low: Whole = np.int64(first)
    high: Whole = np.int64(last)
    inside = high - low + 1
    if inside <= 0:
        inside += size
    if 2 * inside > size:
        low, high = high + 1, low - 1
        low = low if low < size else 0
        high = high if high >= 0 else size - 1
        inside = size - inside
    for _ in range(inside // 2):
        one, other = order[np.uint32(low)], order[np.uint32(high)]
        order[np.uint32(low)], order[np.uint32(high)] = other, one
        position[other], position[one] = np.uint32(low), np.uint32(high)
        low = low + 1 if low + 1 < size else 0
        high = high - 1 if high > 0 else size - 1


@inlined
def exchange(tour: Tour, a: Whole, b: Whole, c: Whole, d: Whole) -> None:
    """Replaces the edges (a, b) and (c, d) by (a, c) and (b, d).

    Args:
        tour: the tour, whose `flips` must have room.
        a, b, c, d: b follows a and d follows c, or b precedes a and d precedes c.
    """
    position, count = tour.position, tour.tally[FLIPS]
    ahead = position[a] + ONE
    if position[b] == (ahead if ahead < len(tour.order) else ZERO):
        first, last = position[b], position[c]
    else:
        first, last = position[c], position[b]
    tour.flips[count, 0], tour.flips[count, 1] = first, last
    tour.tally[FLIPS] = count + 1
    flip(tour, first, last)


@inlined
def undo(tour: Tour) -> None:
    """Takes back all flips, the last one first."""
    for count in range(tour.tally[FLIPS] - 1, -1, -1):
        flip(tour, tour.flips[count, 0], tour.flips[count, 1])
    tour.tally[FLIPS] = 0

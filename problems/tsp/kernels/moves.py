"""Improving exchanges of two or three edges around one city (2-opt and sequential 3-opt).

Lin and Kernighan (1973), "An Effective Heuristic Algorithm for the Traveling-Salesman Problem":
edges are removed and added in turn, as long as what is removed is longer than what is added. To the
depth of three this holds 2-opt, moved segments of any length (Or 1976) and exchanged segments.
Neighbour lists and don't-look bits as of Bentley (1992), "Fast Algorithms for Geometric Traveling
Salesman Problems".

In the names below the tour is walked so that t2 follows t1: forwards or backwards. The edges
(t1, t2), (t3, t4) and (t5, t6) leave; (t2, t3), (t4, t5) and the last city's to t1 come.
"""

from nco.problems._common.kernels.compiling import Whole, inlined, kernel
from nco.problems.tsp.kernels.tour import Tour, after, awake, before, exchange, leg

BREADTH = 5  # candidates of t4
TINY = 1e-7  # of an edge: what sums may be wrong by


@kernel
def improve(tour: Tour, city: Whole) -> float:
    """Makes one improving exchange that removes an edge of a city; its gain, or 0."""
    gain = _exchange_from(tour, city, True)
    if gain > 0:
        return gain
    return _exchange_from(tour, city, False)


@inlined
def _exchange_from(tour: Tour, t1: Whole, forwards: bool) -> float:
    """The first improving exchange that removes the edge from `t1` to its next city."""
    t2 = next_of(tour, t1, forwards)
    removed = leg(tour, t1, t2)
    tiny = TINY * removed
    for rank in range(tour.near.shape[1]):
        open_1 = removed - tour.apart[t2, rank]
        if open_1 <= tiny:
            break
        t3 = tour.near[t2, rank]
        # closed by two edges: t1 [t2 .. t4] t3 becomes t1 [t4 .. t2] t3
        t4 = next_of(tour, t3, not forwards)
        if t4 != t2:
            open_2 = open_1 + leg(tour, t3, t4)
            gain = open_2 - leg(tour, t4, t1)
            if gain > tiny:
                exchange(tour, t2, t1, t3, t4)
                awake_4(tour, t1, t2, t3, t4)
                return gain
            gain = _third_of_flipped(tour, forwards, t1, t2, t3, t4, open_2, tiny)
            if gain > 0:
                return gain
        # not closed: t1 [t2 .. t3] t4, of which the middle is a ring for now
        t4 = next_of(tour, t3, forwards)
        if t3 != t1:
            open_2 = open_1 + leg(tour, t3, t4)
            gain = _third_of_ring(tour, forwards, t1, t2, t3, t4, open_2, tiny)
            if gain > 0:
                return gain
    return 0.0


@inlined
def _third_of_flipped(
    tour: Tour,
    forwards: bool,
    t1: Whole,
    t2: Whole,
    t3: Whole,
    t4: Whole,
    open_2: float,
    tiny: float,
) -> float:
    """The third edge, after t1 [t4 .. t2] t3.

    Args:
        open_2: what the edges removed so far are longer than those added, the last one to come.
        tiny: the least gain.
    """
    for rank in range(min(BREADTH, tour.near.shape[1])):
        open_3 = open_2 - tour.apart[t4, rank]
        if open_3 <= tiny:
            break
        t5 = tour.near[t4, rank]
        if t5 in (t3, t1):
            continue
        inside = between(tour, t2, t5, t4) if forwards else between(tour, t4, t5, t2)
        t6 = next_of(tour, t5, inside == forwards)
        if t6 in (t4, t1):
            continue
        gain = open_3 + leg(tour, t5, t6) - leg(tour, t6, t1)
        if gain > tiny:
            exchange(tour, t2, t1, t3, t4)
            exchange(tour, t4, t1, t5, t6)
            awake_4(tour, t1, t2, t3, t4)
            awake(tour, t5)
            awake(tour, t6)
            return gain
    return 0.0


@inlined
def _third_of_ring(
    tour: Tour,
    forwards: bool,
    t1: Whole,
    t2: Whole,
    t3: Whole,
    t4: Whole,
    open_2: float,
    tiny: float,
) -> float:
    """An edge of the ring [t2 .. t3] is opened, and its ends are joined with t1 and t4.

    Args:
        open_2, tiny: as of `_third_of_flipped`.
    """
    for rank in range(min(BREADTH, tour.near.shape[1])):
        open_3 = open_2 - tour.apart[t4, rank]
        if open_3 <= tiny:
            break
        t5 = tour.near[t4, rank]
        inside = between(tour, t2, t5, t3) if forwards else between(tour, t3, t5, t2)
        if not inside:
            continue
        if t5 != t3:  # t1 [t2 .. t5] [t6 .. t3] t4 becomes t1 [t6 .. t3] [t2 .. t5] t4
            t6 = next_of(tour, t5, forwards)
            gain = open_3 + leg(tour, t5, t6) - leg(tour, t6, t1)
            if gain > tiny:
                exchange(tour, t1, t2, t3, t4)  # t1 [t3 .. t6] [t5 .. t2] t4
                exchange(tour, t1, t3, t6, t5)  # t1 [t6 .. t3] [t5 .. t2] t4
                exchange(tour, t3, t5, t2, t4)  # t1 [t6 .. t3] [t2 .. t5] t4
                awake_4(tour, t1, t2, t3, t4)
                awake(tour, t5)
                awake(tour, t6)
                return gain
        if t5 != t2:  # t1 [t2 .. t6] [t5 .. t3] t4 becomes t1 [t6 .. t2] [t3 .. t5] t4
            t6 = next_of(tour, t5, not forwards)
            gain = open_3 + leg(tour, t5, t6) - leg(tour, t6, t1)
            if gain > tiny:
                exchange(tour, t1, t2, t6, t5)  # t1 [t6 .. t2] [t5 .. t3] t4
                exchange(tour, t2, t5, t3, t4)  # t1 [t6 .. t2] [t3 .. t5] t4
                awake_4(tour, t1, t2, t3, t4)
                awake(tour, t5)
                awake(tour, t6)
                return gain
    return 0.0


@inlined
def next_of(tour: Tour, city: Whole, forwards: bool) -> Whole:
    """The city that follows, or with not `forwards` the one that precedes."""
    return after(tour, city) if forwards else before(tour, city)


@inlined
def between(tour: Tour, first: Whole, city: Whole, last: Whole) -> bool:
    """Whether a city is on the way forwards from one city to another, these included."""
    low, here, high = tour.position[first], tour.position[city], tour.position[last]
    if low <= high:
        return low <= here <= high
    return here >= low or here <= high


@inlined
def awake_4(tour: Tour, one: Whole, two: Whole, three: Whole, four: Whole) -> None:
    """Has four cities looked at again."""
    awake(tour, one)
    awake(tour, two)
    awake(tour, three)
    awake(tour, four)

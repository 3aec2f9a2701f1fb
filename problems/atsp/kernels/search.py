"""Iterated local search of a tour with a direction: swaps of segments, and kicks of three of them.

Kanellakis and Papadimitriou (1980), "Local Search for the Asymmetric Traveling Salesman Problem":
a swap of two neighbouring segments is the sequential exchange, and the double bridge the other one,
that keep all directions. Neighbour lists and don't-look bits as of the TSP's search.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential
from nco.problems._common.kernels.compiling import Whole, compiled, inlined, kernel
from nco.problems.atsp.kernels.tour import SWAPS, Tour, after, ahead, before, swap, undo
from nco.problems.tsp.kernels.tour import WAITING, awake, next_waiting

TINY = 1e-9  # of a leg: what sums may be wrong by
WINDOW = 30  # cities of a kick's segment, at the most


@kernel
def improve(tour: Tour, city: Whole) -> float:
    """Makes one improving swap that removes a leg from a city, or to it; its gain, or 0."""
    gain = _from(tour, city)
    return gain if gain > 0 else _to(tour, city)


@inlined
def _from(tour: Tour, t: Whole) -> float:
    """The legs t -> s, p -> c and e -> f become t -> c, p -> f and e -> s.

    The sum of what is removed less what is added is positive after each pair (Lin and Kernighan
    1973): first t -> c is chosen, then p -> f.
    """
    matrix = tour.matrix
    s = after(tour, t)
    removed = matrix[t, s]
    tiny = TINY * removed
    for rank in range(tour.later.shape[1]):
        c = tour.later[t, rank]
        open_1 = removed - matrix[t, c]
        if open_1 <= tiny:
            break
        p = before(tour, c)
        one = ahead(tour, s, c)
        open_2 = open_1 + matrix[p, c]
        for second in range(tour.later.shape[1]):
            f = tour.later[p, second]
            open_3 = open_2 - matrix[p, f]
            if open_3 <= tiny:
                break
            other = ahead(tour, c, f)
            # t [s .. p] [c .. e] f, in which f may be t itself
            if other == 0 or one + other >= len(tour.order):
                continue
            e = before(tour, f)
            gain = open_3 + matrix[e, f] - matrix[e, s]
            if gain > tiny:
                _make(tour, t, one, other, s, p, c, e, f)
                return gain
    return 0.0


@inlined
def _to(tour: Tour, s: Whole) -> float:
    """The same, but chosen from the other end: first e -> s, then p -> f."""
    matrix = tour.matrix
    t = before(tour, s)
    removed = matrix[t, s]
    tiny = TINY * removed
    for rank in range(tour.earlier.shape[1]):
        e = tour.earlier[s, rank]
        open_1 = removed - matrix[e, s]
        if open_1 <= tiny:
            break
        f = after(tour, e)
        both = ahead(tour, s, e) + 1
        open_2 = open_1 + matrix[e, f]
        for second in range(tour.earlier.shape[1]):
            p = tour.earlier[f, second]
            open_3 = open_2 - matrix[p, f]
            if open_3 <= tiny:
                break
            one = ahead(tour, s, p) + 1
            if one >= both:
                continue
            c = after(tour, p)
            gain = open_3 + matrix[p, c] - matrix[t, c]
            if gain > tiny:
                _make(tour, t, one, both - one, s, p, c, e, f)
                return gain
    return 0.0


@inlined
def _make(
    tour: Tour,
    t: Whole,
    one: Whole,
    other: Whole,
    s: Whole,
    p: Whole,
    c: Whole,
    e: Whole,
    f: Whole,
) -> None:
    """Swaps, and has the cities at the ends of all changed legs looked at again."""
    swap(tour, t, one, other)
    awake(tour, t)
    awake(tour, s)
    awake(tour, p)
    awake(tour, c)
    awake(tour, e)
    awake(tour, f)


@kernel
def descend(tour: Tour, moves: int, stop: np.ndarray) -> float:
    """Improves the tour around the waiting cities; the length saved.

    Ends when none waits, after `moves` looks at a city, or soon after `stop`, int64 [1], is set.
    """
    saved = 0.0
    made = 0
    while tour.tally[WAITING] > 0 and made < moves and stop[0] == 0:
        city = next_waiting(tour)
        gain = 1.0
        while gain > 0:
            tour.tally[SWAPS] = 0
            gain = improve(tour, city)
            saved += gain
            made += 1
    return saved


@compiled
def step(
    tour: Tour, random: np.ndarray, stop: np.ndarray, steps: int, temperature: float
) -> tuple[int, float]:
    """Kicks and repairs `steps` times, or until `stop` is set; how often, and the length saved.

    Args:
        tour: a tour of at least eight cities, none of which waits.
        random: uint64 [1].
        stop: int64 [1]; another thread may set it.
        steps: how often.
        temperature: the mean of the added length up to which a longer tour is kept.
    """
    done, saved = 0, 0.0
    while done < steps and stop[0] == 0:
        done += 1
        tour.tally[SWAPS] = 0
        change = kick(tour, random)
        while tour.tally[WAITING] > 0:
            city = next_waiting(tour)
            gain = 1.0
            while gain > 0 and tour.tally[SWAPS] < len(tour.swaps):
                gain = improve(tour, city)
                change -= gain
        if change > 0 and change > temperature * exponential(random):
            undo(tour)
        else:
            saved -= change
    return done, saved


@kernel
def kick(tour: Tour, random: np.ndarray) -> float:
    """Puts three short segments that follow one another into the opposite order; the length added.

    That is a double bridge (Martin, Otto and Felten 1991), which no swap takes back.
    """
    matrix, size = tour.matrix, len(tour.order)
    most = min(WINDOW, (size - 1) // 3)
    one = below(random, most) + 1
    two = below(random, most) + 1
    three = below(random, most) + 1
    place = below(random, size)
    a = tour.order[place]
    b = _at(tour, place + 1)
    c, d = _at(tour, place + one), _at(tour, place + one + 1)
    e, f = _at(tour, place + one + two), _at(tour, place + one + two + 1)
    g, h = _at(tour, place + one + two + three), _at(tour, place + one + two + three + 1)
    # a [b .. c] [d .. e] [f .. g] h
    swap(tour, a, one, two + three)  # a [d .. e] [f .. g] [b .. c] h
    swap(tour, a, two, three)  # a [f .. g] [d .. e] [b .. c] h
    for city in (a, b, c, d, e, f, g, h):
        awake(tour, city)
    added = matrix[a, f] + matrix[g, d] + matrix[e, b] + matrix[c, h]
    return added - matrix[a, b] - matrix[c, d] - matrix[e, f] - matrix[g, h]


@inlined
def _at(tour: Tour, place: Whole) -> Whole:
    """The city at a position, which may reach past the array's end."""
    return np.int64(tour.order[place if place < len(tour.order) else place - len(tour.order)])

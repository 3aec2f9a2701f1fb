"""Iterated local search: kicks of cities close together, repaired by exchanges of edges.

A kick is a double bridge (Martin, Otto and Felten 1991), which no sequential exchange of three
edges takes back. Its four edges are found by short random walks over the candidates (Applegate,
Cook and Rohe 2003, "Chained Lin-Kernighan for Large Traveling Salesman Problems"), so that a step
costs nearly the same on tours of any size. A longer tour may be kept, as in simulated annealing.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential
from nco.problems._common.kernels.compiling import Whole, compiled, inlined, kernel
from nco.problems.tsp.kernels.moves import improve
from nco.problems.tsp.kernels.tour import (
    FLIPS,
    WAITING,
    Tour,
    awake,
    exchange,
    leg,
    next_waiting,
    undo,
)

WALK = 5  # steps of a random walk from one edge of a kick to another
WINDOW = 500  # positions between edges of a kick: what lies between them is turned round
WALKS = 20  # that may end too far away, or where one has ended, before another city is tried
ROOM = 4  # flips of a move, at the most: repairs end when there is less room


@kernel
def descend(tour: Tour, moves: int, stop: np.ndarray) -> float:
    """Improves the tour around the waiting cities; the length saved.

    Ends when none waits, after `moves` moves, or soon after `stop`, int64 [1], is set.
    """
    saved = 0.0
    made = 0
    while tour.tally[WAITING] > 0 and made < moves and stop[0] == 0:
        city = next_waiting(tour)
        gain = 1.0
        while gain > 0:
            tour.tally[FLIPS] = 0
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
    places = np.empty(4, dtype=np.int64)
    done, saved = 0, 0.0
    while done < steps and stop[0] == 0:
        done += 1
        tour.tally[FLIPS] = 0
        choose(tour, places, random)
        change = kick(tour, places)
        while tour.tally[WAITING] > 0:
            city = next_waiting(tour)
            gain = 1.0
            while gain > 0 and tour.tally[FLIPS] + ROOM <= len(tour.flips):
                gain = improve(tour, city)
                change -= gain
        if change > 0 and change > temperature * exponential(random):
            undo(tour)
        else:
            saved -= change
    return done, saved


@kernel
def kick(tour: Tour, places: np.ndarray) -> float:
    """Puts three segments that follow one another into the opposite order; the length added.

    Args:
        tour: the tour.
        places: int64 [4], of the cities before the segments and of the last one, in their order.
    """
    a, b = _pair(tour, places[0])
    c, d = _pair(tour, places[1])
    e, f = _pair(tour, places[2])
    g, h = _pair(tour, places[3])
    added = leg(tour, a, f) + leg(tour, g, d) + leg(tour, e, b) + leg(tour, c, h)
    added -= leg(tour, a, b) + leg(tour, c, d) + leg(tour, e, f) + leg(tour, g, h)
    # a [b .. c] [d .. e] [f .. g] h
    exchange(tour, a, b, g, h)  # a [g .. f] [e .. d] [c .. b] h
    exchange(tour, a, g, f, e)  # a [f .. g] [e .. d] [c .. b] h
    exchange(tour, g, e, d, c)  # a [f .. g] [d .. e] [c .. b] h
    exchange(tour, e, c, b, h)  # a [f .. g] [d .. e] [b .. c] h
    for city in (a, b, c, d, e, f, g, h):
        awake(tour, city)
    return added


@inlined
def _pair(tour: Tour, place: Whole) -> tuple[Whole, Whole]:
    """The city at a place, and the one behind it."""
    behind = place + 1 if place + 1 < len(tour.order) else 0
    return tour.order[np.uint32(place)], tour.order[np.uint32(behind)]


@kernel
def choose(tour: Tour, places: np.ndarray, random: np.ndarray) -> None:
    """Sets `places`, int64 [4], to those of a random city and of three near it, for a kick."""
    size = len(tour.order)
    kept: Whole = 0
    while kept < 4 or places[3] - places[0] >= size - 1:
        first = below(random, size)
        places[0] = 0
        kept = 1
        for _ in range(WALKS):
            away = _away(tour, first, _walk(tour, tour.order[np.uint32(first)], random))
            if -WINDOW <= away <= WINDOW:
                kept = _insert(places, kept, away)
            if kept == 4:
                break
    for entry in range(4):
        place = places[entry] + first
        if place < 0:
            place += size
        elif place >= size:
            place -= size
        places[entry] = place


@inlined
def _walk(tour: Tour, city: Whole, random: np.ndarray) -> Whole:
    """Where a random walk over the candidates ends."""
    here = city
    for _ in range(WALK):
        here = tour.near[here, below(random, tour.near.shape[1])]
    return here


@inlined
def _away(tour: Tour, first: Whole, city: Whole) -> Whole:
    """How many places a city is after one of them, or before it, on the shorter way."""
    size = len(tour.order)
    away = np.int64(tour.position[city]) - first
    if away > size // 2:
        away -= size
    elif away < -(size // 2):
        away += size
    return away


@inlined
def _insert(places: np.ndarray, kept: Whole, place: Whole) -> Whole:
    """Puts a place among the first `kept`, which are sorted, unless it is there; their number."""
    entry = kept
    for known in range(kept):
        if places[known] == place:
            return kept
    while entry > 0 and places[entry - 1] > place:
        places[entry] = places[entry - 1]
        entry -= 1
    places[entry] = place
    return kept + 1

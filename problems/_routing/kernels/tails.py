"""Two routes exchange their ends, or a part of one is turned round: what strings cannot do at once.

Potvin and Rousseau (1995), "An Exchange Heuristic for Routeing Problems with Time Windows", and
Croes (1958), "A Method for Solving Traveling-Salesman Problems". What a move adds is known before
anything is changed, so that most are refused after three distances.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential
from nco.problems._common.kernels.compiling import Whole, inlined
from nco.problems._routing.kernels.lists import EMPTY, Routes, leg, note

NEAREST = 10  # neighbours to which a customer may be joined


@inlined
def exchange_ends(
    symmetric: bool,
    limit: float,
    routes: Routes,
    near: np.ndarray,
    seed: Whole,
    temperature: float,
    random: np.ndarray,
) -> float:
    """Tries to join a customer, the seed, to one near it; what that adds, 0 where it is refused.

    Two legs are cut, behind `here` and behind `there`, and the ends joined crosswise.

    Args:
        symmetric: whether all distances are the same both ways; else nothing is turned round.
        limit: of a route's length.
        routes: `lists.Routes`.
        near: uint32 [n+1, K], the nearest customers of each, K at least 1.
        seed: from 1 to n.
        temperature: in the unit of the distances.
        random: uint64 [1].
    """
    here = np.uint32(seed)
    there = near[here, below(random, min(NEAREST, near.shape[1]))]
    one, two = routes.route[here], routes.route[there]
    waits = len(routes.empty)
    turned = symmetric and (one == two or below(random, 2) == 0)
    if one >= waits or two >= waits or (one == two and not turned):
        return 0.0
    if not turned:
        there = routes.before[there]
    elif below(random, 2) == 0:
        here, there = routes.before[here], routes.before[there]
    onward, behind = routes.after[here], routes.after[there]
    cut = routes.ahead[here] + routes.ahead[there]
    if turned:
        joined = leg(routes, here, there)
        added = joined + leg(routes, onward, behind) - cut
    else:
        joined = leg(routes, here, behind)
        added = joined + leg(routes, there, onward) - cut
    if added == 0.0 or added >= temperature * exponential(random):
        return 0.0
    if one == two:
        if routes.length[one] + added > limit:
            return 0.0
        if _precedes(routes, here, there, len(near)):
            turn(routes, onward, there)
        else:
            turn(routes, behind, here)
        routes.length[one] += added
        return added
    leaves, gone, stops = _part(routes, onward, False, len(near))
    comes, come, more = _part(routes, there if turned else behind, turned, len(near))
    length = routes.length[one] - routes.ahead[here] - gone + joined + come
    other = routes.length[one] + routes.length[two] + added - length
    if (
        routes.room[one] + leaves < comes
        or routes.room[two] + comes < leaves
        or length > limit
        or other > limit
    ):
        return 0.0
    if turned:
        depot = np.uint32(len(near) + two)
        turn(routes, routes.after[depot], routes.before[depot])
        there = routes.before[there]
    _cross(routes, here, there, len(near))
    routes.room[one] += leaves - comes
    routes.room[two] += comes - leaves
    routes.stops[one] += more - stops
    routes.stops[two] += stops - more
    routes.length[one], routes.length[two] = length, other
    for route in (one, two):
        if routes.stops[route] == 0:
            routes.length[route] = 0.0
            routes.empty[routes.tally[EMPTY]] = route
            routes.tally[EMPTY] += 1
    return added


@inlined
def _precedes(routes: Routes, here: Whole, there: Whole, first: int) -> bool:
    """Whether one node of a route comes before another one; depots are from `first` on."""
    while True:
        here = routes.after[here]
        if here >= first:
            return False
        if here == there:
            return True


@inlined
def _part(routes: Routes, here: Whole, back: bool, first: int) -> tuple[Whole, float, int]:
    """The load, length and stops of a route from a node on to its end, or back to its beginning."""
    load, length, stops = 0, 0.0, 0
    while here < first:
        load += routes.demand[here]
        stops += 1
        if back:
            length += routes.behind[here]
            here = routes.before[here]
        else:
            length += routes.ahead[here]
            here = routes.after[here]
    return load, length, stops


@inlined
def turn(routes: Routes, start: Whole, end: Whole) -> None:
    """Turns the part of a route from one customer to another one round; its length is not counted.

    Where the part is the whole route, the legs are those it had, the other way.
    """
    left, right = routes.before[start], routes.after[end]
    here = start
    while here != right:
        following = routes.after[here]
        routes.after[here], routes.before[here] = routes.before[here], following
        routes.ahead[here], routes.behind[here] = routes.behind[here], routes.ahead[here]
        note(routes, here)
        here = following
    _link(routes, left, end)
    _link(routes, start, right)


@inlined
def _link(routes: Routes, here: Whole, following: Whole) -> None:
    """Makes one node the next of another."""
    length = leg(routes, here, following)
    routes.after[here] = following
    routes.before[following] = here
    routes.ahead[here] = length
    routes.behind[following] = length
    note(routes, here)


@inlined
def _cross(routes: Routes, here: Whole, there: Whole, first: int) -> None:
    """Exchanges what follows a node of one route and a node of another one."""
    one, two = routes.route[here], routes.route[there]
    onward, behind = routes.after[here], routes.after[there]
    last = routes.before[first + one]
    final = routes.before[first + two]
    _tail(routes, here, behind, final, one, first)
    _tail(routes, there, onward, last, two, first)


@inlined
def _tail(routes: Routes, here: Whole, start: Whole, end: Whole, route: Whole, first: int) -> None:
    """Lets the part from `start` to `end` follow a node of a route, or nothing if it is empty."""
    depot = np.uint32(first + route)
    if start >= first:
        _link(routes, here, depot)
        return
    _link(routes, here, start)
    _link(routes, end, depot)
    while start != depot:
        routes.route[start] = route
        start = routes.after[start]

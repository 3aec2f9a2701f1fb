"""Routes as linked lists that kernels change, undo and remember.

Node 0 is the depot's place and in no list. Customers are 1 to n, and node n + 1 + r is the depot of
route r: an empty route's depot follows itself. A customer that waits for a place says that its
route is R, and one that is left out that it is R + 1. Numbers of nodes are unsigned: numba would
otherwise ask at each index whether it is below 0.
"""

from typing import NamedTuple, Protocol

import numpy as np

from nco.problems._common.kernels.compiling import Whole, compiled, inlined
from nco.problems._routing.kernels.places import Places, distance

COST, LEAST, PAID = 0, 1, 2  # entries of `Routes.price`
EMPTY, CHANGED, BLINK, ACCEPTED, BETTER = 0, 1, 2, 3, 4  # entries of `Routes.tally`


class Routes(NamedTuple):
    """Where the search is, and the best it has seen; N = n + 1 + R nodes.

    Attributes:
        metric: a code of `places.METRICS`.
        matrix: float64 [n+1, n+1] where the metric is `places.MATRIX`, and else [1, 1].
        x, y: float64 [N], coordinates.
        after, before: uint32 [N], the next node and the last one.
        ahead, behind: float64 [N], the legs to the next node and from the last one.
        route: uint32 [N].
        demand: int64 [n+1].
        room: int64 [R+2], what a route can still carry; routes R and R + 1 -1.
        stops: int64 [R], the customers of a route.
        length: float64 [R+2], of a route.
        empty: uint32 [R], a stack of the empty routes.
        price: float64 [3], the cost, that of the best, and what is paid for those left out.
        tally: int64 [5], numbers of empty routes, of nodes changed since the best, of places until
            one is overlooked, of steps accepted and of improvements.
        best: uint32 [N], the next nodes of the best.
        changed: uint32 [N], a stack of the nodes whose next one may have changed since.
        marked: bool [N], whether a node is on that stack.
    """

    metric: int
    matrix: np.ndarray
    x: np.ndarray
    y: np.ndarray
    after: np.ndarray
    before: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray
    route: np.ndarray
    demand: np.ndarray
    room: np.ndarray
    stops: np.ndarray
    length: np.ndarray
    empty: np.ndarray
    price: np.ndarray
    tally: np.ndarray
    best: np.ndarray
    changed: np.ndarray
    marked: np.ndarray


class Linked(Protocol):
    """What `Routes` shares with routes of other problems: see there."""

    @property
    def after(self) -> np.ndarray: ...
    @property
    def before(self) -> np.ndarray: ...
    @property
    def route(self) -> np.ndarray: ...
    @property
    def stops(self) -> np.ndarray: ...
    @property
    def empty(self) -> np.ndarray: ...
    @property
    def tally(self) -> np.ndarray: ...
    @property
    def best(self) -> np.ndarray: ...
    @property
    def changed(self) -> np.ndarray: ...
    @property
    def marked(self) -> np.ndarray: ...


class Journal(NamedTuple):
    """What a step does, and room to do it.

    Attributes:
        moved: uint32 [J], customers that left their routes and, later on, joined one.
        place: uint32 [J], the node before each.
        out: uint32 [J], the customers that wait for a place.
        key: float64 [J], by which they are sorted.
        touched: uint32 [J], routes that lost customers or, later on, got some.
    """

    moved: np.ndarray
    place: np.ndarray
    out: np.ndarray
    key: np.ndarray
    touched: np.ndarray


def journal(most: int) -> Journal:
    """Of steps that move at most so many customers."""
    moved, place, out, touched = (np.zeros(2 * most + 1, dtype=np.uint32) for _ in range(4))
    return Journal(moved, place, out, np.zeros(2 * most + 1), touched)


def empty_routes(where: Places, demand: np.ndarray, room: np.ndarray) -> Routes:
    """R empty routes.

    Args:
        where: the depot and the n customers.
        demand: int64 [n+1].
        room: int64 [R], the routes' capacities.
    """
    size, count = len(demand) - 1, len(room)
    nodes = size + 1 + count
    ends = np.repeat(where.coords[:1], count, 0)
    itself = np.arange(nodes, dtype=np.uint32)
    tally = np.zeros(5, dtype=np.int64)
    tally[EMPTY], tally[BLINK] = count, 1
    return Routes(
        metric=where.metric,
        matrix=where.matrix,
        x=np.append(where.coords[:, 0], ends[:, 0]),
        y=np.append(where.coords[:, 1], ends[:, 1]),
        after=itself,
        before=itself.copy(),
        ahead=np.zeros(nodes),
        behind=np.zeros(nodes),
        route=np.append(np.full(size + 1, count + 1), np.arange(count)).astype(np.uint32),
        demand=demand.astype(np.int64),
        room=np.append(room, [-1, -1]).astype(np.int64),
        stops=np.zeros(count, dtype=np.int64),
        length=np.zeros(count + 2),
        empty=np.arange(count - 1, -1, -1).astype(np.uint32),
        price=np.array([0.0, np.inf, 0.0]),
        tally=tally,
        best=itself.copy(),
        changed=np.zeros(nodes, dtype=np.uint32),
        marked=np.zeros(nodes, dtype=np.bool_),
    )


@inlined
def leg(routes: Routes, start: Whole, end: Whole) -> float:
    """The distance from one node to another."""
    return distance(routes.metric, routes.x, routes.y, routes.matrix, start, end)


@inlined
def take_out(routes: Routes, customer: Whole) -> float:
    """Takes a customer out of its route; what that adds to the length, mostly below 0."""
    last, following, route = routes.before[customer], routes.after[customer], routes.route[customer]
    shortcut = leg(routes, last, following)
    added = shortcut - routes.behind[customer] - routes.ahead[customer]
    routes.ahead[last] = shortcut
    routes.behind[following] = shortcut
    routes.after[last] = following
    routes.before[following] = last
    routes.route[customer] = len(routes.empty)
    routes.room[route] += routes.demand[customer]
    routes.length[route] += added
    routes.stops[route] -= 1
    if routes.stops[route] == 0:
        routes.length[route] = 0.0
        routes.empty[routes.tally[EMPTY]] = route
        routes.tally[EMPTY] += 1
    return added


@inlined
def put_in(routes: Routes, customer: Whole, last: Whole) -> float:
    """Puts a customer behind a node of a route; what that adds to the length.

    Where the route was empty it must be the top of the stack of empty ones.
    """
    following, route = routes.after[last], routes.route[last]
    there = leg(routes, last, customer)
    onward = leg(routes, customer, following)
    added = there + onward - routes.ahead[last]
    routes.ahead[last] = routes.behind[customer] = there
    routes.ahead[customer] = routes.behind[following] = onward
    routes.after[last] = routes.before[following] = customer
    routes.before[customer] = last
    routes.after[customer] = following
    routes.route[customer] = route
    if routes.stops[route] == 0:
        routes.tally[EMPTY] -= 1
    routes.room[route] -= routes.demand[customer]
    routes.length[route] += added
    routes.stops[route] += 1
    return added


@inlined
def undo(routes: Routes, journal: Journal, removed: int, waiting: int, moves: int) -> None:
    """Takes back the moves of a step, the last one first.

    Args:
        journal: its first `removed` of `moves` entries were departures, of the first `waiting`
            customers that are out; the others of these were out before, and are again.
    """
    for entry in range(moves - 1, removed - 1, -1):
        take_out(routes, journal.moved[entry])
    for entry in range(removed - 1, -1, -1):
        put_in(routes, journal.moved[entry], journal.place[entry])
    waits = len(routes.empty)
    for entry in range(waiting):
        if routes.route[journal.out[entry]] == waits:
            routes.route[journal.out[entry]] = waits + 1


@inlined
def note(routes: Linked, node: Whole) -> None:
    """Puts a node whose next one may have changed on the stack."""
    if not routes.marked[node]:
        routes.marked[node] = True
        routes.changed[routes.tally[CHANGED]] = node
        routes.tally[CHANGED] += 1


@inlined
def note_moves(routes: Linked, journal: Journal, moves: int) -> None:
    """Puts the nodes of a step's moves on the stack."""
    for entry in range(moves):
        note(routes, journal.moved[entry])
        note(routes, journal.place[entry])


@inlined
def remember(routes: Linked) -> None:
    """Makes the present routes the best."""
    for entry in range(routes.tally[CHANGED]):
        node = routes.changed[entry]
        routes.marked[node] = False
        routes.best[node] = routes.after[node]
    routes.tally[CHANGED] = 0
    routes.tally[BETTER] += 1


@compiled
def fill(routes: Routes, listed: np.ndarray) -> float:
    """Puts customers into empty routes; the length of all.

    Args:
        routes: all empty.
        listed: uint32 [L], each route's customers followed by a 0, route 0 first.
    """
    first = len(routes.after) - len(routes.empty)
    total, route = 0.0, 0
    last = np.uint32(first)
    for customer in listed:
        if customer == 0:
            route += 1
            last = np.uint32(first + route)
            continue
        if routes.stops[route] == 0:
            _raise(routes.empty, routes.tally[EMPTY] - 1, route)
        total += put_in(routes, customer, last)
        last = customer
    return total


@compiled
def _raise(empty: np.ndarray, top: int, route: int) -> None:
    """Moves a route to the top of the stack."""
    place = top
    while empty[place] != route:
        place -= 1
    for entry in range(place, top):
        empty[entry] = empty[entry + 1]
    empty[top] = route


@compiled
def follow(following: np.ndarray, size: int) -> np.ndarray:
    """The routes that `following`, uint32 [N], holds: uint32, each route's followed by a 0."""
    listed = np.zeros(len(following), dtype=np.uint32)
    count = 0
    for depot in range(size + 1, len(following)):
        here = following[depot]
        while here <= size:
            listed[count] = here
            count += 1
            here = following[here]
        count += 1
    return listed[:count]


def as_lists(listed: np.ndarray) -> list[list[int]]:
    """Routes that are each followed by a 0 as lists, empty ones included."""
    routes: list[list[int]] = [[]]
    for customer in listed.tolist():
        if customer:
            routes[-1].append(customer)
        else:
            routes.append([])
    return routes[:-1]


def as_listed(routes: list[list[int]]) -> np.ndarray:
    """Lists of customers as one array, each route followed by a 0."""
    return np.array([node for route in routes for node in (*route, 0)], dtype=np.uint32)

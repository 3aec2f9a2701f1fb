"""Routes of a rich routing case as linked lists, and the case as arrays.

Clients are 1 to n, and node n + 1 + r is both ends of route r, as in `_routing.kernels.lists`.
Every route belongs to a kind of vehicle for good; those of one kind follow one another. In matrices
the rows 1 to n are the clients', the depots come behind, and row 0 is nowhere: whatever goes there
goes no way, which is how open routes end.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._routing.kernels.lists import EMPTY

MISSING, LEAST_MISSING, OPENED = 5, 6, 7  # entries of `Plan.tally`
SHARE = 3  # entry of `Plan.price`


class Rules(NamedTuple):
    """What may be done and what it costs. N = n + 1 + R nodes, T kinds, K loads, W ways.

    Attributes:
        symmetric: whether all distances are the same both ways.
        many: whether W is more than 1.
        timed: whether durations must be known: they are limited, cost something, or routes may have
            to wait for goods; priced: whether they cost something.
        mixed: whether clients send something to a depot.
        paired: whether there are shipments.
        chained: whether a vehicle may drive several routes, its trips, one after another.
        resting: whether some vehicles must hold a break.
        after: whether all deliveries come before the first pickup; some: whether there must be one.
        distance, duration: float64 [W, S, S].
        origin, target: uint32 [N], the rows from which a node is left and where it is reached.
        open, close, service: float64 [N], when service may begin, and its duration; of a route's
            node when it may depart.
        release: float64 [N], a route with this client departs no earlier.
        delivery, pickup: float64 [n+1, K].
        needed: int64 [n+1], how many are missing without a client. Here and below what a shipment
            needs or costs is said of its pickup.
        prize: float64 [n+1], what it costs to leave a client out, and all others of its group.
        extra: float64 [n+1], what it costs to serve it: prizes of others of its group.
        group: int64 [n+1], 0 for none; members: uint32 [L], of all groups, of which those of group
            g begin at begins[g]: int64 [G+2].
        brings, fetches: uint32 [n+1], of a shipment's pickup its delivery, and the other way round;
            0 for none.
        allowed: bool [T, n+1].
        alone: float64 [T, n+1], the cost of a route with one client; infinity where it is not
            possible.
        way: int64 [T].
        capacity: float64 [T, K].
        fixed, unit, unit_duration, unit_overtime: float64 [T], costs.
        regular, longest: float64 [T], durations up to which there is no overtime, and no more.
        furthest: float64 [T], the longest distance; stops: int64 [T], clients of a route.
        until: float64 [T], the latest end.
        rest: float64 [T, 3], the break: when it begins at the earliest and at the latest, and how
            long it is; it never begins where there is none.
        first: int64 [T+1], the first route of each kind.
        vehicles: int64 [T]; trips: int64 [T], routes of a vehicle.
        kind: int64 [R], of each route.
    """

    symmetric: bool
    many: bool
    timed: bool
    priced: bool
    mixed: bool
    paired: bool
    chained: bool
    resting: bool
    after: bool
    some: bool
    distance: np.ndarray
    duration: np.ndarray
    origin: np.ndarray
    target: np.ndarray
    open: np.ndarray
    close: np.ndarray
    service: np.ndarray
    release: np.ndarray
    delivery: np.ndarray
    pickup: np.ndarray
    needed: np.ndarray
    prize: np.ndarray
    extra: np.ndarray
    group: np.ndarray
    members: np.ndarray
    begins: np.ndarray
    brings: np.ndarray
    fetches: np.ndarray
    allowed: np.ndarray
    alone: np.ndarray
    way: np.ndarray
    capacity: np.ndarray
    fixed: np.ndarray
    unit: np.ndarray
    unit_duration: np.ndarray
    unit_overtime: np.ndarray
    regular: np.ndarray
    longest: np.ndarray
    furthest: np.ndarray
    stops: np.ndarray
    until: np.ndarray
    rest: np.ndarray
    first: np.ndarray
    vehicles: np.ndarray
    trips: np.ndarray
    kind: np.ndarray


class Plan(NamedTuple):
    """Where the search is, and the best it has seen.

    A part of a route is known by three times (Vidal et al. 2013): its least duration, and the
    earliest and the latest time at which it can begin so. Each node has those of the part from the
    departure up to it, and those of the part from it on to the end. The earliest times up to a node
    are those without release times, and without an earlier trip of the vehicle: `leaves` knows
    these, and no route must depart later than at `by`.

    Where a break is to be held there are two earliest and two latest times at each node: with the
    break to come, which may turn out not to be needed, and with the break behind, or before the
    departure. Infinite ones say that a node is not reached so.

    Attributes:
        after, before: uint32 [N], the next node and the last one; route: uint32 [N], as in `lists`.
        ahead: float64 [N], the distance to the next node.
        ready: float64 [N], when a node can be left at the earliest; rested: after the break.
        lasted, latest: float64 [N], the least duration up to there, and the latest departure.
        late: float64 [N], when service must begin at the latest; late_rested: after the break.
        lasts, soonest: float64 [N], the least duration from there on, and its earliest beginning.
        choices: float64 [H, 3], of use within `breaks.period` alone.
        aboard: int64 [N], shipments on board behind a node.
        picked, full: float64 [N, K], what has been picked up by then, and the greatest load so far
            if nothing is delivered later on.
        given, filled: float64 [N, K], what is delivered from there on, and the greatest load from
            there on if nothing was picked up before.
        stops: int64 [R], clients; length, length of time and cost: float64 [R].
        delivered, collected: float64 [R, K], loads of a route.
        goods: float64 [R], when all that a route delivers is there; leaves, by: when it departs at
            the earliest and at the latest; ends: when it is over at the earliest, and soon: the
            same without `leaves`.
        earlier, later: uint32 [R], the trips of the same vehicle before and behind it, R for none.
        used: int64 [T], vehicles in use.
        opened: uint32 [J, 2], the earlier and later trips that routes had which a step has opened.
        best_later: uint32 [R], the trips of the best.
        empty: uint32 [R], for each kind a stack of its empty routes; free: int64 [T], how many.
        price, tally: as in `lists`; and what part of its cost a new route is judged by when its
            first client is chosen, and how many required clients are missing, now and in the best.
        best, changed, marked: as in `lists`.
    """

    after: np.ndarray
    before: np.ndarray
    route: np.ndarray
    ahead: np.ndarray
    ready: np.ndarray
    rested: np.ndarray
    lasted: np.ndarray
    latest: np.ndarray
    late: np.ndarray
    late_rested: np.ndarray
    lasts: np.ndarray
    soonest: np.ndarray
    choices: np.ndarray
    picked: np.ndarray
    full: np.ndarray
    given: np.ndarray
    filled: np.ndarray
    stops: np.ndarray
    length: np.ndarray
    period: np.ndarray
    cost: np.ndarray
    delivered: np.ndarray
    collected: np.ndarray
    aboard: np.ndarray
    goods: np.ndarray
    leaves: np.ndarray
    soon: np.ndarray
    by: np.ndarray
    ends: np.ndarray
    earlier: np.ndarray
    later: np.ndarray
    used: np.ndarray
    opened: np.ndarray
    best_later: np.ndarray
    empty: np.ndarray
    free: np.ndarray
    price: np.ndarray
    tally: np.ndarray
    best: np.ndarray
    changed: np.ndarray
    marked: np.ndarray


class Near(NamedTuple):
    """The neighbours of each client, the nearest first.

    Attributes:
        around: uint32 [n+1, K], by distance alone.
        beside: uint32 [n+1, K, 2], those that may come right before it, and right behind it.
        legs: float64 [n+1, K, 2], their distances by the nearest of all ways.
        keys: float64 [V, n+1], by which clients that wait are sorted.
        weights: int64 [V+1], how often by each; the last one says how often by chance.
    """

    around: np.ndarray
    beside: np.ndarray
    legs: np.ndarray
    keys: np.ndarray
    weights: np.ndarray


@part
def take_out(rules: Rules, plan: Plan, client: Whole) -> None:
    """Takes a client out of its route, whose times `measure` must set anew."""
    last, following, route = plan.before[client], plan.after[client], plan.route[client]
    plan.after[last] = following
    plan.before[following] = last
    plan.route[client] = len(plan.empty)
    plan.stops[route] -= 1
    for load in range(rules.delivery.shape[1]):
        plan.delivered[route, load] -= rules.delivery[client, load]
        plan.collected[route, load] -= rules.pickup[client, load]
    if plan.stops[route] == 0:
        close_route(rules, plan, route)


@part
def put_in(rules: Rules, plan: Plan, client: Whole, last: Whole) -> None:
    """Puts a client behind a node of a route, whose times must be set anew.

    Where the route was empty it must be the top of its stack, and know its earlier and later trips.
    """
    following, route = plan.after[last], plan.route[last]
    plan.after[last] = plan.before[following] = client
    plan.before[client] = last
    plan.after[client] = following
    plan.route[client] = route
    if plan.stops[route] == 0:
        open_route(rules, plan, route)
    plan.stops[route] += 1
    for load in range(rules.delivery.shape[1]):
        plan.delivered[route, load] += rules.delivery[client, load]
        plan.collected[route, load] += rules.pickup[client, load]


@part
def close_route(rules: Rules, plan: Plan, route: Whole) -> None:
    """Counts a route as empty; it keeps its place among the trips for `open_route`."""
    kind, nobody = rules.kind[route], len(plan.empty)
    plan.empty[rules.first[kind] + plan.free[kind]] = route
    plan.free[kind] += 1
    plan.tally[EMPTY] += 1
    earlier, later = plan.earlier[route], plan.later[route]
    if earlier == nobody and later == nobody:
        plan.used[kind] -= 1
    if earlier < nobody:
        plan.later[earlier] = later
    if later < nobody:
        plan.earlier[later] = earlier


@part
def open_route(rules: Rules, plan: Plan, route: Whole) -> None:
    """Counts a route that was the last to be closed, or is on top, as used."""
    kind, nobody = rules.kind[route], len(plan.empty)
    plan.free[kind] -= 1
    plan.tally[EMPTY] -= 1
    earlier, later = plan.earlier[route], plan.later[route]
    if earlier == nobody and later == nobody:
        plan.used[kind] += 1
    if earlier < nobody:
        plan.later[earlier] = route
    if later < nobody:
        plan.earlier[later] = route

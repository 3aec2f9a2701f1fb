"""Where a client costs least: beside one of its neighbours, or on a route of its own."""

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._routing.kernels.lists import BLINK
from nco.problems.vrp.kernels.plan import OPENED, SHARE, Near, Plan, Rules, put_in
from nco.problems.vrp.kernels.times import (
    account,
    backwards,
    can_carry,
    detour,
    forwards,
    measure,
    weigh,
)

OVERLOOKED = 199  # of so many better places one is overlooked, at the most


@part
def choose(
    rules: Rules, plan: Plan, near: Near, client: Whole, random: np.ndarray
) -> tuple[float, Whole, Whole]:
    """What a client, or another one of its group, costs at least: see `cheapest`; and who it is."""
    least = rules.prize[client]
    where: Whole = np.uint32(0)
    chosen: Whole = np.uint32(client)
    group = rules.group[client]
    first, end = rules.begins[group], rules.begins[group + 1]
    if group == 0:
        first, end = 0, 1
    for entry in range(first, end):
        member = rules.members[entry] if group > 0 else np.uint32(client)
        least_of_all = least - rules.extra[member]
        added, place = cheapest(rules, plan, near, member, least_of_all, random)
        if place > 0:
            least, where, chosen = added + rules.extra[member], place, member
    return least, where, chosen


@part
def cheapest(
    rules: Rules, plan: Plan, near: Near, client: Whole, least: float, random: np.ndarray
) -> tuple[float, Whole]:
    """Where a client adds least, if below `least`, and the node before it then; else 0.

    From a near node on, a leg to the client and on to a farther node is longer than the leg that it
    replaces by twice that to the client less that leg, or more: most places need no second look.
    """
    where: Whole = np.uint32(0)
    nobody = len(plan.empty)
    for kind in range(len(rules.way)):
        if plan.free[kind] > 0:
            least, where = open_for(rules, plan, kind, client, least, where)
    for rank in range(near.beside.shape[1]):
        for side in range(2):
            other = near.beside[client, rank, side]
            if plan.route[other] < nobody:
                last = other if side == 0 else plan.before[other]
                leg = near.legs[client, rank, side]
                least, where = _try(rules, plan, client, last, leg, least, where, random)
    return least, where


@part
def open_for(
    rules: Rules, plan: Plan, kind: Whole, client: Whole, least: float, where: Whole
) -> tuple[float, Whole]:
    """Looks at a new route of a kind for a client: of a new vehicle, or as one more trip."""
    share = plan.price[SHARE]
    alone = share * rules.alone[kind, client]
    nobody = len(plan.empty)
    slot = plan.empty[rules.first[kind] + plan.free[kind] - 1]
    depot = np.uint32(rules.delivery.shape[0] + slot)
    found = False
    earlier: Whole = nobody
    later: Whole = nobody
    if alone < least and plan.used[kind] < rules.vehicles[kind]:
        least, where, found = alone, depot, True
    alone -= share * rules.fixed[kind]
    if rules.chained and rules.trips[kind] > 1 and alone < least:
        for route in range(rules.first[kind], rules.first[kind + 1]):
            if plan.stops[route] == 0 or alone >= least:
                continue
            following = plan.later[route]
            until = rules.until[kind] if following >= nobody else plan.by[following]
            if _fits_between(rules, plan, kind, client, depot, plan.ends[route], until):
                least, where, found = alone, depot, True
                earlier, later = np.int64(route), np.int64(following)
            elif plan.earlier[route] >= nobody and _fits_between(
                rules, plan, kind, client, depot, 0.0, plan.by[route]
            ):
                least, where, found = alone, depot, True
                earlier, later = nobody, np.int64(route)
    if found:
        plan.opened[len(plan.opened) - 1, 0] = earlier
        plan.opened[len(plan.opened) - 1, 1] = later
    return least, where


@part
def _fits_between(
    rules: Rules,
    plan: Plan,
    kind: Whole,
    client: Whole,
    depot: Whole,
    leaves: float,
    until: float,
) -> bool:
    """Whether a trip with one client can depart at a time or later and be back in time."""
    way = rules.way[kind]
    departure = max(leaves, rules.release[client], rules.open[depot])
    if departure > rules.close[depot]:
        return False
    departure += rules.service[depot]
    begin = departure + rules.duration[way, rules.origin[depot], client]
    begin = max(begin, rules.open[client])
    if begin > rules.close[client]:
        return False
    ends = begin + rules.service[client] + rules.duration[way, client, rules.target[depot]]
    return max(ends, plan.soonest[depot]) <= until


@part
def _try(
    rules: Rules,
    plan: Plan,
    client: Whole,
    last: Whole,
    leg: float,
    least: float,
    where: Whole,
    random: np.ndarray,
) -> tuple[float, Whole]:
    """Looks at the place behind a node, `leg` from or to which is the shorter one of two."""
    route = plan.route[last]
    kind = rules.kind[route]
    if not rules.priced and (leg + leg - plan.ahead[last]) * rules.unit[kind] >= least:
        return least, where
    if not rules.allowed[kind, client] or plan.stops[route] >= rules.stops[kind]:
        return least, where
    if not can_carry(rules, plan, client, last):
        return least, where
    added = detour(rules, plan, client, last, least)
    if added < least:
        plan.tally[BLINK] -= 1
        if plan.tally[BLINK] > 0:
            return added, last
        plan.tally[BLINK] = below(random, OVERLOOKED) + 1
    return least, where


@part
def prepare_route(rules: Rules, plan: Plan, last: Whole) -> None:
    """Gives an empty route, which is about to be used, the trips that `open_for` chose for it."""
    route = plan.route[last]
    if plan.stops[route] > 0:
        return
    entry = plan.tally[OPENED]
    plan.opened[entry, 0], plan.opened[entry, 1] = plan.earlier[route], plan.later[route]
    plan.tally[OPENED] += 1
    plan.earlier[route] = plan.opened[len(plan.opened) - 1, 0]
    plan.later[route] = plan.opened[len(plan.opened) - 1, 1]


@part
def join(rules: Rules, plan: Plan, client: Whole, last: Whole) -> float:
    """Puts a client behind a node where it may be; what that costs."""
    route = plan.route[last]
    way = rules.way[rules.kind[route]]
    prepare_route(rules, plan, last)
    put_in(rules, plan, client, last)
    if rules.chained:
        return measure(rules, plan, route)
    following = plan.after[client]
    there = rules.distance[way, rules.origin[last], client]
    onward = rules.distance[way, client, rules.target[following]]
    former = plan.cost[route]
    if plan.stops[route] == 1:
        plan.length[route], plan.goods[route] = there + onward, rules.release[client]
    else:
        plan.length[route] += there + onward - plan.ahead[last]
        plan.goods[route] = max(plan.goods[route], rules.release[client])
    plan.ahead[last], plan.ahead[client] = there, onward
    forwards(rules, plan, client, way, True)
    backwards(rules, plan, client, way, True)
    if rules.mixed:
        weigh(rules, plan, route)
    return account(rules, plan, route, former)

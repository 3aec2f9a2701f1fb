"""Where a client costs least: beside one of its neighbours, or on a route of its own."""

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._routing.kernels.lists import BLINK
from nco.problems.vrp.kernels.plan import Near, Plan, Rules, put_in
from nco.problems.vrp.kernels.times import account, backwards, can_carry, detour, forwards, weigh

OVERLOOKED = 199  # of so many better places one is overlooked, at the most


@part
def cheapest(
    rules: Rules, plan: Plan, near: Near, client: Whole, random: np.ndarray
) -> tuple[float, Whole]:
    """What a client costs at least, and the node before it then, 0 to leave it out.

    From a near node on, a leg to the client and on to a farther node is longer than the leg that it
    replaces by twice that to the client less that leg, or more: most places need no second look.
    """
    least, where = rules.prize[client], np.uint32(0)
    size, nobody = rules.delivery.shape[0], len(plan.empty)
    for kind in range(len(rules.way)):
        if plan.free[kind] > 0 and rules.alone[kind, client] < least:
            least = rules.alone[kind, client]
            route = plan.empty[rules.first[kind] + plan.free[kind] - 1]
            where = np.uint32(size + route)
    for rank in range(near.beside.shape[1]):
        for side in range(2):
            other = near.beside[client, rank, side]
            if plan.route[other] < nobody:
                last = other if side == 0 else plan.before[other]
                leg = near.legs[client, rank, side]
                least, where = _try(rules, plan, client, last, leg, least, where, random)
    return least, where


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
    if not rules.timed and (leg + leg - plan.ahead[last]) * rules.unit[kind] >= least:
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
def join(rules: Rules, plan: Plan, client: Whole, last: Whole) -> float:
    """Puts a client behind a node where it may be; what that costs."""
    route = plan.route[last]
    way = rules.way[rules.kind[route]]
    put_in(rules, plan, client, last)
    following = plan.after[client]
    there = rules.distance[way, rules.origin[last], client]
    onward = rules.distance[way, client, rules.target[following]]
    former = plan.cost[route]
    if plan.stops[route] == 1:
        plan.length[route] = there + onward
    else:
        plan.length[route] += there + onward - plan.ahead[last]
    plan.ahead[last], plan.ahead[client] = there, onward
    forwards(rules, plan, client, way, True)
    backwards(rules, plan, client, way, True)
    if rules.mixed:
        weigh(rules, plan, route)
    return account(rules, plan, route, former)

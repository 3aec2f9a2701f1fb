"""Shipments: a pickup and its delivery join a route together, and leave it together."""

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._routing.kernels.lists import BLINK, Journal
from nco.problems.vrp.kernels.insertion import OVERLOOKED, open_for, prepare_route
from nco.problems.vrp.kernels.plan import Near, Plan, Rules, put_in, take_out
from nco.problems.vrp.kernels.times import later_cost, measure


@part
def complete_pairs(
    rules: Rules, plan: Plan, journal: Journal, removed: int, waiting: int
) -> tuple[int, int]:
    """Lets the partners of clients that have left leave too; how many have left, and wait.

    Of a shipment the pickup waits for both.
    """
    nobody, alone = len(plan.empty), removed
    for entry in range(alone):
        client = journal.moved[entry]
        partner = max(rules.brings[client], rules.fetches[client])
        if partner > 0 and plan.route[partner] < nobody:
            journal.moved[removed] = partner
            journal.place[removed] = plan.before[partner]
            take_out(rules, plan, partner)
            removed += 1
    kept = 0
    for entry in range(waiting):
        client = journal.out[entry]
        if rules.fetches[client] > 0:
            plan.route[client] = nobody + 2
        else:
            journal.out[kept] = client
            kept += 1
    for entry in range(alone, removed):
        client = journal.moved[entry]
        if rules.fetches[client] > 0:
            plan.route[client] = nobody + 2
        else:
            journal.out[kept] = client
            kept += 1
    return removed, kept


@part
def cheapest_pair(
    rules: Rules, plan: Plan, near: Near, pickup: Whole, random: np.ndarray
) -> tuple[float, Whole, Whole]:
    """What a shipment adds at least, and behind which nodes its two stops come, 0 to leave it out.

    The delivery may come right behind the pickup, or behind a node that was there before.
    """
    least = rules.prize[pickup]
    where: Whole = np.uint32(0)
    second: Whole = np.uint32(pickup)
    nobody = len(plan.empty)
    for kind in range(len(rules.way)):
        if plan.free[kind] > 0 and plan.used[kind] < rules.vehicles[kind]:
            least, where = open_for(rules, plan, kind, pickup, least, where)
    for rank in range(near.beside.shape[1]):
        for side in range(2):
            other = near.beside[pickup, rank, side]
            if plan.route[other] >= nobody:
                continue
            last = other if side == 0 else plan.before[other]
            kind = rules.kind[plan.route[last]]
            leg = near.legs[pickup, rank, side]
            if not rules.priced and (leg + leg - plan.ahead[last]) * rules.unit[kind] >= least:
                continue
            if not rules.allowed[kind, pickup]:
                continue
            if plan.stops[plan.route[last]] + 2 > rules.stops[kind]:
                continue
            added, behind = best_delivery(rules, plan, pickup, last, least)
            if added < least:
                plan.tally[BLINK] -= 1
                if plan.tally[BLINK] == 0:
                    plan.tally[BLINK] = below(random, OVERLOOKED) + 1
                else:
                    least, where, second = added, last, behind
    return least, where, second


@part
def best_delivery(
    rules: Rules, plan: Plan, pickup: Whole, last: Whole, least: float
) -> tuple[float, Whole]:
    """The least that a shipment adds with its pickup behind a node, and what its delivery follows.

    Infinity where it adds no less than `least`.
    """
    delivery, route = rules.brings[pickup], plan.route[last]
    kind, size = rules.kind[route], rules.delivery.shape[0]
    way = rules.way[kind]
    best, second = np.inf, np.uint32(pickup)
    here, there = np.uint32(pickup), plan.after[last]
    ride = rules.duration[way, rules.origin[last], pickup]
    begin = max(plan.ready[last] + ride, rules.open[pickup])
    if begin > rules.close[pickup] or not _has_room(rules, plan, kind, pickup, last):
        return best, second
    ready = begin + rules.service[pickup]
    lasted, latest = _further(rules, plan.lasted[last], plan.latest[last], ride, pickup)
    detour = rules.distance[way, rules.origin[last], pickup] - plan.ahead[last]
    leaves = max(plan.leaves[route], rules.release[pickup], rules.release[delivery])
    while ready <= rules.close[delivery]:
        end = rules.target[there]
        further = detour + rules.distance[way, here, delivery] + rules.distance[way, delivery, end]
        if here != pickup:
            further -= plan.ahead[here]
        added = rules.unit[kind] * further
        if (added < least or rules.priced) and (
            plan.length[route] + further <= rules.furthest[kind]
        ):
            ride = rules.duration[way, here, delivery]
            onward = rules.duration[way, delivery, end]
            begin = max(ready + ride, rules.open[delivery])
            served = begin + rules.service[delivery] + onward
            if begin <= rules.close[delivery] and served <= plan.late[there]:
                if rules.timed:
                    lasts, by = _further(rules, lasted, latest, ride, delivery)
                    added += later_cost(rules, plan, route, there, lasts, by, onward, leaves)
                if added < least:
                    least, best, second = added, added, here
        if there >= size:
            break
        if here == pickup:
            detour += rules.distance[way, here, there]
        ride = rules.duration[way, here, there]
        begin = max(ready + ride, rules.open[there])
        if begin > plan.late[there] or not _has_room(rules, plan, kind, pickup, there):
            break
        ready = begin + rules.service[there]
        lasted, latest = _further(rules, lasted, latest, ride, there)
        here, there = there, plan.after[there]
    return best, second


@part
def _further(
    rules: Rules, lasted: float, latest: float, ride: float, client: Whole
) -> tuple[float, float]:
    """The least duration and the latest departure of a part with one more client."""
    if not rules.timed:
        return lasted, latest
    so_far = lasted + ride
    wait = max(0.0, rules.open[client] - so_far - latest)
    return so_far + wait + rules.service[client], min(latest, rules.close[client] - so_far)


@part
def _has_room(rules: Rules, plan: Plan, kind: Whole, pickup: Whole, here: Whole) -> bool:
    """Whether a vehicle can carry a shipment too when it leaves a node."""
    following = plan.after[here]
    for load in range(rules.delivery.shape[1]):
        carried = plan.picked[here, load] + plan.given[following, load]
        if carried + rules.pickup[pickup, load] > rules.capacity[kind, load]:
            return False
    return True


@part
def join_pair(rules: Rules, plan: Plan, pickup: Whole, last: Whole, second: Whole) -> float:
    """Puts both stops of a shipment behind the nodes that `cheapest_pair` found; what it costs."""
    prepare_route(rules, plan, last)
    put_in(rules, plan, pickup, last)
    put_in(rules, plan, rules.brings[pickup], second)
    return measure(rules, plan, plan.route[last])

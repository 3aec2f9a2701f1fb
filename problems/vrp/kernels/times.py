"""Times, loads, lengths and costs along a route, and what one more client would change.

Vidal, Crainic, Gendreau and Prins (2013), "A hybrid genetic algorithm with adaptive diversity
management for a large class of vehicle routing problems with time-windows", section 4.5: two parts
of a route are joined in constant time. Here no part is ever late.
"""

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part, shared
from nco.problems.vrp.kernels.breaks import (
    has_break,
    is_in_time,
    latest_begins,
    least_period,
    served,
)
from nco.problems.vrp.kernels.plan import Plan, Rules


@shared
def measure(rules: Rules, plan: Plan, route: Whole) -> float:
    """Sets all figures of a route; what its cost changes by, infinity where it breaks a rule."""
    change = survey(rules, plan, route)
    return change + link(rules, plan, route) if rules.chained else change


@shared
def measure_all(rules: Rules, plan: Plan, touched: np.ndarray, count: int) -> float:
    """Sets all figures of the first `count` of routes that were touched, as `measure`.

    Trips of a vehicle depend on one another: all are surveyed before they are linked.
    """
    change = 0.0
    for entry in range(count):
        route, known = touched[entry], False
        for other in range(entry):
            known = known or touched[other] == route
        if not known:
            change += survey(rules, plan, route)
    if rules.chained:
        for entry in range(count):
            change += link(rules, plan, touched[entry])
    return change


@part
def survey(rules: Rules, plan: Plan, route: Whole) -> float:
    """As `measure`, but of trips of the same vehicle nothing is known yet: see `link`."""
    size = rules.delivery.shape[0]
    kind = rules.kind[route]
    way = rules.way[kind]
    depot = np.uint32(size + route)
    former = plan.cost[route]
    plan.length[route] = plan.period[route] = plan.goods[route] = 0.0
    if plan.stops[route] == 0:
        plan.cost[route] = 0.0
        return -former
    depart(rules, plan, depot)
    in_time = forwards(rules, plan, plan.after[depot], way, False)
    if not rules.chained:
        backwards(rules, plan, plan.before[depot], way, False)
    length, goods, here = 0.0, 0.0, depot
    while True:
        following = plan.after[here]
        leg = rules.distance[way, rules.origin[here], rules.target[following]]
        plan.ahead[here] = leg
        length += leg
        if following == depot:
            break
        here = following
        goods = max(goods, rules.release[here])
    plan.length[route], plan.goods[route] = length, goods
    onward = rules.duration[way, rules.origin[here], rules.target[depot]]
    if rules.resting:
        in_time = in_time and goes_on(rules, plan, here, onward, depot)
    else:  # `late` of the end may be that of a plan before: `link` sets it for trips
        in_time = in_time and plan.ready[here] + onward <= rules.until[kind]
    plan.soon[route] = max(plan.ready[here] + onward, plan.soonest[depot])
    if not in_time:
        plan.soon[route] = np.inf
    carries = weigh(rules, plan, route)
    change = account(rules, plan, route, former)
    return change if in_time and carries else np.inf


@part
def account(rules: Rules, plan: Plan, route: Whole, former: float) -> float:
    """Sets duration and cost of a route that is in time; what it costs more than before.

    Infinity where it is too long, has too many stops or waits too long for its goods.
    """
    kind = rules.kind[route]
    if rules.timed:
        depot = np.uint32(rules.delivery.shape[0] + route)
        last = plan.before[depot]
        ride = rules.duration[rules.way[kind], rules.origin[last], rules.target[depot]]
        plan.period[route] = joined(
            plan.lasted[last],
            plan.latest[last],
            plan.lasts[depot],
            plan.soonest[depot],
            ride,
        )
        if has_break(rules, kind):
            plan.period[route] = least_period(rules, plan, depot, depot, np.uint32(0))
    if rules.chained:
        return 0.0
    cost = rules.fixed[kind] + rules.unit[kind] * plan.length[route]
    plan.cost[route] = cost + pay(rules, kind, plan.period[route])
    if plan.length[route] > rules.furthest[kind] or plan.period[route] > rules.longest[kind]:
        return np.inf
    if plan.stops[route] > rules.stops[kind]:
        return np.inf
    if rules.timed:
        plan.leaves[route] = plan.goods[route]
        if plan.goods[route] > latest_departure(rules, plan, route):
            return np.inf
    return plan.cost[route] - former


@part
def latest_departure(rules: Rules, plan: Plan, route: Whole) -> float:
    """When a route that is not empty must depart, with the least duration."""
    depot = np.uint32(rules.delivery.shape[0] + route)
    last = plan.before[depot]
    ride = rules.duration[rules.way[rules.kind[route]], rules.origin[last], rules.target[depot]]
    late = plan.late_rested[depot] if rules.resting else plan.late[depot]
    return min(plan.latest[last], late - plan.lasted[last] - ride)


@part
def link(rules: Rules, plan: Plan, route: Whole) -> float:
    """Sets times and costs of all trips of a route's vehicle; as `measure`.

    A route that was closed is not among them.
    """
    size, nobody = rules.delivery.shape[0], len(plan.empty)
    here = route
    if plan.stops[route] == 0:
        here = plan.earlier[route]
        if here >= nobody or plan.stops[here] == 0:
            here = plan.later[route]
        if here >= nobody or plan.stops[here] == 0:
            return 0.0
    while plan.earlier[here] < nobody:
        here = plan.earlier[here]
    kind = rules.kind[here]
    way, head = rules.way[kind], here
    change, ended, fixed, trips = 0.0, -np.inf, rules.fixed[kind], 0
    while True:
        plan.leaves[here] = max(plan.goods[here], ended)
        ended = max(plan.soon[here], plan.leaves[here] + plan.period[here])
        plan.ends[here] = ended
        cost = fixed + rules.unit[kind] * plan.length[here]
        change += cost - plan.cost[here]
        plan.cost[here] = cost
        fixed = 0.0
        trips += 1
        if plan.later[here] >= nobody:
            break
        here = plan.later[here]
    until = rules.until[kind]
    in_time = trips <= rules.trips[kind]
    while True:
        depot = np.uint32(size + here)
        plan.late[depot] = until
        backwards(rules, plan, plan.before[depot], way, False)
        plan.by[here] = latest_departure(rules, plan, here)
        in_time = in_time and plan.leaves[here] <= plan.by[here] and plan.soon[here] < np.inf
        until = min(rules.until[kind], plan.by[here])
        if here == head:
            break
        here = plan.earlier[here]
    return change if in_time else np.inf


@part
def pay(rules: Rules, kind: Whole, period: float) -> float:
    """The cost of a route's duration."""
    if not rules.priced:
        return 0.0
    overtime = max(0.0, period - rules.regular[kind])
    return rules.unit_duration[kind] * period + rules.unit_overtime[kind] * overtime


@part
def joined(lasted: float, latest: float, lasts: float, soonest: float, ride: float) -> float:
    """The least duration of two parts, one after the other, with a ride between them."""
    return lasted + ride + lasts + max(0.0, soonest - lasted - ride - latest)


@part
def weigh(rules: Rules, plan: Plan, route: Whole) -> bool:
    """Sets the loads along a route; whether it can carry them, and in the order that is asked."""
    kind, size = rules.kind[route], rules.delivery.shape[0]
    depot = np.uint32(size + route)
    carries, delivers, collects, in_order = True, False, False, True
    for load in range(rules.delivery.shape[1]):
        delivers = delivers or plan.delivered[route, load] > 0
        collects = collects or plan.collected[route, load] > 0
        carries = carries and plan.delivered[route, load] <= rules.capacity[kind, load]
        if not rules.mixed:
            continue
        picked, full = 0.0, 0.0
        here = plan.after[depot]
        while here < size:
            delivery, pickup = rules.delivery[here, load], rules.pickup[here, load]
            full = max(full + delivery, picked + max(delivery, pickup))
            picked += pickup
            plan.picked[here, load] = picked
            plan.full[here, load] = full
            here = plan.after[here]
        given, filled = 0.0, 0.0
        here = plan.before[depot]
        while here < size:
            delivery, pickup = rules.delivery[here, load], rules.pickup[here, load]
            filled = max(max(delivery, pickup) + given, pickup + filled)
            given += delivery
            plan.given[here, load] = given
            plan.filled[here, load] = filled
            here = plan.before[here]
        carries = carries and full <= rules.capacity[kind, load]
    if rules.paired:
        aboard, here = 0, plan.after[depot]
        while here < size:
            if rules.brings[here] > 0:
                aboard += 1
            elif rules.fetches[here] > 0:
                aboard -= 1
            plan.aboard[here] = aboard
            here = plan.after[here]
    if rules.after and delivers and collects:
        in_order = _in_order(rules, plan, depot)
    return carries and in_order and not (rules.some and collects and not delivers)


@part
def _in_order(rules: Rules, plan: Plan, depot: Whole) -> bool:
    """Whether a route delivers before it picks up."""
    begun, here = False, plan.after[depot]
    while here < len(rules.needed):
        for load in range(rules.delivery.shape[1]):
            if begun and rules.delivery[here, load] > 0:
                return False
        for load in range(rules.delivery.shape[1]):
            begun = begun or rules.pickup[here, load] > 0
        here = plan.after[here]
    return True


@part
def can_carry(rules: Rules, plan: Plan, client: Whole, last: Whole) -> bool:
    """Whether a route has room for a client behind one of its nodes, and may serve it there."""
    route, following = plan.route[last], plan.after[last]
    kind = rules.kind[route]
    delivers, gives, takes, given_later, taken_before = False, False, False, False, False
    for load in range(rules.delivery.shape[1]):
        delivery, pickup = rules.delivery[client, load], rules.pickup[client, load]
        delivers = delivers or plan.delivered[route, load] + delivery > 0
        gives = gives or delivery > 0
        takes = takes or pickup > 0
        most = rules.capacity[kind, load]
        if plan.delivered[route, load] + delivery > most:
            return False
        if not rules.mixed:
            continue
        if plan.collected[route, load] + pickup > most:
            return False
        picked, given = plan.picked[last, load], plan.given[following, load]
        taken_before = taken_before or picked > 0
        given_later = given_later or given > 0
        before = max(plan.full[last, load] + delivery, picked + max(delivery, pickup)) + given
        if max(before, picked + pickup + plan.filled[following, load]) > most:
            return False
    if rules.after and ((gives and taken_before) or (takes and given_later)):
        return False
    return delivers or not rules.some or not takes


@part
def depart(rules: Rules, plan: Plan, depot: Whole) -> None:
    """Sets the times of a route's departure."""
    plan.ready[depot] = rules.open[depot] + rules.service[depot]
    plan.lasted[depot] = rules.service[depot]
    plan.latest[depot] = rules.close[depot]


@part
def goes_on(rules: Rules, plan: Plan, here: Whole, ride: float, there: Whole) -> bool:
    """Whether a ride from one node is in time for another one and all that follows it.

    Args:
        there: a node that stays, with all behind it, or the route's end.
    """
    if not rules.resting:
        return plan.ready[here] + ride <= plan.late[there]
    return is_in_time(rules, plan, plan.ready[here], plan.rested[here], ride, there)


@part
def forwards(rules: Rules, plan: Plan, here: Whole, way: Whole, new: bool) -> bool:
    """Sets the times up to each node, from one node on to the end; whether none begins too late.

    Args:
        new: whether that node alone is new in the route: the others' times may be left as they are
            from one on where they do not change.
    """
    size = rules.delivery.shape[0]
    begun, in_time = False, True
    while here < size:
        last = plan.before[here]
        ride = rules.duration[way, rules.origin[last], here]
        if rules.resting:
            kind = rules.kind[plan.route[here]]
            ready, rested = served(rules, plan, last, ride, here, kind)
            in_time = in_time and min(ready, rested) < np.inf
            same = begun and ready == plan.ready[here] and rested == plan.rested[here]
            plan.rested[here] = rested
        else:
            begin = max(plan.ready[last] + ride, rules.open[here])
            in_time = in_time and begin <= rules.close[here]
            ready = begin + rules.service[here]
            same = begun and ready == plan.ready[here]
        plan.ready[here] = ready
        if rules.timed:
            so_far = plan.lasted[last] + ride
            wait = max(0.0, rules.open[here] - so_far - plan.latest[last])
            lasted = so_far + wait + rules.service[here]
            latest = min(plan.latest[last], rules.close[here] - so_far)
            same = same and lasted == plan.lasted[here] and latest == plan.latest[here]
            plan.lasted[here] = lasted
            plan.latest[here] = latest
        if same:
            break
        begun = new
        here = plan.after[here]
    return in_time


@part
def backwards(rules: Rules, plan: Plan, here: Whole, way: Whole, new: bool) -> None:
    """Sets the times from each node on, from one node back to the beginning; `new` as before."""
    size = rules.delivery.shape[0]
    begun = False
    while here < size:
        following = plan.after[here]
        ride = rules.duration[way, here, rules.target[following]] + rules.service[here]
        late = min(rules.close[here], plan.late[following] - ride)
        same = begun
        if rules.resting:
            late, rested = latest_begins(rules, plan, here, following, ride, late)
            same = same and rested == plan.late_rested[here]
            plan.late_rested[here] = rested
        same = same and late == plan.late[here]
        plan.late[here] = late
        if rules.timed:
            wait = max(0.0, plan.soonest[following] - ride - rules.close[here])
            lasts = ride + wait + plan.lasts[following]
            soonest = max(plan.soonest[following] - ride, rules.open[here]) - wait
            same = same and lasts == plan.lasts[here] and soonest == plan.soonest[here]
            plan.lasts[here] = lasts
            plan.soonest[here] = soonest
        if same:
            break
        begun = new
        here = plan.before[here]


@part
def detour(rules: Rules, plan: Plan, client: Whole, last: Whole, least: float) -> float:
    """What it costs to put a client behind a node; infinity where it may not, or not below `least`.

    Its load is not looked at.
    """
    route, following = plan.route[last], plan.after[last]
    kind = rules.kind[route]
    way = rules.way[kind]
    start, end = rules.origin[last], rules.target[following]
    further = rules.distance[way, start, client] + rules.distance[way, client, end]
    further -= plan.ahead[last]
    added = rules.unit[kind] * further
    if added >= least and not rules.priced:
        return np.inf
    there, onward = rules.duration[way, start, client], rules.duration[way, client, end]
    if rules.resting:
        ready, rested = served(rules, plan, last, there, client, kind)
        if not is_in_time(rules, plan, ready, rested, onward, following):
            return np.inf
    else:
        begin = max(plan.ready[last] + there, rules.open[client])
        if begin > rules.close[client]:
            return np.inf
        if begin + rules.service[client] + onward > plan.late[following]:
            return np.inf
    if plan.length[route] + further > rules.furthest[kind]:
        return np.inf
    if rules.timed and has_break(rules, kind):
        depot = np.uint32(rules.delivery.shape[0] + route)
        period = least_period(rules, plan, depot, last, client)
        if period > rules.longest[kind]:
            return np.inf
        added += pay(rules, kind, period) - pay(rules, kind, plan.period[route])
    elif rules.timed:
        so_far = plan.lasted[last] + there
        wait = max(0.0, rules.open[client] - so_far - plan.latest[last])
        lasted = so_far + wait + rules.service[client]
        latest = min(plan.latest[last], rules.close[client] - so_far)
        goods = max(plan.leaves[route], rules.release[client])
        added += later_cost(rules, plan, route, following, lasted, latest, onward, goods)
    return added if added < least else np.inf


@part
def later_cost(
    rules: Rules,
    plan: Plan,
    route: Whole,
    following: Whole,
    lasted: float,
    latest: float,
    onward: float,
    leaves: float,
) -> float:
    """What a route costs more by its new duration; infinity where it is too long or too late.

    Args:
        following: a node that stays, with all behind it.
        lasted, latest: of what comes before, and `onward` from there to the node.
        leaves: when the route can depart.
    """
    kind = rules.kind[route]
    if leaves > min(latest, plan.late[following] - lasted - onward):
        return np.inf
    period = joined(lasted, latest, plan.lasts[following], plan.soonest[following], onward)
    if period > rules.longest[kind]:
        return np.inf
    return pay(rules, kind, period) - pay(rules, kind, plan.period[route])

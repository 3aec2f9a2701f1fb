"""Two routes exchange their ends, a part is turned, and a route goes to another kind of vehicle.

Potvin and Rousseau (1995), "An Exchange Heuristic for Routeing Problems with Time Windows": 2-opt*.
What an exchange adds is known before anything is changed, so that most are refused at once.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential
from nco.problems._common.kernels.compiling import Whole, part, shared
from nco.problems._routing.kernels.lists import note
from nco.problems.vrp.kernels.plan import Near, Plan, Rules, close_route, open_route
from nco.problems.vrp.kernels.times import goes_on, joined, link, measure, pay, survey

NEAREST = 10  # neighbours to which a client may be joined


@part
def exchange_ends(
    rules: Rules, plan: Plan, near: Near, seed: Whole, temperature: float, random: np.ndarray
) -> float:
    """Tries to let a client be followed by one near it; what that adds, 0 where it is refused.

    What came behind the one then follows whatever came before the other. In one route, the part
    between the two is turned round.
    """
    here = np.uint32(seed)
    there = near.beside[here, below(random, min(NEAREST, near.beside.shape[1])), 1]
    one, two = plan.route[here], plan.route[there]
    nobody = len(plan.empty)
    if one >= nobody or two >= nobody or rules.kind[one] != rules.kind[two]:
        return 0.0
    if one == two:
        return turn(rules, plan, here, there, temperature * exponential(random))
    kind = rules.kind[one]
    way = rules.way[kind]
    onward, before = plan.after[here], plan.before[there]
    start, end = rules.origin[before], rules.target[onward]
    added = rules.distance[way, here, there] + rules.distance[way, start, end]
    if rules.paired and plan.aboard[here] + plan.aboard[before] > 0:
        return 0.0
    added = rules.unit[kind] * (added - plan.ahead[here] - plan.ahead[before])
    size = len(rules.needed)
    closes = before >= size and onward >= size
    if closes:
        added -= rules.unit[kind] * rules.distance[way, start, end] + rules.fixed[kind]
    limit = temperature * exponential(random)
    if added >= limit and not rules.priced:
        return 0.0
    ride, other = rules.duration[way, here, there], rules.duration[way, start, end]
    if not goes_on(rules, plan, here, ride, there):
        return 0.0
    if not closes and not goes_on(rules, plan, before, other, onward):
        return 0.0
    if rules.priced:
        period = _period(plan, here, there, ride)
        rest = 0.0 if closes else _period(plan, before, onward, other)
        if period > rules.longest[kind] or rest > rules.longest[kind]:
            return 0.0
        added += pay(rules, kind, period) + pay(rules, kind, rest)
        added -= pay(rules, kind, plan.period[one]) + pay(rules, kind, plan.period[two])
        if added >= limit:
            return 0.0
    _cross(rules, plan, here, before)
    change = _measure_both(rules, plan, one, two)
    if not change < limit or change == 0.0:  # a rule that was not looked at, or sums of reals
        _cross(rules, plan, here, before)
        _measure_both(rules, plan, one, two)
        return 0.0
    note(plan, here)
    note(plan, before)
    note(plan, plan.before[size + one])
    note(plan, plan.before[size + two])
    return change


@part
def turn(rules: Rules, plan: Plan, here: Whole, there: Whole, limit: float) -> float:
    """Tries to join two clients of a route by turning round the part behind the first one.

    Croes (1958), "A Method for Solving Traveling-Salesman Problems".

    Returns:
        What that adds; 0 where it is no less than `limit`, or where directions matter.
    """
    route, size = plan.route[here], len(rules.needed)
    kind = rules.kind[route]
    way, inside, end = rules.way[kind], plan.after[here], plan.after[there]
    if inside >= size:
        inside, end = end, inside
    added = rules.distance[way, here, there] + rules.distance[way, inside, rules.target[end]]
    added = rules.unit[kind] * (added - plan.ahead[here] - plan.ahead[there])
    if rules.paired or not rules.symmetric or (added >= limit and not rules.priced):
        return 0.0
    first, last = here, there
    while first != there and first < size:
        first = plan.after[first]
    if first == there:
        first = here
    else:
        first, last = there, here
    start = plan.after[first]
    ready = min(plan.ready[first], plan.rested[first])
    begin = max(ready + rules.duration[way, first, last], rules.open[last])
    if start == last or begin > rules.close[last]:
        return 0.0
    if begin + rules.service[last] > rules.close[start]:
        return 0.0
    _reverse(plan, first, last)
    change = measure(rules, plan, route)
    if not change < limit or change == 0.0:
        _reverse(plan, first, start)
        measure(rules, plan, route)
        return 0.0
    here = first
    while here != start:
        note(plan, here)
        here = plan.after[here]
    note(plan, start)
    return change


@part
def _reverse(plan: Plan, first: Whole, last: Whole) -> None:
    """Turns the part of a route behind one node up to another one round."""
    start, end = plan.after[first], plan.after[last]
    here = start
    while here != end:
        following = plan.after[here]
        plan.after[here], plan.before[here] = plan.before[here], following
        here = following
    plan.after[first], plan.before[last] = last, first
    plan.after[start], plan.before[end] = end, start


@shared
def _measure_both(rules: Rules, plan: Plan, one: Whole, two: Whole) -> float:
    """Sets all figures of two routes; what their cost changes by, as `times.measure`."""
    change = 0.0
    for number in range(2):
        change += survey(rules, plan, one if number == 0 else two)
    if rules.chained:
        for number in range(2):
            change += link(rules, plan, one if number == 0 else two)
    return change


@part
def _period(plan: Plan, here: Whole, there: Whole, ride: float) -> float:
    """The duration of what comes up to one node and from another one on."""
    return joined(
        plan.lasted[here], plan.latest[here], plan.lasts[there], plan.soonest[there], ride
    )


@shared
def _cross(rules: Rules, plan: Plan, here: Whole, before: Whole) -> None:
    """Exchanges what follows a node of one route and a node of another one."""
    size = len(rules.needed)
    one, two = plan.route[here], plan.route[before]
    onward, there = plan.after[here], plan.after[before]
    last, final = plan.before[size + one], plan.before[size + two]
    was_empty = plan.stops[two] == 0
    _move(rules, plan, onward, one, two)
    _move(rules, plan, there, two, one)
    _tail(plan, here, there, final, np.uint32(size + one))
    _tail(plan, before, onward, last, np.uint32(size + two))
    if was_empty != (plan.stops[two] == 0):
        if was_empty:
            open_route(rules, plan, two)
        else:
            close_route(rules, plan, two)


@part
def _move(rules: Rules, plan: Plan, here: Whole, route: Whole, other: Whole) -> None:
    """Counts a node and those behind it as clients of another route."""
    size = len(rules.needed)
    while here < size:
        plan.stops[route] -= 1
        plan.stops[other] += 1
        for load in range(rules.delivery.shape[1]):
            plan.delivered[route, load] -= rules.delivery[here, load]
            plan.delivered[other, load] += rules.delivery[here, load]
            plan.collected[route, load] -= rules.pickup[here, load]
            plan.collected[other, load] += rules.pickup[here, load]
        plan.route[here] = other
        here = plan.after[here]


@part
def _tail(plan: Plan, here: Whole, start: Whole, end: Whole, depot: Whole) -> None:
    """Lets the part from `start` to `end` follow a node of a route, or nothing if it is empty."""
    if plan.route[start] != plan.route[depot]:  # the depot of the other route: nothing
        plan.after[here] = depot
        plan.before[depot] = here
        return
    plan.after[here] = start
    plan.before[start] = here
    plan.after[end] = depot
    plan.before[depot] = end


@shared
def hand_over(
    rules: Rules, plan: Plan, seed: Whole, temperature: float, random: np.ndarray
) -> float:
    """Tries to give a client's route to another kind of vehicle; what that adds, 0 if refused."""
    one, nobody, size = plan.route[seed], len(plan.empty), len(rules.needed)
    kind = below(random, len(rules.way))
    if one >= nobody or rules.kind[one] == kind or plan.free[kind] == 0:
        return 0.0
    two = plan.empty[rules.first[kind] + plan.free[kind] - 1]
    first = plan.after[size + one]
    here, allowed = first, True
    while here < size and allowed:
        allowed = rules.allowed[kind, here]
        here = plan.after[here]
    if not allowed:
        return 0.0
    _cross(rules, plan, np.uint32(size + one), np.uint32(size + two))
    close_route(rules, plan, one)
    change = _measure_both(rules, plan, one, two)
    if not change < temperature * exponential(random):
        _cross(rules, plan, np.uint32(size + one), np.uint32(size + two))
        open_route(rules, plan, one)
        _measure_both(rules, plan, one, two)
        return 0.0
    note(plan, np.uint32(size + one))
    note(plan, np.uint32(size + two))
    note(plan, plan.before[size + two])
    return change

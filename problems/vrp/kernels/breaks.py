"""One break of a vehicle: when a route can be driven with it, and its least duration.

A break begins within its window, on a ride or in the waiting behind it, and delays all that
follows. It is not needed where the route has ended when the window opens, or departs when it has
closed. So a node is reached in one of two ways, with the break to come or behind, and each has its
own earliest and latest times (`plan.Plan`).

The least duration has no such short account: it depends on where the break is held. With that
fixed, a vehicle that departs at d can leave a node at ``max(E, d + T)``, for d up to some D
(Savelsbergh 1992); a few such triples (E, T, D) are enough, as most are worse than another one.

What is called within the search is no part of the caller's code, which stays short for all others.
"""

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part, shared
from nco.problems.vrp.kernels.plan import Plan, Rules

CHOICES = 16  # places of a break that are remembered; with more, a duration may seem too long


@part
def has_break(rules: Rules, kind: Whole) -> bool:
    """Whether vehicles of a kind have a break."""
    return rules.resting and rules.rest[kind, 0] < np.inf


@shared
def is_in_time(
    rules: Rules, plan: Plan, ready: float, rested: float, ride: float, there: Whole
) -> bool:
    """As `goes_on`, of times at which a node is left, with the break to come and behind.

    The break may interrupt the ride, and the waiting behind it.
    """
    opens, closes, lasts = _rest(rules, plan, there)
    if min(rested + ride, resumed(ready, ride, opens, closes, lasts)) <= plan.late_rested[there]:
        return True
    return ready + ride <= plan.late[there]


@part
def _rest(rules: Rules, plan: Plan, node: Whole) -> tuple[float, float, float]:
    """The break of a node's route."""
    kind = rules.kind[plan.route[node]]
    return rules.rest[kind, 0], rules.rest[kind, 1], rules.rest[kind, 2]


@part
def resumed(ready: float, ride: float, opens: float, closes: float, lasts: float) -> float:
    """When a ride with a break in it, or in the waiting behind it, is over at the earliest."""
    return max(ready + ride, opens) + lasts if ready <= closes else np.inf


@shared
def served(
    rules: Rules, plan: Plan, last: Whole, ride: float, client: Whole, kind: Whole
) -> tuple[float, float]:
    """When a client can be left that follows a node, with the break to come and behind.

    Infinity where it cannot be reached in time so.
    """
    opens, closes, lasts = rules.rest[kind, 0], rules.rest[kind, 1], rules.rest[kind, 2]
    before = plan.ready[last] + ride
    behind = min(plan.rested[last] + ride, resumed(plan.ready[last], ride, opens, closes, lasts))
    ready, rested = np.inf, np.inf
    if before <= rules.close[client]:
        ready = max(before, rules.open[client]) + rules.service[client]
    if behind <= rules.close[client]:
        rested = max(behind, rules.open[client]) + rules.service[client]
    if ready > closes:
        ready = np.inf  # too late to begin the break
    return ready, rested


@shared
def latest_begins(
    rules: Rules, plan: Plan, here: Whole, following: Whole, ride: float, late: float
) -> tuple[float, float]:
    """When a client's service must begin at the latest, with the break to come and behind.

    Args:
        ride: to the following node, the service included; late: without a break on that ride.
    """
    opens, closes, lasts = _rest(rules, plan, here)
    then = plan.late_rested[following]
    rested = min(rules.close[here], then - ride)
    if opens + lasts <= then:
        within = min(closes - rules.service[here], then - lasts - ride)
        late = max(late, min(rules.close[here], within))
    if late < rules.open[here]:
        late = -np.inf
    return late, rested


@shared
def least_period(rules: Rules, plan: Plan, depot: Whole, place: Whole, client: Whole) -> float:
    """The least duration of a route of a vehicle with a break; infinity where it cannot be driven.

    Args:
        depot: the route's node.
        place: a node of the route behind which the client would come; client: 0 for none.
    """
    kind, choices = rules.kind[plan.route[depot]], plan.choices
    way, size = rules.way[kind], rules.delivery.shape[0]
    opens, closes, lasts = rules.rest[kind, 0], rules.rest[kind, 1], rules.rest[kind, 2]
    earliest = rules.open[depot] + rules.service[depot]
    fixed, latest = rules.service[depot], rules.close[depot]
    count: Whole = 0
    if closes <= latest:  # departs when no break is needed any more
        choices[0, 0] = max(rules.open[depot], closes) + rules.service[depot]
        choices[0, 1], choices[0, 2] = fixed, latest
        count = 1
    here, waits = depot, client > 0
    while True:
        following: Whole = plan.after[here] if here != client else plan.after[place]
        if waits and here == place:
            following, waits = client, False
        row: Whole = following if following < size else rules.target[following]
        ride = rules.duration[way, rules.origin[here], row]
        for entry in range(count):
            choices[entry, 0] += ride
            choices[entry, 1] += ride
        end = following >= size
        begin = plan.soonest[depot] if end else rules.open[following]
        close = rules.until[kind] if end else rules.close[following]
        if earliest <= closes and count < CHOICES:
            choices[count, 0] = max(earliest + ride, opens) + lasts
            choices[count, 1] = fixed + ride + lasts
            choices[count, 2] = min(latest, closes - fixed)
            count += 1
        count = _within(choices, count, begin, close)
        earliest, fixed = max(earliest + ride, begin), fixed + ride
        if end:
            break
        latest = min(latest, close - fixed)
        if earliest > close:
            earliest = np.inf
        service = rules.service[following]
        for entry in range(count):
            choices[entry, 0] += service
            choices[entry, 1] += service
        earliest, fixed = earliest + service, fixed + service
        here = following
    least = np.inf
    if earliest <= min(opens, rules.until[kind]):  # over before the break's window opens
        least = max(fixed, earliest - min(latest, opens - fixed))
    for entry in range(count):
        least = min(least, max(choices[entry, 1], choices[entry, 0] - choices[entry, 2]))
    return least


@part
def _within(choices: np.ndarray, count: Whole, begin: float, close: float) -> Whole:
    """Keeps the triples that are in time for a window, and no worse than one before; how many."""
    kept = 0
    for entry in range(count):
        earliest, fixed = choices[entry, 0], choices[entry, 1]
        if earliest > close:
            continue
        earliest, latest = max(earliest, begin), min(choices[entry, 2], close - fixed)
        worse = False
        for other in range(kept):
            worse = worse or (
                choices[other, 0] <= earliest
                and choices[other, 1] <= fixed
                and choices[other, 2] >= latest
            )
        if not worse:
            choices[kept, 0], choices[kept, 1], choices[kept, 2] = earliest, fixed, latest
            kept += 1
    return kept

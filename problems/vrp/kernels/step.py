"""The kernel of rich routing: ruin and recreate.

Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
Problems". Required clients may be left out too, dearly, so that a plan can be partial.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential, uniform
from nco.problems._common.kernels.compiling import Whole, compiled, kernel, part, shared
from nco.problems._routing.kernels.lists import (
    ACCEPTED,
    COST,
    LEAST,
    Journal,
    note,
    note_moves,
    remember,
)
from nco.problems._routing.kernels.ruin import Ruin, choose_strings, sort_in
from nco.problems.vrp.kernels.insertion import choose, join
from nco.problems.vrp.kernels.pairs import cheapest_pair, complete_pairs, join_pair
from nco.problems.vrp.kernels.plan import (
    LEAST_MISSING,
    MISSING,
    OPENED,
    SHARE,
    Near,
    Plan,
    Rules,
    put_in,
    take_out,
)
from nco.problems.vrp.kernels.tails import exchange_ends, hand_over
from nco.problems.vrp.kernels.times import measure, measure_all

HANDED = 4  # in one of so many steps a route may go to another kind of vehicle
CHEAP = 0.01  # the part of its cost that an opened route is judged by at first
LEFT_OUT = 4.0  # what a required client costs that is left out, beside the dearest route alone
SERVED = 0.9  # share of the steps whose seed is on a route, where many clients are left out
TRIES = 8  # draws of such a seed
TINY = 1e-9  # what sums may be wrong by, as a share


@kernel
def step(
    rules: Rules,
    plan: Plan,
    near: Near,
    ruin: Ruin,
    exchanges: int,
    opens: float,
    journal: Journal,
    random: np.ndarray,
    stop: np.ndarray,
    steps: int,
    temperature: float,
) -> int:
    """Ruins and recreates `steps` times, or until `stop` is set; how often.

    A route for one optional client rarely pays, though one for several would. So some steps may
    open one almost for free for a client that waits, and others join it. The plan as a whole is
    judged by all that it costs.

    Args:
        rules, plan, near, ruin, journal: arrays of the search.
        exchanges: how often routes try to exchange their ends before a ruin.
        opens: share of the steps that may open a route so; 0 where no client is optional.
        random: uint64 [1].
        stop: int64 [1]; another thread may set it.
        temperature: in the unit of the cost.
    """
    price, size = plan.price, len(near.around) - 1
    cost = price[COST]
    done = 0
    while done < steps and stop[0] == 0:
        done += 1
        for _ in range(exchanges):
            seed = below(random, size) + 1
            cost += exchange_ends(rules, plan, near, seed, temperature, random)
        if len(rules.way) > 1 and not rules.chained and below(random, HANDED) == 0:
            cost += hand_over(rules, plan, below(random, size) + 1, temperature, random)
        former, missing = cost, plan.tally[MISSING]
        plan.tally[OPENED] = 0
        seed = below(random, size) + 1
        if opens > 0:
            price[SHARE] = CHEAP if uniform(random) < opens else 1.0
            seed = on_route(plan, seed, size, random)
        paid, removed, waiting, touched = choose_strings(
            plan, near.around, rules.prize, seed, ruin, journal, random
        )
        for entry in range(removed):
            client = journal.moved[entry]
            journal.place[entry] = plan.before[client]
            take_out(rules, plan, client)
        if rules.paired:
            removed, waiting = complete_pairs(rules, plan, journal, removed, waiting)
        cost += paid
        for entry in range(removed):
            cost -= rules.extra[journal.moved[entry]]
            plan.tally[MISSING] += rules.needed[journal.moved[entry]]
        cost += measure_all(rules, plan, journal.touched, touched)
        arrange(near, journal, waiting, random)
        limit = former + temperature * exponential(random)
        cost, touched, moves = recreate(
            rules, plan, near, journal, waiting, touched, removed, cost, limit, 1.0, random
        )
        if cost < limit:
            plan.tally[ACCEPTED] += 1
            note_moves(plan, journal, moves)
        else:
            undo(rules, plan, journal, removed, waiting, moves, touched)
            cost = former
            plan.tally[MISSING] = missing
        if plan.tally[MISSING] < plan.tally[LEAST_MISSING] or (
            plan.tally[MISSING] == plan.tally[LEAST_MISSING] and cost < price[LEAST] - TINY * former
        ):
            price[LEAST] = cost
            plan.tally[LEAST_MISSING] = plan.tally[MISSING]
            keep(rules, plan)
    price[COST] = cost
    return done


@part
def on_route(plan: Plan, seed: Whole, size: Whole, random: np.ndarray) -> Whole:
    """Mostly a client on a route instead of one that is left out."""
    if uniform(random) >= SERVED:
        return seed
    for _ in range(TRIES):
        if plan.route[seed] < len(plan.empty):
            break
        seed = below(random, size) + 1
    return seed


@shared
def recreate(
    rules: Rules,
    plan: Plan,
    near: Near,
    journal: Journal,
    waiting: int,
    touched: int,
    moves: int,
    cost: float,
    limit: float,
    share: float,
    random: np.ndarray,
) -> tuple[float, int, int]:
    """Puts clients in, one by one, each where it costs least, while the cost is below a limit.

    Args:
        journal: `waiting` clients are out; `touched` routes and `moves` are written down already.
        cost: until then.
        share: `SHARE` from the first new route on.

    Returns:
        Cost, routes touched and moves then.
    """
    entry = 0
    while entry < waiting and cost < limit:
        added, route, moves = insert(rules, plan, near, journal, journal.out[entry], moves, random)
        cost += added
        if route < len(plan.empty):
            touched = touch(rules, plan, journal, route, touched)
            if plan.tally[OPENED] > 0:
                plan.price[SHARE] = share
        entry += 1
    return cost, touched, moves


@part
def touch(rules: Rules, plan: Plan, journal: Journal, route: Whole, touched: int) -> int:
    """Writes down that a route has changed; how many have.

    Where it is a new trip, costs of those beside it depend on it.
    """
    journal.touched[touched] = route
    touched += 1
    if rules.chained:
        for other in (plan.earlier[route], plan.later[route]):
            if other < len(plan.empty):
                journal.touched[touched] = other
                touched += 1
    return touched


@part
def insert(
    rules: Rules,
    plan: Plan,
    near: Near,
    journal: Journal,
    client: Whole,
    moves: int,
    random: np.ndarray,
) -> tuple[float, Whole, int]:
    """Puts a client that waits where it costs least, or leaves it out, and writes that down.

    What that costs, the route, R if there is none, and the number of moves that are written down.
    """
    nobody = len(plan.empty)
    if rules.paired and rules.brings[client] > 0:
        chosen: Whole = np.uint32(client)
        added, last, second = cheapest_pair(rules, plan, near, client, random)
        if last > 0:
            added = join_pair(rules, plan, client, last, second)
    else:
        added, last, chosen = choose(rules, plan, near, client, random)
        second = chosen
        if last > 0:
            if chosen != client:
                plan.route[client] = nobody + 2
            added = join(rules, plan, chosen, last) + rules.extra[chosen]
    if last == 0:
        plan.route[client] = nobody + 1
        return added, nobody, moves
    plan.tally[MISSING] -= rules.needed[client]
    journal.moved[moves] = chosen
    journal.place[moves] = last
    moves += 1
    if rules.paired and rules.brings[client] > 0:
        journal.moved[moves] = rules.brings[client]
        journal.place[moves] = second
        moves += 1
    return added, np.int64(plan.route[chosen]), moves


@part
def keep(rules: Rules, plan: Plan) -> None:
    """Makes the present routes the best."""
    remember(plan)
    if rules.chained:
        for route in range(len(plan.later)):
            plan.best_later[route] = plan.later[route]


@part
def arrange(near: Near, journal: Journal, count: int, random: np.ndarray) -> None:
    """Sorts the clients that wait, by one of the keys or by chance."""
    weights = near.weights
    total: Whole = 0
    for key in range(len(weights)):
        total += weights[key]
    drawn, chosen = below(random, total), 0
    while drawn >= weights[chosen]:
        drawn -= weights[chosen]
        chosen += 1
    for entry in range(count):
        client = journal.out[entry]
        value = near.keys[chosen, client] if chosen < len(near.keys) else uniform(random)
        sort_in(journal, entry, client, value)


@part
def undo(
    rules: Rules,
    plan: Plan,
    journal: Journal,
    removed: int,
    waiting: int,
    moves: int,
    touched: int,
) -> None:
    """Takes back the moves of a step, the last one first.

    Args:
        journal: its first `removed` of `moves` entries were departures, of the first `waiting`
            clients that are out; the others of these were out before, and are again.
        touched: routes that changed, some more than once.
    """
    waits = len(plan.empty)
    for entry in range(moves - 1, removed - 1, -1):
        client = journal.moved[entry]
        route = plan.route[client]
        take_out(rules, plan, client)
        plan.route[client] = waits + 2
        if plan.stops[route] == 0:
            plan.tally[OPENED] -= 1
            plan.earlier[route] = plan.opened[plan.tally[OPENED], 0]
            plan.later[route] = plan.opened[plan.tally[OPENED], 1]
    for entry in range(removed - 1, -1, -1):
        put_in(rules, plan, journal.moved[entry], journal.place[entry])
    for entry in range(waiting):
        if plan.route[journal.out[entry]] >= waits:
            plan.route[journal.out[entry]] = waits + 1
    measure_all(rules, plan, journal.touched, touched)


@compiled
def begin(
    rules: Rules,
    plan: Plan,
    near: Near,
    journal: Journal,
    listed: np.ndarray,
    slots: np.ndarray,
    earlier: np.ndarray,
    waiting: int,
    share: float,
    random: np.ndarray,
) -> float:
    """Makes the first plan, and the rules' prices of a client alone and of what is left out.

    Args:
        plan: empty.
        journal: with room for all clients, of which `waiting` are out: all not listed that nobody
            stands for.
        listed: uint32 [L], clients of the first trips, each trip's followed by a 0.
        slots, earlier: int64, the route of each trip, and that of the trip before it, R for none.
        share: what part of its cost each new route is judged by.

    Returns:
        What a required client costs that is left out.
    """
    dear = dearest(rules, plan)
    for client in range(1, len(rules.needed)):
        rules.prize[client] += dear * rules.needed[client]
    plan.price[SHARE] = share
    trip = 0
    last: Whole = np.uint32(0)
    for client in listed:
        if client == 0:
            plan.price[COST] += measure(rules, plan, slots[trip])
            trip, last = trip + 1, np.uint32(0)
            continue
        if last == 0:
            last = raised(rules, plan, slots[trip])
            plan.earlier[slots[trip]] = earlier[trip]
        put_in(rules, plan, client, last)
        plan.price[COST] += rules.extra[client]
        note(plan, client)
        note(plan, last)
        last = client
    for entry in range(waiting):
        plan.tally[MISSING] += rules.needed[journal.out[entry]]
    cost, _, moves = recreate(
        rules, plan, near, journal, waiting, 0, 0, plan.price[COST], np.inf, share, random
    )
    note_moves(plan, journal, moves)
    plan.price[COST] = plan.price[LEAST] = cost
    plan.tally[LEAST_MISSING] = plan.tally[MISSING]
    plan.tally[OPENED] = 0
    plan.price[SHARE] = 1.0
    keep(rules, plan)
    return dear


@part
def raised(rules: Rules, plan: Plan, route: Whole) -> Whole:
    """Puts an empty route on top of its stack; its node."""
    kind = rules.kind[route]
    top = rules.first[kind] + plan.free[kind] - 1
    here = top
    while plan.empty[here] != route:
        here -= 1
    for entry in range(here, top):
        plan.empty[entry] = plan.empty[entry + 1]
    plan.empty[top] = route
    return np.uint32(len(rules.needed) + route)


@part
def dearest(rules: Rules, plan: Plan) -> float:
    """Sets `rules.alone`; more than the dearest of these routes costs."""
    most = 0.0
    for kind in range(len(rules.way)):
        if rules.first[kind] == rules.first[kind + 1]:
            continue
        route = plan.empty[rules.first[kind + 1] - 1]
        for client in range(1, len(rules.needed)):
            if not rules.allowed[kind, client] or rules.fetches[client] > 0:
                continue
            brought = rules.brings[client]
            former, partner = plan.route[client], plan.route[brought]
            put_in(rules, plan, client, np.uint32(len(rules.needed) + route))
            if brought > 0:
                put_in(rules, plan, brought, client)
            alone = measure(rules, plan, route)
            rules.alone[kind, client] = alone
            if alone < np.inf:
                most = max(most, alone + rules.extra[client])
            if brought > 0:
                take_out(rules, plan, brought)
            take_out(rules, plan, client)
            plan.route[client], plan.route[brought] = former, partner
            plan.cost[route] = 0.0
    return LEFT_OUT * max(most, 1.0)

"""The kernel of rich routing: ruin and recreate.

Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
Problems". Required clients may be left out too, dearly, so that a plan can be partial.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, exponential, uniform
from nco.problems._common.kernels.compiling import Whole, compiled, kernel, part
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
from nco.problems.vrp.kernels.insertion import cheapest, join
from nco.problems.vrp.kernels.plan import (
    LEAST_MISSING,
    MISSING,
    Near,
    Plan,
    Rules,
    put_in,
    take_out,
)
from nco.problems.vrp.kernels.tails import exchange_ends
from nco.problems.vrp.kernels.times import measure

TINY = 1e-9  # what sums may be wrong by, as a share


@kernel
def step(
    rules: Rules,
    plan: Plan,
    near: Near,
    ruin: Ruin,
    exchanges: int,
    journal: Journal,
    random: np.ndarray,
    stop: np.ndarray,
    steps: int,
    temperature: float,
) -> int:
    """Ruins and recreates `steps` times, or until `stop` is set; how often.

    Args:
        rules, plan, near, ruin, journal: arrays of the search.
        exchanges: how often routes try to exchange their ends before a ruin.
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
        former, missing = cost, plan.tally[MISSING]
        seed = below(random, size) + 1
        paid, removed, waiting, touched = choose_strings(
            plan, near.around, rules.prize, seed, ruin, journal, random
        )
        cost += paid
        for entry in range(removed):
            client = journal.moved[entry]
            journal.place[entry] = plan.before[client]
            take_out(rules, plan, client)
            plan.tally[MISSING] += rules.required[client]
        for entry in range(touched):
            cost += measure(rules, plan, journal.touched[entry])
        arrange(near, journal, waiting, random)
        limit = former + temperature * exponential(random)
        moves, entry = removed, 0
        while entry < waiting and cost < limit:
            client = journal.out[entry]
            least, last = cheapest(rules, plan, near, client, random)
            if last == 0:
                plan.route[client] = len(plan.empty) + 1
                cost += least
            else:
                cost += join(rules, plan, client, last)
                plan.tally[MISSING] -= rules.required[client]
                journal.touched[touched] = plan.route[last]
                journal.moved[moves] = client
                journal.place[moves] = last
                touched += 1
                moves += 1
            entry += 1
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
            remember(plan)
    price[COST] = cost
    return done


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
    for entry in range(moves - 1, removed - 1, -1):
        take_out(rules, plan, journal.moved[entry])
    for entry in range(removed - 1, -1, -1):
        put_in(rules, plan, journal.moved[entry], journal.place[entry])
    waits = len(plan.empty)
    for entry in range(waiting):
        if plan.route[journal.out[entry]] == waits:
            plan.route[journal.out[entry]] = waits + 1
    for entry in range(touched):
        route, known = journal.touched[entry], False
        for other in range(entry):
            known = known or journal.touched[other] == route
        if not known:
            measure(rules, plan, route)


@compiled
def insert_all(
    rules: Rules, plan: Plan, near: Near, waiting: np.ndarray, random: np.ndarray
) -> None:
    """Puts clients that wait in, one by one, each where it costs least; the rest is left out."""
    for client in waiting:
        least, last = cheapest(rules, plan, near, client, random)
        if last == 0:
            plan.route[client] = len(plan.empty) + 1
            plan.price[COST] += least
            plan.tally[MISSING] += rules.required[client]
        else:
            plan.price[COST] += join(rules, plan, client, last)
            note(plan, client)
            note(plan, last)
    plan.price[LEAST] = plan.price[COST]
    plan.tally[LEAST_MISSING] = plan.tally[MISSING]
    remember(plan)


@compiled
def place(rules: Rules, plan: Plan, route: int, clients: np.ndarray) -> None:
    """Fills an empty route with clients that wait, uint32 [L]."""
    kind, last = rules.kind[route], np.uint32(len(rules.required) + route)
    top = rules.first[kind] + plan.free[kind] - 1
    here = top
    while plan.empty[here] != route:
        here -= 1
    for entry in range(here, top):
        plan.empty[entry] = plan.empty[entry + 1]
    plan.empty[top] = route
    for client in clients:
        put_in(rules, plan, client, last)
        note(plan, client)
        note(plan, last)
        last = client
    plan.price[COST] += measure(rules, plan, route)


@compiled
def fill_alone(rules: Rules, plan: Plan) -> None:
    """Sets `rules.alone`, by the empty routes of a plan, which are empty again."""
    for kind in range(len(rules.way)):
        if rules.first[kind] == rules.first[kind + 1]:
            continue
        route = plan.empty[rules.first[kind + 1] - 1]
        for client in range(1, len(rules.required)):
            if rules.allowed[kind, client] and rules.stops[kind] > 0:
                put_in(rules, plan, client, np.uint32(len(rules.required) + route))
                rules.alone[kind, client] = measure(rules, plan, route)
                take_out(rules, plan, client)
                plan.cost[route] = 0.0

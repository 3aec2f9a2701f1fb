"""The kernel of different vehicles: the least total cost, or the least time of the last one.

Ruin and recreate after Christiaens and Vanden Berghe (2020). A route belongs to an owner: a vehicle
that makes several trips one after another, or one of several equal vehicles. A step may also give a
route to another owner.
"""

import numpy as np

from nco.problems._common.kernels.chance import below, draw, exponential, uniform
from nco.problems._common.kernels.compiling import Whole, compiled, inlined, kernel
from nco.problems._routing.kernels.lists import (
    ACCEPTED,
    BLINK,
    COST,
    EMPTY,
    LEAST,
    PAID,
    Journal,
    Routes,
    leg,
    note_moves,
    put_in,
    remember,
    undo,
)
from nco.problems._routing.kernels.owners import (
    TINY,
    Fleet,
    account,
    give,
    greatest,
    hand_over,
    own,
    regrade,
    sum_up,
    worth,
)
from nco.problems._routing.kernels.ruin import Ruin, arrange, remove_routes, remove_strings

OVERLOOKED = 199  # of so many better places one is overlooked, at the most
MOST_WHOLE = 3  # routes that are taken apart as a whole


@kernel
def step(
    routes: Routes,
    fleet: Fleet,
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    prize: np.ndarray,
    ruin: Ruin,
    journal: Journal,
    random: np.ndarray,
    stop: np.ndarray,
    steps: int,
    temperature: float,
) -> int:
    """Ruins and recreates `steps` times, or until `stop` is set; how often.

    The arguments are those of `capacitated_kernel.step`; `prize` is infinite where the last owner's
    time counts. `routes.price` has the cost by the sum of powers, and the best time or cost itself.
    """
    price = routes.price
    done = 0
    while done < steps and stop[0] == 0:
        done += 1
        former = price[COST]
        for owner in range(len(fleet.rate)):
            fleet.former[0, owner] = fleet.spent[owner]
            fleet.former[1, owner] = fleet.power[owner]
            fleet.before[owner] = fleet.left[owner]
        seed = below(random, len(near) - 1) + 1
        if uniform(random) < fleet.whole:
            _, paid, removed, waiting, touched = remove_routes(
                routes, near, prize, seed, 1 + below(random, MOST_WHOLE), journal, random
            )
        else:
            _, paid, removed, waiting, touched = remove_strings(
                routes, near, prize, seed, ruin, journal, random
            )
        paid += price[PAID]
        for entry in range(touched):
            account(routes, fleet, journal.touched[entry])
        given = 0
        if uniform(random) < fleet.given_away:
            given = give(routes, fleet, journal, touched, random)
        arrange(routes, home, journal, waiting, random)
        load: Whole = 0
        if uniform(random) < fleet.shared:
            for entry in range(waiting):
                load += routes.demand[journal.out[entry]]
        limit = former + temperature * exponential(random)
        cost = sum_up(fleet) + paid
        grown = uniform(random) < fleet.grown
        hidden = np.uint64(0) if fleet.last else draw(random) & draw(random)  # each fourth
        moves, entry = removed, 0
        while entry < waiting and cost < limit:
            customer = journal.out[entry]
            last, whose = _cheapest(
                routes, fleet, near, apart, home, prize, customer, load, grown, hidden, random
            )
            load = max(0, load - routes.demand[customer])
            if last == 0:
                routes.route[customer] = len(routes.empty) + 1
                paid += prize[customer]
            else:
                route = routes.route[last]
                if fleet.owner[route] != whose:
                    hand_over(routes, fleet, route, whose, given)
                    given += 1
                put_in(routes, customer, last)
                account(routes, fleet, route)
                journal.touched[touched] = route
                touched += 1
                journal.moved[moves] = customer
                journal.place[moves] = last
                moves += 1
            cost = sum_up(fleet) + paid
            entry += 1
        if grown and entry == waiting:
            for entry in range(touched):
                given += regrade(routes, fleet, journal.touched[entry], given)
            cost = sum_up(fleet) + paid
        if cost < limit:
            routes.tally[ACCEPTED] += 1
            price[COST], price[PAID] = cost, paid
            note_moves(routes, journal, moves)
            figure = greatest(fleet) if fleet.last else cost
            if figure < price[LEAST] - TINY * figure:
                price[LEAST] = figure
                remember(routes)
                for number in range(len(fleet.owner)):
                    fleet.best[number] = fleet.owner[number]
        else:
            _undo(routes, fleet, journal, removed, waiting, moves, given, touched)
    return done


@inlined
def _cheapest(
    routes: Routes,
    fleet: Fleet,
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    prize: np.ndarray,
    customer: Whole,
    load: Whole,
    grown: bool,
    hidden: Whole,
    random: np.ndarray,
) -> tuple[Whole, Whole]:
    """Behind which node a customer adds least, 0 to leave it out, and whose route that is then.

    Args:
        load: of all customers that still wait, this one included, who will share a new route: its
            cost counts by the customer's part of the load. 0 to count all of it.
        grown: whether a full route may go to an owner of greater capacity.
        hidden: uint64, a bit for each owner that gets no new route.
    """
    demand, away = routes.demand[customer], home[customer]
    least, last = prize[customer], np.uint32(0)
    whose: Whole = np.uint32(0)
    if routes.tally[EMPTY] > 0:
        route = routes.empty[routes.tally[EMPTY] - 1]
        for owner in range(len(fleet.rate)):
            if hidden >> np.uint64(owner & 63) & np.uint64(1):
                continue
            if fleet.left[owner] > 0 and demand <= fleet.capacity[owner]:
                added = worth(fleet, owner, away) + fleet.fixed[owner]
                if load > 0:
                    added *= demand / min(load, fleet.capacity[owner])
                if added < least:
                    least, last = added, np.uint32(len(home) + route)
                    whose = np.uint32(owner)
    for rank in range(near.shape[1]):
        other = near[customer, rank]
        route = routes.route[other]
        full = routes.room[route] < demand
        if full and not (grown and route < len(routes.empty)):
            continue
        there = apart[customer, rank]
        after, before = routes.after[other], routes.before[other]
        ahead = there + leg(routes, customer, after) - routes.ahead[other]
        behind = there + leg(routes, before, customer) - routes.behind[other]
        taker: Whole = fleet.owner[route]
        if full:
            added, taker = _enlarged(routes, fleet, route, demand, min(ahead, behind), least, load)
        else:
            added = worth(fleet, taker, min(ahead, behind))
        if added < least:
            routes.tally[BLINK] -= 1
            if routes.tally[BLINK] == 0:
                routes.tally[BLINK] = below(random, OVERLOOKED) + 1
            else:
                least, last = added, other if ahead <= behind else before
                whose = taker
    return last, whose


@inlined
def _enlarged(
    routes: Routes,
    fleet: Fleet,
    route: Whole,
    demand: Whole,
    detour: float,
    least: float,
    load: Whole,
) -> tuple[float, Whole]:
    """What a customer adds to a route that is full, if less than `least`, and with which owner.

    The others who will share the greater capacity share its cost, as that of a new route.
    """
    former, length = fleet.owner[route], routes.length[route]
    carried = fleet.capacity[former] - routes.room[route]
    whose = former
    for owner in range(len(fleet.rate)):
        room = fleet.capacity[owner] - carried
        if fleet.left[owner] > 0 and room >= demand:
            dearer = fleet.fixed[owner] - fleet.fixed[former]
            dearer += (fleet.rate[owner] - fleet.rate[former]) * length
            if load > 0 and dearer > 0:
                dearer *= demand / min(load, room)
            added = dearer + detour * fleet.rate[owner]
            if added < least:
                least, whose = added, np.uint32(owner)
    return least, whose


@inlined
def _undo(
    routes: Routes,
    fleet: Fleet,
    journal: Journal,
    removed: int,
    waiting: int,
    moves: int,
    given: int,
    touched: int,
) -> None:
    """Takes back all of a step, in which `touched` routes lost customers or got some."""
    for entry in range(given - 1, -1, -1):
        own(routes, fleet, fleet.given[entry, 0], fleet.given[entry, 1])
    undo(routes, journal, removed, waiting, moves)
    for entry in range(touched):
        route = journal.touched[entry]
        fleet.counted[route] = routes.length[route] if routes.stops[route] > 0 else -1.0
    for owner in range(len(fleet.rate)):
        fleet.spent[owner] = fleet.former[0, owner]
        fleet.power[owner] = fleet.former[1, owner]
        fleet.left[owner] = fleet.before[owner]


@compiled
def insert_all(
    routes: Routes,
    fleet: Fleet,
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    prize: np.ndarray,
    order: np.ndarray,
    random: np.ndarray,
) -> float:
    """Puts the customers of `order`, uint32, in one by one; the prices of those left out."""
    paid = 0.0
    for customer in order:
        last, owner = _cheapest(
            routes, fleet, near, apart, home, prize, customer, 0, False, np.uint64(0), random
        )
        if last == 0:
            paid += prize[customer]
            continue
        route = routes.route[last]
        if routes.stops[route] == 0:
            own(routes, fleet, route, owner)
        put_in(routes, customer, last)
        account(routes, fleet, route)
    return paid

"""The kernel of different vehicles: the least total cost, or the least time of the last one.

Ruin and recreate after Christiaens and Vanden Berghe (2020). A route belongs to an owner: a vehicle
that makes several trips one after another, or one of several equal vehicles. A step may also give a
route to another owner.
"""

import math
from typing import NamedTuple

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
from nco.problems._routing.kernels.ruin import Ruin, arrange, remove_routes, remove_strings

OVERLOOKED = 199  # of so many better places one is overlooked, at the most
TINY = 1e-9  # what sums may be wrong by, as a share
MOST_WHOLE = 3  # routes that are taken apart as a whole


class Fleet(NamedTuple):
    """Who drives the routes, K owners of R routes.

    Attributes:
        last: whether the time of the last owner counts; else the sum of all costs.
        scale: of times: those of all count by the sum of their 16th powers in this unit, which
            moves on where the greatest alone would not.
        given_away: chance that a step gives a route to another owner.
        whole: chance that a step takes whole routes apart.
        shared: chance that in a step customers share the cost of a new route.
        grown: chance that in a step a full route may go to an owner of greater capacity, and that
            each touched route then goes to the owner with whom it costs least.
        capacity: int64 [K], of each of the owner's routes.
        left: int64 [K], how many more routes it may have.
        fixed: float64 [K], the cost of a route beside its length.
        rate: float64 [K], the cost, or the time, of a unit of length.
        spent: float64 [K], the cost, or the time, of all of its routes.
        power: float64 [K], ``(spent / scale) ** 16``.
        owner: uint32 [R]; that of an empty route says what its room is.
        counted: float64 [R], the length of a route that `spent` includes; -1 for no route.
        best: uint32 [R], the owners of the best solution.
        former: float64 [2, K], `spent` and `power` before a step.
        before: int64 [K], `left` before a step.
        given: uint32 [G, 2], routes that got another owner in a step, and the one before.
    """

    last: bool
    scale: float
    given_away: float
    whole: float
    shared: float
    grown: float
    hidden: bool
    capacity: np.ndarray
    left: np.ndarray
    fixed: np.ndarray
    rate: np.ndarray
    spent: np.ndarray
    power: np.ndarray
    owner: np.ndarray
    counted: np.ndarray
    best: np.ndarray
    former: np.ndarray
    before: np.ndarray
    given: np.ndarray


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
        hidden = draw(random) & draw(random) if fleet.hidden else np.uint64(0)
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
                    _pass(routes, fleet, route, whose, given)
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
                given += _regrade(routes, fleet, journal.touched[entry], given)
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
def sum_up(fleet: Fleet) -> float:
    """The sum of all costs; of times their norm."""
    total = 0.0
    if not fleet.last:
        for owner in range(len(fleet.spent)):
            total += fleet.spent[owner]
        return total
    for owner in range(len(fleet.power)):
        total += fleet.power[owner]
    return fleet.scale * math.sqrt(math.sqrt(math.sqrt(math.sqrt(total))))


@inlined
def greatest(fleet: Fleet) -> float:
    """The time of the last owner."""
    time = 0.0
    for owner in range(len(fleet.spent)):
        time = max(time, fleet.spent[owner])
    return time


@inlined
def account(routes: Routes, fleet: Fleet, route: Whole) -> None:
    """Makes its owner's sums those of a route as it is now, which may have become empty or not."""
    owner = fleet.owner[route]
    before, now = fleet.counted[route], routes.length[route]
    used = routes.stops[route] > 0
    if before >= 0.0:
        fleet.spent[owner] -= fleet.fixed[owner] + before * fleet.rate[owner]
        fleet.left[owner] += 1
    if used:
        fleet.spent[owner] += fleet.fixed[owner] + now * fleet.rate[owner]
        fleet.left[owner] -= 1
    fleet.counted[route] = now if used else -1.0
    if fleet.last:
        fleet.power[owner] = _power(fleet.spent[owner] / fleet.scale)


@inlined
def _power(value: float) -> float:
    square = value * value
    square *= square
    square *= square
    return square * square


@inlined
def own(routes: Routes, fleet: Fleet, route: Whole, owner: Whole) -> None:
    """Gives an empty route, or one that is not accounted for, to another owner."""
    routes.room[route] += fleet.capacity[owner] - fleet.capacity[fleet.owner[route]]
    fleet.owner[route] = owner


@inlined
def give(routes: Routes, fleet: Fleet, journal: Journal, strings: int, random: np.ndarray) -> int:
    """Gives a touched route to another owner, or exchanges those of two; how many have changed."""
    route = journal.touched[below(random, strings)]
    owner = np.uint32(below(random, len(fleet.rate)))
    former = fleet.owner[route]
    load = fleet.capacity[former] - routes.room[route]
    if routes.stops[route] == 0 or owner == former or load > fleet.capacity[owner]:
        return 0
    if fleet.left[owner] > 0:
        _pass(routes, fleet, route, owner, 0)
        return 1
    for entry in range(strings):
        other = journal.touched[entry]
        returned = fleet.capacity[owner] - routes.room[other]
        if (
            fleet.owner[other] == owner
            and routes.stops[other] > 0
            and returned <= fleet.capacity[former]
        ):
            _pass(routes, fleet, route, owner, 0)
            _pass(routes, fleet, other, former, 1)
            return 2
    return 0


@inlined
def _pass(routes: Routes, fleet: Fleet, route: Whole, owner: Whole, entry: int) -> None:
    """Gives a route to an owner, and writes down whose it was."""
    former = fleet.owner[route]
    fleet.given[entry, 0], fleet.given[entry, 1] = route, former
    length = fleet.counted[route]
    if length >= 0.0:
        fleet.spent[former] -= fleet.fixed[former] + length * fleet.rate[former]
        fleet.left[former] += 1
        fleet.counted[route] = -1.0
        if fleet.last:
            fleet.power[former] = _power(fleet.spent[former] / fleet.scale)
    own(routes, fleet, route, owner)
    account(routes, fleet, route)


@inlined
def _regrade(routes: Routes, fleet: Fleet, route: Whole, entry: int) -> int:
    """Gives a route to the owner with whom it costs least; whether that is another one."""
    if routes.stops[route] == 0:
        return 0
    former, length = fleet.owner[route], routes.length[route]
    load = fleet.capacity[former] - routes.room[route]
    least, cheapest = (fleet.fixed[former] + fleet.rate[former] * length) * (1.0 - TINY), former
    for owner in range(len(fleet.rate)):
        cost = fleet.fixed[owner] + fleet.rate[owner] * length
        if cost < least and fleet.left[owner] > 0 and load <= fleet.capacity[owner]:
            least, cheapest = cost, np.uint32(owner)
    if cheapest == former:
        return 0
    _pass(routes, fleet, route, cheapest, entry)
    return 1


@inlined
def _worth(fleet: Fleet, owner: Whole, detour: float) -> float:
    """What an owner's detour adds to the cost, or to the sum of powers."""
    added = detour * fleet.rate[owner]
    if not fleet.last:
        return added
    return _power((fleet.spent[owner] + added) / fleet.scale) - fleet.power[owner]


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
                added = _worth(fleet, owner, away) + fleet.fixed[owner]
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
            added = _worth(fleet, taker, min(ahead, behind))
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

"""The kernel of open pickup and delivery: the least sum of arrivals at the deliveries.

Orders are taken out and put back one by one where they add least, after Schrimpf et al. (2000),
"Record Breaking Optimization Results Using the Ruin and Recreate Principle", with the blinks of
Christiaens and Vanden Berghe (2020).
"""

import math
from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below, exponential, uniform
from nco.problems._common.kernels.compiling import Whole, compiled, inlined, kernel

COST, LEAST = 0, 1  # entries of `Orders.price`
ACCEPTED, BETTER = 0, 1  # entries of `Orders.tally`
RUINED = 8  # the most orders that are taken out at once
BLIND = 0.03  # share of the vehicles that an order overlooks
TINY = 1e-12  # what sums of arrivals may be wrong by, as a share


class Orders(NamedTuple):
    """n orders on the routes of M vehicles; depots are nodes 0 to M - 1, then pickups, deliveries.

    Row v of the tables of width W is the path of vehicle v from its depot on.

    Attributes:
        capacity: the most orders on board.
        x, y: float64 [M + 2n].
        near: int64 [n, K], the orders nearest to each, itself the first.
        away: float64 [n], from the nearest depot to the pickup.
        path: uint32 [M, W], the nodes.
        stops: int64 [M], how many of them there are, the depot included.
        arrival: float64 [M, W]; leg: float64 [M, W], to the next stop, 0 after the last.
        later: int64 [M, W], deliveries after a stop; board: int64 [M, W], orders on board.
        cost: float64 [M], the sum of a route's arrivals.
        vehicle: int64 [n], whose an order is; M while it waits for a place.
        out: int64 [RUINED], orders that wait; key: float64 [RUINED], by which they are sorted.
        touched: int64 [M], vehicles whose routes have changed in a step; mark: bool [M], those.
        kept, kept_stops, kept_cost: `path`, `stops` and `cost` of these before the step.
        best, best_stops: `path` and `stops` of the best.
        price: float64 [2], the cost and that of the best.
        tally: int64 [2], of steps accepted and of improvements.
    """

    capacity: int
    x: np.ndarray
    y: np.ndarray
    near: np.ndarray
    away: np.ndarray
    path: np.ndarray
    stops: np.ndarray
    arrival: np.ndarray
    leg: np.ndarray
    later: np.ndarray
    board: np.ndarray
    cost: np.ndarray
    vehicle: np.ndarray
    out: np.ndarray
    key: np.ndarray
    touched: np.ndarray
    mark: np.ndarray
    kept: np.ndarray
    kept_stops: np.ndarray
    kept_cost: np.ndarray
    best: np.ndarray
    best_stops: np.ndarray
    price: np.ndarray
    tally: np.ndarray


@kernel
def step(
    orders: Orders, random: np.ndarray, stop: np.ndarray, steps: int, temperature: float
) -> int:
    """Ruins and recreates `steps` times, or until `stop`, int64 [1], is set; how often.

    Args:
        random: uint64 [1].
        temperature: in the unit of the sum of arrivals.
    """
    price, fleet = orders.price, len(orders.stops)
    done = 0
    while done < steps and stop[0] == 0:
        done += 1
        limit = price[COST] + temperature * exponential(random)
        count = _choose(orders, random)
        touched = _take_out(orders, count)
        _sort(orders, count, random)
        cost = sum_up(orders)
        entry = 0
        while entry < count and cost < limit:
            touched = _insert(orders, orders.out[entry], touched, random)
            cost = sum_up(orders)
            entry += 1
        if cost < limit:
            orders.tally[ACCEPTED] += 1
            price[COST] = cost
            if cost < price[LEAST] * (1.0 - TINY):
                price[LEAST] = cost
                orders.tally[BETTER] += 1
                for vehicle in range(fleet):
                    orders.best_stops[vehicle] = orders.stops[vehicle]
                    for place in range(orders.stops[vehicle]):
                        orders.best[vehicle, place] = orders.path[vehicle, place]
        else:
            _undo(orders, touched)
        for entry in range(touched):
            orders.mark[orders.touched[entry]] = False
    return done


@inlined
def sum_up(orders: Orders) -> float:
    """The cost of all routes."""
    total = 0.0
    for vehicle in range(len(orders.cost)):
        total += orders.cost[vehicle]
    return total


@inlined
def _away(orders: Orders, start: Whole, end: Whole) -> float:
    across, up = orders.x[start] - orders.x[end], orders.y[start] - orders.y[end]
    return math.sqrt(across * across + up * up)


@inlined
def _choose(orders: Orders, random: np.ndarray) -> int:
    """Writes orders to take out into `out`, which then belong to nobody; how many."""
    size, fleet = len(orders.vehicle), len(orders.stops)
    wanted = 1 + below(random, min(RUINED, size))
    kind = uniform(random)
    count = 0
    if kind < 0.2:  # anywhere
        while count < wanted:
            order = below(random, size)
            if orders.vehicle[order] < fleet:
                orders.out[count] = order
                orders.vehicle[order] += fleet
                count += 1
    elif kind < 0.4:  # some that follow one another
        vehicle = below(random, fleet)
        fetched = (orders.stops[vehicle] - 1) // 2
        begin = below(random, max(0, fetched - wanted) + 1)
        place = 1
        while place < orders.stops[vehicle] and count < wanted:
            order = np.int64(orders.path[vehicle, place]) - fleet
            place += 1
            if order < size:
                if begin > 0:
                    begin -= 1
                else:
                    orders.out[count] = order
                    orders.vehicle[order] += fleet
                    count += 1
    else:  # near one another
        seed = below(random, size)
        width = orders.near.shape[1]
        spread = min(width, wanted + below(random, 2 * wanted + 1))
        wanted = min(wanted, spread)
        for rank in range(spread):  # each of those left is taken with equal chance
            order = orders.near[seed, rank]
            if rank == 0 or below(random, spread - rank) < wanted - count:
                orders.out[count] = order
                orders.vehicle[order] += fleet
                count += 1
    return count


@inlined
def _take_out(orders: Orders, count: int) -> int:
    """Takes the first `count` orders of `out` out of their routes; how many routes that touches."""
    size, fleet = len(orders.vehicle), len(orders.stops)
    touched = 0
    for entry in range(count):
        touched = _touch(orders, orders.vehicle[orders.out[entry]] - fleet, touched)
    for entry in range(touched):
        vehicle = orders.touched[entry]
        kept = 1
        for place in range(1, orders.stops[vehicle]):
            node = orders.path[vehicle, place]
            order = np.int64(node) - fleet
            if order >= size:
                order -= size
            if orders.vehicle[order] < fleet:
                orders.path[vehicle, kept] = node
                kept += 1
        orders.stops[vehicle] = kept
        measure(orders, vehicle)
    return touched


@inlined
def _touch(orders: Orders, vehicle: Whole, touched: int) -> int:
    """Keeps a route that is about to change; how many there are then."""
    if orders.mark[vehicle]:
        return touched
    orders.mark[vehicle] = True
    orders.touched[touched] = vehicle
    orders.kept_stops[vehicle] = orders.stops[vehicle]
    orders.kept_cost[vehicle] = orders.cost[vehicle]
    for place in range(orders.stops[vehicle]):
        orders.kept[vehicle, place] = orders.path[vehicle, place]
    return touched + 1


@inlined
def measure(orders: Orders, vehicle: Whole) -> None:
    """Sets all figures of a route by its path."""
    brings = len(orders.stops) + len(orders.vehicle)
    last = orders.stops[vehicle] - 1
    time, cost, load = 0.0, 0.0, 0
    orders.arrival[vehicle, 0] = 0.0
    orders.board[vehicle, 0] = 0
    for place in range(last):
        leg = _away(orders, orders.path[vehicle, place], orders.path[vehicle, place + 1])
        orders.leg[vehicle, place] = leg
        time += leg
        orders.arrival[vehicle, place + 1] = time
        if orders.path[vehicle, place + 1] >= brings:
            load -= 1
            cost += time
        else:
            load += 1
        orders.board[vehicle, place + 1] = load
    orders.leg[vehicle, last] = 0.0
    later = 0
    for place in range(last, -1, -1):
        orders.later[vehicle, place] = later
        if orders.path[vehicle, place] >= brings:
            later += 1
    orders.cost[vehicle] = cost


@inlined
def _sort(orders: Orders, count: int, random: np.ndarray) -> None:
    """Sorts the orders that wait: by chance, or the farthest or the nearest first."""
    kind = below(random, 4)
    out, key = orders.out, orders.key
    for entry in range(count):
        order = out[entry]
        value = uniform(random)
        if kind == 2:
            value = -orders.away[order]
        elif kind == 3:
            value = orders.away[order]
        place = entry
        while place > 0 and key[place - 1] > value:
            key[place] = key[place - 1]
            out[place] = out[place - 1]
            place -= 1
        key[place] = value
        out[place] = order


@inlined
def _insert(orders: Orders, order: Whole, touched: int, random: np.ndarray) -> int:
    """Puts an order where it adds least, unless a vehicle is overlooked; how many are touched."""
    size, fleet = len(orders.vehicle), len(orders.stops)
    least, chosen, first, second = np.inf, 0, 0, 0
    for trial in range(2):  # the second one where all were overlooked
        for vehicle in range(fleet):
            if trial == 0 and uniform(random) < BLIND:
                continue
            added, start, end = cheapest(orders, vehicle, order, least)
            if added < least:
                least, chosen, first, second = added, vehicle, start, end
        if least < np.inf:
            break
    touched = _touch(orders, chosen, touched)
    path = orders.path
    for place in range(orders.stops[chosen] - 1, second, -1):
        path[chosen, place + 2] = path[chosen, place]
    path[chosen, second + 2] = fleet + size + order
    for place in range(second, first, -1):
        path[chosen, place + 1] = path[chosen, place]
    path[chosen, first + 1] = fleet + order
    orders.stops[chosen] += 2
    orders.vehicle[order] = chosen
    measure(orders, chosen)
    return touched


@inlined
def cheapest(orders: Orders, vehicle: Whole, order: Whole, least: float) -> tuple[float, int, int]:
    """The least that an order adds on a route, and after which entries its two stops come.

    An order delays what is delivered later, and is itself delivered no sooner than straight on
    from its pickup: places that are dear by that alone are passed over, as is all that adds no less
    than `least`, which is then returned.
    """
    size, fleet = len(orders.vehicle), len(orders.stops)
    fetch = fleet + order
    bring = fetch + size
    path, arrival, legs = orders.path, orders.arrival, orders.leg
    later, board = orders.later, orders.board
    last = orders.stops[vehicle] - 1
    ride = _away(orders, fetch, bring)
    start, end = 0, 0
    there = _away(orders, path[vehicle, 0], fetch)
    for first in range(last + 1):
        onward, back = 0.0, 0.0
        if first < last:
            onward = _away(orders, path[vehicle, first + 1], fetch)
        reach, leg = there, legs[vehicle, first]
        there = onward
        if board[vehicle, first] >= orders.capacity:
            continue
        detour = reach + onward - leg
        delay = detour * later[vehicle, first]
        if delay + arrival[vehicle, first] + reach + ride >= least:
            continue
        if first < last:
            back = _away(orders, path[vehicle, first + 1], bring)
        own = reach + ride
        added = arrival[vehicle, first] + own + (own + back - leg) * later[vehicle, first]
        if added < least:
            least, start, end = added, first, first
        delay += detour
        away = back
        for second in range(first + 1, last + 1):
            begun = delay + arrival[vehicle, second]
            if board[vehicle, second] >= orders.capacity or begun >= least:
                break
            back = 0.0
            if second < last:
                back = _away(orders, path[vehicle, second + 1], bring)
            further = (away + back - legs[vehicle, second]) * later[vehicle, second]
            if begun + away + further < least:
                least, start, end = begun + away + further, first, second
            away = back
    return least, start, end


@inlined
def _undo(orders: Orders, touched: int) -> None:
    """Restores the routes that a step has touched."""
    size, fleet = len(orders.vehicle), len(orders.stops)
    for entry in range(touched):
        vehicle = orders.touched[entry]
        orders.stops[vehicle] = orders.kept_stops[vehicle]
        for place in range(orders.stops[vehicle]):
            node = orders.kept[vehicle, place]
            orders.path[vehicle, place] = node
            if fleet <= node < fleet + size:
                orders.vehicle[node - fleet] = vehicle
        measure(orders, vehicle)
        orders.cost[vehicle] = orders.kept_cost[vehicle]


@compiled
def begin(orders: Orders) -> None:
    """Sets all figures by the paths, which are the best so far."""
    size, fleet = len(orders.vehicle), len(orders.stops)
    for vehicle in range(fleet):
        measure(orders, vehicle)
        for place in range(1, orders.stops[vehicle]):
            node = np.int64(orders.path[vehicle, place])
            if node < fleet + size:
                orders.vehicle[node - fleet] = vehicle
    orders.best[:] = orders.path
    orders.best_stops[:] = orders.stops
    orders.price[:] = sum_up(orders)

"""Bounds of routes by q-routes: walks of a total load that may come back to a customer.

Christofides, Mingozzi and Toth, "Exact algorithms for the vehicle routing problem, based on
spanning tree and shortest path relaxations" (Mathematical Programming 20, 1981), without loops of
two customers, and with the dual ascent of Baldacci, Christofides and Mingozzi, "An exact algorithm
for the vehicle routing problem based on the set partitioning formulation with additional cuts"
(Mathematical Programming 115, 2008). All numbers are whole, so no rounding can make a bound too
large.
"""

import math
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from nco.problems._common.decimals import exact

FAR = 2**50  # above the cost of any walk
MOST_PRICE = 2**36  # of a customer, either way: with it no walk comes near `FAR`
LONGEST = 2.0**28  # of a leg, in whole units
GRAIN = 1000  # parts of a whole cost in which prices are counted
ERROR = 1e-12  # relative, of costs in floating point
LEVELS = 200  # parts of the capacity at most, but for what rounding adds
MOST_PASSES, FEWEST = 150, 3  # fewer are not worth their time
PASS = 2.5e-8  # seconds of a pass for each unit of `_work`, on a core that is not quite free
WORK = 10**8  # of all passes where there is no time limit
LEAST_RATE = 0.01  # of Polyak's step, below which an ascent has come to its end
IDLE = 5  # passes without a better bound, after which steps are halved
KEEP = 0.7  # of a step: the present walks' part; the rest is the step before
FIRST = 0.95  # of the target, what the first prices come to
NONE = -1  # before the first customer of a walk


class Vehicle(NamedTuple):
    """What routes of one type of vehicle are made of; costs are whole, `FAR` for what is not there.

    Attributes:
        between: int64 [n, n], the leg from one customer to another.
        first, last: int64 [n], the leg by which a route comes to its first customer, and leaves the
            last one.
        capacity: in units of the weights, less than 1 where the vehicle carries nobody.
    """

    between: np.ndarray
    first: np.ndarray
    last: np.ndarray
    capacity: int


class Walks(NamedTuple):
    """The cheapest walks by load and last customer, `FAR` where there is none.

    Attributes:
        cost: int64 [W+1, n]; before: int64 [W+1, n], the customer before the last one, or `NONE`.
        second: the cheapest walks with another customer before the last one; before_second: which.
    """

    cost: np.ndarray
    before: np.ndarray
    second: np.ndarray
    before_second: np.ndarray


class Through(NamedTuple):
    """The walk through a customer that pays it least: two halves that meet there.

    Attributes:
        share: the customer's part of its cost, rounded down.
        load: of the whole; out, home: loads of the halves.
        swap_out, swap_home: whether a half is the second one.
    """

    share: int
    load: int
    out: int
    home: int
    swap_out: bool
    swap_home: bool


class Legs(NamedTuple):
    """What routes of one type of vehicle cost at least; infinite for what is not there.

    Attributes:
        between: ``[n, n]``, the leg from one customer to another.
        first, last: ``[n]``, the leg by which a route comes to its first customer, and leaves the
            last one.
        capacity: in the unit of the loads.
    """

    between: np.ndarray
    first: np.ndarray
    last: np.ndarray
    capacity: float


def bound(
    fleet: Sequence[Legs],
    loads: Sequence[float],
    prize: np.ndarray,
    known: float | None,
    seconds: float | None,
) -> int | float | None:
    """What any plan costs at least that serves each customer once, or pays its prize.

    Costs are multiplied by a factor and rounded down: whole ones by a whole factor, others after
    they are made smaller by more than the error of floating point. So the bound of the whole
    numbers (`least_cost`) is one of the plan's cost; where costs are whole, so are plans', and the
    bound is rounded up.

    Args:
        fleet: any number of vehicles of each type.
        loads: n of them, at least 0.
        prize: ``[n]``, infinite for a customer that must be served.
        known: the cost of a plan, where the search ends.
        seconds: for the passes; None: a fixed number of them.

    Returns:
        An int where all costs are whole. None where nothing above 0 was found, or a cost is
        negative or too large to be counted.
    """
    arrays = [array for legs in fleet for array in legs[:3]]
    finite = np.concatenate([array[np.isfinite(array)] for array in (*arrays, prize)])
    longest = max((float(array[np.isfinite(array)].max(initial=0)) for array in arrays), default=0)
    if not 0 < longest < LONGEST or finite.min() < 0:
        return None
    is_whole = bool((finite == np.rint(finite)).all())
    factor = min(GRAIN, int(LONGEST / longest)) if is_whole else LONGEST / longest

    def counted(costs: np.ndarray) -> np.ndarray:
        scaled = costs * factor if is_whole else np.floor(costs * (factor * (1 - ERROR)))
        return np.where(scaled < FAR, scaled, FAR).astype(np.int64)

    weights, limits = weighted(loads, [legs.capacity for legs in fleet])
    vehicles = [
        Vehicle(counted(legs.between), counted(legs.first), counted(legs.last), limit)
        for legs, limit in zip(fleet, limits, strict=True)
    ]
    usual = 2 * float(np.where(np.isfinite(arrays[1]), arrays[1], 0).sum())
    target = math.ceil((usual if known is None else known) * factor)
    least = least_cost(vehicles, weights, counted(prize), target, seconds)
    if least is None or least <= 0:
        return None
    return -(-least // int(factor)) if is_whole else least / factor * (1 - ERROR)


def least_cost(
    vehicles: Sequence[Vehicle],
    weights: np.ndarray,
    prize: np.ndarray,
    target: int,
    seconds: float | None,
) -> int | None:
    """What any plan costs at least that serves each customer once, or pays its prize.

    Proof. Take prices of the customers, of any sign. For a customer i of weight w, let b be the
    least of ``w c / q`` over all walks through i of total weight q, c being the cost of the walk
    less the prices of its customers. Any route is such a walk for each of its customers; so the sum
    of their b, and of their prices, is at most its cost. A plan's cost is the sum of its routes'
    costs and of the prizes of the customers that no route serves; so it is at least the sum over
    all customers of the smaller of (price + b) and the prize.

    Args:
        vehicles: any number of each.
        weights: int64 [n], at least 1; of any route they add up to the capacity at most.
        prize: int64 [n], `FAR` of a customer that must be served.
        target: the cost of a plan, where the ascent stops.
        seconds: for the passes; None: a fixed number of them.

    Returns:
        The best bound of the passes; None where there are fewer than `FEWEST`.
    """
    begun, size = time.perf_counter(), len(weights)
    work = max(sum(_work(size, vehicle.capacity) for vehicle in vehicles), 1)
    passes = min(MOST_PASSES, WORK // work) if seconds is None else MOST_PASSES
    if passes < FEWEST or (seconds is not None and FEWEST * PASS * work > seconds):
        return None
    prices = _first_prices(vehicles, weights, prize, target)
    symmetric = [_is_symmetric(vehicle) for vehicle in vehicles]
    best, rate, idle, step = -FAR, 1.0, 0, np.zeros(size)
    for turn in range(1, passes + 1):
        paid, visits = _priced(vehicles, symmetric, weights, prices)
        served = paid < prize
        value = int(np.minimum(paid, prize).sum())
        idle = 0 if value > best else idle + 1
        best = max(best, value)
        spent = time.perf_counter() - begun
        slope = 1 - visits
        slope[~served & (slope > 0)] = 0  # a prize is all that is paid
        norm = float(slope @ slope)
        late = seconds is not None and spent * (turn + 1) / turn > seconds
        if best >= target or late or norm < 1e-9 or rate < LEAST_RATE:
            break
        if idle > IDLE:
            rate, idle = rate / 2, 0
        step = KEEP * (rate * max(target - value, 1) / norm) * slope + (1 - KEEP) * step
        prices = np.clip(prices + np.rint(step).astype(np.int64), -MOST_PRICE, MOST_PRICE)
    return min(best, target)


def weighted(loads: Sequence[float], capacities: Sequence[float]) -> tuple[np.ndarray, list[int]]:
    """Weights [n] of customers, at least 1, and of each vehicle what a route's add up to at most.

    Where loads are multiples of a part of the capacity, down to one in `LEVELS`, they are the
    weights. Others are rounded down. A weight of 0 would be 1: so many of them as fit into a route
    make its capacity larger.
    """
    wanted, most = [exact(load) for load in loads], [exact(value) for value in capacities]
    whole = Fraction(math.lcm(*(value.denominator for value in [*wanted, *most])))
    divisor = math.gcd(*(int(value * whole) for value in wanted)) or 1
    factor = min(whole / divisor, LEVELS / max(*most, Fraction(1, 10**9)))
    parts = [math.floor(load * factor) for load in wanted]
    light = sorted(load for load, part in zip(wanted, parts, strict=True) if part == 0)
    limits = []
    for capacity in most:
        limit, left = math.floor(capacity * factor), capacity
        for count, load in enumerate(light, 1):
            left -= load
            if left < 0:
                break
            limit = max(limit, count + math.floor(left * factor))
        limits.append(limit)
    return np.maximum(np.array(parts, dtype=np.int64), 1), limits


def _work(size: int, capacity: int) -> int:
    """What a pass takes: all legs for each load, and all pairs of loads for each customer."""
    return size**2 * max(capacity, 0) + size * max(capacity, 0) ** 2 // 2


def _first_prices(
    vehicles: Sequence[Vehicle], weights: np.ndarray, prize: np.ndarray, target: int
) -> np.ndarray:
    """A customer's share of a full route's legs to the depot, and the ways to its neighbours."""
    guess = np.full(len(weights), float(FAR))
    for vehicle in vehicles:
        ways = np.minimum(vehicle.between, vehicle.between.T).astype(np.float64)
        np.fill_diagonal(ways, FAR)
        near = np.partition(ways, min(1, len(ways) - 1), axis=1)[:, :2].mean(1)
        ends = vehicle.first.astype(np.float64) + vehicle.last
        guess = np.minimum(guess, ends * weights / max(vehicle.capacity, 1) + near)
    guess = np.minimum(guess, prize)
    total = float(guess.sum())
    guess = guess * (FIRST * max(target, 0) / total) if total > 0 else guess
    return np.clip(np.floor(guess), -MOST_PRICE, MOST_PRICE).astype(np.int64)


def _priced(
    vehicles: Sequence[Vehicle],
    symmetric: Sequence[bool],
    weights: np.ndarray,
    prices: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What customers pay [n] at these prices, and how often the walks that say so visit them."""
    size = len(weights)
    chosen: list[tuple[Through, Walks, Walks] | None] = [None] * size
    for vehicle, either_way in zip(vehicles, symmetric, strict=True):
        if vehicle.capacity < 1:
            continue
        home = out = _walks(vehicle.between, vehicle.first, weights, prices, vehicle.capacity)
        if not either_way:
            home = _walks(vehicle.between.T, vehicle.last, weights, prices, vehicle.capacity)
        for customer in range(size):
            found = _through(out, home, customer, weights, int(prices[customer]))
            held = chosen[customer]
            if found is not None and (held is None or found.share < held[0].share):
                chosen[customer] = (found, out, home)
    paid, visits = np.full(size, FAR), np.zeros(size)
    for customer, held in enumerate(chosen):
        if held is None:  # nobody can serve it
            continue
        walk, out, home = held
        paid[customer] = prices[customer] + walk.share
        weight = float(weights[customer]) / walk.load
        _visit(out, walk.out, customer, walk.swap_out, weights, visits, weight)
        _visit(home, walk.home, customer, walk.swap_home, weights, visits, weight)
        visits[customer] -= weight  # it is in both halves
    return paid, visits


def _is_symmetric(vehicle: Vehicle) -> bool:
    same = np.array_equal(vehicle.first, vehicle.last)
    return same and np.array_equal(vehicle.between, vehicle.between.T)


def _walks(
    between: np.ndarray, first: np.ndarray, weights: np.ndarray, prices: np.ndarray, most: int
) -> Walks:
    """The cheapest walks of each load up to `most`, less the prices of their customers."""
    shape = most + 1, len(weights)
    cost, second = np.full(shape, FAR), np.full(shape, FAR)
    before, before_second = np.full(shape, NONE), np.full(shape, NONE)
    legs = np.ascontiguousarray((between - prices).T)  # to a customer from all others
    legs[between.T >= FAR] = FAR
    np.fill_diagonal(legs, FAR)
    fits = np.flatnonzero((weights <= most) & (first < FAR))
    cost[weights[fits], fits] = first[fits] - prices[fits]
    order = np.argsort(weights, kind="stable")
    sorted_weights = weights[order]
    for load in range(int(sorted_weights[0]) + 1, most + 1):
        rows = order[: int(np.searchsorted(sorted_weights, load))]
        rest = load - weights[rows]
        turns_back = before[rest] == rows[:, None]
        ways = np.where(turns_back, second[rest], cost[rest]) + legs[rows]
        places = np.arange(len(rows))
        least = ways.argmin(1)
        values = ways[places, least].copy()
        ways[places, least] = 2 * FAR
        other = ways.argmin(1)
        others = ways[places, other]
        there, too = values < FAR // 2, others < FAR // 2
        cost[load, rows] = np.where(there, values, cost[load, rows])
        before[load, rows] = np.where(there, least, NONE)
        second[load, rows] = np.where(too, others, FAR)
        before_second[load, rows] = np.where(too, other, NONE)
    return Walks(cost, before, second, before_second)


def _through(
    out: Walks, home: Walks, customer: int, weights: np.ndarray, price: int
) -> Through | None:
    """The walk through a customer of the least cost for each unit of its load; None: none fits."""
    own, most = int(weights[customer]), len(out.cost) - 1
    starts = np.flatnonzero(out.cost[:, customer] < FAR)
    ends = np.flatnonzero(home.cost[:, customer] < FAR)
    if not len(starts) or not len(ends):
        return None
    first, last = out.cost[starts, customer], home.cost[ends, customer]
    before, after = out.before[starts, customer], home.before[ends, customer]
    total = first[:, None] + last
    meets = (before[:, None] == after) & (before[:, None] != NONE)
    swap_home = first[:, None] + home.second[ends, customer]
    swap_out = out.second[starts, customer][:, None] + last
    total = np.where(meets, np.minimum(swap_home, swap_out), total) + price
    load = starts[:, None] + ends - own
    total = np.where((load <= most) & (total < FAR // 2), total, FAR)
    share = own * total // np.maximum(load, 1)
    a, b = divmod(int(share.argmin()), len(ends))
    if total[a, b] >= FAR:
        return None
    swapped = bool(meets[a, b])
    by_out = swapped and bool(swap_out[a, b] < swap_home[a, b])
    halves = int(starts[a]), int(ends[b])
    return Through(int(share[a, b]), int(load[a, b]), *halves, by_out, swapped and not by_out)


def _visit(
    walks: Walks,
    load: int,
    customer: int,
    swap: bool,
    weights: np.ndarray,
    visits: np.ndarray,
    weight: float,
) -> None:
    """Adds a weight to the visits of all customers of a walk."""
    while True:
        visits[customer] += weight
        previous = int((walks.before_second if swap else walks.before)[load, customer])
        if previous == NONE:
            return
        load -= int(weights[customer])
        swap = int(walks.before[load, previous]) == customer
        customer = previous

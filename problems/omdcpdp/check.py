"""Tells whether routes solve a case of open pickup and delivery, and what they cost.

Independent of the readers and solvers: it drives each route stop by stop and adds up its legs.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from nco.core.case import Report
from nco.problems._common.verdicts import shortened
from nco.problems._routing import checking

SHOWN = 5  # violations of one kind that are spelled out; the others are counted


class Stated(Protocol):
    """What the checker reads of a case of M vehicles and n orders."""

    @property
    def depots(self) -> np.ndarray: ...  # float64 [M, 2]
    @property
    def pickups(self) -> np.ndarray: ...  # float64 [n, 2]
    @property
    def deliveries(self) -> np.ndarray: ...  # float64 [n, 2]
    @property
    def capacity(self) -> int: ...


def check(case: Stated, solution: object) -> Report:
    """Whether every order is picked up and then delivered by one vehicle with room for it.

    Args:
        case: an `omdcpdp` case.
        solution: for each vehicle the list of its stops, the order's number from 1 for a pickup and
            minus that number for a delivery.

    Returns:
        The cost, which is the sum over all deliveries of the time of arrival, and one sentence for
        each broken rule. The cost is None where a stop does not exist.
    """
    routes, violations = checking.routes(solution, "stops", "number of a stop")
    if routes is None:
        return Report(None, None, violations)
    count, vehicles = len(case.pickups), len(case.depots)
    if len(routes) != vehicles:
        violations.append(f"{len(routes)} routes, but the case has {vehicles} vehicles")
    unknown = [
        f"vehicle {number} stops at {checking.shown(stop)}, but the stops are 1 to {count}, "
        "negative where an order is delivered"
        for number, route in enumerate(routes, 1)
        for stop in route
        if not 1 <= abs(stop) <= count
    ]
    violations += shortened(unknown, SHOWN)
    if unknown or len(routes) > vehicles:
        return Report(None, None, violations)
    violations += shortened(_visits(count, routes), SHOWN)
    violations += shortened(_pairs(routes), SHOWN)
    violations += shortened(_loads(case.capacity, routes), SHOWN)
    cost = math.fsum(
        time
        for depot, route in zip(case.depots.tolist(), routes, strict=False)
        for time in _arrivals(case, depot, route)
    )
    return Report(cost, cost, violations)


def _visits(count: int, routes: list[list[int]]) -> list[str]:
    """Stops that are made twice or never."""
    visits = dict.fromkeys((sign * i for i in range(1, count + 1) for sign in (1, -1)), 0)
    for stop in itertools.chain(*routes):
        visits[stop] += 1
    lines = []
    for stop, times in visits.items():
        if times != 1:
            deed = "picked up" if stop > 0 else "delivered"
            often = "never" if times == 0 else f"{times} times"
            lines.append(f"order {abs(stop)} is {deed} {often}")
    return lines


def _pairs(routes: list[list[int]]) -> list[str]:
    """Orders delivered before they are picked up, or by another vehicle."""
    place = {
        stop: (number, step)
        for number, route in enumerate(routes, 1)
        for step, stop in enumerate(route)
    }
    lines = []
    for order in sorted(stop for stop in place if stop > 0 and -stop in place):
        (first, begin), (second, end) = place[order], place[-order]
        if first != second:
            lines.append(
                f"vehicle {first} picks up order {order}, but vehicle {second} delivers it"
            )
        elif begin > end:
            lines.append(f"vehicle {first} delivers order {order} before it is picked up")
    return lines


def _loads(capacity: int, routes: list[list[int]]) -> list[str]:
    """A sentence for each vehicle that ever has too many orders on board."""
    lines = []
    for number, route in enumerate(routes, 1):
        boards = itertools.accumulate(1 if stop > 0 else -1 for stop in route)
        most = max(boards, default=0)
        if most > capacity:
            lines.append(
                f"vehicle {number} has {most} orders on board, above the capacity {capacity}"
            )
    return lines


def _arrivals(case: Stated, depot: list[float], route: list[int]) -> Iterator[float]:
    """When each of a route's deliveries is made."""
    here, time = depot, 0.0
    for stop in route:
        ends = case.pickups if stop > 0 else case.deliveries
        there = ends[abs(stop) - 1].tolist()
        time += math.dist(here, there)
        here = there
        if stop < 0:
            yield time


# --------------------------------------------------------------------------------------------------
# All solutions of a tiny instance, for tests


def every_solution(case: Stated, most: int) -> Iterator[list[list[int]]] | None:
    """All ways to share out the orders and to order the stops; None for more than `most`."""
    count, vehicles = len(case.pickups), len(case.depots)
    if vehicles**count * math.factorial(2 * count) > most:
        return None
    return _shared_out(count, vehicles)


def _shared_out(count: int, vehicles: int) -> Iterator[list[list[int]]]:
    """All of them, for each way to share out the orders among the vehicles."""
    for carrier in itertools.product(range(vehicles), repeat=count):
        own = [[i + 1 for i in range(count) if carrier[i] == v] for v in range(vehicles)]
        stops = [[*orders, *(-order for order in orders)] for orders in own]
        for routes in itertools.product(*(itertools.permutations(row) for row in stops)):
            yield [list(route) for route in routes]

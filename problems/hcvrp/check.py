"""The checker: whether the routes of a mixed fleet solve a case and what they cost, on its own.

Distances are straight lines, computed one pair at a time; loads are exact fractions of the decimals
that the source states, so that 0.1 + 0.2 fits into 0.3.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations, product
from typing import Protocol

import numpy as np

from nco.core.case import Report
from nco.problems._common.decimals import exact
from nco.problems._common.verdicts import names_of, shortened, titled
from nco.problems._routing import checking

SHOWN = 5  # violations of one kind that are spelled out; the others are counted
TOTAL = "total"  # the objective that adds up costs; the other is the time of the last vehicle


class Stated(Protocol):
    """What the checker reads of a case; n is the number of customers, the depot is at 0."""

    @property
    def size(self) -> int: ...
    @property
    def coords(self) -> np.ndarray: ...  # float64 [n+1, 2]
    @property
    def demand(self) -> np.ndarray: ...  # float64 [n+1]
    @property
    def capacities(self) -> np.ndarray: ...  # float64 [M]
    @property
    def speeds(self) -> np.ndarray: ...  # float64 [M]
    @property
    def fixed(self) -> np.ndarray: ...  # float64 [M]
    @property
    def unit(self) -> np.ndarray: ...  # float64 [M]
    @property
    def objective(self) -> str: ...


def check(case: Stated, solution: object) -> Report:
    """Checks a list of one route a vehicle, and prices it by the case's objective.

    Args:
        case: a `hcvrp` case.
        solution: routes of customers from 1 to n in the order of the vehicles, 0 being a visit to
            the depot on the way. Zeros at the ends, or after one another, count for nothing.

    Returns:
        The cost and one sentence for each broken rule. The cost is None where a customer or a
        vehicle does not exist.
    """
    routes, violations = checking.routes(solution)
    if routes is None:
        return Report(None, None, violations)
    fleet = len(case.capacities)
    if len(routes) != fleet:
        violations.append(f"{len(routes)} routes, but the case has {fleet} vehicles")
        return Report(None, None, violations)
    unknown = [
        f"vehicle {vehicle} visits customer {node}, but the customers are 1 to {case.size}"
        for vehicle, route in enumerate(routes, 1)
        for node in route
        if not 0 <= node <= case.size
    ]
    violations += shortened(unknown, SHOWN, "unknown customers")
    violations += checking.visits(case.size, routes, "by vehicles", SHOWN, names_of(case, "stops"))
    if unknown:
        return Report(None, None, violations)
    trips = [_trips(route) for route in routes]
    violations += _loads(case, trips)
    if case.objective == TOTAL:
        violations += [
            f"vehicle {vehicle} makes {len(some)} trips, but each may make one"
            for vehicle, some in enumerate(trips, 1)
            if len(some) > 1
        ]
    cost = _cost(case, trips)
    if not math.isfinite(cost):
        return Report(None, None, [*violations, "the cost is not finite"])
    return Report(cost, cost, violations)


def _trips(route: Sequence[int]) -> list[list[int]]:
    """The non-empty runs of customers between the zeros."""
    trips: list[list[int]] = [[]]
    for node in route:
        if node:
            trips[-1].append(node)
        else:
            trips.append([])
    return [trip for trip in trips if trip]


def _loads(case: Stated, trips: list[list[list[int]]]) -> list[str]:
    """A sentence for each trip above its vehicle's capacity."""
    demand, capacity = (
        [exact(value) for value in np.asarray(values).tolist()]
        for values in (case.demand, case.capacities)
    )
    lines = []
    for vehicle, some in enumerate(trips):
        for trip in some:
            load = sum((demand[node] for node in trip), Fraction(0))
            if load > capacity[vehicle]:
                named = titled("vehicle", vehicle + 1, names_of(case, "vehicles"), vehicle)
                lines.append(
                    f"{named} carries {float(load):g} at once, above its capacity "
                    f"{float(capacity[vehicle]):g}"
                )
    return shortened(lines, SHOWN, "overloaded trips")


def _cost(case: Stated, trips: list[list[list[int]]]) -> float:
    """The sum of all costs, or the time of the last vehicle."""
    coords = np.asarray(case.coords).tolist()
    costs = []
    for vehicle, some in enumerate(trips):
        legs = [
            math.dist(coords[start], coords[end])
            for trip in some
            for start, end in zip([0, *trip], [*trip, 0], strict=True)
        ]
        length = math.fsum(legs)
        if case.objective == TOTAL:
            fixed = float(case.fixed[vehicle]) if some else 0.0
            costs.append(fixed + float(case.unit[vehicle]) * length)
        else:
            costs.append(length / float(case.speeds[vehicle]))
    return math.fsum(costs) if case.objective == TOTAL else max(costs)


def every_solution(case: Stated, limit: int) -> Iterator[list[list[int]]] | None:
    """Every assignment of customers to vehicles and trips in every order; None for too many."""
    size, fleet = case.size, len(case.capacities)
    count = math.factorial(size) * fleet * (fleet + 1) ** max(size - 1, 0)
    return _every(size, fleet) if count <= limit else None


def _every(size: int, fleet: int) -> Iterator[list[list[int]]]:
    """Every order of the customers; after each one the trip goes on, or any vehicle begins one."""
    for order in permutations(range(1, size + 1)):
        for owners in product(range(fleet + 1), repeat=max(size - 1, 0)):
            for first in range(fleet):
                routes: list[list[int]] = [[] for _ in range(fleet)]
                vehicle = first
                for place, node in enumerate(order):
                    if place and owners[place - 1] < fleet:
                        vehicle = owners[place - 1]
                        routes[vehicle].append(0)
                    routes[vehicle].append(node)
                yield routes

"""The checker: whether routes solve a CVRP case and what they cost, independently of the readers.

Loads are exact fractions of the decimals that the source states, so that 0.1 + 0.2 fits into 0.3.
"""

import math
from fractions import Fraction
from typing import Protocol

import numpy as np

from nco.core.case import Report
from nco.problems._common.decimals import rational
from nco.problems._common.verdicts import names_of, shortened
from nco.problems._routing import checking

SHOWN = 5  # violations of one kind that are spelled out; the others are counted


class Stated(checking.Located, Protocol):
    """What the checker reads of a case; n is the number of customers, the depot is at 0."""

    @property
    def size(self) -> int: ...
    @property
    def demand(self) -> np.ndarray: ...  # float64 [n+1]
    @property
    def capacity(self) -> float: ...
    @property
    def vehicles(self) -> int | None: ...


def check(case: Stated, solution: object) -> Report:
    """Checks a list of routes, each a list of customers from 1 to n, and sums up its length.

    Args:
        case: a `cvrp` case.
        solution: routes without the depot; empty routes are ignored.

    Returns:
        The cost in the case's own units (an int where its metric rounds) and one sentence for each
        broken rule. The cost is None where a customer does not exist.
    """
    routes, violations = checking.routes(solution)
    if routes is None:
        return Report(None, None, violations)
    unknown = _unknown(case.size, routes)
    names = names_of(case, "stops")
    visits = checking.visits(case.size, routes, "in routes", SHOWN, names)
    violations += unknown + visits + _loads(case, routes)
    used = sum(1 for route in routes if route)
    if case.vehicles is not None and used > case.vehicles:
        violations.append(f"{used} routes, but the case has {case.vehicles} vehicles")
    cost = None if unknown else _cost(case, routes)
    if cost is not None and not math.isfinite(cost):
        return Report(None, None, [*violations, "the length of the routes is not finite"])
    return Report(cost, cost, violations)


def _unknown(size: int, routes: list[list[int]]) -> list[str]:
    """A sentence for each stop that is no customer."""
    lines = []
    for number, route in enumerate(routes, 1):
        for customer in route:
            if customer == 0:
                lines.append(f"route {number} holds 0, the depot, which routes leave out")
            elif not 1 <= customer <= size:
                lines.append(
                    f"route {number} visits customer {customer}, but the customers are 1 to {size}"
                )
    return shortened(lines, SHOWN, "unknown customers")


def _loads(case: Stated, routes: list[list[int]]) -> list[str]:
    """Routes above the capacity; unknown customers weigh nothing here, they are named elsewhere."""
    demand = [rational(value) for value in np.asarray(case.demand).tolist()]
    capacity = rational(case.capacity)
    lines = []
    for number, route in enumerate(routes, 1):
        load = sum(demand[c] for c in route if 1 <= c <= case.size)
        if load > capacity:
            lines.append(
                f"route {number} carries {_decimal(load)}, above the capacity {_decimal(capacity)}"
            )
    return shortened(lines, SHOWN, "overloaded routes")


def _decimal(value: Fraction | int) -> str:
    """All digits of a decimal."""
    if isinstance(value, int) or value.denominator == 1:
        return str(value.numerator)
    places = 0
    while (value * 10**places).denominator != 1:  # ends: sums of decimals are decimals
        places += 1
    digits = str((value * 10**places).numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def _cost(case: Stated, routes: list[list[int]]) -> int | float:
    """The length of all routes; an int where every distance is one."""
    legs = [
        checking.distance(case, start, end)
        for route in routes
        if route
        for start, end in zip([0, *route], [*route, 0], strict=True)
    ]
    if case.metric != "EUCLIDEAN" and all(float(leg).is_integer() for leg in legs):
        return sum(int(leg) for leg in legs)
    return math.fsum(legs)

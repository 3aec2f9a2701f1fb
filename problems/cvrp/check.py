"""Tells whether routes solve a CVRP case and what they cost, independently of the readers.

Distances are computed one pair at a time by the rules of TSPLIB 95 (Reinelt, section 2), loads in
exact fractions of the decimals that the source states, so that 0.1 + 0.2 fits into 0.3.
"""

import math
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from nco.case import Report

SHOWN = 5  # violations of one kind that are spelled out; the others are counted


class Stated(Protocol):
    """What the checker reads of a case; n is the number of customers, the depot is at 0."""

    @property
    def size(self) -> int: ...
    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [n+1, 2]
    @property
    def distances(self) -> np.ndarray | None: ...  # float64 [n+1, n+1]
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
    routes, violations = _routes(solution)
    if routes is None:
        return Report(None, None, violations)
    unknown = _unknown(case.size, routes)
    violations += unknown + _visits(case.size, routes) + _loads(case, routes)
    used = sum(1 for route in routes if route)
    if case.vehicles is not None and used > case.vehicles:
        violations.append(f"{used} routes, but the case has {case.vehicles} vehicles")
    cost = None if unknown else _cost(case, routes)
    if cost is not None and not math.isfinite(cost):
        return Report(None, None, [*violations, "the length of the routes is not finite"])
    return Report(cost, cost, violations)


def _routes(solution: object) -> tuple[list[list[int]] | None, list[str]]:
    """The routes as plain integers, or None and a sentence on the first thing that is no route."""
    listed = _listed(solution)
    if listed is None:
        return None, [f"the solution is no list of routes but {type(solution).__name__}"]
    routes: list[list[int]] = []
    for number, route in enumerate(listed, 1):
        customers = _listed(route)
        if customers is None:
            return None, [f"route {number} is no list of customers: {_shown(route)}"]
        integers = [_integer(customer) for customer in customers]
        if None in integers:
            culprit = customers[integers.index(None)]
            return None, [f"route {number} holds {_shown(culprit)}, which is no customer number"]
        routes.append([customer for customer in integers if customer is not None])
    return routes, []


def _listed(value: object) -> Sequence[object] | None:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim else None
    return value if isinstance(value, list | tuple) else None


def _integer(value: object) -> int | None:
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        return None
    try:
        number = operator.index(value)
    except TypeError:  # such as a tensor of several numbers
        return None
    return number if abs(number) < 2**63 else None


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 63:  # Python may refuse to print it
        return "a huge integer"
    text = repr(value) if isinstance(value, int | float | str) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _unknown(size: int, routes: list[list[int]]) -> list[str]:
    lines = []
    for number, route in enumerate(routes, 1):
        for customer in route:
            if customer == 0:
                lines.append(f"route {number} holds 0, the depot, which routes leave out")
            elif not 1 <= customer <= size:
                lines.append(
                    f"route {number} visits customer {customer}, but the customers are 1 to {size}"
                )
    return _cut(lines, "unknown customers")


def _visits(size: int, routes: list[list[int]]) -> list[str]:
    """Customers visited twice or never."""
    places: dict[int, list[int]] = {}
    for number, route in enumerate(routes, 1):
        for customer in route:
            places.setdefault(customer, []).append(number)
    doubled = [
        f"customer {customer} is visited {len(numbers)} times, "
        f"in routes {', '.join(map(str, numbers[:SHOWN]))}"
        for customer, numbers in places.items()
        if len(numbers) > 1 and 1 <= customer <= size
    ]
    missing = [
        f"customer {customer} is not visited"
        for customer in range(1, size + 1)
        if customer not in places
    ]
    return _cut(doubled, "customers visited twice") + _cut(missing, "customers not visited")


def _loads(case: Stated, routes: list[list[int]]) -> list[str]:
    """Routes above the capacity; unknown customers weigh nothing here, they are named elsewhere."""
    demand = [_exact(value) for value in np.asarray(case.demand).tolist()]
    capacity = _exact(case.capacity)
    lines = []
    for number, route in enumerate(routes, 1):
        load = sum(demand[c] for c in route if 1 <= c <= case.size)
        if load > capacity:
            lines.append(
                f"route {number} carries {_decimal(load)}, above the capacity {_decimal(capacity)}"
            )
    return _cut(lines, "overloaded routes")


def _exact(value: float) -> Fraction | int:
    """The decimal that the source states: the shortest one that reads as this float."""
    number = float(value)
    return int(number) if number.is_integer() else Fraction(repr(number))


def _decimal(value: Fraction | int) -> str:
    if isinstance(value, int) or value.denominator == 1:
        return str(value.numerator)
    places = 0
    while (value * 10**places).denominator != 1:  # ends: sums of decimals are decimals
        places += 1
    digits = str((value * 10**places).numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def _cut(lines: list[str], kind: str) -> list[str]:
    """Keeps the verdict on 10,000 missing customers readable."""
    if len(lines) <= SHOWN:
        return lines
    return [*lines[:SHOWN], f"{len(lines) - SHOWN} more {kind}"]


def _cost(case: Stated, routes: list[list[int]]) -> int | float:
    """The length of all routes; an int where every distance is one."""
    legs = [
        _distance(case, start, end)
        for route in routes
        if route
        for start, end in zip([0, *route], [*route, 0], strict=True)
    ]
    if case.metric != "EUCLIDEAN" and all(leg.is_integer() for leg in legs):
        return sum(int(leg) for leg in legs)
    return math.fsum(legs)


def _distance(case: Stated, start: int, end: int) -> float:
    if case.distances is not None:
        return float(case.distances[start, end])
    if case.coords is None:
        raise ValueError("a case needs coordinates or distances")
    (x, y), (u, v) = case.coords[start].tolist(), case.coords[end].tolist()
    if start == end:
        return 0.0
    if case.metric == "GEO":
        return float(_geographical(x, y, u, v))
    dx, dy = abs(x - u), abs(y - v)
    if case.metric == "MAN_2D":
        return float(math.floor(dx + dy + 0.5))
    if case.metric == "MAX_2D":
        return float(max(math.floor(dx + 0.5), math.floor(dy + 0.5)))
    if case.metric == "ATT":
        pseudo = math.sqrt((dx * dx + dy * dy) / 10.0)
        rounded = math.floor(pseudo + 0.5)
        return float(rounded + 1 if rounded < pseudo else rounded)
    straight = math.sqrt(dx * dx + dy * dy)
    if case.metric == "EUCLIDEAN":
        return straight
    if case.metric == "CEIL_2D":
        return float(math.ceil(straight))
    if case.metric == "EUC_2D":
        return float(math.floor(straight + 0.5))
    raise ValueError(f"unknown metric {case.metric!r}")


def _geographical(x: float, y: float, u: float, v: float) -> int:
    """Kilometres on TSPLIB's idealised sphere between (x, y) and (u, v), degrees.minutes each."""
    latitude, longitude = _radians(x), _radians(y)
    other_latitude, other_longitude = _radians(u), _radians(v)
    q1 = math.cos(longitude - other_longitude)
    q2 = math.cos(latitude - other_latitude)
    q3 = math.cos(latitude + other_latitude)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return int(6378.388 * math.acos(max(-1.0, min(1.0, cosine))) + 1.0)


def _radians(value: float) -> float:
    degrees = math.trunc(value)
    minutes = value - degrees
    return 3.141592 * (degrees + 5.0 * minutes / 3.0) / 180.0  # TSPLIB's own pi

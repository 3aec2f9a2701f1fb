"""Tells whether a route solves an orienteering case and what prize it brings.

Independent of the readers and solvers: distances are computed one pair at a time by the rules of
TSPLIB 95 (Reinelt, section 2), prizes in exact fractions of the decimals that the source states.
"""

import itertools
import math
import operator
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from nco.case import Report

SHOWN = 10  # violations of one kind that are spelled out; the rest are counted
TOLERANCE = 1e-6  # of the limit, where lengths are real numbers; whole numbers are exact


class Stated(Protocol):
    """What the checker reads of a case; the depot is at position 0."""

    @property
    def metric(self) -> str: ...
    @property
    def ids(self) -> np.ndarray: ...  # int64 [n+1]
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [n+1, 2]
    @property
    def distances(self) -> np.ndarray | None: ...  # int64 or float64 [n+1, n+1]
    @property
    def prizes(self) -> np.ndarray: ...  # float64 [n+1]
    @property
    def limit(self) -> float: ...


def check(case: Stated, solution: object) -> Report:
    """Whether a route visits customers once each and is no longer than the limit.

    Args:
        case: an `op` case.
        solution: the visited customers' numbers in their order, without the depot.

    Returns:
        The report; its objective is the prize collected and its cost is minus that, an int where
        it is whole, None where a customer does not exist. A customer visited twice pays once,
        the depot always.
    """
    route, violations = _numbers(solution)
    if violations:
        return Report(None, None, violations)
    places = {int(number): place for place, number in enumerate(case.ids)}
    depot = int(case.ids[0])
    visits = Counter(route)
    unknown = [number for number in visits if number not in places]
    repeated = [number for number in visits if visits[number] > 1 and number != depot]
    violations = [
        *_listed([f"node {number} does not exist" for number in unknown]),
        *_listed([f"node {number} is visited {visits[number]} times" for number in repeated]),
    ]
    if depot in visits:
        violations.append(f"the route holds {depot}, the depot, which routes leave out")
    if unknown:
        return Report(None, None, violations)
    violations += _too_long(case, [0, *(places[number] for number in route), 0])
    values = [_exact(case.prizes[places[number]]) for number in {depot, *visits}]
    prize = _plain(sum(values, Fraction(0)))
    return Report(-prize, prize, violations)


def _numbers(solution: object) -> tuple[list[int], list[str]]:
    """The route as plain ints, or what is wrong with its form."""
    if isinstance(solution, np.ndarray):
        solution = solution.tolist()
    if not isinstance(solution, list | tuple):
        return [], [f"a route is a list of node numbers, not {type(solution).__name__}"]
    route: list[int] = []
    wrong: list[str] = []
    for place, number in enumerate(solution):
        try:
            route.append(operator.index(number))
            whole = not isinstance(number, bool | np.bool_)
        except TypeError:
            whole = False
        if not whole:
            wrong.append(f"entry {place} of the route, {repr(number)[:40]}, is no node number")
    return route, _listed(wrong)


def _listed(sentences: list[str]) -> list[str]:
    """At most `SHOWN` sentences and a count of the others."""
    more = len(sentences) - SHOWN
    return sentences[:SHOWN] + ([f"and {more} more of this kind"] if more > 0 else [])


def _too_long(case: Stated, closed: Sequence[int]) -> list[str]:
    """A sentence where the closed route of positions is longer than the limit."""
    legs = [_distance(case, *pair) for pair in itertools.pairwise(closed)]
    length: float | int
    if all(isinstance(leg, int) for leg in legs):
        length, allowed = sum(legs), float(case.limit)
    else:
        length, allowed = math.fsum(legs), float(case.limit) * (1 + TOLERANCE)
    if length <= allowed:
        return []
    return [f"the route is {length:.10g} long, above the limit {case.limit:.10g}"]


def _exact(value: float) -> Fraction:
    """The decimal that the source states: the shortest one that reads as this float."""
    return Fraction(repr(float(value)))


def _plain(number: Fraction) -> float | int:
    """An int where the fraction is whole, and the nearest float elsewhere."""
    return int(number) if number.denominator == 1 else float(number)


def _distance(case: Stated, start: int, end: int) -> float | int:
    """One distance between two positions, an int where distances are; a node's own is 0."""
    if start == end:
        return 0
    if case.distances is not None:
        found: float | int = case.distances[start, end].item()
        return found
    if case.coords is None:
        raise ValueError("a case needs coordinates or distances")
    return _metric(case.metric, case.coords[start].tolist(), case.coords[end].tolist())


def _metric(metric: str, start: Sequence[float], end: Sequence[float]) -> float | int:
    """TSPLIB95, section 2: the distance between two points."""
    if metric == "GEO":
        return _geographical(start, end)
    x, y = abs(start[0] - end[0]), abs(start[1] - end[1])
    if metric == "EUCLIDEAN":
        return math.hypot(x, y)
    if metric == "EUC_2D":
        return int(math.sqrt(x * x + y * y) + 0.5)
    if metric == "CEIL_2D":
        return math.ceil(math.sqrt(x * x + y * y))
    if metric == "MAN_2D":
        return int(x + y + 0.5)
    if metric == "MAX_2D":
        return max(int(x + 0.5), int(y + 0.5))
    if metric == "ATT":
        pseudo = math.sqrt((x * x + y * y) / 10.0)
        rounded = int(pseudo + 0.5)
        return rounded + 1 if rounded < pseudo else rounded
    raise ValueError(f"unknown metric {metric!r}")


def _geographical(start: Sequence[float], end: Sequence[float]) -> int:
    """Whole kilometres on TSPLIB's sphere; coordinates are DDD.MM, latitude first."""
    (latitude, longitude), (other_latitude, other_longitude) = (
        [_radians(value) for value in point] for point in (start, end)
    )
    q1 = math.cos(longitude - other_longitude)
    q2 = math.cos(latitude - other_latitude)
    q3 = math.cos(latitude + other_latitude)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return int(6378.388 * math.acos(max(-1.0, min(1.0, cosine))) + 1.0)


def _radians(value: float) -> float:
    degrees = int(value)
    minutes = value - degrees
    return 3.141592 * (degrees + 5.0 * minutes / 3.0) / 180.0  # TSPLIB's own pi

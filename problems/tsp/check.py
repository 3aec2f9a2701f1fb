"""Checks a tour with scalar arithmetic of its own: nothing here is shared with the solvers."""

import math
import operator
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.case import Report

if TYPE_CHECKING:
    from nco.problems.tsp.files import Case

SHOWN = 10  # violations of one kind that are spelled out; the rest are counted


def check(case: "Case", solution: Any) -> Report:
    """Whether `solution` visits every node exactly once, and what the closed tour costs.

    Args:
        case: the instance in its own metric.
        solution: node numbers in the order of the visits.

    Returns:
        the cost of the closed tour as it stands, an int where distances are whole numbers, None
        if it is empty or a node in it unknown; one violation for each missing, repeated or unknown
        node, up to ten of a kind.
    """
    tour, violations = _numbers(solution)
    if violations:
        return Report(None, None, violations)
    places = {int(number): place for place, number in enumerate(case.ids)}
    visits = Counter(tour)
    unknown = [number for number in visits if number not in places]
    missing = [number for number in places if number not in visits]
    repeated = [number for number in visits if visits[number] > 1]
    violations = [
        *_listed([f"node {number} does not exist" for number in unknown]),
        *_listed([f"node {number} is not visited" for number in missing]),
        *_listed([f"node {number} is visited {visits[number]} times" for number in repeated]),
    ]
    if unknown or not tour:
        return Report(None, None, violations)
    cost = _length(case, [places[number] for number in tour])
    return Report(cost, cost, violations)


def _numbers(solution: Any) -> tuple[list[int], list[str]]:
    """The tour as plain ints, or what is wrong with its form."""
    if hasattr(solution, "tolist"):
        solution = solution.tolist()
    if not isinstance(solution, list | tuple):
        return [], [f"a tour is a list of node numbers, not {type(solution).__name__}"]
    tour: list[int] = []
    wrong: list[str] = []
    for place, number in enumerate(solution):
        try:
            tour.append(operator.index(number))
            whole = not isinstance(number, bool)
        except TypeError:
            whole = False
        if not whole:
            wrong.append(f"entry {place} of the tour, {repr(number)[:40]}, is no node number")
    return tour, _listed(wrong)


def _listed(sentences: list[str]) -> list[str]:
    """At most `SHOWN` sentences and a count of the others."""
    more = len(sentences) - SHOWN
    return sentences[:SHOWN] + ([f"and {more} more of this kind"] if more > 0 else [])


def _length(case: "Case", places: Sequence[int]) -> float | int:
    """The length of a closed tour of positions; a single node costs nothing."""
    if len(places) == 1:
        return 0
    legs = zip(places, [*places[1:], places[0]], strict=True)
    found = [_distance(case, start, end) for start, end in legs]
    return sum(found) if all(isinstance(leg, int) for leg in found) else math.fsum(found)


def _distance(case: "Case", start: int, end: int) -> float | int:
    """One distance between two positions; a node's distance to itself is 0."""
    if start == end:
        return 0
    if case.distances is not None:
        return case.distances[start, end].item()
    assert case.coords is not None
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
        exact = math.sqrt((x * x + y * y) / 10.0)
        rounded = int(exact + 0.5)
        return rounded + 1 if rounded < exact else rounded
    raise AssertionError(f"a case of metric {metric}")


def _geographical(start: Sequence[float], end: Sequence[float]) -> int:
    """Whole kilometres on TSPLIB's sphere; coordinates are DDD.MM, latitude first."""

    def radians(value: float) -> float:
        degrees = int(value)
        minutes = value - degrees
        return 3.141592 * (degrees + 5.0 * minutes / 3.0) / 180.0

    latitude, longitude = radians(start[0]), radians(start[1])
    other_latitude, other_longitude = radians(end[0]), radians(end[1])
    q1 = math.cos(longitude - other_longitude)
    q2 = math.cos(latitude - other_latitude)
    q3 = math.cos(latitude + other_latitude)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return int(6378.388 * math.acos(max(-1.0, min(1.0, cosine))) + 1.0)

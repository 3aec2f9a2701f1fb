"""Checks a tour; nothing here is shared with the solvers."""

import math
import operator
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.core.case import Report
from nco.problems._routing import checking

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
    found = [checking.distance(case, start, end) for start, end in legs]
    return sum(found) if all(isinstance(leg, int) for leg in found) else math.fsum(found)

"""Checks a tour; nothing here is shared with the solvers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nco.core.case import Report
from nco.problems._common.verdicts import names_of, shortened, titled
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
    tour, violations = checking.numbers(solution, "tour", SHOWN)
    if violations:
        return Report(None, None, violations)
    places = {int(number): place for place, number in enumerate(case.ids)}
    visits = Counter(tour)
    unknown = [number for number in visits if number not in places]
    missing = [number for number in places if number not in visits]
    repeated = [number for number in visits if visits[number] > 1]
    violations = [
        *shortened([f"node {number} does not exist" for number in unknown], SHOWN),
        *shortened([f"{_node(case, places, number)} is not visited" for number in missing], SHOWN),
        *shortened(
            [f"{_node(case, places, node)} is visited {visits[node]} times" for node in repeated],
            SHOWN,
        ),
    ]
    if unknown or not tour:
        return Report(None, None, violations)
    cost = _length(case, [places[number] for number in tour])
    return Report(cost, cost, violations)


def _node(case: "Case", places: Mapping[int, int], number: int) -> str:
    """A node by its number, and its name where it has one."""
    return titled("node", number, names_of(case, "stops"), places.get(number, -1))


def _length(case: "Case", places: Sequence[int]) -> float | int:
    """The length of a closed tour of positions; a single node costs nothing."""
    if len(places) == 1:
        return 0
    legs = zip(places, [*places[1:], places[0]], strict=True)
    lengths = [checking.distance(case, start, end) for start, end in legs]
    return sum(lengths) if all(isinstance(leg, int) for leg in lengths) else math.fsum(lengths)

"""The checker: whether a route solves an orienteering case and what prize it brings.

Independent of the readers and solvers: distances are computed one pair at a time by the rules of
TSPLIB 95 (Reinelt, section 2), prizes in exact fractions of the decimals that the source states.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from nco.core.case import Report
from nco.problems._common.decimals import exact, plain
from nco.problems._common.verdicts import names_of, shortened, titled
from nco.problems._routing import checking

SHOWN = 10  # violations of one kind that are spelled out; the rest are counted
TOLERANCE = 1e-6  # of the limit, where lengths are real numbers; whole numbers are exact


class Stated(checking.Located, Protocol):
    """What the checker reads of a case; the depot is at position 0."""

    @property
    def ids(self) -> np.ndarray: ...  # int64 [n+1]
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
    route, violations = checking.numbers(solution, "route", SHOWN)
    if violations:
        return Report(None, None, violations)
    places = {int(number): place for place, number in enumerate(case.ids)}
    depot = int(case.ids[0])
    visits = Counter(route)
    unknown = [number for number in visits if number not in places]
    repeated = [number for number in visits if visits[number] > 1 and number != depot]
    violations = [
        *shortened([f"node {number} does not exist" for number in unknown], SHOWN),
        *shortened(
            [f"{_node(case, places, node)} is visited {visits[node]} times" for node in repeated],
            SHOWN,
        ),
    ]
    if depot in visits:
        violations.append(f"the route holds {depot}, the depot, which routes leave out")
    if unknown:
        return Report(None, None, violations)
    violations += _too_long(case, [0, *(places[number] for number in route), 0])
    values = [exact(case.prizes[places[number]]) for number in {depot, *visits}]
    prize = plain(sum(values, Fraction(0)))
    return Report(-prize, prize, violations)


def _node(case: Stated, places: Mapping[int, int], number: int) -> str:
    """A node by its number, and its name where it has one."""
    return titled("node", number, names_of(case, "stops"), places.get(number, -1))


def _too_long(case: Stated, closed: Sequence[int]) -> list[str]:
    """A sentence where the closed route of positions is longer than the limit."""
    legs = [checking.distance(case, *pair) for pair in itertools.pairwise(closed)]
    length: float | int
    if all(isinstance(leg, int) for leg in legs):
        length, allowed = sum(legs), float(case.limit)
    else:
        length, allowed = math.fsum(legs), float(case.limit) * (1 + TOLERANCE)
    if length <= allowed:
        return []
    return [f"the route is {length:.10g} long, above the limit {case.limit:.10g}"]

"""Checks a tour with scalar arithmetic of its own: nothing here is shared with the solvers."""

from typing import TYPE_CHECKING, Any

from nco.core.case import Report
from nco.problems.tsp import check as tsp

if TYPE_CHECKING:
    from nco.problems.atsp.files import Case


def check(case: "Case", solution: Any) -> Report:
    """Whether `solution` visits every city exactly once, and what the closed tour costs.

    The TSP's checker adds up a matrix from row to column, so that direction counts.

    Args:
        case: the instance with its own distances.
        solution: city numbers in the order of the visits.

    Returns:
        what the TSP's checker returns.
    """
    return tsp.check(case, solution)

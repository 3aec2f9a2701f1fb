"""A certified lower bound of a schedule's makespan."""

from nco.core.case import Bound
from nco.problems._shop.bound import makespan_bound
from nco.problems.fjsp.files import Case


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound:
    """What sets of operations need of their machines: `_shop.bound`, with the proof."""
    return Bound(makespan_bound(case.work, time_limit), "machines and jobs")

"""Checks the schedule of a flexible job shop, in whole numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nco.core.case import Report
from nco.problems._shop.check import Work, check_plan, every_plan

if TYPE_CHECKING:
    from nco.problems.fjsp.files import Case


def check(case: "Case", solution: Any) -> Report:
    """Whether jobs keep their order and machines do one thing at a time, and the makespan.

    Args:
        case: the instance.
        solution: a dict of ``start`` and ``machine``, each ``[job][operation]`` in whole numbers,
            machines in the source's own.
    """
    if not isinstance(solution, dict):
        kind = type(solution).__name__
        return Report(None, None, [f"the solution must be a dict of start and machine, not {kind}"])
    missing = [key for key in ("start", "machine") if key not in solution]
    if missing:
        return Report(None, None, [f"the solution has no {missing[0]}"])
    return check_plan(_named(case), solution["start"], solution["machine"], case.names, case.base)


def every_solution(case: "Case", most: int) -> Iterator[dict[str, list[list[int]]]] | None:
    """All that could be optimal, by all machines and orders on them; None for more than `most`."""
    plans = every_plan(_named(case), most)
    if plans is None:
        return None
    # as positions, which the case then puts into its own numbers
    return (
        {"start": start, "machine": [[m - case.base for m in row] for row in machine]}
        for start, machine in plans
    )


def _named(case: "Case") -> Work:
    """The alternatives with machines in the source's own numbers."""
    return [
        [[(machine + case.base, duration) for machine, duration in choices] for choices in job]
        for job in case.work
    ]

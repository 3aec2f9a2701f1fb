"""Checks the start times of a job shop, in whole numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nco.core.case import Report
from nco.problems._shop.check import check_plan, every_plan

if TYPE_CHECKING:
    from nco.problems.jssp.files import Case


def check(case: "Case", solution: Any) -> Report:
    """Whether jobs keep their order and machines do one thing at a time, and the makespan.

    Args:
        case: the instance.
        solution: ``start[job][operation]``, whole numbers from 0.
    """
    work = _work(case)
    machines = [[choices[0][0] for choices in job] for job in work]
    return check_plan(work, solution, machines, case.names)


def every_solution(case: "Case", most: int) -> Iterator[list[list[int]]] | None:
    """All that could be optimal, by every order on every machine; None for more than `most`."""
    plans = every_plan(_work(case), most)
    return None if plans is None else (start for start, _ in plans)


def _work(case: "Case") -> list[list[list[tuple[int, int]]]]:
    """The work list: each operation with its one machine and duration; -1 is no machine."""
    rows = zip(case.machines.tolist(), case.durations.tolist(), strict=True)
    return [[[pair] for pair in zip(*row, strict=True) if pair[0] >= 0] for row in rows]

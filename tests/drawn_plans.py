"""Plans as solutions that somebody may have found, for tests of pictures."""

from typing import Any

from nco.core.case import Case
from nco.solving.solution import Solution, Status


def solved(case: Case, plan: Any) -> Solution:
    """A solution of a case, as if somebody had found it."""
    return Solution(
        problem=case.problem,
        name=case.name,
        n=case.size,
        cost=1.0,
        objective=1.0,
        feasible=True,
        violations=[],
        solution=plan,
        taken=list,
        status=Status.FEASIBLE,
        seconds=0.1,
        setup_seconds=0.0,
        model="none",
        seed=0,
        case=case,
    )

"""Certified lower bounds beside solutions: when they are computed, and what follows from them.

A problem folder may have a module ``bound.py`` with ``bound(case, time_limit, known) -> Bound |
None``: what no feasible solution can cost less than, with the proof in its docstring.
"""

from nco import registry
from nco.core.case import Bound, Case, Report

SHARE = 0.05  # of a time limit
MOST = 2.0  # seconds of a long one
LEAST = 0.05  # seconds below which no bound is begun: imports alone may take as long


def reserve(case: Case, time_limit: float) -> float:
    """Seconds of a time limit that are kept for the bound; 0 where none will be computed."""
    kept = min(SHARE * time_limit, MOST)
    return kept if kept >= 2 * LEAST and _has_bound(case) else 0.0  # what is late eats a part of it


def certify(
    case: Case, report: Report | None, seconds: float | None, proven: Bound | None = None
) -> Bound | None:
    """The better of a problem's own bound and of what a solver has proven; None without either.

    Args:
        case: the instance.
        report: the checker's on the best solution, whose cost ends the search for a bound.
        seconds: for the problem's own bound, which is left out below `LEAST`; None: a fixed effort,
            so that equal calls give equal bounds.
        proven: by a solver.
    """
    known = report.cost if report is not None and report.feasible else None
    if known is not None and proven is not None and proven.value >= known:
        return proven
    if not _has_bound(case) or (seconds is not None and seconds < LEAST):
        return proven
    own = registry.folder(case.problem).bound.bound(case, seconds, known)
    if own is None or (proven is not None and proven.value >= own.value):
        return proven
    return own


def gap(cost: float | int, bound: Bound) -> float | None:
    """By which share of the bound `cost` lies above it; None where the bound is 0 and the cost not.

    So the optimum is no more than this share away, whether costs are positive or negative.
    """
    if cost <= bound.value:
        return 0.0
    return None if bound.value == 0 else float((cost - bound.value) / abs(bound.value))


def _has_bound(case: Case) -> bool:
    return registry.folder(case.problem).has("bound")

"""Certified lower bounds beside solutions: when they are computed, and what follows from them.

A problem's folder may have a ``bound.py`` (`nco.registry.interface.LowerBound`), which says what no
feasible solution costs less than, with the proof in its docstring.
"""

import time
from dataclasses import dataclass
from typing import Any

from nco import registry
from nco.core.case import Bound, Case, Report
from nco.solving import limits, reasons
from nco.solving.incumbents import Progress
from nco.solving.options import Options


@dataclass(frozen=True)
class Reserve:
    """The part of a time limit that is kept for the bound.

    Attributes:
        share: of the time limit: a solution loses little in its last twentieth.
        most: seconds of a long limit, in which the bounds here have long converged.
        least: seconds below which no bound is begun: imports alone may take as long.
    """

    share: float = 0.05
    most: float = 2.0
    least: float = 0.05


RESERVE = Reserve()


def reserve(case: Case, time_limit: float) -> float:
    """Seconds of a time limit that are kept for the bound; 0 where none will be computed."""
    if isinstance(time_limit, limits.Automatic):  # nobody would miss the time
        usual = limits.USUAL
        kept = min(max(usual.bound * time_limit, usual.bound_least), usual.bound_most)
        return kept if _has_bound(case) else 0.0
    kept = min(RESERVE.share * time_limit, RESERVE.most)
    # twice: what solvers are late by is taken from it
    return kept if kept >= 2 * RESERVE.least and _has_bound(case) else 0.0


def certificate(
    progress: Progress, index: int, options: Options, interrupted: bool
) -> Bound | None:
    """The bound of a case's best solution, in what is left of the time; none after Ctrl-C.

    Where no bound was asked for, what a solver has proven on the way.
    """
    case, proven = progress.cases[index], progress.proven[index]
    if not options.bound:
        return proven
    seconds = 0.0 if interrupted else None
    if options.time_limit is not None and not interrupted:
        left = progress.begin + options.time_limit - time.perf_counter()
        seconds = min(left, reserve(case, options.time_limit))
        if isinstance(options.time_limit, limits.Automatic):
            seconds = max(seconds, RESERVE.least)
    try:
        return certify(case, progress.report(index), seconds, proven)
    except KeyboardInterrupt:  # the answer is there: a bound is not worth losing it
        return proven


def certify(
    case: Case, report: Report | None, seconds: float | None, proven: Bound | None = None
) -> Bound | None:
    """The better of a problem's own bound and of what a solver has proven; None without either.

    Args:
        case: the instance.
        report: the checker's on the best solution, whose cost ends the search for a bound.
        seconds: for the problem's own bound, which is left out below `Reserve.least`; None: a fixed
            effort, so that equal calls give equal bounds.
        proven: by a solver.
    """
    known = report.cost if report is not None and report.feasible else None
    if known is not None and proven is not None and proven.value >= known:
        return proven
    if not _has_bound(case) or (seconds is not None and seconds < RESERVE.least):
        return proven
    own = registry.folder(case.problem).bound.bound(case, seconds, known)
    if own is None or (proven is not None and proven.value >= own.value):
        return proven
    return own


def gap(cost: float | int, reference: float | int) -> float | None:
    """By which share of `reference` a cost lies above it: ``(cost - reference) / |reference|``.

    The one definition for bounds, tables and tuning. Costs are minimised, so that a larger gap is
    worse whatever the signs are; it is negative where the cost is the lower one.

    Returns:
        None where the reference is 0 and the cost is not: there is no such share.
    """
    if cost == reference:
        return 0.0
    return None if reference == 0 else float((cost - reference) / abs(reference))


def judged(case: Case, solution: Any, report: Report, bound: Bound | None) -> dict[str, Any]:
    """What the verdict and the bound say of a solution: fields of `Solution` by name."""
    distance = None
    if bound is not None and report.feasible and report.cost is not None:
        distance = gap(max(report.cost, bound.value), bound.value)
    return {
        "problem": case.problem,
        "name": case.name,
        "n": case.size,
        "case": case,
        "solution": solution,
        "cost": report.cost,
        "objective": report.objective,
        "feasible": report.feasible,
        "violations": report.violations,
        "unassigned": reasons.unassigned(case, solution, report),
        "declined": reasons.declined(case, solution, report),
        "measures": report.measures,
        "cost_standard_error": report.cost_standard_error,
        "bound": None if bound is None else bound.value,
        "bound_by": None if bound is None else bound.by,
        "gap": distance,
    }


def _has_bound(case: Case) -> bool:
    folder = registry.folder(case.problem)
    if not folder.has("bound"):
        return False
    applies = getattr(folder.bound, "applies", None)
    return applies is None or bool(applies(case))

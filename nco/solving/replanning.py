"""`solve` from a plan of the caller's: to begin with, or that is carried out already in part."""

from dataclasses import replace
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry import sources
from nco.registry.interface import Again
from nco.solving import limits, reasons, stream
from nco.solving.options import Options
from nco.solving.solution import Solution, Status


def solved(case: Case, options: Options, begin: float) -> Solution:
    """The answer for one case, from ``options.start`` on.

    Raises:
        InstanceError: what is wrong with the plan.
        NCOError: for what only problems with routes understand.
    """
    before, plan = _plan(case, options)
    folder = registry.folder(case.problem)
    if folder.has("replan"):
        again = folder.replan.again(case, plan, before, options.frozen, options.stability)
        return _told(again, _search(again.priced, again.priced_start, options, begin))
    if not before.states_as(case):
        reason = "the start is a plan of another instance; only routes take such a one"
        raise NCOError(f"{case.problem}: {reason}")
    if options.frozen is not None or options.stability:
        reason = "frozen and stability are for routes of vehicles"
        raise NCOError(f"{case.problem}: {reason}")
    return _search(case, plan, options, begin)


def _search(case: Case, plan: Any, options: Options, begin: float) -> Solution:
    own = replace(options, start=plan, before=None, frozen=None, stability=0.0)
    return next(stream.solutions([case], limits.settle(own, case), begin))


def _plan(case: Case, options: Options) -> tuple[Case, Any]:
    """The case that the plan is of, and the plan in its numbers."""
    start, before = options.start, case
    if options.before is not None:
        beside: dict[str, Any] = {}
        if sources.is_table(options.before):  # what is said beside today's table holds of both
            beside = {"columns": options.columns, "arguments": options.arguments}
        before = sources.as_case(options.before, case.problem, **beside)
    elif isinstance(start, Solution) and start.case is not None:
        before = start.case
    return before, sources.plan_of(before, start, {})


def _told(again: Again[Any], found: Solution) -> Solution:
    """The answer in the case of what is left, with what it changes."""
    changes = again.measures(found.solution)
    if again.priced is again.case:
        return replace(found, measures={**found.measures, **changes})
    plan = again.back(found.solution)
    report = registry.folder(again.case.problem).check.check(again.case, plan)
    return replace(
        found,
        case=again.case,
        solution=plan,
        cost=report.cost,
        objective=report.objective,
        feasible=report.feasible,
        violations=report.violations,
        unassigned=reasons.unassigned(again.case, plan, report),
        declined=reasons.declined(again.case, plan, report),
        measures={**report.measures, **changes},
        # what was proven is proven of costs with the price of changes
        status=Status.FEASIBLE if found.status is Status.OPTIMAL else found.status,
        bound=None,
        bound_by=None,
        gap=None,
    )

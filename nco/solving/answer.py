"""From the best that is known of a case to what the caller gets."""

import functools
import time
from typing import Any

from nco import registry
from nco.core.case import Case, Report
from nco.solving import certify
from nco.solving.incumbents import Progress
from nco.solving.options import Options
from nco.solving.solution import Solution, Status
from nco.zoo import cards


def answer(
    progress: Progress, index: int, interrupted: bool, setup: float, options: Options
) -> Solution:
    """The best solution of a case, with its certificate and all that is known of the way to it.

    Args:
        progress: of the group; every case has a solution.
        index: of the case in the group.
        interrupted: by Ctrl-C.
        setup: seconds until the first solution was there.
        options: of the call.
    """
    best, case = progress.best[index], progress.cases[index]
    assert best is not None
    report = best.report
    assert report is not None
    bound = certify.certificate(progress, index, options, interrupted)
    judged = certify.judged(case, best.solution, report, bound)
    problem = progress.models[0].problem if progress.models else None
    actions = best.actions
    taken = functools.partial(_actions, problem, case, best.solution)
    return Solution(
        **judged,
        taken=taken if actions is None else functools.partial(list, actions),
        status=_status(report, judged["gap"], interrupted),
        seconds=time.perf_counter() - progress.begin,
        setup_seconds=setup,
        found_by=best.by or best.source,
        model="+".join(progress.networks()) or cards.NO_MODEL,
        seed=options.seed,
        history=progress.history[index],
        notes=[*case.notes(), *progress.notes[index]],
        faults=progress.faults,
        plan=progress.plan,
    )


def _status(report: Report, gap: float | None, interrupted: bool) -> Status:
    if not report.keeps_rules:
        return Status.INFEASIBLE
    if gap == 0:
        return Status.OPTIMAL
    if interrupted:
        return Status.INTERRUPTED
    return Status.PARTIAL if report.partial else Status.FEASIBLE


def _actions(problem: Any, case: Case, solution: Any) -> list[Any]:
    """What a policy would do; without one, by the rules that the problem's folder names first."""
    rules: Any = registry.folder(case.problem).problem_class() if problem is None else problem
    actions: list[Any] = rules.actions(rules.load([case]), [case.indexed(solution)])[0].tolist()
    return actions

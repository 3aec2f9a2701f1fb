"""`check`: a plan by the problem's independent checker, a policy by simulation."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.core.case import Case, Report
from nco.registry import sources

if TYPE_CHECKING:
    from nco.solving.solution import Solution

POLICIES = (".json", ".csv")  # files that may hold a policy
CHEAP = 0.5  # seconds that a bound may take beside a check


@dataclass(frozen=True)
class Checked:
    """A solution as plain data, and the verdict on it."""

    case: Case
    solution: Any
    report: Report


def check(
    instance: Any,
    solution: Any,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Report:
    """The independent checker's verdict; of a policy its mean cost over random futures.

    Args:
        instance: a path, a case, a DataFrame or arrays.
        solution: in the instance's own numbers, a `Solution`, or the path of a solution file; a
            table such as `Solution.save` writes or `Solution.table` makes is one, too. Of an online
            problem also a policy: what ``nco solve --save`` wrote, a rule of your own as a mapping,
            in JSON, or as a table (``.csv``). It is simulated on the futures on which `nco.solve`
            evaluates its own.
        problem: the problem folder's name, where the instance does not tell.
        columns: of an instance or a solution that is a table: column name -> header.
        arguments: of an instance that is a table, as those of `nco.read`.

    Raises:
        InstanceError: naming what is wrong with the instance, or with the form of the solution.
    """
    return _checked(instance, solution, problem, columns, arguments).report


def examine(
    instance: Any,
    solution: Any,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> "Solution":
    """`check`, whose answer can be shown, drawn and saved as one of `nco.solve`.

    A feasible plan has a bound where the problem has one that `CHEAP` seconds suffice for, and a
    policy what it decides first. Arguments and errors are those of `check`.
    """
    from nco.solving import certify, reasons
    from nco.solving.solution import Solution, Status

    begin = time.perf_counter()
    checked = _checked(instance, solution, problem, columns, arguments)
    case, report = checked.case, checked.report
    simulated = report.cost_standard_error is not None
    bound = None
    if report.feasible and not simulated:
        bound = certify.certify(case, report, CHEAP)
    judged = certify.judged(case, checked.solution, report, bound)
    if not report.keeps_rules:
        status = Status.INFEASIBLE
    elif report.partial:
        status = Status.PARTIAL
    else:
        status = (
            Status.SIMULATED
            if simulated
            else Status.OPTIMAL
            if judged["gap"] == 0
            else Status.FEASIBLE
        )
    return Solution(
        **judged,
        taken=list,
        status=status,
        seconds=time.perf_counter() - begin,
        setup_seconds=0.0,
        model="none",
        seed=0,
        notes=[*case.notes(), *reasons.impossible(case, report)],
        orders=_orders(case, checked.solution) if simulated else [],
        found_by=str(solution) if isinstance(solution, str | Path) else "the caller",
    )


def _checked(
    instance: Any,
    solution: Any,
    problem: str | None,
    columns: Mapping[str, str] | None,
    arguments: Mapping[str, Any] | None,
) -> Checked:
    columns, own = sources.parted_columns(instance, solution, columns, arguments)
    case = sources.as_case(instance, problem, columns=columns, arguments=arguments)
    if registry.folder(case.problem).is_online:
        from nco.solving import versus

        policy = getattr(solution, "solution", solution)
        if isinstance(policy, str | Path) and Path(policy).suffix.lower() in POLICIES:
            policy = versus.from_file(case, Path(policy))
        if isinstance(policy, Mapping):
            policy = versus.policy(case, policy, str(solution))
            return Checked(case, policy, versus.report(case, policy))
    plan = sources.plan_of(case, solution, own)
    return Checked(case, plan, registry.folder(case.problem).check.check(case, plan))


def _orders(case: Case, policy: Any) -> list[dict[str, Any]]:
    """What a policy decides first, where the problem has words for it."""
    from nco.solving.online import HasOrders
    from nco.solving.simulate import next_action

    return case.orders(next_action(case, policy)) if isinstance(case, HasOrders) else []

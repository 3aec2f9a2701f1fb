"""`check`: a plan by the problem's independent checker, a policy by simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nco import registry
from nco.core.case import Case, Report
from nco.registry import sources
from nco.solving import reasons
from nco.solving.solution import Solution, Status

POLICIES = (".json", ".csv")  # files that may hold a policy


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
    return judged(instance, solution, problem, columns=columns, arguments=arguments).report


@dataclass(frozen=True)
class Checked:
    """What was checked, and the verdict.

    Attributes:
        case: the instance; solution: in its numbers.
        report: of the checker.
    """

    case: Case
    solution: Any
    report: Report

    @cached_property
    def notes(self) -> list[str]:
        """What the instance says that is no error, and what no plan of it can do."""
        return [*self.case.notes(), *reasons.impossible(self.case, self.report)]

    @cached_property
    def unassigned(self) -> list[str]:
        """What the plan leaves out, each with the reason where one is known."""
        return reasons.unassigned(self.case, self.solution, self.report)

    def as_solution(self) -> Solution:
        """As `nco.solve` would return it."""
        report = self.report
        feasible = Status.PARTIAL if report.partial else Status.FEASIBLE
        return Solution(
            problem=self.case.problem,
            name=self.case.name,
            n=self.case.size,
            cost=report.cost,
            objective=report.objective,
            feasible=report.feasible,
            violations=report.violations,
            unassigned=self.unassigned,
            solution=self.solution,
            taken=list,
            status=feasible if report.keeps_rules else Status.INFEASIBLE,
            seconds=0.0,
            setup_seconds=0.0,
            model="none",
            seed=0,
            case=self.case,
            notes=self.notes,
            measures=report.measures,
            cost_standard_error=report.cost_standard_error,
            found_by="the caller",
        )


def judged(
    instance: Any,
    solution: Any,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Checked:
    """`check`, with the case and the solution as they were read."""
    columns, own = sources.parted_columns(instance, solution, columns, arguments)
    case = sources.as_case(instance, problem, columns=columns, arguments=arguments)
    judge = registry.folder(case.problem).check.check
    if not registry.folder(case.problem).is_online:
        plan = sources.solution_of(case, solution, own)
        return Checked(case, plan, judge(case, plan))
    from nco.solving import versus

    policy = getattr(solution, "solution", solution)
    if isinstance(policy, str | Path) and Path(policy).suffix.lower() in POLICIES:
        policy = versus.from_file(case, Path(policy))
    if not isinstance(policy, Mapping):
        plan = sources.solution_of(case, solution, own)
        return Checked(case, plan, judge(case, plan))
    report = versus.report(case, versus.policy(case, policy, str(solution)))
    return Checked(case, policy, report)

"""`check`: a plan by the problem's independent checker, a policy by simulation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nco import registry
from nco.core.case import Report
from nco.registry import sources

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
    columns, own = sources.parted_columns(instance, solution, columns, arguments)
    case = sources.as_case(instance, problem, columns=columns, arguments=arguments)
    if not registry.folder(case.problem).is_online:
        return sources.verdict(case, solution, own)
    from nco.solving import versus

    policy = getattr(solution, "solution", solution)
    if isinstance(policy, str | Path) and Path(policy).suffix.lower() in POLICIES:
        policy = versus.from_file(case, Path(policy))
    if not isinstance(policy, Mapping):
        return sources.verdict(case, solution, own)
    return versus.report(case, versus.policy(case, policy, str(solution)))

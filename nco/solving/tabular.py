"""A solution as a table, and the rows of that table as lines of text."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry.interface import TellsPolicies
from nco.tables import summary
from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.solving.solution import Solution


class NoTable(NCOError):
    """A solution that is no table: its problem has none, or it is a policy without numbers."""


def table_of(case: Case, solution: object, orders: Sequence[Mapping[str, Any]] = ()) -> Table:
    """The table of a solution.

    Args:
        case: the instance.
        solution: in its numbers; of an online problem a plan of its trace, or a policy.
        orders: what a policy decides first.

    Raises:
        NoTable: where the problem has none, or this solution is none.
    """
    folder = registry.folder(case.problem)
    if not folder.has("sheet"):
        raise NoTable(f"{case.problem} has no sheet.py: its solutions are no tables; save .json")
    sheet = folder.sheet
    if not folder.is_online or not isinstance(solution, Mapping):  # a shop's schedule is one, too
        return sheet.table(case, solution)
    if isinstance(sheet, TellsPolicies) and orders:
        return sheet.policy_table(case, solution, orders)
    name = next(iter(solution.values()), "")
    raise NoTable(f"the policy {name} of {case.problem} is no table: save .json")


def named_lines(solution: "Solution") -> list[str]:
    """The solution by the names of its stops, items or jobs; nothing where it has none."""
    return plan_lines(solution) if solution.case is not None and solution.case.names else []


def plan_lines(solution: "Solution") -> list[str]:
    """The rows of a plan's table in a few lines, by names or numbers; nothing without a table."""
    case = solution.case
    if case is None or not registry.folder(case.problem).has("sheet"):
        return []
    if registry.folder(case.problem).is_online and isinstance(solution.solution, Mapping):
        return []  # a policy's first orders are said in words
    table = table_of(case, solution.solution, solution.orders)
    return summary.lines(table) or summary.rows(table)

"""Plans of a known trace as tables: what the factory produces, and what it ships to each store."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.netflow.files import Case


def table(case: "Case", solution: Sequence[Sequence[float]]) -> Table:
    """A row for each period: what is produced, and then shipped and demanded, store by store."""
    columns = ["period", "produce"]
    for store in case.stores:
        columns += [f"ship to {store}", f"demand of {store}"]
    rows: list[list[Any]] = []
    for period, (produced, *shipped) in enumerate(solution):
        row: list[Any] = [period, produced]
        for place, amount in enumerate(shipped):
            row += [amount, None if case.demand is None else float(case.demand[period, place])]
        rows.append(row)
    return Table(tuple(columns), rows, name="plan")

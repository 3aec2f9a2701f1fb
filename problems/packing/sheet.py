"""Plans of a known trace as tables: which bin takes each item."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.packing.files import Case


def table(case: "Case", solution: Sequence[Sequence[int]]) -> Table:
    """A row for each item, in order of arrival: its bin from 1, when it leaves, what it needs.

    An item that stays to the end leaves in no period.
    """
    assert case.arrivals is not None
    assert case.leaves is not None
    rows: list[list[Any]] = []
    for number, periods in enumerate(solution, 1):
        for period in periods:
            kind, leaves = int(case.arrivals[period]), int(case.leaves[period])
            left = None if leaves >= case.periods else leaves
            name = case.kinds[kind] if kind >= 0 else None
            needs = case.needs[kind].tolist() if kind >= 0 else [None] * len(case.resources)
            rows.append([period, name, number, left, *needs])
    columns = ("period", "item", "bin", "leaves in period", *case.resources)
    return Table(columns, sorted(rows, key=lambda row: row[0]), name="items")

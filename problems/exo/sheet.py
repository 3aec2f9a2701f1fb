"""Plans of a known trace as tables: who arrives, and whether they are accepted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.exo.files import Case


def table(case: "Case", solution: Sequence[int]) -> Table:
    """A row for each arrival: its class, whether it is accepted, and what it earns then."""
    assert case.arrivals is not None
    accepted = set(solution)
    rows: list[list[Any]] = []
    earned = 0.0
    for period, kind in enumerate(case.arrivals.tolist()):
        if kind < 0:
            continue
        taken = period in accepted
        revenue = float(case.revenue[kind]) if taken else 0.0
        earned += revenue
        answer = "accept" if taken else "reject"
        rows.append([period, case.classes[kind], answer, revenue, round(earned, 9)])
    columns = ("period", "class", "decision", "revenue", "revenue so far")
    return Table(columns, rows, name="arrivals")

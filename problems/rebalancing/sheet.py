"""Plans of a known trace as tables: which trips are served, and which vehicles drive empty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.rebalancing.files import Case, Flows

COLUMNS = ("period", "from", "to", "requests", "served", "sent empty", "arrive in period")


def table(case: "Case", solution: "Sequence[Flows]") -> Table:
    """A row for each period and two regions between which anybody asked or drives."""
    rows: list[list[Any]] = []
    for period, (served, sent) in enumerate(solution):
        for start, first in enumerate(case.regions):
            for end, second in enumerate(case.regions):
                asked = None if case.trips is None else float(case.trips[period, start, end])
                amounts = [asked, served[start][end], sent[start][end]]
                if any(amounts):
                    arrive = period + int(case.times[start, end])
                    rows.append([period, first, second, *amounts, arrive])
    return Table(COLUMNS, rows, name="trips")

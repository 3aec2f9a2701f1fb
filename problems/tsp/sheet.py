"""Tours as tables: stops with coordinates, distances as a square or by pairs, and solutions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nco.problems._routing import plans, sheets
from nco.tables.reading import Given
from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.tsp.files import Case

Form = TypeVar("Form", bound="Case")

STOPS = sheets.form("stops", (), ("cities", "customers", "tour"))
FORMS = (STOPS,)
PLAN = plans.ROUTES
ARGUMENTS = (sheets.DISTANCES,)


def from_tables(given: Given) -> "Case | None":
    """The case; None where distances are not symmetric, which is a case of atsp.

    Raises:
        InstanceError: coordinates or distances that are missing or impossible.
    """
    from nco.problems.tsp.files import Case, is_symmetric

    stops = sheets.stops(given, STOPS, depot=False)
    if stops.distances is not None and not is_symmetric(stops.distances):
        return None
    return case_of(Case, stops, given)


def case_of(form: type[Form], stops: sheets.Stops, given: Given) -> Form:
    """A case of stops, numbered from 1."""
    import numpy as np

    from nco.problems._routing import metrics

    explicit = stops.distances is not None
    return form(
        name=given.name,
        path=given.path,
        names=stops.named,
        remarks=stops.remarks,
        degrees=stops.degrees,
        metric=stops.metric,
        ids=np.arange(1, len(stops.order) + 1),
        coords=None if explicit else stops.coords,
        distances=None if stops.distances is None else metrics.whole(stops.distances),
        display=stops.coords if explicit else None,
    )


def table(case: "Case", solution: Sequence[int]) -> Table:
    """A row a visit: order, the stop's number and name, and the distance from the first on.

    The last row is the return to the first stop.
    """
    positions = case.indexed(solution)
    columns, place = sheets.where(case)
    rows: list[list[Any]] = []
    driven: float = 0
    for order, position in enumerate([*positions, *positions[:1]]):
        if order:
            driven += sheets.leg(case, positions[order - 1], position)
        name = case.called("stops", position) or ""
        rows.append(
            [order, int(case.ids[position]), name, sheets.rounded(driven), *place(position)]
        )
    return Table(("order", "stop", "name", "distance", *columns), rows, name="tour")


def read_solution(table: Table, case: "Case") -> list[int]:
    """The tour in a table; the return to its first stop may be there or not.

    Raises:
        InstanceError: no such columns, or a name that no stop or several have.
    """
    reading, routes, _ = plans.routes_of(table)
    named = plans.stop_numbers(reading, case.names.get("stops", ()), case.ids)
    tour = [named[row] for rows in routes for row in rows]
    return tour[:-1] if len(tour) > 1 and tour[0] == tour[-1] else tour

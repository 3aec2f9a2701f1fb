"""Orienteering as tables: places with prizes, and the visits of a route."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.problems._routing import plans, sheets
from nco.tables.forms import Argument, Column
from nco.tables.reading import Given
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    from nco.problems.op.files import Case

PRIZE = Column(
    "prize", ("prizes", "score", "profit", "reward", "value", "points", "priority", "revenue")
)
STOPS = sheets.form("stops", (PRIZE,), ("customers", "places", "sights"))
FORMS = (STOPS,)
PLAN = plans.ROUTES
ARGUMENTS = (
    Argument(
        "limit", "Of a table: the longest route, in the unit of the distances (km of lat, lon)."
    ),
    sheets.DEPOT,
    sheets.DISTANCES,
)


def from_tables(given: Given) -> "Case | None":
    """The case.

    Raises:
        InstanceError: no limit; prizes, coordinates or distances that are impossible.
    """
    from dataclasses import replace

    from nco.problems.op.files import from_arrays

    stops = sheets.stops(given, STOPS, depot=True)
    reading = given.find(STOPS)
    assert reading is not None
    prizes = sheets.depots_zero(reading.numbers("prize"), stops, reading, "prize")
    limit = given.needed("limit", "op", "the longest route that is allowed")
    arrays = {"coords": stops.coords, "distances": stops.distances, "prizes": prizes}
    case = from_arrays({**arrays, "limit": limit})
    assert case is not None
    return replace(
        case,
        name=given.name,
        path=given.path,
        metric=stops.metric,
        names=stops.named,
        remarks=stops.remarks,
        degrees=stops.degrees,
    )


def table(case: "Case", solution: Sequence[int]) -> Table:
    """A row a visit: order, number and name, and prize and distance of the route up to it.

    The route begins and ends with the depot.
    """
    from nco.problems._routing import metrics

    columns, place = sheets.where(case)
    rows: list[list[Any]] = []
    prize, driven, before = float(case.prizes[0]), 0.0, 0
    for order, position in enumerate([0, *case.indexed(solution), 0]):
        driven += sheets.leg(case, before, position)
        prize += float(case.prizes[position]) if position else 0.0
        name = case.called("stops", position) or ("depot" if position == 0 else "")
        cells = [order, int(case.ids[position]), name, round(prize, 9), sheets.rounded(driven)]
        rows.append([*cells, *place(position)])
        before = position
    unit = metrics.unit(case.metric)
    figures = (Figure("prize", "last", word="prize"), sheets.length(unit, float(case.limit)))
    names = ("order", "stop", "name", "prize", "distance", *columns)
    return Table(names, rows, name="route", figures=figures)


def read_solution(table: Table, case: "Case") -> list[int]:
    """The route in a table, with or without the depot at its ends.

    Raises:
        InstanceError: no such columns, or a name that no stop or several have.
    """
    reading, routes, _ = plans.routes_of(table)
    named = plans.stop_numbers(reading, case.names.get("stops", ()), case.ids)
    return plans.without_depot([named[row] for rows in routes for row in rows], int(case.ids[0]))

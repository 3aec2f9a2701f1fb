"""Pickups and deliveries as tables: orders, vehicles, and routes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.problems._routing import plans, sheets
from nco.problems.cvrp.sheet import ARGUMENTS as OF_CVRP
from nco.tables.forms import CAPACITY, LAT, LON, NAME, PLACED, Column, Form, X, Y
from nco.tables.reading import Given, Reading
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    import numpy as np

    from nco.problems.omdcpdp.files import Case

ENDS = {
    "from": ("pickup", "origin", "start", "collect"),
    "to": ("delivery", "destination", "drop", "dropoff"),
}
AXES = {"x": X, "y": Y, "lat": LAT, "lon": LON}


def _axis(end: str, axis: str) -> Column:
    """The column of one coordinate of one end of an order."""
    words = (axis, *AXES[axis].synonyms)
    before = [f"{first} {word}" for first in (end, *ENDS[end]) for word in words]
    behind = [f"{word} {first}" for first in (end, *ENDS[end]) for word in words]
    return Column(f"{end}_{axis}", (*before, *behind))


ORDERS = Form(
    "orders",
    (
        Column("name", ("order", "order id", "request", "parcel", *NAME.synonyms), text=True),
        *(_axis(end, axis) for end in ENDS for axis in AXES),
    ),
    tuple(tuple(f"{end}_{axis}" for end in ENDS for axis in axes) for axes in PLACED),
    ("requests", "parcels"),
)
VEHICLES = Form(
    "vehicles",
    (
        Column("name", ("vehicle", "driver", "courier", "rider", *NAME.synonyms), text=True),
        *AXES.values(),
    ),
    PLACED,
    ("couriers", "drivers", "depots"),
)
FORMS = (ORDERS, VEHICLES)
PLAN = plans.ROUTES
ARGUMENTS = (*(argument for argument in OF_CVRP if argument.name == "vehicles"), CAPACITY)


def from_tables(given: Given) -> "Case | None":
    """The case.

    Raises:
        InstanceError: no table of vehicles, or places that are impossible.
    """
    import numpy as np

    from nco.problems.omdcpdp.files import CAPACITY as MOST_ON_BOARD
    from nco.problems.omdcpdp.files import Case

    orders, fleet = given.find(ORDERS), given.find(VEHICLES)
    assert orders is not None
    if fleet is None or fleet.table is orders.table or not fleet.match.meets(VEHICLES):
        reason = (
            "omdcpdp needs the places where vehicles begin, columns x, y or lat, lon: a sheet "
            "vehicles, or --vehicles TABLE (vehicles=TABLE)"
        )
        raise orders.error(reason, "vehicles")
    if not len(orders) or not len(fleet):
        raise (orders if not len(orders) else fleet).error("there is no row below the headers")
    geographic = orders.has("from_lat", "from_lon", "to_lat", "to_lon")
    axes = ("lat", "lon") if geographic else ("x", "y")
    fleet.require(*axes)
    tables = [(fleet, axes)]
    tables += [(orders, (f"{end}_{axes[0]}", f"{end}_{axes[1]}")) for end in ENDS]
    parts = [sheets.pairs_of(reading, *columns) for reading, columns in tables]
    remarks = [orders.remark, fleet.remark]
    degrees: list[list[float]] | None = None
    coords: np.ndarray = np.array([row for part in parts for row in part])
    if geographic:
        for (reading, columns), part in zip(tables, parts, strict=True):
            sheets.check_degrees(reading, part, columns)
        degrees = coords.tolist()
        coords, remark = sheets.flattened(degrees, orders)
        remarks.append(remark)
    places = np.split(coords, [len(fleet), len(fleet) + len(orders)])
    capacity = given.arguments.get("capacity", MOST_ON_BOARD)
    if capacity != int(capacity):
        raise orders.error("must be a whole number of orders", "capacity", value=capacity)
    return Case(
        name=given.name,
        path=given.path,
        names=_names(orders, fleet),
        remarks=remarks,
        degrees=degrees,
        depots=places[0],
        pickups=places[1],
        deliveries=places[2],
        capacity=int(capacity),
    )


def _names(orders: Reading, fleet: Reading) -> dict[str, list[str]]:
    named = {"orders": orders, "vehicles": fleet}
    return {kind: one.texts("name") for kind, one in named.items() if one.has("name")}


def table(case: "Case", solution: Sequence[Sequence[int]]) -> Table:
    """A row a stop: route (the vehicle's number), vehicle, order, stop, action, name, distance.

    A stop is the order's number where it is picked up, minus it where it is delivered, and 0 where
    the vehicle begins.
    """
    count, size = len(case.depots), case.size
    degrees = case.degrees
    columns, place = sheets.placed(degrees, None if degrees else _stacked(case))
    coords = _stacked(case)
    rows: list[list[Any]] = []
    for number, route in enumerate(solution):
        driven, board, before = 0.0, 0, number
        vehicle = case.called("vehicles", number) or ""
        for order, stop in enumerate([0, *route]):
            here = number if stop == 0 else count + abs(stop) - 1 + (size if stop < 0 else 0)
            driven += math.dist(coords[before], coords[here])
            board += (stop > 0) - (stop < 0)
            action = "pickup" if stop > 0 else "delivery" if stop else "begin"
            name = case.called("orders", abs(stop) - 1) or "" if stop else ""
            cells = [number + 1, vehicle, order, stop, action, name, board, sheets.rounded(driven)]
            rows.append([*cells, *place(here)])
            before = here
    names = ("route", "vehicle", "order", "stop", "action", "name", "on board", "distance")
    board_of = Figure("on board", "most", word="on board", limit=float(case.capacity))
    figures = (board_of, sheets.length(case.cost_unit))
    return Table((*names, *columns), rows, name="routes", figures=figures)


def _stacked(case: "Case") -> "np.ndarray":
    """Depots, pickups and deliveries, one below the other."""
    import numpy as np

    return np.concatenate([case.depots, case.pickups, case.deliveries])


def read_solution(table: Table, case: "Case") -> list[list[int]]:
    """The routes in a table.

    Raises:
        InstanceError: no column stop (minus the order's number where it is delivered), or vehicles
            that do not exist.
    """
    reading, routes, labels = plans.routes_of(table)
    stops = plans.stop_numbers(reading, ())
    count = len(case.depots)
    own: list[list[int]] = [[] for _ in range(count)]
    for rows, label in zip(routes, labels, strict=True):
        vehicle = plans.vehicle_of(reading, rows[0], label, case.names.get("vehicles", ()), count)
        own[vehicle] = plans.without_depot([stops[row] for row in rows])
    return own

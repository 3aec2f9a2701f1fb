"""Fleets of different vehicles as tables: customers, vehicles, and routes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.problems._routing import plans, sheets
from nco.problems.cvrp.sheet import ARGUMENTS as OF_CVRP
from nco.problems.cvrp.sheet import CUSTOMERS
from nco.tables.forms import NAME, Argument, Column, Form
from nco.tables.reading import Given, Reading
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    from nco.problems.hcvrp.files import Case

VEHICLES = Form(
    "vehicles",
    (
        Column("name", ("vehicle", "truck", "van", "type", "driver", *NAME.synonyms), text=True),
        Column(
            "capacity",
            (
                *("max load", "max weight", "payload", "load", "size", "volume", "weight", "cap"),
                *("kapazitat", "nutzlast"),
            ),
            sole=True,
        ),
        Column("count", ("number of vehicles", "quantity", "qty", "available", "amount", "number")),
        Column("speed", ("speeds", "average speed", "velocity")),
        Column("fixed", ("fixed cost", "fixed costs", "cost", "price", "cost per day", "rent")),
        Column(
            "unit",
            ("unit cost", "cost per km", "cost per mile", "km cost", "variable cost", "per km"),
        ),
    ),
    (("capacity",),),
    ("fleet", "trucks"),
)
FORMS = (CUSTOMERS, VEHICLES)
PLAN = plans.ROUTES
ARGUMENTS = (
    *(argument for argument in OF_CVRP if argument.name in ("vehicles", "depot")),
    Argument(
        "objective",
        "Of a table, with vehicles that differ: total (the sum of all costs, one trip each; the "
        "default without speeds) or min_max (the time of the last vehicle).",
        kind="text",
        metavar="NAME",
    ),
)
MOST = 10_000  # vehicles


def from_tables(given: Given) -> "Case | None":
    """The case; None where there is no table of vehicles, which is a case of cvrp.

    Raises:
        InstanceError: demands, coordinates or vehicles that are impossible; a table of distances.
    """
    from dataclasses import replace

    from nco.problems.hcvrp.files import MIN_MAX, TOTAL, from_arrays

    reading, fleet = given.find(CUSTOMERS), given.find(VEHICLES)
    if fleet is None or reading is None or fleet.table is reading.table:
        return None
    if given.has_distances:
        reason = "hcvrp measures straight lines: leave the distances out"
        raise reading.error(reason, "distances")
    stops = sheets.stops(given, CUSTOMERS, depot=True)
    coords, remarks = stops.coords, [*stops.remarks, fleet.remark]
    if stops.degrees is not None:
        coords, remark = sheets.flattened(stops.degrees, reading)
        remarks = [stops.remarks[0], fleet.remark, remark]
    columns, names = _vehicles(fleet)
    objective = given.arguments.get("objective") or (MIN_MAX if "speeds" in columns else TOTAL)
    demand = sheets.depots_zero(reading.numbers("demand"), stops, reading, "demand")
    case = from_arrays({"coords": coords, "demand": demand, "objective": objective, **columns})
    assert case is not None
    named = {**stops.named, **({"vehicles": names} if any(names) else {})}
    return replace(
        case,
        name=given.name,
        path=given.path,
        names=named,
        remarks=remarks,
        degrees=stops.degrees,
    )


def _vehicles(fleet: Reading) -> tuple[dict[str, list[float]], list[str]]:
    """The arrays of the vehicles, each type as often as its count says, and their names."""
    if not len(fleet):
        raise fleet.error("there is no row below the headers")
    fleet.require("capacity")
    counts = fleet.all_numbers("count", 0) if fleet.has("count") else [1.0] * len(fleet)
    for row, count in enumerate(counts):
        if not count.is_integer() or sum(counts) > MOST:
            reason = f"must be a whole number, at most {MOST:,} vehicles in all"
            raise fleet.error(reason, "count", row, f"{count:g}")
    rows = [row for row, count in enumerate(counts) for _ in range(int(count))]
    keys = {"capacities": "capacity", "speeds": "speed", "fixed": "fixed", "unit": "unit"}
    columns = {}
    for key, name in keys.items():
        if fleet.has(name):
            values = fleet.all_numbers(name, 0)
            columns[key] = [values[row] for row in rows]
    titles = fleet.texts("name") if fleet.has("name") else [""] * len(fleet)
    names = []
    seen: dict[int, int] = {}
    for row in rows:
        seen[row] = seen.get(row, 0) + 1
        several = counts[row] > 1 and titles[row]
        names.append(f"{titles[row]} {seen[row]}" if several else titles[row])
    return columns, names


def table(case: "Case", solution: Sequence[Sequence[int]]) -> Table:
    """A row a stop: route (the vehicle's number), vehicle, order, stop, load and distance so far.

    The load is the sum of the demands since the depot, stop 0, where each route begins and ends;
    that of the depot's row is the load of the trip that ends there.
    """
    from nco.problems._routing import metrics

    columns, place = sheets.placed(case.degrees, case.coords)
    coords = case.coords
    rows: list[list[Any]] = []
    for number, route in enumerate(solution, 1):
        if not any(route):
            continue
        load, driven, before = 0.0, 0.0, 0
        vehicle = case.called("vehicles", number - 1) or ""
        room = float(case.capacities[number - 1])
        for order, stop in enumerate([0, *route, 0]):
            driven += float(((coords[stop] - coords[before]) ** 2).sum() ** 0.5)
            load = (load if before else 0.0) + (float(case.demand[stop]) if stop else 0.0)
            name = case.called("stops", stop) or ("depot" if stop == 0 else "")
            cells = [
                number,
                vehicle,
                order,
                stop,
                name,
                round(load, 9),
                room,
                sheets.rounded(driven),
            ]
            rows.append([*cells, *place(stop)])
            before = stop
    names = ("route", "vehicle", "order", "stop", "name", "load", "capacity", "distance", *columns)
    unit = "" if case.degrees is None else metrics.KILOMETRES
    figures = (Figure("load", "most", word="load", limit="capacity"), sheets.length(unit))
    return Table(names, rows, name="routes", figures=figures)


def read_solution(table: Table, case: "Case") -> list[list[int]]:
    """The routes in a table, whose route is the vehicle's number or name.

    Raises:
        InstanceError: no such columns or vehicles, or a name that no stop or several have.
    """
    reading, routes, labels = plans.routes_of(table)
    stops = plans.stop_numbers(reading, case.names.get("stops", ()))
    count = len(case.capacities)
    own: list[list[int]] = [[] for _ in range(count)]
    for rows, label in zip(routes, labels, strict=True):
        vehicle = plans.vehicle_of(reading, rows[0], label, case.names.get("vehicles", ()), count)
        own[vehicle] = plans.without_depot([stops[row] for row in rows])
    return own

"""Capacitated routes as tables: customers with demands, and routes with stops, loads, distances."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.problems._routing import plans, sheets
from nco.tables.forms import CAPACITY, Argument, Column
from nco.tables.reading import Given
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    from nco.problems.cvrp.files import Case

DEMAND = Column(
    "demand",
    (
        *("demands", "quantity", "qty", "amount", "load", "order size", "volume", "weight"),
        *(
            "pieces",
            "pallets",
            "crates",
            "boxes",
            "items",
            "units",
            "kisten",
            "paletten",
            "menge",
            "bedarf",
            "cantidad",
        ),
    ),
    sole=True,
)
CAPACITY_COLUMN = Column("capacity", ("vehicle capacity", "max load", "payload"))
CUSTOMERS = sheets.form("customers", (DEMAND,), optional=(CAPACITY_COLUMN,))
FORMS = (CUSTOMERS,)
PLAN = plans.ROUTES
ARGUMENTS = (
    CAPACITY,
    Argument(
        "vehicles",
        "Of a table: the most routes that are allowed; or, of vehicles that differ, a table of "
        "them (capacity, and if need be name, count, speed, fixed, unit).",
        kind="table",
        metavar="K|TABLE",
    ),
    sheets.DEPOT,
    sheets.DISTANCES,
)


def from_tables(given: Given) -> "Case | None":
    """The case; None where the vehicles are a table, which is a case of hcvrp.

    Raises:
        InstanceError: no capacity; demands, coordinates or distances that are impossible.
    """
    from dataclasses import replace

    from nco.problems.cvrp.files import from_arrays

    vehicles = given.arguments.get("vehicles")
    if isinstance(vehicles, list):
        return None
    stops = sheets.stops(given, CUSTOMERS, depot=True)
    reading = given.find(CUSTOMERS)
    assert reading is not None
    demand = sheets.depots_zero(reading.numbers("demand"), stops, reading, "demand")
    capacity = given.arguments.get("capacity") or sheets.only_value(reading, "capacity")
    if capacity is None:
        capacity = given.needed("capacity", "cvrp", "the capacity of a vehicle")
    for position, load in enumerate(demand):
        if load > capacity:
            reason = (
                f"is above the capacity {capacity:g}: split the customer, or raise the capacity"
            )
            raise reading.error(reason, "demand", stops.order[position], f"{load:g}")
    arrays = {"coords": stops.coords, "distances": stops.distances, "demand": demand}
    case = from_arrays({**arrays, "capacity": capacity, "vehicles": vehicles})
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


def table(case: "Case", solution: Sequence[Sequence[int]]) -> Table:
    """A row a stop: route, order, its number and name, load and distance of the route up to it.

    The load is the sum of the demands so far. Each route begins and ends with the depot, stop 0.
    """
    columns, place = sheets.where(case)
    rows: list[list[Any]] = []
    number = 0
    for route in solution:
        if not len(route):
            continue
        number += 1
        load, driven, before = 0.0, 0.0, 0
        for order, stop in enumerate([0, *route, 0]):
            driven += sheets.leg(case, before, stop)
            load += float(case.demand[stop])
            name = case.called("stops", stop) or ("depot" if stop == 0 else "")
            rows.append(
                [number, order, stop, name, round(load, 9), sheets.rounded(driven), *place(stop)]
            )
            before = stop
    names = ("route", "order", "stop", "name", "load", "distance", *columns)
    load_of = Figure("load", "most", word="load", limit=float(case.capacity))
    return Table(names, rows, name="routes", figures=(load_of, sheets.length(case.cost_unit)))


def read_solution(table: Table, case: "Case") -> list[list[int]]:
    """The routes in a table, with or without the depot at their ends.

    Raises:
        InstanceError: no such columns, or a name that no stop or several have.
    """
    reading, routes, _ = plans.routes_of(table)
    stops = plans.stop_numbers(reading, case.names.get("stops", ()))
    return [plans.without_depot([stops[row] for row in rows]) for rows in routes]

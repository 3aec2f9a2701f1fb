"""Rich routing as tables: customers with time windows, vehicles, and the stops of a plan."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nco.problems._routing import plans, sheets
from nco.problems.cvrp.sheet import ARGUMENTS as OF_CVRP
from nco.problems.cvrp.sheet import CAPACITY_COLUMN, DEMAND
from nco.problems.hcvrp.sheet import VEHICLES as PLAIN
from nco.tables.columns import match
from nco.tables.forms import PLACED, Argument, Column, Form
from nco.tables.reading import Given, Reading
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    from nco.problems.vrp.case import Case, Route

WINDOW = (
    Column(
        "open",
        (
            *("opens", "opening time", "earliest", "tw start", "time window start"),
            *(
                "window start",
                "ready",
                "ready time",
                "available from",
                "earliest start",
                "from time",
                "delivery from",
                "earliest delivery",
            ),
        ),
        over_times=("from", "start", "start time", "von"),
    ),
    Column(
        "close",
        (
            *("closes", "closing time", "latest", "tw end", "time window end", "window end", "due"),
            *("due time", "due date", "deadline", "liefertermin", "until time", "delivery until"),
            *("latest delivery", "delivery to"),
        ),
        over_times=("to", "until", "end", "end time", "bis"),
    ),
    Column("open2", ("open 2", "second open", "opens 2")),
    Column("close2", ("close 2", "second close", "closes 2")),
    Column(
        "windows", ("time windows", "time window", "window", "opening hours", "zeitfenster"), True
    ),
)
SKILLS = (
    *("skill", "required skill", "required skills", "skill required", "skills required"),
    *("needs skill", "needs skills", "needed skill", "needed skills", "skill needed"),
    "skills needed",
)
RULES = (  # columns by which a table is one of this problem
    *WINDOW,
    Column(
        "service",
        (
            *("service time", "service duration", "unloading time", "stop time", "unloading"),
            *("servicezeit", "standzeit"),
        ),
    ),
    Column("release", ("release time", "release date")),
    Column("pickup", ("pickups", "returns", "collect", "backhaul", "backhauls")),
    Column("demand2", ("demand 2", "second demand")),
    Column("skills", SKILLS, text=True),
    Column("required", ("mandatory", "must visit"), text=True),
    Column("alternative", ("alternatives", "one of"), text=True),
    Column("shipment", ("shipments", "shipment id"), text=True),
    Column("kind", ("is depot", "depot"), text=True),
)
NEEDED = ("windows", "open", "close", "service", "pickup", "demand")  # one of them must be there
PRIZE = Column("prize", ("prizes", "penalty", "drop penalty"))
CUSTOMERS = Form(
    "customers",
    (*sheets.PLACES, DEMAND, *RULES, PRIZE, CAPACITY_COLUMN),
    tuple((name, *placed) for name in NEEDED for placed in PLACED),
    ("stops", "locations", "jobs"),
    ("name",),
)
FLEET_RULES = (  # columns by which vehicles are those of this problem
    Column("start", ("start depot", "depot", "home", "starts at")),
    Column("end", ("end depot", "ends at")),
    Column(
        "shift_open",
        ("shift start", "shift from", "start time", "from", "earliest", "available from", "von"),
    ),
    Column(
        "shift_close",
        (
            *("shift end", "shift to", "shift until", "end time", "until", "to", "latest"),
            *("available until", "bis"),
        ),
    ),
    Column("max_duration", ("maximal duration", "max hours", "working time", "max time")),
    Column("max_overtime", ("overtime", "max overtime")),
    Column("max_distance", ("maximal distance", "range", "max km")),
    Column("max_stops", ("maximal stops", "max customers", "max tasks")),
    Column(
        "per_hour",
        (*("cost per hour", "hourly cost", "hourly rate", "wage"),),
    ),
    Column("overtime_per_hour", ("overtime cost", "cost per hour of overtime")),
    Column("break_open", ("break earliest", "break start", "break from")),
    Column("break_close", ("break latest", "break latest start")),
    Column("break_duration", ("break", "break length", "break time")),
    Column("trips", ("max trips", "maximal trips", "tours per day")),
    Column("capacity2", ("capacity 2", "second capacity")),
    Column("skills", ("skill",), text=True),
)
VEHICLES = Form("vehicles", (*FLEET_RULES, *PLAIN.columns), (("capacity",),), PLAIN.titles)
FORMS = (CUSTOMERS, VEHICLES)
DURATIONS = Argument(
    "durations",
    "Of a table: another one with the travel times, a square of numbers or the columns from, to, "
    "duration.",
    kind="table",
    metavar="TABLE",
)
SPEED = Argument(
    "speed",
    "Of a table: how far vehicles drive in an hour (km of lat, lon), 50 by default; of x, y and "
    "times without a unit in one unit of time, 1 by default.",
)
ROUNDING = Argument(
    "rounding",
    "How distances and travel times are rounded: exact, round, round3 (to 0.001) or trunc1 (down "
    "to 0.1). A file says so by its TYPE, or a line ROUNDING.",
    kind="text",
    metavar="NAME",
)
OWN = ("durations", "speed", "rounding")  # arguments by which a table is one of this problem
ARGUMENTS = (*OF_CVRP, DURATIONS, SPEED, ROUNDING)
PLAN = Form(
    "routes",
    (
        *plans.ROUTES.columns,
        Column("vehicle", ("vehicle type", "van", "truck", "driver"), text=True),
    ),
    plans.ROUTES.needs,
)


def from_tables(given: Given) -> "Case | None":
    """The case; None where nothing is said that cvrp and hcvrp do not know.

    Raises:
        InstanceError: naming the file, the row, the column and the value.
    """
    if given.problem is None and not _is_own(given):
        return None
    from nco.problems.vrp.formats import tabular

    return tabular.case_of(given)


def _is_own(given: Given) -> bool:
    """Whether a column or an argument says more than other problems know."""
    if any(name in given.arguments for name in OWN):
        return True
    customers, fleet = (given.find(form) for form in FORMS)
    if customers is None:
        return False
    if customers.has("prize", "demand"):
        return True
    own = any(customers.has(column.name) for column in RULES)
    fleet = fleet if fleet is not None and fleet.table is not customers.table else None
    return own or any(fleet is not None and fleet.has(c.name) for c in FLEET_RULES)


def table(case: "Case", solution: "Sequence[Route]") -> Table:
    """A row a stop: route, vehicle, order, its number, name and action, times, load and distance.

    Times are those of the least duration of each route; as times of a day where the case has such.
    A break has no stop. The load is that on departure, the distance that of the route so far.
    """
    from nco.problems.vrp.checking.schedule import schedule
    from nco.problems.vrp.formats import clock

    columns, place = _where(case)
    clocked = "clock" in case.units
    dimensions = case.delivery.shape[1]
    names = [vehicle_name(case, number) for number in range(len(case.vehicles))]

    def time(value: Any) -> Any:
        return clock.text(float(value)) if clocked else _plain(value)

    rows: list[list[Any]] = []
    for number, drive in enumerate(schedule(case, solution), 1):
        last = 0
        for order, stop in enumerate(drive.stops):
            last = last if stop.place is None else stop.place
            rows.append(
                [
                    number,
                    names[drive.vehicle],
                    order,
                    stop.place,
                    _stop_name(case, stop.place),
                    _action(case, stop),
                    time(stop.arrival),
                    _plain(stop.waiting),
                    time(stop.begin),
                    time(stop.departure),
                    *[_plain(load) for load in stop.load],
                    _plain(stop.distance),
                    *place(last),
                ]
            )
    loads = ["load", *(f"load {k}" for k in range(2, dimensions + 1))]
    head = ("route", "vehicle", "order", "stop", "name", "action")
    times = ("arrival", "waiting", "begin", "departure")
    unit = case.units.get("distance", "")
    figures = (
        *(Figure(load, "most", word=load) for load in loads),
        Figure("distance", "last", word="" if unit else "distance", unit=unit),
    )
    columns = (*head, *times, *loads, "distance", *columns)
    return Table(columns, rows, name="routes", figures=figures)


def _where(case: "Case") -> tuple[tuple[str, ...], Callable[[int], list[Any]]]:
    """The columns that say where a place is, and its cells."""
    degrees = case.degrees
    if degrees is None and case.coords is not None and case.metric == "HAVERSINE":
        degrees = case.coords.tolist()
    if degrees is None and (case.coords is None or case.metric == "GEO"):
        return (), lambda position: []
    return sheets.placed(degrees, case.coords)


def vehicle_name(case: "Case", number: int) -> str:
    """What a type of vehicles is called in a table: its name, or its number from 1."""
    name = case.vehicles[number].name
    alone = sum(vehicle.name == name for vehicle in case.vehicles) == 1
    return name if name and alone else str(number + 1)


def _stop_name(case: "Case", place: int | None) -> str:
    if place is None:
        return "break"
    return case.called("stops", place) or ("depot" if place < case.first_client else "")


def _action(case: "Case", stop: Any) -> str:
    """What happens at a row: start, visit, pickup, delivery, reload, break or end."""
    if stop.kind != "client":
        return str(stop.kind)
    for pair in case.shipments:
        if stop.place in pair:
            return "pickup" if stop.place == pair.pickup else "delivery"
    return "visit"


def _plain(value: Any) -> Any:
    """A number of a table: whole ones without a point, others to a millionth."""
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() else rounded


def _kind(label: str, kinds: Sequence[str]) -> str:
    """The type that a vehicle's label names: "Van" of "Van 2"."""
    bare = re.sub(r"[\s#_-]*\d+$", "", label)
    return bare if label not in kinds and bare in kinds else label


def read_solution(table: Table, case: "Case") -> "list[Route]":
    """The routes in a table, whose vehicle is a type's name or number from 1.

    Without a column of vehicles the route is the vehicle: a type's name, or its number counted over
    all vehicles, as in a `.sol` file.

    Raises:
        InstanceError: no such columns or vehicles, or a name that no stop or several have.
    """
    from dataclasses import replace

    from nco.problems.vrp.case import Route
    from nco.problems.vrp.files import type_of

    reading = Reading(table, PLAN, match(PLAN, table, {}))
    if reading.has("vehicle") and not reading.has("route"):  # each vehicle has one route
        table = replace(table, stated={**table.stated, "route": reading.header("vehicle")})
    if reading.has("action"):
        kept = [row for row, what in enumerate(reading.texts("action")) if what != "break"]
        lines = [table.lines[row] for row in kept] if table.lines else ()
        table = replace(table, rows=[table.rows[row] for row in kept], lines=lines)
        reading = Reading(table, PLAN, match(PLAN, table, {}))
    stops_of, routes, labels = plans.routes_of(table)
    stops = plans.stop_numbers(stops_of, case.names.get("stops", ()))
    kinds = [vehicle_name(case, number) for number in range(len(case.vehicles))]
    found = []
    for rows, label in zip(routes, labels, strict=True):
        if reading.has("vehicle"):
            own = reading.texts("vehicle")[rows[0]]
            kind = plans.vehicle_of(reading, rows[0], _kind(own, kinds), kinds, len(kinds))
        elif label.isdecimal():
            kind = type_of(case, int(label[:9]))
        elif len(kinds) == 1:
            kind = 0
        elif (named := _kind(label, kinds)) in kinds:
            kind = kinds.index(named)
        elif not label or all(each.isdecimal() for each in kinds):
            kind = 0
        else:
            reason = f"no vehicle is called so; they are {', '.join(kinds)}: add a column vehicle"
            raise reading.error(reason, "route", rows[0], label or "''")
        start, end = case.vehicles[kind].start, case.vehicles[kind].end
        numbers = [stops[row] for row in rows]
        numbers = numbers[1:] if numbers[:1] == [start] else numbers
        numbers = numbers[:-1] if end is not None and numbers[-1:] == [end] else numbers
        found.append(Route(kind, numbers))
    return found

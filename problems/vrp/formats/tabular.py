"""From tables of customers, vehicles and ways to a rich routing case; `sheet` has their columns."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import sheets
from nco.problems.vrp.case import (
    ALWAYS,
    INFINITE,
    Case,
    Depot,
    Group,
    Rounding,
    Shipment,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.formats.arrays_fleet import serving
from nco.problems.vrp.formats.clock import Times
from nco.problems.vrp.formats.faults import Fault, checked
from nco.problems.vrp.formats.reads import rounding_of
from nco.problems.vrp.formats.tabular_fleet import Fleet, skills_in
from nco.problems.vrp.sheet import CUSTOMERS, VEHICLES
from nco.tables import figures, matrices
from nco.tables.reading import Given, Reading
from nco.tables.table import shown

SHOWN = 5  # skills that a remark names
SPEED = 50.0  # km/h along great circles, where nothing says otherwise
YES = {"yes", "y", "true", "1", "x", "ja", "si", "oui", "depot"}
NO = {"no", "n", "false", "0", "", "nein", "non", "customer", "client"}
OF_CUSTOMERS = ("open", "close", "open2", "close2", "windows", "service", "release")
OF_VEHICLES = (
    *("shift_open", "shift_close", "max_duration", "max_overtime"),
    *("break_open", "break_close", "break_duration"),
)


def case_of(given: Given) -> Case:
    """The case.

    Raises:
        InstanceError: naming the file, the row, the column and the value.
    """
    reading, fleet = given.find(CUSTOMERS), given.find(VEHICLES)
    if reading is None:
        reason = (
            "vrp needs a table of customers with x, y or lat, lon, and one of demand, open, close, "
            "windows, service, pickup; or with names, and a table of distances"
        )
        raise InstanceError(reason, path=given.path)
    fleet = None if fleet is None or fleet.table is reading.table else fleet
    return Tables(given, reading, fleet).case()


class Tables:
    """What was given; arrays are in the order of places, depots first."""

    def __init__(self, given: Given, reading: Reading, fleet: Reading | None) -> None:
        self.given, self.reading, self.fleet = given, reading, fleet
        timed = [(reading, name) for name in OF_CUSTOMERS if reading.has(name)]
        if fleet is not None:
            timed += [(fleet, name) for name in OF_VEHICLES if fleet.has(name)]
        ways = given.has_distances or "durations" in given.arguments
        self.times = Times(timed, on_globe=reading.has("lat", "lon") and not ways)
        stops = sheets.stops(given, CUSTOMERS, depot=True)
        self.depots, self.order = self._depots(stops)
        turned = [stops.order.index(row) for row in self.order]
        self.coords = None if stops.coords is None else stops.coords[turned]
        self.metric = stops.metric
        self.distances = (
            () if stops.distances is None else (stops.distances[np.ix_(turned, turned)],)
        )
        self.degrees = None if stops.degrees is None else [stops.degrees[i] for i in turned]
        self.names = [stops.names[i] for i in turned] if stops.names else []
        self.remarks = list(stops.remarks)
        if fleet is not None:
            self.remarks.insert(1, fleet.remark)
        if self.times.assumed:
            self.remarks.append("times without a unit are minutes: open (h) would be hours")

    def _depots(self, stops: sheets.Stops) -> tuple[int, list[int]]:
        """How many depots there are, and the rows in the order of places."""
        if not self.reading.has("kind"):
            return 1, list(stops.order)
        marked = self.flags("kind", default=False)
        depots = [row for row in stops.order if marked[row]]
        if not depots:
            return 1, list(stops.order)
        return len(depots), [*depots, *(row for row in stops.order if not marked[row])]

    def flags(self, name: str, default: bool) -> list[bool]:
        """A column of yes and no, by rows."""
        found = []
        for row, word in enumerate(self.reading.texts(name)):
            lowered = word.casefold()
            if lowered not in YES | NO:
                raise self.reading.error("yes or no belongs here", name, row, word)
            found.append(default if not lowered else lowered in YES)
        return found

    @property
    def clients(self) -> list[int]:
        """The rows of the clients."""
        return self.order[self.depots :]

    def case(self) -> Case:
        """The case."""
        delivery, pickup = self._loads()
        rounding = self._rounding()
        durations = self._durations()
        windows = [self._windows(row) for row in self.order]
        service = self._column("service")
        prize, required = self._prizes()
        vehicles, skills = self._vehicles(delivery.shape[1], bool(durations))
        case = plain(
            len(self.clients),
            name=self.given.name,
            path=self.given.path,
            names={"stops": self.names} if any(self.names) else {},
            degrees=self.degrees,
            depots=tuple(
                Depot(windows[p][0] if windows[p] else ALWAYS, service[p])
                for p in range(self.depots)
            ),
            vehicles=vehicles,
            coords=self.coords,
            metric="EXPLICIT" if self.distances else self.metric,
            rounding=rounding,
            distances=self.distances,
            durations=durations,
            delivery=delivery,
            pickup=pickup,
            service=np.array(service[self.depots :]),
            windows=tuple(windows[self.depots :]),
            release=np.array(self._column("release")[self.depots :]),
            prize=prize,
            required=required,
            allowed=serving(self._skills(skills), skills),
            groups=self._groups(),
            shipments=self._shipments(delivery, pickup),
            units=self._units(),
            remarks=tuple(self.remarks),
        )
        try:
            return checked(case)
        except Fault as fault:
            raise self._error(fault) from fault

    def _error(self, fault: Fault) -> InstanceError:
        """A fault with the row and the column that it comes from."""
        names = {"windows": "close", "delivery": "demand", "coords": "x"}
        name = names.get(fault.field or "", fault.field or "")
        if fault.kind == "place" and fault.position is not None:
            return self.reading.error(fault.reason, name, self.order[fault.position], fault.bare)
        if fault.kind == "vehicle" and self.fleet is not None and fault.position is not None:
            return self.fleet.error(fault.reason, name, fault.position, fault.bare)
        return self.reading.error(fault.reason, name, None, fault.value)

    def _units(self) -> dict[str, str]:
        units = dict(self.times.units)
        if self.metric == "HAVERSINE" or (self.degrees is not None and not self.distances):
            units["distance"] = "km"
        return units

    # ----------------------------------------------------------------------------------------------
    # Customers

    def _numbers(self, name: str) -> list[float]:
        """A column of numbers from 0 on, in the order of places; empty cells are 0."""
        if not self.reading.has(name):
            return [0.0] * len(self.order)
        values = self.reading.numbers(name)
        for row, value in enumerate(values):
            if value is not None and value < 0:
                raise self.reading.error("must not be negative", name, row, f"{value:g}")
        return [values[row] or 0.0 for row in self.order]

    def _column(self, name: str) -> list[float]:
        """A column of times in the order of places; empty cells are 0."""
        if not self.reading.has(name):
            return [0.0] * len(self.order)
        values = self.times.column(self.reading, name)
        return [values[row] or 0.0 for row in self.order]

    def _loads(self) -> tuple[np.ndarray, np.ndarray]:
        """Deliveries and pickups ``[n, K]``; those of depots must be 0."""
        columns = [name for name in ("demand", "demand2") if self.reading.has(name)] or ["demand"]
        loads = [self._numbers(name) for name in columns]
        picked = [self._numbers("pickup"), *([0.0] * len(self.order) for _ in columns[1:])]
        for name, values in (*zip(columns, loads, strict=True), ("pickup", picked[0])):
            for place in range(self.depots):
                if values[place]:
                    reason = f"this row is a depot: its {name} must be 0"
                    raise self.reading.error(reason, name, self.order[place], f"{values[place]:g}")
        both = (np.array(values, dtype=np.float64).T[self.depots :] for values in (loads, picked))
        delivery, pickup = both
        return delivery, pickup

    def _windows(self, row: int) -> tuple[Window, ...]:
        """The windows of a row."""
        reading = self.reading
        found: list[Window] = []
        for first, last in (("open", "close"), ("open2", "close2")):
            ends = [self._time(name, row) for name in (first, last)]
            if ends != [None, None]:
                found.append(Window(ends[0] or 0.0, INFINITE if ends[1] is None else ends[1]))
        if reading.has("windows"):
            cell = reading.cells("windows")[row]
            try:
                found += [Window(*pair) for pair in self.times.windows(reading, cell)]
            except figures.Unreadable as error:
                raise reading.error(str(error), "windows", row, shown(cell)) from None
        for window in found:
            if window.close < window.open:
                name = next(n for n in ("close", "windows", "open", "close2") if reading.has(n))
                reason = "closes before it opens; hours of the next day are 24:00 and more"
                raise reading.error(reason, name, row, shown(reading.cells(name)[row]))
        return tuple(sorted(found))

    def _time(self, name: str, row: int) -> float | None:
        if not self.reading.has(name):
            return None
        if name not in self._cache:
            self._cache[name] = self.times.column(self.reading, name)
        return self._cache[name][row]

    @property
    def _cache(self) -> dict[str, list[float | None]]:
        return self.__dict__.setdefault("_columns", {})

    def _prizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Prizes, and who must be served: where no cell says so, those without a prize."""
        prize = np.array(self._numbers("prize")[self.depots :], dtype=np.float64)
        if not self.reading.has("required"):
            return prize, prize == 0
        stated = self.reading.texts("required")
        flags = self.flags("required", default=True)
        required = [
            flags[row] if stated[row] else not own
            for row, own in zip(self.clients, prize.tolist(), strict=True)
        ]
        return prize, np.array(required, dtype=bool)

    def _skills(self, of_vehicles: Sequence[frozenset[str]]) -> list[frozenset[str]]:
        """What each client needs; a remark names what no vehicle has."""
        if not self.reading.has("skills"):
            return [frozenset()] * len(self.clients)
        texts = self.reading.texts("skills")
        needed = [skills_in(texts[row]) for row in self.clients]
        lacking = sorted(frozenset().union(*needed) - frozenset().union(*of_vehicles))
        if lacking:
            known = ", ".join(sorted(frozenset().union(*of_vehicles))) or "none"
            self.remarks.append(
                f"no vehicle has the skill {', '.join(lacking[:SHOWN])}; those of vehicles: {known}"
            )
        return needed

    def _labelled(self, name: str) -> dict[str, list[int]]:
        """The places of the clients by what a column calls them; empty cells are none."""
        found: dict[str, list[int]] = {}
        if self.reading.has(name):
            texts = self.reading.texts(name)
            for place in range(self.depots, len(self.order)):
                if label := texts[self.order[place]]:
                    found.setdefault(label, []).append(place)
        return found

    def _groups(self) -> tuple[Group, ...]:
        """Clients of one label, of which one is served."""
        return tuple(Group(tuple(places)) for places in self._labelled("alternative").values())

    def _shipments(self, delivery: np.ndarray, pickup: np.ndarray) -> tuple[Shipment, ...]:
        """Two rows of one label: the one with a pickup, and the one with a demand."""
        found = []
        for label, places in self._labelled("shipment").items():
            row = self.order[places[0]]
            first = [p for p in places if pickup[p - self.depots].any()]
            last = [p for p in places if delivery[p - self.depots].any()]
            if len(places) != 2 or len(first) != 1 or len(last) != 1 or first == last:
                reason = "a shipment is two rows: one with a pickup, and one with the same demand"
                raise self.reading.error(reason, "shipment", row, label)
            found.append(Shipment(first[0], last[0]))
        return tuple(found)

    # ----------------------------------------------------------------------------------------------
    # Ways

    def _rounding(self) -> Rounding:
        stated = self.given.arguments.get("rounding")
        if stated is None:
            return Rounding.EXACT
        return rounding_of(stated)

    def _durations(self) -> tuple[np.ndarray, ...]:
        """The travel times in a table of their own."""
        own = self.given.arguments.get("durations")
        if own is None:
            return ()
        given = replace(self.given, tables=(), arguments={matrices.PAIRS.name: own})
        stated = matrices.distances(given)
        assert stated is not None
        self.remarks.append(stated.remark.replace("distances", "durations", 1))
        names = self.names if stated.names else []
        matrix = np.array(stated.rows, dtype=np.float64)
        if names and stated.names:
            places = {name: place for place, name in enumerate(stated.names)}
            for name in names:
                if name not in places:
                    reason = "has no travel times: add its row"
                    raise self.reading.error(reason, "name", value=name)
            picked = [places[name] for name in names]
        else:
            if len(matrix) != len(self.order):
                reason = f"there are travel times of {len(matrix)} places: the two must agree"
                raise self.reading.error(reason, value=f"{len(self.order)} rows")
            picked = self.order
        return (matrix[np.ix_(picked, picked)],)

    def _speed(self, timed: bool) -> float:
        """How far a vehicle drives in a unit of time, where its row does not say so."""
        stated = self.given.arguments.get("speed")
        if timed:
            if stated is not None:
                reason = "travel times are stated: leave it out"
                raise InstanceError(reason, field="speed", value=stated, path=self.given.path)
            return 1.0
        if stated is None and not self.times.timed:
            return 1.0
        if stated is None and self.metric == "HAVERSINE":
            self.remarks.append(
                f"vehicles drive {SPEED:g} km/h along great circles: --speed says otherwise, "
                "--durations gives travel times"
            )
        elif stated is None:
            self.remarks.append("a unit of way takes a minute: --speed, per hour, says otherwise")
            return 1.0
        return self.per_time(stated or SPEED)

    def per_time(self, hourly: float) -> float:
        """A speed per unit of time: where times are minutes, of one that is stated per hour."""
        return hourly / 60 if self.times.timed else hourly

    # ----------------------------------------------------------------------------------------------
    # Vehicles

    def _vehicles(
        self, dimensions: int, timed: bool
    ) -> tuple[tuple[VehicleType, ...], list[frozenset[str]]]:
        """The types, and the skills of each."""
        arguments = self.given.arguments
        if self.fleet is None:
            return self._alike(dimensions, self._speed(timed))
        if (stated := arguments.get("capacity")) is not None:
            reason = "the vehicles have a table: state it there"
            raise InstanceError(reason, field="capacity", value=stated, path=self.given.path)
        if self.reading.has("demand") or self.reading.has("pickup"):
            self.fleet.require("capacity")
        every = not timed and self.fleet.has("speed") and None not in self.fleet.numbers("speed")
        return Fleet(self, self.fleet, dimensions).types(None if every else self._speed(timed))

    def _alike(
        self, dimensions: int, speed: float
    ) -> tuple[tuple[VehicleType, ...], list[frozenset[str]]]:
        """Vehicles of one capacity, at each depot where their number is not stated."""
        arguments = self.given.arguments
        capacity = arguments.get("capacity") or sheets.only_value(self.reading, "capacity")
        if capacity is None and self.reading.has("demand"):
            capacity = self.given.needed("capacity", "vrp", "the capacity of a vehicle")
        if capacity is not None and dimensions > 1:
            reason = "loads have two dimensions: give a table of vehicles, with capacity2"
            raise InstanceError(reason, field="capacity", value=capacity, path=self.given.path)
        count = arguments.get("vehicles")
        if count is not None and self.depots > 1:
            reason = f"there are {self.depots} depots: give a table of vehicles with a column start"
            raise InstanceError(reason, field="vehicles", value=count, path=self.given.path)
        loads = () if capacity is None else (float(capacity),)
        types = tuple(
            VehicleType(count, loads, start=depot, end=depot, speed=speed)
            for depot in range(self.depots)
        )
        return types, [frozenset()] * len(types)

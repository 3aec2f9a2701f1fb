"""Rich routing in VRPLIB text: the sections of the public sets that PyVRP and VRPLIB document.

The container is that of `nco.problems._routing.tsplib`. Depots move to the front; the others keep
the order of the file. Rows of the ``VEHICLES_`` sections and of CAPACITY_SECTION are vehicles;
those that are alike and follow each other become one type, so that the vehicle k of the file, which
drives ``Route #k``, is found again.

TYPE tells what no section does (`vrplib_kinds`): how distances are rounded where its weights are
EUC_2D, whether routes are open, and whether backhauls come last. ``ROUNDING : exact`` (or
``round``, ``round3``, ``trunc1``) states another rounding, ``BACKHAULS : mixed`` (or ``after``,
``after_some``) another order. Costs are those of the file, also where it scales them (HFVRP).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import metrics, tsplib
from nco.problems._routing.tsplib import Document
from nco.problems.vrp.case import (
    ALWAYS,
    Backhauls,
    Case,
    Depot,
    Group,
    Rounding,
    Shipment,
    VehicleType,
    Window,
)
from nco.problems.vrp.formats.faults import Fault, checked
from nco.problems.vrp.formats.pairs import shipped
from nco.problems.vrp.formats.vrplib_fleet import OF_VEHICLES, Fleet
from nco.problems.vrp.formats.vrplib_kinds import IN_WORDS, KINDS

KEYWORDS = {
    *("NAME", "COMMENT", "TYPE", "DIMENSION", "EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT"),
    *("NODE_COORD_TYPE", "DISPLAY_DATA_TYPE", "VEHICLES", "CAPACITY", "SERVICE_TIME", "DISTANCE"),
    *("RELEASE_TIME", "ROUNDING", "BACKHAULS", "VEHICLES_MAX_DURATION", "VEHICLES_MAX_DISTANCE"),
    *("VEHICLES_MAX_RELOADS", "VEHICLES_FIXED_COST", "VEHICLES_UNIT_DISTANCE_COST"),
}
OF_NODES = {
    *("NODE_COORD_SECTION", "DISPLAY_DATA_SECTION", "DEMAND_SECTION", "LINEHAUL_SECTION"),
    *("BACKHAUL_SECTION", "PICKUP_SECTION", "SERVICE_TIME_SECTION", "TIME_WINDOW_SECTION"),
    *("RELEASE_TIME_SECTION", "PRIZE_SECTION", "PICKUP_AND_DELIVERY_SECTION"),
}
OTHER_SECTIONS = {"DEPOT_SECTION", "EDGE_WEIGHT_SECTION", "MUTUALLY_EXCLUSIVE_GROUP_SECTION"}
SECTIONS = OF_NODES | OF_VEHICLES | OTHER_SECTIONS
METRICS = (*metrics.METRICS, "EXACT_2D", "EXPLICIT")


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a file.

    Args:
        text: the whole file.
        path: its name, for error messages and the case.
        rounding: of distances, in place of what the file says.

    Raises:
        InstanceError: with the line, the field and the value at fault.
    """
    return Reader(tsplib.parse(text, sections=SECTIONS, path=path), rounding).case()


class Reader:
    """A document, and the order of its nodes: depots first."""

    def __init__(self, document: Document, rounding: Rounding | None) -> None:
        self.document = document
        for key, (value, line) in document.keywords.items():
            if key not in KEYWORDS:
                reason = f"this keyword is not known (known are {', '.join(sorted(KEYWORDS))})"
                raise document.error(reason, field=key, value=value, line=line)
        self.kind_name = tsplib.kind(document)
        if self.kind_name not in KINDS:
            reason = f"this type is not known (known are {', '.join(sorted(KINDS))})"
            raise document.error(reason, field="TYPE", value=document.text("TYPE"))
        self.kind = KINDS[self.kind_name]
        self.size = tsplib.dimension(document)
        self.remarks: list[str] = []
        self.metric, self.rounding = self._measured(rounding)
        self.ids, self.coords, self.distances = self._nodes()
        self.depots = self._depots()
        self.place = {int(node): place for place, node in enumerate(self.ids.tolist())}
        self.lines: dict[str, list[int]] = {}  # of the rows of sections, in the order of places
        self.clients = self.size - self.depots

    def has(self, section: str) -> bool:
        return section in self.document.sections

    def _measured(self, rounding: Rounding | None) -> tuple[str, Rounding]:
        """The metric and the rounding."""
        document = self.document
        stated = document.choice("EDGE_WEIGHT_TYPE", METRICS)
        if stated == "EXPLICIT" or (stated not in ("EUC_2D", "EXACT_2D", *metrics.REAL)):
            for source, value in (("ROUNDING", document.keywords.get("ROUNDING")), ("", rounding)):
                if value is not None:
                    reason = f"distances are those of EDGE_WEIGHT_TYPE {stated}: leave it out"
                    raise document.error(reason, field=source or "rounding", value=str(rounding))
            return stated, Rounding.EXACT
        found = self.kind.rounding if stated == "EUC_2D" else Rounding.EXACT
        if "ROUNDING" in document.keywords:
            choices = [rule.value.upper() for rule in Rounding]
            found = Rounding(document.choice("ROUNDING", choices).lower())
        found = rounding or found
        if stated == "EUC_2D":
            says = "" if rounding or "ROUNDING" in document.keywords else " (as its TYPE says)"
            self.remarks.append(
                f"distances and travel times are {IN_WORDS[found]}{says}; "
                "--rounding exact, round, round3 or trunc1 says otherwise"
            )
        return ("HAVERSINE" if stated == "HAVERSINE" else "EUCLIDEAN"), found

    def _nodes(self) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Node numbers in the order of places, with their coordinates and distances."""
        document = self.document
        if self.metric == "EXPLICIT":
            matrix = tsplib.edge_weights(document).astype(np.float64)
            zero = any(row[1][0] == "0" for row in self._any_rows())
            ids = np.arange(self.size) + (0 if zero else 1)
            drawn = [s for s in ("NODE_COORD_SECTION", "DISPLAY_DATA_SECTION") if self.has(s)]
            points = None
            if drawn:
                points = tsplib.coordinates(document, "EUCLIDEAN", drawn[0], ids).values
        else:
            for section in ("EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION"):
                if self.has(section):
                    reason = f"EDGE_WEIGHT_TYPE is {self.metric}: remove it, or state EXPLICIT"
                    raise document.error(reason, field=section)
            table = tsplib.coordinates(document, self.metric)
            ids, points, matrix = table.ids, table.values, None
        order = self._order(ids)
        return (
            ids[order],
            None if points is None else points[order],
            None if matrix is None else matrix[np.ix_(order, order)],
        )

    def _any_rows(self) -> list[tuple[int, list[str]]]:
        """The rows of a section that numbers all nodes."""
        for section in ("NODE_COORD_SECTION", "DEMAND_SECTION", "TIME_WINDOW_SECTION"):
            if self.has(section):
                return self.document.sections[section]
        return []

    def _order(self, ids: np.ndarray) -> np.ndarray:
        """The positions of all nodes, those of the depots first; sets nothing."""
        stated = self._stated_depots(ids)
        first = [int(np.flatnonzero(ids == node)[0]) for node in stated]
        return np.array([*first, *(i for i in range(len(ids)) if i not in set(first))], dtype=int)

    def _stated_depots(self, ids: np.ndarray) -> list[int]:
        """Node numbers of the depots; without DEPOT_SECTION the first node is the one."""
        section = "DEPOT_SECTION"
        if not self.has(section):
            return [int(ids[0])]
        found: list[int] = []
        for line, node in tsplib.depots(self.document):
            reason = None
            if node not in ids:
                reason = f"there is no such node: they are {ids.min()} to {ids.max()}"
            elif node in found:
                reason = "this depot is stated twice"
            if reason:
                raise self.document.error(reason, field=section, value=node, line=line)
            found.append(node)
        if not found:
            raise self.document.error("there must be a depot", field=section)
        return found

    def _depots(self) -> int:
        if not self.has("DEPOT_SECTION"):
            self.remarks.append(f"no depot is stated: node {self.ids[0]} is the depot")
            return 1
        return len(tsplib.depots(self.document))

    # ----------------------------------------------------------------------------------------------
    # Sections with a row a node, or one a vehicle

    def column(self, section: str, columns: int | None = 1) -> np.ndarray:
        """A section's values in the order of places, ``[D+n, columns]``; None: as its first row."""
        if columns is None:
            rows = self.document.rows(section)
            columns = max(1, len(rows[0][1]) - 1) if rows else 1
        table = tsplib.table(self.document, section, columns, self.ids)
        self.lines[section] = table.lines
        return table.values

    def of_clients(self, section: str, columns: int | None = 1) -> np.ndarray:
        """The same of the clients; refused where a depot has another value than 0."""
        values = self.column(section, columns)
        wrong = (values[: self.depots] != 0).any(1)
        if wrong.any():
            place = int(wrong.argmax())
            value = f"node {self.ids[place]} with {' '.join(map(str, values[place]))}"
            line = self.lines[section][place]
            reason = "it is a depot: the number must be 0"
            raise self.document.error(reason, field=section, value=value, line=line)
        return values[self.depots :]

    def loads(self) -> tuple[np.ndarray, np.ndarray]:
        """Deliveries and pickups ``[n, K]``."""
        delivery = self._either("DEMAND_SECTION", "LINEHAUL_SECTION")
        pickup = self._either("BACKHAUL_SECTION", "PICKUP_SECTION")
        known = delivery if delivery is not None else pickup
        nothing = np.zeros((self.clients, 1)) if known is None else np.zeros_like(known)
        delivery = nothing if delivery is None else delivery
        pickup = nothing.copy() if pickup is None else pickup
        if delivery.shape != pickup.shape:
            reason = f"has {pickup.shape[1]} numbers a row, the deliveries have {delivery.shape[1]}"
            raise self.document.error(reason, field=self._first("BACKHAUL_SECTION"))
        return delivery, pickup

    def _first(self, section: str) -> str:
        other = {"DEMAND_SECTION": "LINEHAUL_SECTION", "BACKHAUL_SECTION": "PICKUP_SECTION"}
        return section if self.has(section) else other[section]

    def _either(self, section: str, other: str) -> np.ndarray | None:
        """One of two names of a section."""
        if self.has(section) and self.has(other):
            raise self.document.error(f"says the same as {section}: remove one", field=other)
        found = [name for name in (section, other) if self.has(name)]
        return self.of_clients(found[0], None) if found else None

    def uniform(self, key: str, least: float = 0.0) -> float | None:
        """The number of a keyword that holds for all; None where it is not stated."""
        if key not in self.document.keywords:
            return None
        value = self.document.number(key)
        if value < least:
            reason = f"must be at least {least:g}"
            raise self.document.error(reason, field=key, value=self.document.text(key))
        if self.has(f"{key}_SECTION"):
            raise self.document.error(f"{key}_SECTION is stated, too: remove one", field=key)
        return value

    def services(self) -> np.ndarray:
        """Of all places ``[D+n]``; a number that holds for all is one of clients."""
        if (value := self.uniform("SERVICE_TIME")) is not None:
            return np.where(np.arange(self.size) < self.depots, 0.0, value)
        if not self.has("SERVICE_TIME_SECTION"):
            return np.zeros(self.size)
        return self.column("SERVICE_TIME_SECTION")[:, 0]

    def releases(self) -> np.ndarray:
        """Of the clients ``[n]``."""
        if (value := self.uniform("RELEASE_TIME")) is not None:
            return np.full(self.clients, value)
        if not self.has("RELEASE_TIME_SECTION"):
            return np.zeros(self.clients)
        return self.of_clients("RELEASE_TIME_SECTION")[:, 0]

    def windows(self) -> list[Window] | None:
        """Of all places; None where none is stated."""
        if not self.has("TIME_WINDOW_SECTION"):
            return None
        return [Window(*pair) for pair in self.column("TIME_WINDOW_SECTION", 2).tolist()]

    def case(self) -> Case:
        """The case."""
        delivery, pickup = self.loads()
        services, windows = self.services(), self.windows()
        shipments: tuple[Shipment, ...] = ()
        if self.has("PICKUP_AND_DELIVERY_SECTION"):
            delivery, pickup, services, windows, shipments = self._shipped()
        prize = np.zeros(self.clients)
        if self.has("PRIZE_SECTION"):
            prize = self.of_clients("PRIZE_SECTION")[:, 0]
        backhauls = self.kind.backhauls
        if "BACKHAULS" in self.document.keywords:
            choices = [rule.value.upper() for rule in Backhauls]
            backhauls = Backhauls(self.document.choice("BACKHAULS", choices).lower())
        vehicles, allowed = Fleet(self).types(delivery.shape[1])
        stated = windows or [ALWAYS] * self.size
        case = Case(
            name=self.document.text("NAME", "unnamed") or "unnamed",
            path=self.document.path,
            remarks=tuple(self.remarks),
            depots=tuple(
                Depot(stated[place], float(services[place])) for place in range(self.depots)
            ),
            vehicles=vehicles,
            coords=self.coords,
            metric=self.metric,
            rounding=self.rounding,
            distances=() if self.distances is None else (self.distances,),
            delivery=delivery,
            pickup=pickup,
            service=services[self.depots :],
            windows=tuple((window,) if windows else () for window in stated[self.depots :]),
            release=self.releases(),
            prize=prize,
            required=prize == 0,
            allowed=allowed,
            groups=self._groups(),
            shipments=shipments,
            backhauls=backhauls,
        )
        try:
            return checked(case)
        except Fault as fault:
            raise self._in_file(fault, vehicles) from fault

    def _in_file(self, fault: Fault, types: Sequence[VehicleType]) -> InstanceError:
        """A fault with the section and the line that it comes from."""
        field = next(
            (name for name in _WHERE.get(fault.field or "", ()) if self._states(name)),
            fault.field or "",
        )
        value, line = fault.value, None
        if fault.kind == "place" and fault.position is not None:
            node = f"node {self.ids[fault.position]}"
            value = node if fault.bare is None else f"{node} with {fault.bare}"
            lines = self.lines.get(field)
            line = lines[fault.position] if lines else None
        if fault.kind == "vehicle" and fault.position is not None:
            number = 1 + sum(kind.count or 0 for kind in types[: fault.position])
            rows = self.document.sections.get(field, ())
            line = next((row for row, tokens in rows if tokens[0] == str(number)), None)
            value = fault.bare if line is None else f"{fault.bare} of vehicle {number}"
        return self.document.error(fault.reason, field=field, value=value, line=line)

    def _states(self, name: str) -> bool:
        return self.has(name) or name in self.document.keywords

    def _shipped(self) -> tuple[Any, ...]:
        """PICKUP_AND_DELIVERY_SECTION: node, load, window, service, its pickup, its delivery."""
        section = "PICKUP_AND_DELIVERY_SECTION"
        for other in ("DEMAND_SECTION", "TIME_WINDOW_SECTION", "SERVICE_TIME_SECTION"):
            if self.has(other):
                raise self.document.error(f"{section} says it already: remove one", field=other)
        table = self.column(section, 6)
        lines = self.lines[section]
        for field in ("TIME_WINDOW_SECTION", "SERVICE_TIME_SECTION", "DEMAND_SECTION"):
            self.lines[field] = lines
        return shipped(table, self.depots, self._shipping_place, self._shipping_error)

    def _shipping_place(self, row: int, node: int) -> int:
        if node not in self.place or self.place[node] < self.depots:
            raise self._shipping_error(row, "there is no such client", node)
        return self.place[node]

    def _shipping_error(self, row: int, reason: str, value: Any = None) -> InstanceError:
        section = "PICKUP_AND_DELIVERY_SECTION"
        node = f"node {self.ids[row]}" if value is None else f"{value} of node {self.ids[row]}"
        line = self.lines[section][row]
        return self.document.error(reason, field=section, value=node, line=line)

    def _groups(self) -> tuple[Group, ...]:
        section = "MUTUALLY_EXCLUSIVE_GROUP_SECTION"
        if not self.has(section):
            return ()
        members = self.ragged(section, "group", None)
        seen: dict[int, int] = {}
        for number, (line, places) in enumerate(members, 1):
            for place in places:
                if place < self.depots or place in seen:
                    reason = f"is in group {seen[place]}, too" if place in seen else "is a depot"
                    value = f"node {self.ids[place]}"
                    raise self.document.error(reason, field=section, value=value, line=line)
                seen[place] = number
        return tuple(Group(tuple(places)) for _, places in members if len(places) > 1)

    def ragged(
        self, section: str, what: str, count: int | None
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Rows ``number node node ...`` as (line, places); numbered from 1 in this order."""
        found: dict[int, tuple[int, tuple[int, ...]]] = {}
        rows = self.document.rows(section)
        most = len(rows) if count is None else count
        for line, tokens in rows:
            number = tsplib.integer(self.document, tokens[0], section, line)
            if not 1 <= number <= most or number in found:
                reason = f"the numbers of a {what} are 1 to {most}, each once"
                raise self.document.error(reason, field=section, value=tokens[0], line=line)
            found[number] = line, tuple(self._node(token, section, line) for token in tokens[1:])
        if len(found) != most:
            lacking = next(number for number in range(1, most + 1) if number not in found)
            value = f"{what} {lacking}"
            raise self.document.error("this row is missing", field=section, value=value)
        return [found[number] for number in range(1, most + 1)]

    def _node(self, token: str, section: str, line: int) -> int:
        node = tsplib.integer(self.document, token, section, line)
        if node not in self.place:
            reason = "there is no such node"
            raise self.document.error(reason, field=section, value=token, line=line)
        return self.place[node]


_WHERE: Mapping[str, tuple[str, ...]] = {
    "coords": ("NODE_COORD_SECTION",),
    "distances": ("EDGE_WEIGHT_SECTION",),
    "delivery": ("DEMAND_SECTION", "LINEHAUL_SECTION", "PICKUP_AND_DELIVERY_SECTION"),
    "pickup": ("BACKHAUL_SECTION", "PICKUP_SECTION", "PICKUP_AND_DELIVERY_SECTION"),
    "service": ("SERVICE_TIME_SECTION", "SERVICE_TIME", "PICKUP_AND_DELIVERY_SECTION"),
    "windows": ("TIME_WINDOW_SECTION", "PICKUP_AND_DELIVERY_SECTION"),
    "release": ("RELEASE_TIME_SECTION", "RELEASE_TIME"),
    "prize": ("PRIZE_SECTION",),
    "capacity": ("CAPACITY_SECTION", "CAPACITY"),
    "max_duration": ("VEHICLES_MAX_DURATION_SECTION", "VEHICLES_MAX_DURATION", "DISTANCE"),
    "max_distance": ("VEHICLES_MAX_DISTANCE_SECTION", "VEHICLES_MAX_DISTANCE", "DISTANCE"),
    "fixed": ("VEHICLES_FIXED_COST_SECTION", "VEHICLES_FIXED_COST"),
    "unit_distance": ("VEHICLES_UNIT_DISTANCE_COST_SECTION", "VEHICLES_UNIT_DISTANCE_COST"),
    "groups": ("MUTUALLY_EXCLUSIVE_GROUP_SECTION",),
    "shipments": ("PICKUP_AND_DELIVERY_SECTION",),
}

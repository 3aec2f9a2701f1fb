"""Rich routing in VRPLIB text: the sections of the public sets that PyVRP and VRPLIB document.

The container is that of `nco.problems._routing.tsplib`. Depots move to the front; the others keep
the order of the file. Rows of the ``VEHICLES_`` sections and of CAPACITY_SECTION are vehicles;
those that are alike and follow each other become one type, so that the vehicle k of the file, which
drives ``Route #k``, is found again.

TYPE tells what no section does (`KINDS`): how distances are rounded where EDGE_WEIGHT_TYPE is
EUC_2D, whether routes are open, and whether backhauls come last. ``ROUNDING : exact`` (or
``round``, ``round3``, ``trunc1``) states another rounding, ``BACKHAULS : mixed`` (or ``after``,
``after_some``) another order. Costs are those of the file, also where it scales them (HFVRP).
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import tsplib
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
from nco.problems.vrp.faults import Fault, checked


class Kind(NamedTuple):
    """What a TYPE says beside the sections.

    Attributes:
        rounding: of EUC_2D; open: routes end at their last client; backhauls: their order.
    """

    rounding: Rounding = Rounding.ROUND
    open: bool = False
    backhauls: Backhauls = Backhauls.MIXED


DIMACS = Kind(Rounding.TRUNC1)
THOUSANDTHS = Kind(Rounding.ROUND3)
KINDS = {
    **dict.fromkeys(("VRPTW", "CVRPTW", "PCVRPTW", "MTVRPTWR", "MTVRPTW"), DIMACS),
    **dict.fromkeys(("MDVRPTW", "SDVRPTW"), THOUSANDTHS),
    **dict.fromkeys(("VRP", "CVRP", "ACVRP", "DVRP", "DCVRP", "GVRP", "PCVRP", "MDVRP"), Kind()),
    **dict.fromkeys(("MTVRP", "VRPPD", "VRPSPD", "VRPMPD", "VRPMB", "RVRP"), Kind()),
    **dict.fromkeys(("PDP", "CPDP", "PDVRP"), Kind()),
    **dict.fromkeys(("HFVRP", "HFVRPTW", "PDPTW", "CPDPTW"), Kind(Rounding.EXACT)),
    **dict.fromkeys(("OVRP", "COVRP", "MDOVRP"), Kind(open=True)),
    "OVRPTW": Kind(Rounding.TRUNC1, open=True),
    "VRPB": Kind(backhauls=Backhauls.AFTER_SOME),
    "VRPBTW": Kind(Rounding.TRUNC1, backhauls=Backhauls.AFTER_SOME),
}
OTHERS = {"HCVRP", "HFVRP"}  # types of a file that is read here only where the user says so
WIDE = {"CVRP", "VRP"}  # types that are read here only where a section says more than they do
RULES = (  # keywords or sections of which one makes a file of a plain type one of this problem
    *("TIME_WINDOW", "SERVICE_TIME", "RELEASE_TIME", "PRIZE", "BACKHAUL", "PICKUP", "LINEHAUL"),
    *("MUTUALLY_EXCLUSIVE_GROUP", "DISTANCE", "ROUNDING", "VEHICLES_"),
)
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
OF_VEHICLES = {
    *("CAPACITY_SECTION", "VEHICLES_DEPOT_SECTION", "VEHICLES_RELOAD_DEPOT_SECTION"),
    *("VEHICLES_ALLOWED_CLIENTS_SECTION", "VEHICLES_MAX_DURATION_SECTION"),
    *("VEHICLES_MAX_DISTANCE_SECTION", "VEHICLES_MAX_RELOADS_SECTION"),
    *("VEHICLES_FIXED_COST_SECTION", "VEHICLES_UNIT_DISTANCE_COST_SECTION"),
}
OTHER_SECTIONS = {"DEPOT_SECTION", "EDGE_WEIGHT_SECTION", "MUTUALLY_EXCLUSIVE_GROUP_SECTION"}
SECTIONS = OF_NODES | OF_VEHICLES | OTHER_SECTIONS
METRICS = (*tsplib.METRICS, "EXACT_2D", "EXPLICIT")
MOST_VEHICLES = 1_000_000
IN_WORDS = {
    Rounding.EXACT: "not rounded",
    Rounding.ROUND: "rounded to whole numbers",
    Rounding.ROUND3: "rounded to 0.001",
    Rounding.TRUNC1: "truncated to one decimal",
}

_TYPE = re.compile(r"^[ \t\ufeff]*TYPE[ \t]*:[ \t]*([A-Z0-9_-]+)", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(
    rf"^[ \t]*(?:{'|'.join(RULES)})[A-Z_]*[ \t]*(?::(.*))?$", re.IGNORECASE | re.MULTILINE
)


def recognise(text: str) -> bool:
    """Whether a text is a VRPLIB file that states more than `cvrp` and `hcvrp` read."""
    stated = _TYPE.search(text)
    if stated is None or stated[1].upper() not in KINDS or stated[1].upper() in OTHERS:
        return False
    return stated[1].upper() not in WIDE or any(
        rule[1] is None or rule[1].strip(" \t0.") != "" for rule in _RULE.finditer(text)
    )


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a file.

    Args:
        text: the whole file.
        path: its name, for error messages and the case.
        rounding: of distances, in place of what the file says.

    Raises:
        InstanceError: with the line, the field and the value at fault.
    """
    return _Reader(tsplib.parse(text, sections=SECTIONS, path=path), rounding).case()


class _Reader:
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
        if stated == "EXPLICIT" or (stated not in ("EUC_2D", "EXACT_2D", *tsplib.REAL)):
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
        vehicles, allowed = self._vehicles(delivery.shape[1])
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
            raise self._in_file(fault) from fault

    def _in_file(self, fault: Fault) -> InstanceError:
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
        if fault.kind == "vehicle":
            value = fault.bare
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
        members = self._ragged(section, "group", None)
        seen: dict[int, int] = {}
        for number, (line, places) in enumerate(members, 1):
            for place in places:
                if place < self.depots or place in seen:
                    reason = f"is in group {seen[place]}, too" if place in seen else "is a depot"
                    value = f"node {self.ids[place]}"
                    raise self.document.error(reason, field=section, value=value, line=line)
                seen[place] = number
        return tuple(Group(tuple(places)) for _, places in members if len(places) > 1)

    def _ragged(
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

    # ----------------------------------------------------------------------------------------------
    # Vehicles

    def _count(self) -> int | None:
        """How many vehicles there are; None for any number."""
        document = self.document
        sections = sorted(OF_VEHICLES & set(document.sections))
        counts = {section: len(document.sections[section]) for section in sections}
        count = None
        if "VEHICLES" in document.keywords:
            token = document.text("VEHICLES")
            count = tsplib.integer(document, token, "VEHICLES", None)
            if not 1 <= count <= MOST_VEHICLES:
                reason = f"must be from 1 to {MOST_VEHICLES:,}; remove the line for any number"
                raise document.error(reason, field="VEHICLES", value=token)
        for section, rows in counts.items():
            if count is not None and rows != count:
                reason = f"{section} has {rows} rows: correct one of the two"
                raise document.error(reason, field="VEHICLES", value=count, line=None)
            count = rows
        if count == 0:
            raise document.error("there must be a vehicle", field=sections[0])
        return count

    def _vehicles(
        self, dimensions: int
    ) -> tuple[tuple[VehicleType, ...], tuple[tuple[int, ...] | None, ...]]:
        """The types of vehicles, and for each client which of them may serve it."""
        count = self._count()
        shared, each = self._shared(dimensions), self._each(count, dimensions)
        everyone: tuple[tuple[int, ...] | None, ...] = (None,) * self.clients
        if count is None or not each:
            return self._unlisted(count, shared), everyone
        columns = list(each.items())
        listed = zip(*(values for _, values in columns), strict=True)
        names = [field for field, _ in columns]
        types: list[VehicleType] = []
        allowed: list[tuple[int, ...] | None] = []
        for row, run in itertools.groupby(listed):
            fields = dict(zip(names, row, strict=True))
            allowed.append(fields.pop("allowed", None))
            types.append(replace(shared, count=sum(1 for _ in run), **fields))
        if "allowed" not in each:
            return tuple(types), everyone
        serving: list[list[int]] = [[] for _ in range(self.clients)]
        for number, places in enumerate(allowed):
            for place in places or ():
                if place >= self.depots:
                    serving[place - self.depots].append(number)
        whole = list(range(len(types)))
        return tuple(types), tuple(None if own == whole else tuple(own) for own in serving)

    def _unlisted(self, count: int | None, shared: VehicleType) -> tuple[VehicleType, ...]:
        """Vehicles that are all alike, at each depot where there are several."""
        if self.depots == 1:
            return (replace(shared, count=count),)
        if count is not None:
            reason = f"there are {self.depots} depots: add VEHICLES_DEPOT_SECTION"
            raise self.document.error(reason, field="VEHICLES", value=count)
        return tuple(
            replace(shared, count=None, start=depot, end=None if self.kind.open else depot)
            for depot in range(self.depots)
        )

    def _shared(self, dimensions: int) -> VehicleType:
        """What keywords say of all vehicles."""
        fields: dict[str, Any] = {}
        if (value := self.uniform("CAPACITY")) is not None:
            if dimensions != 1:
                reason = f"the loads have {dimensions} dimensions: state CAPACITY_SECTION"
                raise self.document.error(reason, field="CAPACITY", value=value)
            fields["capacity"] = (value,)
        for key, field in _UNIFORM.items():
            if (value := self.uniform(key)) is not None:
                fields[field] = value
        if (value := self.uniform("VEHICLES_MAX_RELOADS")) is not None:
            fields["max_trips"] = self._trips(value, "VEHICLES_MAX_RELOADS", None)
        if value := self.uniform("DISTANCE"):
            timed = "SERVICE_TIME" in self.document.keywords or self.has("SERVICE_TIME_SECTION")
            field = "max_duration" if timed else "max_distance"
            if field in fields or f"VEHICLES_{field.upper()}_SECTION" in self.document.sections:
                reason = f"VEHICLES_{field.upper()} is stated, too: remove one"
                raise self.document.error(reason, field="DISTANCE")
            fields[field] = value
            words = "with the service times" if timed else "as a distance"
            self.remarks.append(f"DISTANCE limits each route {words}")
        return VehicleType(end=None if self.kind.open else 0, **fields)

    def _trips(self, reloads: float, field: str, line: int | None) -> int:
        if not float(reloads).is_integer() or reloads < 0:
            reason = "must be a whole number from 0 on"
            raise self.document.error(reason, field=field, value=reloads, line=line)
        return int(reloads) + 1

    def _each(self, count: int | None, dimensions: int) -> dict[str, list[Any]]:
        """What sections say of each vehicle: by field, a value for each."""
        found: dict[str, list[Any]] = {}
        if count is None:
            return found
        numbers = np.arange(1, count + 1)

        def column(section: str, columns: int = 1) -> tsplib.Table:
            return tsplib.table(self.document, section, columns, numbers)

        if self.has("CAPACITY_SECTION"):
            rows = column("CAPACITY_SECTION", dimensions).values.tolist()
            found["capacity"] = [tuple(row) for row in rows]
        for section, field in _EACH.items():
            if self.has(section):
                found[field] = column(section).values[:, 0].tolist()
        if self.has(section := "VEHICLES_MAX_RELOADS_SECTION"):
            table = column(section)
            pairs = zip(table.values[:, 0].tolist(), table.lines, strict=True)
            found["max_trips"] = [self._trips(value, section, line) for value, line in pairs]
        if self.has(section := "VEHICLES_DEPOT_SECTION"):
            stated = self._ragged(section, "vehicle", count)
            found["start"] = [self._depot(section, *row) for row in stated]
            found["end"] = [None if self.kind.open else depot for depot in found["start"]]
        if self.has(section := "VEHICLES_RELOAD_DEPOT_SECTION"):
            stated = self._ragged(section, "vehicle", count)
            found["reloads"] = [self._reloads(section, *row) for row in stated]
        if self.has(section := "VEHICLES_ALLOWED_CLIENTS_SECTION"):
            stated = self._ragged(section, "vehicle", count)
            found["allowed"] = [tuple(sorted(set(places))) for _, places in stated]
        return found

    def _depot(self, section: str, line: int, places: Sequence[int]) -> int:
        if len(places) != 1 or places[0] >= self.depots:
            reason = "a row must be a vehicle and the number of its depot"
            value = " ".join(str(self.ids[place]) for place in places)
            raise self.document.error(reason, field=section, value=value, line=line)
        return places[0]

    def _reloads(self, section: str, line: int, places: tuple[int, ...]) -> tuple[int, ...]:
        for place in places:
            if place >= self.depots:
                reason = "is no depot"
                value = f"node {self.ids[place]}"
                raise self.document.error(reason, field=section, value=value, line=line)
        return places


_UNIFORM = {
    "VEHICLES_MAX_DURATION": "max_duration",
    "VEHICLES_MAX_DISTANCE": "max_distance",
    "VEHICLES_FIXED_COST": "fixed",
    "VEHICLES_UNIT_DISTANCE_COST": "unit_distance",
}
_EACH = {f"{key}_SECTION": field for key, field in _UNIFORM.items()}
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


def shipped(
    table: np.ndarray,
    depots: int,
    place: Callable[[int, int], int],
    error: Callable[..., InstanceError],
) -> tuple[Any, ...]:
    """Rows ``load, open, close, service, pickup, delivery`` of pickup-and-delivery files.

    A pickup's load is positive and its row names the delivery; a delivery's is the same with the
    other sign, and names the pickup. A client without a partner is delivered what is negative and
    sends what is positive.

    Args:
        table: float64 [D+n, 6] in the order of places.
        depots: D.
        place: from (row, number of a node) to the place, or an error.
        error: from (row, reason, value) to the error.

    Returns:
        delivery, pickup [n, 1], service [D+n], windows of all places, shipments.
    """
    loads = table[:, 0]
    delivery, pickup = np.zeros((len(table), 1)), np.zeros((len(table), 1))
    shipments: list[Shipment] = []
    for row in range(len(table)):
        if not np.equal(np.mod(table[row, 4:], 1), 0).all():
            raise error(
                row, "pickup and delivery must be numbers of nodes", table[row, 4:].tolist()
            )
        source, target = (int(number) for number in table[row, 4:])
        if row < depots:
            if loads[row] or source or target:
                raise error(row, "it is a depot: load, pickup and delivery must be 0")
            continue
        delivery[row], pickup[row] = max(0.0, -loads[row]), max(0.0, loads[row])
        if source and target:
            raise error(row, "a row names the pickup or the delivery, not both")
        if target:
            other = place(row, target)
            if int(table[other, 4]) == 0 or place(other, int(table[other, 4])) != row:
                raise error(row, "its delivery does not name it as its pickup", target)
            if loads[row] < 0 or loads[other] != -loads[row]:
                raise error(row, "what is picked up must be what is delivered", loads[row])
            shipments.append(Shipment(row, other))
        if source:
            other = place(row, source)
            if int(table[other, 5]) == 0 or place(other, int(table[other, 5])) != row:
                raise error(row, "its pickup does not name it as its delivery", source)
    windows = [Window(*pair) for pair in table[:, 1:3].tolist()]
    return delivery[depots:], pickup[depots:], table[:, 3], windows, tuple(shipments)

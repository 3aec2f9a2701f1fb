"""The vehicles of a VRPLIB file: what its keywords say of all, and its sections of each."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.problems._routing import tsplib
from nco.problems.vrp.case import VehicleType

if TYPE_CHECKING:
    from nco.problems.vrp.formats.vrplib import Reader

MOST_VEHICLES = 1_000_000
OF_VEHICLES = {
    *("CAPACITY_SECTION", "VEHICLES_DEPOT_SECTION", "VEHICLES_RELOAD_DEPOT_SECTION"),
    *("VEHICLES_ALLOWED_CLIENTS_SECTION", "VEHICLES_MAX_DURATION_SECTION"),
    *("VEHICLES_MAX_DISTANCE_SECTION", "VEHICLES_MAX_RELOADS_SECTION"),
    *("VEHICLES_FIXED_COST_SECTION", "VEHICLES_UNIT_DISTANCE_COST_SECTION"),
}
_UNIFORM = {
    "VEHICLES_MAX_DURATION": "max_duration",
    "VEHICLES_MAX_DISTANCE": "max_distance",
    "VEHICLES_FIXED_COST": "fixed",
    "VEHICLES_UNIT_DISTANCE_COST": "unit_distance",
}
_EACH = {f"{key}_SECTION": field for key, field in _UNIFORM.items()}


class Fleet:
    """The vehicles of a document."""

    def __init__(self, reader: "Reader") -> None:
        self.reader = reader

    def _count(self) -> int | None:
        """How many vehicles there are; None for any number."""
        document = self.reader.document
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

    def types(
        self, dimensions: int
    ) -> tuple[tuple[VehicleType, ...], tuple[tuple[int, ...] | None, ...]]:
        """The types of vehicles, and for each client which of them may serve it."""
        count = self._count()
        shared, each = self._shared(dimensions), self._each(count, dimensions)
        everyone: tuple[tuple[int, ...] | None, ...] = (None,) * self.reader.clients
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
        serving: list[list[int]] = [[] for _ in range(self.reader.clients)]
        for number, places in enumerate(allowed):
            for place in places or ():
                if place >= self.reader.depots:
                    serving[place - self.reader.depots].append(number)
        whole = list(range(len(types)))
        return tuple(types), tuple(None if own == whole else tuple(own) for own in serving)

    def _unlisted(self, count: int | None, shared: VehicleType) -> tuple[VehicleType, ...]:
        """Vehicles that are all alike, at each depot where there are several."""
        if self.reader.depots == 1:
            return (replace(shared, count=count),)
        if count is not None:
            reason = f"there are {self.reader.depots} depots: add VEHICLES_DEPOT_SECTION"
            raise self.reader.document.error(reason, field="VEHICLES", value=count)
        return tuple(
            replace(shared, count=None, start=depot, end=None if self.reader.kind.open else depot)
            for depot in range(self.reader.depots)
        )

    def _shared(self, dimensions: int) -> VehicleType:
        """What keywords say of all vehicles."""
        fields: dict[str, Any] = {}
        if (value := self.reader.uniform("CAPACITY")) is not None:
            if dimensions != 1:
                reason = f"the loads have {dimensions} dimensions: state CAPACITY_SECTION"
                raise self.reader.document.error(reason, field="CAPACITY", value=value)
            fields["capacity"] = (value,)
        for key, field in _UNIFORM.items():
            if (value := self.reader.uniform(key)) is not None:
                fields[field] = value
        if (value := self.reader.uniform("VEHICLES_MAX_RELOADS")) is not None:
            fields["max_trips"] = self._trips(value, "VEHICLES_MAX_RELOADS", None)
        if value := self.reader.uniform("DISTANCE"):
            timed = "SERVICE_TIME" in self.reader.document.keywords or self.reader.has(
                "SERVICE_TIME_SECTION"
            )
            field = "max_duration" if timed else "max_distance"
            if (
                field in fields
                or f"VEHICLES_{field.upper()}_SECTION" in self.reader.document.sections
            ):
                reason = f"VEHICLES_{field.upper()} is stated, too: remove one"
                raise self.reader.document.error(reason, field="DISTANCE")
            fields[field] = value
            words = "with the service times" if timed else "as a distance"
            self.reader.remarks.append(f"DISTANCE limits each route {words}")
        return VehicleType(end=None if self.reader.kind.open else 0, **fields)

    def _trips(self, reloads: float, field: str, line: int | None) -> int:
        if not float(reloads).is_integer() or reloads < 0:
            reason = "must be a whole number from 0 on"
            raise self.reader.document.error(reason, field=field, value=reloads, line=line)
        return int(reloads) + 1

    def _each(self, count: int | None, dimensions: int) -> dict[str, list[Any]]:
        """What sections say of each vehicle: by field, a value for each."""
        found: dict[str, list[Any]] = {}
        if count is None:
            return found
        numbers = np.arange(1, count + 1)

        def column(section: str, columns: int = 1) -> tsplib.Table:
            return tsplib.table(self.reader.document, section, columns, numbers)

        if self.reader.has("CAPACITY_SECTION"):
            rows = column("CAPACITY_SECTION", dimensions).values.tolist()
            found["capacity"] = [tuple(row) for row in rows]
        for section, field in _EACH.items():
            if self.reader.has(section):
                found[field] = column(section).values[:, 0].tolist()
        if self.reader.has(section := "VEHICLES_MAX_RELOADS_SECTION"):
            table = column(section)
            pairs = zip(table.values[:, 0].tolist(), table.lines, strict=True)
            found["max_trips"] = [self._trips(value, section, line) for value, line in pairs]
        if self.reader.has(section := "VEHICLES_DEPOT_SECTION"):
            stated = self.reader.ragged(section, "vehicle", count)
            found["start"] = [self._depot(section, *row) for row in stated]
            found["end"] = [None if self.reader.kind.open else depot for depot in found["start"]]
        if self.reader.has(section := "VEHICLES_RELOAD_DEPOT_SECTION"):
            stated = self.reader.ragged(section, "vehicle", count)
            found["reloads"] = [self._reloads(section, *row) for row in stated]
        if self.reader.has(section := "VEHICLES_ALLOWED_CLIENTS_SECTION"):
            stated = self.reader.ragged(section, "vehicle", count)
            found["allowed"] = [tuple(sorted(set(places))) for _, places in stated]
        return found

    def _depot(self, section: str, line: int, places: Sequence[int]) -> int:
        if len(places) != 1 or places[0] >= self.reader.depots:
            reason = "a row must be a vehicle and the number of its depot"
            value = " ".join(str(self.reader.ids[place]) for place in places)
            raise self.reader.document.error(reason, field=section, value=value, line=line)
        return places[0]

    def _reloads(self, section: str, line: int, places: tuple[int, ...]) -> tuple[int, ...]:
        for place in places:
            if place >= self.reader.depots:
                reason = "is no depot"
                value = f"node {self.reader.ids[place]}"
                raise self.reader.document.error(reason, field=section, value=value, line=line)
        return places

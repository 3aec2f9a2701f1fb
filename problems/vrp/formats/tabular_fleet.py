"""The vehicles of a rich routing case from a table; `sheet` has its columns."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nco.problems.vrp.case import INFINITE, Break, VehicleType, Window
from nco.tables.reading import Reading

if TYPE_CHECKING:
    from nco.problems.vrp.formats.tabular import Tables

OPEN = {"open", "anywhere", "last stop"}  # where a route may end


class Fleet:
    """A table of vehicles."""

    def __init__(self, tables: "Tables", reading: Reading, dimensions: int) -> None:
        self.tables, self.reading, self.dimensions = tables, reading, dimensions
        self.times = tables.times
        if not len(reading):
            raise reading.error("there is no row below the headers")

    def numbers(self, name: str) -> Sequence[float | None]:
        """A column of numbers from 0 on; None of an empty cell, or without the column."""
        if not self.reading.has(name):
            return [None] * len(self.reading)
        values = self.reading.numbers(name)
        for row, value in enumerate(values):
            if value is not None and value < 0:
                raise self.reading.error("must not be negative", name, row, f"{value:g}")
        return values

    def whole(self, name: str) -> Sequence[int | None]:
        """The same of whole numbers."""
        found: list[int | None] = []
        for row, value in enumerate(self.numbers(name)):
            if value is not None and not value.is_integer():
                raise self.reading.error("must be a whole number", name, row, f"{value:g}")
            found.append(None if value is None else int(value))
        return found

    def durations(self, name: str) -> Sequence[float | None]:
        """A column of times."""
        if not self.reading.has(name):
            return [None] * len(self.reading)
        return self.times.column(self.reading, name)

    def types(self, speed: float | None) -> tuple[tuple[VehicleType, ...], list[frozenset[str]]]:
        """A type a row; a count of 0 leaves the row out. `speed` is that of rows without one."""
        reading = self.reading
        counts = self.whole("count")
        columns = self._columns()
        texts = reading.texts("skills") if reading.has("skills") else [""] * len(reading)
        names = reading.texts("name") if reading.has("name") else [""] * len(reading)
        speeds = self.numbers("speed")
        types: list[VehicleType] = []
        skills: list[frozenset[str]] = []
        for row in range(len(reading)):
            if counts[row] == 0:
                continue
            stated = {key: values[row] for key, values in columns.items()}
            fields = {key: value for key, value in stated.items() if value is not None}
            start, end = self._ends(row)
            if (own := speeds[row]) is not None:
                fields["speed"] = self.tables.per_time(own)
            elif speed is not None:
                fields["speed"] = speed
            types.append(
                VehicleType(
                    count=1 if counts[row] is None else counts[row],
                    capacity=self._capacity(row),
                    start=start,
                    end=end,
                    name=names[row],
                    reloads=(start,) if stated.get("max_trips") not in (None, 1) else (),
                    **fields,
                )
            )
            skills.append(skills_in(texts[row]))
        if not types:
            raise reading.error("there is no vehicle: every count is 0", "count")
        return tuple(types), skills

    def _columns(self) -> Mapping[str, Sequence[Any]]:
        """What the rows say, by attributes of `VehicleType`."""
        hourly = 60 if self.times.timed else 1

        def per_time(name: str) -> list[float | None]:
            return [None if v is None else v / hourly for v in self.numbers(name)]

        return {
            "shift": self._shifts(),
            "max_duration": self.durations("max_duration"),
            "max_overtime": self.durations("max_overtime"),
            "max_distance": self.numbers("max_distance"),
            "max_stops": self.whole("max_stops"),
            "fixed": self.numbers("fixed"),
            "unit_distance": self.numbers("unit"),
            "unit_duration": per_time("per_hour"),
            "unit_overtime": per_time("overtime_per_hour"),
            "breaks": self._breaks(),
            "max_trips": self.whole("trips"),
        }

    def _capacity(self, row: int) -> tuple[float, ...]:
        names = ("capacity", "capacity2")[: self.dimensions]
        values = [self.numbers(name)[row] for name in names]
        if all(value is None for value in values):
            return ()
        return tuple(INFINITE if value is None else value for value in values)

    def _shifts(self) -> list[Window | None]:
        return [
            None if first is last is None else Window(first or 0.0, _or_never(last))
            for first, last in zip(*map(self.durations, ("shift_open", "shift_close")), strict=True)
        ]

    def _breaks(self) -> list[tuple[Break, ...] | None]:
        found: list[tuple[Break, ...] | None] = []
        names = ("break_open", "break_close", "break_duration")
        for row, values in enumerate(zip(*map(self.durations, names), strict=True)):
            if all(value is None for value in values):
                found.append(None)
                continue
            for name, value in zip(names, values, strict=True):
                if value is None:
                    reason = "a break needs when it begins at the earliest and the latest, and how "
                    raise self.reading.error(f"{reason}long it is", name, row)
            first, last, duration = (float(value) for value in values if value is not None)
            found.append((Break(Window(first, last), duration),))
        return found

    def _ends(self, row: int) -> tuple[int, int | None]:
        """The depots where a vehicle starts and ends; None: at its last stop."""
        depots = self.tables.depots
        start, end = self._depot("start", row), self._depot("end", row)
        if start is None:
            if depots > 1 and not self.reading.has("start"):
                reason = f"there are {depots} depots: add a column start of their names"
                raise self.reading.error(reason, "start")
            start = 0
        if end is None:
            return start, start
        return start, None if end == -1 else end

    def _depot(self, name: str, row: int) -> int | None:
        """The depot that a cell names; -1: none; None: nothing is said."""
        if not self.reading.has(name):
            return None
        word = self.reading.texts(name)[row]
        if not word:
            return None
        if word.casefold() in OPEN:
            if name == "start":
                raise self.reading.error("a vehicle starts at a depot", name, row, word)
            return -1
        names = self.tables.names[: self.tables.depots]
        if word not in names:
            known = ", ".join(filter(None, names)) or "without names"
            raise self.reading.error(f"no such depot; they are {known}", name, row, word)
        return names.index(word)


def _or_never(value: float | None) -> float:
    return INFINITE if value is None else value


def skills_in(text: str) -> frozenset[str]:
    """The words between commas, semicolons and bars."""
    return frozenset(part.strip() for part in re.split(r"[,;|]", text) if part.strip())

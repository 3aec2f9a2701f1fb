"""Times in tables: numbers with or without a unit, and times of a day such as 08:30 or 2:15 pm."""

import contextlib
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nco.tables import figures
from nco.tables.figures import Unreadable
from nco.tables.reading import Reading
from nco.tables.table import Cell, shown

MINUTES = "min"
CLOCK = "HH:MM"
IN_MINUTES = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "uhr"), 60.0),
}
_CLOCK = re.compile(r"(\d{1,2})(?:[:h](\d{2}))?(?::(\d{2}))?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_MOMENT = re.compile(  # ISO 8601
    r"(\d{4}-\d{2}-\d{2})[T ](\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?"
)
POINTS = (  # columns of times of a day; the others are lengths of time
    *("open", "close", "open2", "close2", "windows", "release"),
    *("shift_open", "shift_close", "break_open", "break_close"),
)
HOURS = 24  # numbers up to which may be hours of a day
_BETWEEN = re.compile(r"[;,|\n]")  # windows
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)


def minutes(cell: Cell) -> float | None:
    """Minutes since midnight of a cell that is a time of a day; None of another one.

    Hours may go beyond 24: 26:30 is on the next day.
    """
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds() / 60
    if isinstance(cell, datetime.datetime | datetime.time):
        return cell.hour * 60 + cell.minute + (cell.second + cell.microsecond / 1e6) / 60
    if not isinstance(cell, str):
        return None
    if (moment := _MOMENT.fullmatch(cell.strip())) is not None:
        return minutes(moment[2])
    match = _CLOCK.fullmatch(cell.strip())
    if match is None or (match[2] is None and match[4] is None):
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    if minute > 59 or second > 59 or (match[4] and not 1 <= hour <= 12):
        return None
    if match[4]:
        hour = hour % 12 + (12 if match[4][0].lower() == "p" else 0)
    return hour * 60 + minute + second / 60


def text(value: float) -> str:
    """A time of the day as it is read: HH:MM, with seconds where there are some."""
    seconds = round(value * 60)
    hours, rest = divmod(seconds, 3600)
    least, second = divmod(rest, 60)
    return f"{hours:02d}:{least:02d}" + (f":{second:02d}" if second else "")


def header_unit(header: str) -> str:
    """The unit of time that ends a header, such as min of "service (min)"; empty without one."""
    words = _WORD.findall(header.lower().replace("opening hours", ""))
    return words[-1] if len(words) > 1 and words[-1] in IN_MINUTES and words[-1] != "m" else ""


class Times:
    """How the times of some tables are meant.

    Where one cell is a time of a day, or a header or a cell states a unit, all times are minutes
    and numbers without a unit are taken for such; so they are between places on the globe.
    Elsewhere they have no unit.

    Args:
        columns: of times, each with its name.
        on_globe: whether ways are kilometres, for which vehicles need some time.

    Attributes:
        clock: whether times of a day are there; timed: whether the unit is a minute; assumed:
            whether nothing but the globe says so.

    Raises:
        InstanceError: times of several days; numbers that may be hours or minutes.
    """

    def __init__(self, columns: Iterable[tuple[Reading, str]], on_globe: bool = False) -> None:
        self.clock = self.timed = self.assumed = False
        self._clocked: set[tuple[str, str]] = set()
        every = list(columns)
        _check_days(every)
        for reading, name in every:
            cells = reading.cells(name)
            if any(self._parts(cell) for cell in cells):
                self.clock = self.timed = True
                self._clocked.add((reading.form.name, name))
            if header_unit(reading.header(name)) or any(map(self._unit, cells)):
                self.timed = True
        if on_globe and not self.timed and every:
            self.timed = self.assumed = True
        if self.timed:
            self._check_hours(every)

    @property
    def units(self) -> dict[str, str]:
        """As `Case.units` has them."""
        found = {"time": MINUTES} if self.timed else {}
        return found | ({"clock": CLOCK} if self.clock else {})

    @staticmethod
    def _parts(cell: Cell) -> bool:
        """Whether a cell holds times of a day, alone or as windows."""
        if isinstance(cell, str) and minutes(cell) is None:
            return any(minutes(part) is not None for part in parted(cell))
        return minutes(cell) is not None

    @staticmethod
    def _unit(cell: Cell) -> str:
        parts = parted(cell) if isinstance(cell, str) else []
        found = figures.unit(parts[-1]) if parts else ""
        return found if found in IN_MINUTES else ""

    def column(self, reading: Reading, name: str, least: float = 0.0) -> list[float | None]:
        """A column of times; None where a cell is empty."""
        mark = figures.decimal_mark(reading.cells(name), reading.table.delimiter)
        unit = header_unit(reading.header(name))
        found: list[float | None] = []
        for row, cell in enumerate(reading.cells(name)):
            try:
                value = self.value(cell, mark, unit)
                if name in POINTS:
                    self._check_alike(reading, name, cell)
            except Unreadable as error:
                raise reading.error(str(error), name, row, shown(cell)) from None
            if value is not None and value < least:
                raise reading.error("must not be negative", name, row, shown(cell))
            found.append(value)
        return found

    def _check_hours(self, columns: Iterable[tuple[Reading, str]]) -> None:
        """Refuses times of a day that are numbers without a unit, none of them above 24."""
        latest: tuple[float, Reading, str, int] | None = None
        for reading, name in columns:
            clocked = (reading.form.name, name) in self._clocked
            if name not in POINTS or clocked or header_unit(reading.header(name)):
                continue
            for row, cell in enumerate(reading.cells(name)):
                for value in self._bare(cell):
                    if latest is None or value > latest[0]:
                        latest = value, reading, name, row
        if latest is not None and 0 < latest[0] <= HOURS:
            _, reading, name, row = latest
            reason = (
                "may be hours or minutes: write times as 08:30 (in Excel cells of the kind time), "
                f"or the unit into the header, such as {reading.header(name)} (h)"
            )
            raise reading.error(reason, name, row, shown(reading.cells(name)[row]))

    def _bare(self, cell: Cell) -> Iterator[float]:
        """The numbers without a unit in a cell; what is none is judged where it is read."""
        if not isinstance(cell, str):
            windows: list[list[Cell]] = [[cell]]
        else:
            apart = _BETWEEN.split(cell)
            windows = [[*parted(one)] for one in apart if not self._unit(one)]
        for part in (part for parts in windows for part in parts if not nothing(part)):
            with contextlib.suppress(Unreadable):
                yield figures.number(part, ".")

    def _check_alike(self, reading: Reading, name: str, cell: Cell) -> None:
        """Refuses a number where other cells of the column are times of a day."""
        if (reading.form.name, name) not in self._clocked or nothing(cell):
            return
        if minutes(cell) is None and not self._unit(cell) and figures.number(cell, ".") != 0:
            raise Unreadable("a time such as 08:30 belongs here, as in the other rows")

    def value(self, cell: Cell, mark: str = ".", unit: str = "") -> float | None:
        """A time; None of an empty cell.

        Raises:
            Unreadable: where it is neither a number nor a time of a day.
        """
        if nothing(cell):
            return None
        if (value := minutes(cell)) is not None:
            return value
        if isinstance(cell, str) and ":" in cell:
            raise Unreadable("a time such as 08:30 or a number belongs here")
        number = figures.number(cell, mark)
        stated = self._unit(cell) or unit
        return number * IN_MINUTES[stated] if self.timed and stated else number

    def windows(self, reading: Reading, cell: Cell) -> list[tuple[float, float]]:
        """The windows in a text such as ``08:00-10:00; 14:00-16:00``.

        Args:
            reading: the table that has it in its column ``windows``.
            cell: the text.

        Raises:
            Unreadable: where a window has not two ends, or the column other kinds of ends.
        """
        if nothing(cell):
            return []
        found = []
        for one in _BETWEEN.split(str(cell)):
            for part in parted(one):
                self._check_alike(reading, "windows", part)
            unit = self._unit(one) or header_unit(reading.header("windows"))
            ends = [self.value(part, unit=unit) for part in parted(one)]
            if len(ends) != 2 or ends[0] is None or ends[1] is None:
                raise Unreadable("windows are written as 08:00-10:00; 14:00-16:00")
            found.append((ends[0], ends[1]))
        return found


def _check_days(columns: Iterable[tuple[Reading, str]]) -> None:
    """Refuses times of several days, of which only the hours would be read."""
    first = ""
    for reading, name in columns:
        for row, cell in enumerate(reading.cells(name)):
            day = ""
            if isinstance(cell, datetime.datetime) and cell == cell:  # pandas' NaT is not itself
                day = cell.date().isoformat()
            elif isinstance(cell, str) and (moment := _MOMENT.fullmatch(cell.strip())):
                day = moment[1]
            first = first or day
            if day and day != first:
                reason = f"is not on {first}: write times of the next day as 24:00 and more"
                raise reading.error(reason, name, row, shown(cell))


def parted(cell: str) -> Sequence[str]:
    """The ends of windows in a text."""
    return [part for part in re.split(r"\s*(?:[-–—;,|\n]|\bto\b|\bbis\b)\s*", cell.strip()) if part]


def nothing(cell: Any) -> bool:
    """Whether a cell is empty; pandas' missing times, which differ from themselves, are."""
    return figures.nothing(cell) or bool(cell != cell)

"""Columns that state a rule which no problem here has: to ignore it would make answers wrong."""

import datetime
import re
from collections.abc import Iterable

from nco.core.errors import InstanceError
from nco.tables.columns import normal, without_unit
from nco.tables.figures import Unreadable, nothing, number
from nco.tables.reading import Reading

RULES = {  # what is read of a header -> the rule, in words
    **dict.fromkeys(
        ("release", "release date", "release time", "ready", "ready time", "ready date"),
        "a release time",
    ),
    **dict.fromkeys(("available from", "earliest start", "arrival", "bereit"), "a release time"),
    **dict.fromkeys(("due", "due date", "due time", "deadline"), "a due date"),
    **dict.fromkeys(
        ("tw start", "tw end", "time window", "time window start", "time window end", "window"),
        "a time window",
    ),
    **dict.fromkeys(
        ("window start", "window end", "earliest", "latest", "open", "close", "opens", "closes"),
        "a time window",
    ),
    **dict.fromkeys(("opening time", "closing time", "zeitfenster"), "a time window"),
    **dict.fromkeys(("service", "service time", "service duration"), "a service time"),
    **dict.fromkeys(("skill", "skills", "required skill"), "a skill of vehicles"),
    **dict.fromkeys(
        ("setup", "setup time", "set up", "set up time", "changeover", "changeover time"),
        "a time to set up machines",
    ),
    **dict.fromkeys(("rustzeit", "ruestzeit"), "a time to set up machines"),
    **dict.fromkeys(("transport time", "transfer time", "wait after", "cooling time"), "a delay"),
    **dict.fromkeys(
        ("predecessor", "predecessors", "depends on", "after operation"), "an order of operations"
    ),
    **dict.fromkeys(("latest end", "required by", "liefertermin"), "a due date"),
    **dict.fromkeys(("batch size", "lot size", "losgrosse"), "a size of batches"),
}
TIME = "a time of the day"
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s*[ap]\.?m\.?)?", re.IGNORECASE)


def refuse_unread(readings: Iterable[Reading]) -> None:
    """Refuses tables with a column that states a rule and that nothing reads.

    A column of zeros, or without anything, states none. One of times of a day is taken for a rule
    whatever its header says.

    Args:
        readings: the tables of one problem, each perhaps as several forms.

    Raises:
        InstanceError: the file, the column, its first entry, and the remedy.
    """
    found = list(readings)
    for reading in found:
        table = reading.table
        read = {place for one in found if one.table is table for place in one.match.places.values()}
        for place, header in enumerate(table.columns):
            words = normal(header)
            rule = RULES.get(words) or RULES.get(without_unit(words))
            if place in read:
                continue
            if rule is None and all(map(_is_time, _stated(row[place] for row in table.rows))):
                rule = TIME
            if rule is None:
                continue
            for row, cells in enumerate(table.rows):
                if not _is_nothing(cells[place]):
                    raise _error(reading, rule, header, row, cells[place])


def _stated(cells: Iterable[object]) -> list[object]:
    """Those that hold anything; None alone where there is none."""
    return [cell for cell in cells if not nothing(cell)] or [None]


def _is_time(cell: object) -> bool:
    """Whether a cell is a time of a day."""
    if isinstance(cell, str):
        return _TIME.fullmatch(cell.strip()) is not None
    return isinstance(cell, datetime.time)


def _is_nothing(cell: object) -> bool:
    try:
        return nothing(cell) or number(cell, ".") == 0
    except Unreadable:
        return False


def _error(reading: Reading, rule: str, header: str, row: int, cell: object) -> InstanceError:
    reason = f"is {rule}, which is not read here: remove the column to solve without it"
    if rule == TIME:
        reason += f", or say what it is by --columns NAME={header}, such as open or close"
    return reading.table.error(reason, field=header, value=str(cell), row=row)

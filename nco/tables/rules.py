"""Columns that state a rule which no problem here has: to ignore it would make answers wrong."""

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
    **dict.fromkeys(("due", "due date", "due time", "deadline", "liefertermin"), "a due date"),
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
}


def refuse_unread(readings: Iterable[Reading]) -> None:
    """Refuses tables with a column that states a rule and that nothing reads.

    A column of zeros, or without anything, states none.

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
            if rule is None or place in read:
                continue
            for row, cells in enumerate(table.rows):
                if not _is_nothing(cells[place]):
                    raise _error(reading, rule, header, row, cells[place])


def _is_nothing(cell: object) -> bool:
    try:
        return nothing(cell) or number(cell, ".") == 0
    except Unreadable:
        return False


def _error(reading: Reading, rule: str, header: str, row: int, cell: object) -> InstanceError:
    reason = f"is {rule}, which is not read here: remove the column to solve without it"
    return reading.table.error(reason, field=header, value=str(cell), row=row)

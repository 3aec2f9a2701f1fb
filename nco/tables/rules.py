"""Columns that state a rule which no problem here has: to ignore it would make answers wrong."""

from collections.abc import Iterable

from nco.core.errors import InstanceError
from nco.tables.columns import normal, without_unit
from nco.tables.figures import Unreadable, are_times, nothing, number
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
OF_SHOPS = {  # the same of operations alone
    **dict.fromkeys(
        ("setup", "setup time", "set up", "set up time", "changeover", "changeover time"),
        "a time to set up machines",
    ),
    **dict.fromkeys(("rustzeit", "ruestzeit"), "a time to set up machines"),
    **dict.fromkeys(("transport time", "transfer time", "wait after", "cooling time"), "a delay"),
    **dict.fromkeys(
        ("predecessor", "predecessors", "depends on", "after operation"), "an order of operations"
    ),
    **dict.fromkeys(("latest end", "required by"), "a due date"),
    **dict.fromkeys(("batch size", "lot size", "losgrosse"), "a size of batches"),
}
TIME = "a time of the day"  # of places: of jobs it may be anything


def refuse_unread(readings: Iterable[Reading]) -> None:
    """Refuses tables with a column that states a rule and that nothing reads.

    A column of zeros, or without anything, states none. One of times of a day such as 08:30 in a
    table of places is taken for a rule, whatever its header says.

    Args:
        readings: the tables of one problem, each perhaps as several forms.

    Raises:
        InstanceError: the file, the column, its first entry, and the remedy.
    """
    found = list(readings)
    for reading in found:
        table = reading.table
        columns = {column.name for one in found for column in one.form.columns}
        of_places, of_shops = "lat" in columns, "machine" in columns
        read = {place for one in found if one.table is table for place in one.match.places.values()}
        for place, header in enumerate(table.columns):
            words = normal(header)
            rules = {**RULES, **OF_SHOPS} if of_shops else RULES
            rule = rules.get(words) or rules.get(without_unit(words))
            if place in read:
                continue
            if rule is None and of_places and are_times(row[place] for row in table.rows):
                rule = TIME
            if rule is None:
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
    if rule == TIME:
        reason += f", or say what it is by --columns NAME={header}, such as open or close"
    return reading.table.error(reason, field=header, value=str(cell), row=row)

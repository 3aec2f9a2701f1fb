"""The text format of Solomon (1987) and of Gehring & Homberger (1999): routes with time windows.

A name, the number and the capacity of the vehicles, and a row for each customer, 0 being the depot.
The number is an upper bound. Distances and travel times are truncated to one decimal, as the DIMACS
challenge of 2021 counts these sets; ``rounding`` says otherwise. The cost is the total distance.
"""

import re

from nco.problems.vrp.case import Case, Depot, Rounding, VehicleType, plain
from nco.problems.vrp.formats.rows import Rows, cut, pairs
from nco.problems.vrp.formats.vrplib_kinds import IN_WORDS

COLUMNS = ("customer", "x", "y", "demand", "ready", "due", "service")
_BEGIN = re.compile(r"\A\s*\S[^\n]*\n\s*VEHICLES?\s+NUMBER\s+CAPACITY\s", re.IGNORECASE)


def recognise(text: str) -> bool:
    """Whether a text begins as such files do."""
    return _BEGIN.search(text[:4000].replace("\r", "\n").removeprefix("\ufeff")) is not None


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a file.

    Raises:
        InstanceError: with the line and the value at fault.
    """
    rows = cut(text, path)
    words = [" ".join(tokens).upper() for _, tokens in rows.lines]
    fleet = next((i for i, line in enumerate(words) if line == "NUMBER CAPACITY"), None)
    heads = next((i for i, line in enumerate(words) if line.startswith("CUST NO")), None)
    if fleet is None or heads is None or heads < fleet + 2:
        reason = "a line of NUMBER and CAPACITY and below it one of CUST NO. must be there"
        raise rows.error(reason, field="VEHICLE")
    _check_words(rows, words, fleet, heads)
    line, tokens = rows.lines[fleet + 1]
    if len(tokens) != 2:
        value = " ".join(tokens)
        reason = "the number of vehicles and their capacity belong here"
        raise rows.error(reason, field="VEHICLE", value=value, line=line)
    count = rows.integer(tokens[0], "NUMBER", line, 1)
    capacity = rows.number(tokens[1], "CAPACITY", line)
    lines = rows.lines[heads + 1 :]
    table = rows.table(lines, COLUMNS)
    if table[0, 3] or table[0, 6]:
        reason = "the first row is the depot: its demand and service must be 0"
        raise rows.error(reason, field="row", value="0", line=lines[0][0])
    windows = pairs(table[:, 4:6])
    found = rounding or Rounding.TRUNC1
    says = "" if rounding else " (the usual count of these sets)"
    case = plain(
        len(table) - 1,
        name=" ".join(rows.lines[0][1]),
        path=path,
        remarks=(
            f"distances and travel times are {IN_WORDS[found]}{says}; "
            "--rounding exact, round, round3 or trunc1 says otherwise",
        ),
        depots=(Depot(windows[0]),),
        vehicles=(VehicleType(count, (capacity,)),),
        coords=table[:, 1:3],
        rounding=found,
        delivery=table[1:, 3:4],
        service=table[1:, 6],
        windows=tuple((window,) for window in windows[1:]),
    )
    return rows.checked(case, lines)


def _check_words(rows: Rows, words: list[str], fleet: int, heads: int) -> None:
    """Refuses lines of which the format knows nothing."""
    known = {0, fleet, fleet + 1, heads}
    for index, text in enumerate(words[:heads]):
        if index not in known and text not in ("VEHICLE", "VEHICLES", "CUSTOMER", "CUSTOMERS"):
            reason = "this line is not of Solomon's format"
            raise rows.error(reason, field="line", value=text, line=rows.lines[index][0])

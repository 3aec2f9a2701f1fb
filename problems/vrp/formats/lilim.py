"""The text format of Li & Lim (2001): pickup and delivery with time windows.

A line ``vehicles capacity speed``, then a row for each task, 0 being the depot:
``task x y demand ready due service pickup delivery``. A pickup names its delivery, and a delivery,
whose demand is negative, its pickup. The number of vehicles is an upper bound; a speed of 0, which
some of the published files state, means 1. Distances are not rounded. The sets of the authors count
the fewest vehicles first; the cost here is the distance.
"""

import re

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.vrp.case import Case, Depot, Rounding, VehicleType, plain
from nco.problems.vrp.formats.pairs import shipped
from nco.problems.vrp.formats.rows import cut

COLUMNS = ("task", "x", "y", "demand", "ready", "due", "service", "pickup", "delivery")
REMARK = (
    "the cost is the total distance; the published values of Li & Lim's sets count the fewest "
    "vehicles first"
)
_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_BEGIN = re.compile(  # the header; then the depot, which is task 0
    rf"\A\s*\d+\s+{_NUMBER}\s+{_NUMBER}\s*\n\s*0(?:[ \t]+{_NUMBER}){{6}}[ \t]+0[ \t]+0\s*(?:\n|\Z)"
)


def recognise(text: str) -> bool:
    """Whether a text begins as such files do."""
    begin = text[:4000].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return _BEGIN.search(begin) is not None


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a file.

    Raises:
        InstanceError: with the line and the value at fault.
    """
    rows = cut(text, path)
    line, tokens = rows.lines[0]
    if len(tokens) != 3:
        reason = "the first line must be the number of vehicles, their capacity and their speed"
        raise rows.error(reason, field="header", value=" ".join(tokens), line=line)
    count = rows.integer(tokens[0], "vehicles", line, 1)
    capacity, speed = (rows.number(token, "header", line) for token in tokens[1:])
    lines = rows.lines[1:]
    table = rows.table(lines, COLUMNS)

    def error(row: int, reason: str, value: object = None) -> InstanceError:
        shown = f"task {row}" if value is None else f"{value} of task {row}"
        return rows.error(reason, field="row", value=shown, line=lines[row][0])

    def place(row: int, task: int) -> int:
        if not 1 <= task < len(table):
            raise error(row, "there is no such task", task)
        return task

    picked = np.concatenate([table[:, 3:7], table[:, 7:9]], axis=1)
    delivery, pickup, service, windows, shipments = shipped(picked, 1, place, error)
    if service[0]:
        raise error(0, "the service of the depot must be 0")
    case = plain(
        len(table) - 1,
        name=_stem(path),
        path=path,
        remarks=(REMARK,),
        depots=(Depot(windows[0]),),
        vehicles=(VehicleType(count, (capacity,), speed=speed or 1.0),),
        coords=table[:, 1:3],
        rounding=rounding or Rounding.EXACT,
        delivery=delivery,
        pickup=pickup,
        service=service[1:],
        windows=tuple((window,) for window in windows[1:]),
        shipments=shipments,
    )
    return rows.checked(case, lines)


def _stem(path: str | None) -> str:
    """The format has no name: that of the file."""
    from pathlib import Path

    return Path(path).stem if path else "unnamed"

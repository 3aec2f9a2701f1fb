"""Numbers as people and programs write them into cells."""

import datetime
import math
import re
from collections.abc import Iterable

from nco.tables.table import Cell, is_empty

NOTHING = {"", "-", "--", "?", "na", "n/a", "nan", "null", "none", "#n/a"}
BROKEN = ("#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")  # formulas without a value
LONGEST = 60  # characters of a number
_AROUND = re.compile(
    r"(?P<sign>[-+]?)[€$£¥]?\s*(?P<digits>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*"
    r"(?P<unit>[^\W\d_]{0,8}[²³]?\.?|[°%€$£¥])"
)
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s*[ap]\.?m\.?)?", re.IGNORECASE)
_GROUPS = {mark: re.compile(rf"[-+]?\d{{1,3}}({re.escape(mark)}\d{{3}})+") for mark in ".,"}


class Unreadable(ValueError):
    """A cell that is no number; the message is the reason."""


def nothing(cell: Cell) -> bool:
    """Whether a cell says that there is no number."""
    if isinstance(cell, float) and math.isnan(cell):
        return True
    return is_empty(cell) or (isinstance(cell, str) and cell.strip().lower() in NOTHING)


def is_time(cell: Cell) -> bool:
    """Whether a cell is a time of a day."""
    if isinstance(cell, str):
        return _TIME.fullmatch(cell.strip()) is not None
    return isinstance(cell, datetime.time)


def are_times(cells: Iterable[Cell]) -> bool:
    """Whether all cells that hold anything are times of a day, and some do."""
    stated = [cell for cell in cells if not nothing(cell)]
    return bool(stated) and all(map(is_time, stated))


def decimal_mark(cells: Iterable[Cell], delimiter: str) -> str:
    """Which of "." and "," begins the decimals in some cells; "" where that cannot be told.

    Where no cell tells, a file with commas between its columns has decimal points, and one with
    semicolons has decimal commas.
    """
    seen = {_mark(cell) for cell in cells if isinstance(cell, str)} - {""}
    if len(seen) == 1:
        return seen.pop()
    return {",": ".", ";": ","}.get(delimiter, "") if not seen else ""


def _mark(cell: str) -> str:
    """The decimal mark of a cell, where it can only be that."""
    digits = _bare(cell)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return ""
    mark = digits[last]
    other = "," if mark == "." else "."
    if other in digits:
        return mark if digits.count(mark) == 1 else ""
    return "" if digits.count(mark) > 1 or _GROUPS[mark].fullmatch(digits) else mark


def _bare(cell: str) -> str:
    """A cell without blanks and apostrophes between its digits, and without its unit."""
    match = _AROUND.fullmatch(_joined(cell)[: LONGEST + 1])
    return "" if match is None else match["digits"]


def _joined(cell: str) -> str:
    """A cell without blanks between digits, and with a plain minus."""
    text = cell.strip().replace("\u2212", "-")
    return re.sub(r"(?<=\d)[\s\u00a0\u202f'\u2019](?=\d{3}(?!\d))", "", text)


def unit(cell: Cell) -> str:
    """The unit behind the number in a cell, lower-cased; empty where there is none."""
    match = _AROUND.fullmatch(_joined(cell)) if isinstance(cell, str) else None
    return "" if match is None else match["unit"].lower().rstrip(".")


def number(cell: Cell, mark: str) -> float:
    """The number in a cell that is not `nothing`.

    Args:
        cell: a number, or text with perhaps a unit behind it.
        mark: what `decimal_mark` says of its column.

    Raises:
        Unreadable: for anything else, and for "1.234" where it may be 1234.
    """
    if isinstance(cell, bool):
        raise Unreadable("a number belongs here, not a truth value")
    if isinstance(cell, int | float):
        value = float(cell) if abs(cell) < 1e308 else math.inf
    elif isinstance(cell, str):
        value = _from_text(cell, mark)
    elif hasattr(cell, "isoformat"):
        raise Unreadable("a number, such as of minutes, belongs here, not a date or a time")
    else:
        raise Unreadable("a number belongs here")
    if not math.isfinite(value):
        raise Unreadable("the number must be finite")
    return value


def _from_text(cell: str, mark: str) -> float:
    if cell.strip().upper() in BROKEN:
        raise Unreadable("a formula without a value: mend it")
    if cell.strip().startswith("="):
        raise Unreadable("a formula, which is not computed: save its value")
    match = _AROUND.fullmatch(_joined(cell)) if len(cell) <= LONGEST else None
    if match is None:
        raise Unreadable("a number belongs here")
    digits = match["sign"] + match["digits"]
    marks = {sign for sign in ".," if sign in digits}
    if len(marks) != 1:
        return _decimal(digits)
    sign = marks.pop()
    grouped = _GROUPS[sign].fullmatch(digits) is not None
    if digits.count(sign) > 1:
        if not grouped:
            raise Unreadable("a number belongs here")
        return float(digits.replace(sign, ""))
    if grouped and sign == "," and mark == ".":
        return float(digits.replace(",", ""))
    if grouped and mark != sign and not (sign == "." and mark == ""):
        plain, other = digits.replace(sign, ""), digits.replace(",", ".")
        raise Unreadable(f"may be {plain} or {other}: write it without marks between thousands")
    return _decimal(digits)


def _decimal(digits: str) -> float:
    """A number with at most one decimal mark, which is the last of its marks."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        whole, rest = digits[:last], digits[last + 1 :]
        mark = "," if digits[last] == "." else "."
        if digits[last] in whole or (mark in whole and not _GROUPS[mark].fullmatch(whole)):
            raise Unreadable("a number belongs here")
        digits = f"{whole.replace(mark, '')}.{rest}"
    try:
        return float(digits)
    except ValueError:
        raise Unreadable("a number belongs here") from None

"""Tables of distances: a square of numbers, or a row for each pair."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nco.core.errors import InstanceError
from nco.tables import figures
from nco.tables.columns import match
from nco.tables.figures import Unreadable
from nco.tables.forms import LAT, LON, PLACED, Column, Form, X, Y
from nco.tables.reading import Given, Reading
from nco.tables.table import Cell, Table, is_numeric, shown

PAIRS = Form(
    "distances",
    (
        Column("from", ("origin", "start", "source", "from node", "from stop", "von"), text=True),
        Column("to", ("destination", "dest", "end", "target", "to node", "to stop", "nach"), True),
        Column(
            "distance",
            (
                *("dist", "length", "cost", "time", "duration", "travel time", "weight"),
                *("entfernung", "distanz", "strecke", "fahrzeit"),
                *("km", "kilometres", "kilometers", "miles", "metres", "meters", "minutes", "min"),
            ),
        ),
    ),
    (("from", "to", "distance"),),
    ("matrix", "distance matrix"),
)
PLACES = Form("places", (X, Y, LAT, LON), PLACED)
ARGUMENTS = (PAIRS.name, "durations")  # that may be a square of numbers without names
TITLES = {PAIRS.name, *PAIRS.titles}
MOST = 4000  # nodes of a matrix


@dataclass(frozen=True)
class Distances:
    """Distances between some nodes.

    Attributes:
        names: of the nodes; empty where the source has none.
        rows: ``[n][n]``, from row to column, the diagonal 0.
        remark: how they were read.
    """

    names: list[str]
    rows: list[list[float]]
    remark: str


def is_square(table: Table, expected: bool = False) -> bool:
    """Whether a table is a square of numbers, perhaps with a column of names before them.

    Args:
        table: any.
        expected: the user said so; otherwise the diagonal must be empty or 0, and rows and columns
            of the same names.
    """
    size, skipped = len(table.rows), len(table.columns) - len(table.rows)
    if size < 2 or skipped not in (0, 1):
        return False
    if expected or table.name.lower() in TITLES:
        return True
    names = {shown(row[0]) for row in table.rows} if skipped else set()
    if skipped and table.headed and names != {shown(name) for name in table.columns[1:]}:
        return False
    if len(names) == len(table.rows) and table.headed:
        return True  # rows and columns of the same names, in any order
    diagonal = [row[skipped + place] for place, row in enumerate(table.rows)]
    numeric = all(
        is_numeric(cell) or figures.nothing(cell) for row in table.rows for cell in row[skipped:]
    )
    return numeric and all(figures.nothing(cell) or _is_zero(cell) for cell in diagonal)


def _is_zero(cell: Cell) -> bool:
    return is_numeric(cell) and float(str(cell).replace(",", ".")) == 0


def present(given: Given) -> bool:
    """Whether there are distances among what was given."""
    if PAIRS.name in given.arguments:
        return True
    return _found(given) is not None or any(map(is_square, given.tables))


def _found(given: Given) -> Reading | None:
    """The table of a row for each pair; those with coordinates are tables of places."""
    if PAIRS.name not in given.arguments:
        others = [t for t in given.tables if not match(PLACES, t, given.columns).meets(PLACES)]
        if not others:
            return None
        given = replace(given, tables=others)
    reading = given.find(PAIRS)
    return reading if reading is not None and reading.match.meets(PAIRS) else None


def square(table: Table) -> Distances:
    """The distances in a table that is a square.

    Raises:
        InstanceError: names of rows and columns that differ, and what is no number.
    """
    size = len(table.rows)
    _check_size(size, table)
    skipped = len(table.columns) - size
    header = [shown(name) for name in table.columns[skipped:]] if table.headed else []
    names = [shown(row[0]) for row in table.rows] if skipped else header
    _check_names(names, table)
    order = list(range(size))
    if skipped and header and names != header:
        if set(names) != set(header):
            odd = next(i for i, name in enumerate(names) if name not in header)
            reason = f"no column is called {names[odd]}: rows and columns must have the same names"
            raise table.error(reason, field="distances", row=odd)
        order = [header.index(name) for name in names]
    cells = [[row[skipped + place] for place in order] for row in table.rows]
    mark = figures.decimal_mark((cell for row in cells for cell in row), table.delimiter)
    rows = []
    for i, row in enumerate(cells):
        rows.append([_distance(table, i, j, cell, names, mark) for j, cell in enumerate(row)])
    return Distances(names, rows, f"distances: reads {size} rows, from row to column")


def _check_size(size: int, table: Table) -> None:
    if size > MOST:
        raise table.error(f"at most {MOST:,} nodes are read", field="distances", value=size)


def _check_names(names: list[str], table: Table) -> None:
    """Refuses a name that stands for two nodes."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise table.error("is there twice", field="distances", value=twice)


def _distance(
    table: Table, row: int, column: int, cell: Cell, names: list[str], mark: str
) -> float:
    """A number from 0 on; the diagonal is none."""
    if row == column:
        return 0.0
    where = f"{names[row]} to {names[column]}" if names else f"row {row + 1}, column {column + 1}"
    if figures.nothing(cell):
        raise table.error("is empty: a distance belongs here", field=where, row=row)
    try:
        value = figures.number(cell, mark)
    except Unreadable as error:
        raise table.error(str(error), field=where, value=shown(cell), row=row) from None
    if not 0 <= value <= 2**53:
        raise table.error("must be from 0 to 2**53", field=where, value=shown(cell), row=row)
    return value


def pairs(given: Given) -> Distances | None:
    """The distances in a table of a row for each pair; None where there is none.

    A pair whose other direction is not stated counts in both; a remark says so.

    Raises:
        InstanceError: a pair that is missing, or there twice.
    """
    reading = _found(given)
    if reading is None:
        return None
    starts, ends = reading.texts("from"), reading.texts("to")
    values = reading.numbers("distance")
    names = list(dict.fromkeys([*starts, *ends]))
    if not names:
        raise reading.error("there is no row below the headers")
    _check_size(len(names), reading.table)
    stated: dict[tuple[str, str], float] = {}
    for row, (start, end, value) in enumerate(zip(starts, ends, values, strict=True)):
        if not start or not end:
            raise reading.error("is empty: a name belongs here", "from" if not start else "to", row)
        if start == end:
            continue
        if value is None or not 0 <= value <= 2**53:
            shown_value = None if value is None else f"{value:g}"
            raise reading.error("must be from 0 to 2**53", "distance", row, shown_value)
        if stated.setdefault((start, end), value) != value:
            raise reading.error(f"{start} to {end} is there twice", "distance", row)
    rows = [[0.0] * len(names) for _ in names]
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            value = stated.get((start, end), stated.get((end, start)))
            if value is None:
                reason = f"there is no row from {start} to {end}: add it"
                raise InstanceError(reason, field="distances", path=reading.table.place)
            rows[i][j] = value
    return Distances(names, rows, reading.remark + _doubled(stated))


def _doubled(stated: Mapping[tuple[str, str], float]) -> str:
    """Which of the pairs count in both directions, in words; empty where each has its own."""
    single = [pair for pair in stated if pair[::-1] not in stated]
    if not single:
        return ""
    more = f" and {len(single) - 1} more" if len(single) > 1 else ""
    count = "count" if more else "counts"
    return f"; {' to '.join(single[0])}{more} {count} in both directions"


def distances(given: Given) -> Distances | None:
    """The distances among what was given: an argument ``distances``, or a table of the file.

    Raises:
        InstanceError: the argument holds none.
    """
    own = given.arguments.get(PAIRS.name)
    if own is not None and not isinstance(own, list):
        raise InstanceError("must be a table: a file or a DataFrame", field=PAIRS.name, value=own)
    found = pairs(given)
    if found is not None:
        return found
    tables = given.tables if own is None else own
    squares = [table for table in tables if is_square(table, expected=own is not None)]
    titled = [table for table in squares if table.name.lower() in TITLES]
    if squares:
        return square((titled or squares)[0])
    if own is not None:
        reason = (
            "must be a square of numbers, or have the columns from, to, distance; here are "
            f"{tables[0].headers}"
        )
        raise InstanceError(reason, field=PAIRS.name, path=own[0].place)
    return None

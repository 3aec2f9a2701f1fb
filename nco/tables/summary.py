"""A solution's table in a few lines: what comes on each route or machine, and how much."""

import math
from collections.abc import Sequence

from nco.core.words import amount, number
from nco.tables.table import Cell, Figure, Table, is_empty, shown

GROUPS = ("route", "machine")  # what a line is for
THINGS = ("name", "job")  # what it lists
MOST = 30  # lines, and names in a line
DIGITS = 5  # of a figure that is not whole
MOST_CELLS = 12  # of a row that is shown as it is

Cells = dict[str, Cell]  # of a row, by column


def lines(table: Table) -> list[str]:
    """A line for each route or machine with what comes on it, or one for all that is chosen.

    Before the things stand the table's `figures`. A table of other things has no such lines.
    """
    columns = list(table.columns)
    thing = next((name for name in THINGS if name in columns), None)
    if thing is None:
        return []
    group = next((name for name in GROUPS if name in columns), None)
    rows = table.rows
    if "start" in columns:
        rows = sorted(rows, key=lambda row: row[columns.index("start")])
    if group is not None and all(isinstance(row[columns.index(group)], int) for row in rows):
        rows = sorted(rows, key=lambda row: row[columns.index(group)])
    members: dict[str, list[Cells]] = {}
    for row in rows:
        cells: Cells = dict(zip(columns, row, strict=True))
        label = table.name if group is None else f"{group} {shown(cells[group])}"
        label += f" {cells['vehicle']}" if cells.get("vehicle") else ""
        members.setdefault(label, []).append(cells)
    texts = []
    for label, own in members.items():
        sums = ", ".join(_figure(figure, own) for figure in table.figures)
        head = f"{label} ({sums})" if sums else label if group else ""
        texts.append(f"{head}: {_listed([_named(cells, thing) for cells in own])}")
    return _cut([text.removeprefix(": ") for text in texts])


def rows(table: Table) -> list[str]:
    """A line for each row of a table that has no `lines`: ``period 0: produce 12, ship to A 3``."""
    texts = []
    for row in table.rows[: MOST + 1]:
        filled = [
            f"{name} {_cell(cell)}"
            for name, cell in zip(table.columns, row, strict=True)
            if not is_empty(cell)
        ]
        head, *others = filled or [""]
        more = ", ..." if len(others) > MOST_CELLS else ""
        texts.append(f"{head}: {', '.join(others[:MOST_CELLS])}{more}")
    return _cut(texts, len(table.rows))


def _named(cells: Cells, thing: str) -> str:
    """A stop, an item or an operation by its name, or else its number."""
    name = shown(cells[thing]) or shown(cells.get("stop", cells.get("item")))
    name += f" ({cells['action']})" if cells.get("action") in ("pickup", "delivery") else ""
    return name + (f" {cells['start']}-{cells['end']}" if "start" in cells else "")


def _figure(figure: Figure, rows: Sequence[Cells]) -> str:
    """Such as ``load 11 of 12``."""
    values = [float(cells[figure.column]) for cells in rows if not is_empty(cells[figure.column])]
    value = 0.0
    if values:
        value = {"last": values[-1], "most": max(values), "sum": math.fsum(values)}[figure.how]
    value = value if value.is_integer() else float(f"{value:.{DIGITS}g}")
    word = figure.word or ("" if figure.unit else figure.column)
    most = rows[0][figure.limit] if isinstance(figure.limit, str) else figure.limit
    limit = "" if most is None else f" of {number(most)}"
    unit = f" {figure.unit}" if figure.unit else ""
    return f"{word} {number(value)}{limit}{unit}".strip()


def _cell(cell: Cell) -> str:
    return amount(cell) if isinstance(cell, int | float) else shown(cell)


def _listed(names: list[str]) -> str:
    """The first of many names."""
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join(names[:MOST] + more)


def _cut(texts: list[str], count: int | None = None) -> list[str]:
    """The first of many lines, of which there are `count`."""
    count = len(texts) if count is None else count
    more = [f"and {count - MOST} more (--save has all)"] if count > MOST else []
    return texts[:MOST] + more

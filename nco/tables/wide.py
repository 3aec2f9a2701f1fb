"""Tables with a row for each job, whose operations lie side by side, as tables with a row for each.

Either in numbered columns (``job, machine 1, time 1, machine 2, time 2``), or in a column for each
machine that holds the times, from left to right in the order of the operations.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nco.tables.columns import match, normal
from nco.tables.figures import nothing
from nco.tables.forms import Form
from nco.tables.table import Cell, Table, is_empty

NUMBERED = re.compile(r"(.*[a-z])\s*([0-9]+)")


def unfolded(form: Form, table: Table, stated: Mapping[str, str], by_headers: bool) -> Table | None:
    """A row for each of the things that lie side by side; None where that is not the table's form.

    Args:
        form: whose `Form.wide` names the column of what is named, and that of its number.
        table: with a row for all of them.
        stated: column name -> header, of the user.
        by_headers: whether headers may be the names; only where the user says what the table is.
    """
    if form.wide is None or not table.headed:
        return None
    numbered = _numbered(form, table, stated)
    if numbered is not None or not by_headers:
        return numbered
    return _by_headers(form, table, stated)


def _numbered(form: Form, table: Table, stated: Mapping[str, str]) -> Table | None:
    """The table with a row for each number in the headers."""
    groups: dict[int, dict[str, int]] = {}
    kept: list[int] = []
    for place, header in enumerate(table.columns):
        found = NUMBERED.fullmatch(normal(header))
        if found is None:
            kept.append(place)
        else:
            groups.setdefault(int(found[2]), {})[found[1].strip()] = place
    if len(groups) < 2:
        return None
    bases = list(dict.fromkeys(base for group in groups.values() for base in group))
    columns = (*(table.columns[place] for place in kept), *bases)
    rows: list[list[Cell]] = []
    lines: list[int] = []
    for row, line in _with_lines(table):
        for number in sorted(groups):
            places = [groups[number].get(base) for base in bases]
            cells = [None if place is None else row[place] for place in places]
            if not all(map(is_empty, cells)):
                rows.append([*(row[place] for place in kept), *cells])
                lines.append(line)
    first, last = min(groups), max(groups)
    note = f"{', '.join(bases)} {first} to {last} follow one another"
    made = replace(
        table, columns=columns, rows=rows, lines=lines if table.lines else (), unfolded=note
    )
    return made if match(form, made, stated).meets(form) else None


def _by_headers(form: Form, table: Table, stated: Mapping[str, str]) -> Table | None:
    """The table with a row for each number below a header that names nothing of the form."""
    assert form.wide is not None
    name, number = form.wide
    used = match(form, table, stated).places
    others = [p for p, header in enumerate(table.columns) if header and p not in used.values()]
    if name in used or number in used or len(others) < 2:
        return None
    kept = list(used.values())
    rows: list[list[Cell]] = []
    lines: list[int] = []
    for row, line in _with_lines(table):
        for place in others:
            if not nothing(row[place]):
                rows.append([*(row[p] for p in kept), table.columns[place], row[place]])
                lines.append(line)
    columns = (*(table.columns[place] for place in kept), name, number)
    names = ", ".join(table.columns[place] for place in others)
    note = f"{name}s are the columns {names}, in this order"
    made = replace(
        table, columns=columns, rows=rows, lines=lines if table.lines else (), unfolded=note
    )
    return made if match(form, made, stated).meets(form) else None


def _with_lines(table: Table) -> Iterator[tuple[Sequence[Cell], int]]:
    """Rows, each with its line in the source; of a DataFrame the row's number from 1."""
    return zip(table.rows, table.lines or range(1, len(table.rows) + 1), strict=True)

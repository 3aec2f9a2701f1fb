"""A table as its source states it: columns by name, and rows of plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nco.core.errors import InstanceError

Cell = Any  # str, int, float, bool, a date; None where there is nothing

MOST_ROWS = 1_000_000
MOST_COLUMNS = 16_384  # of an Excel sheet
MOST_CELLS = 20_000_000
LONGEST = 200  # characters of a header
MOST_SHOWN = 12  # headers that an error names


@dataclass(frozen=True)
class Figure:
    """A figure of each group of rows, such as of a route, that sums it up for people.

    Attributes:
        column: the column that it is made of.
        how: which of its cells: "last", where they add up row by row, "most", or the "sum".
        word: what it is called; empty where the unit says it.
        unit: of the cells.
        limit: what it must not exceed, where something says so; or the column that does.
    """

    column: str
    how: Literal["last", "most", "sum"]
    word: str = ""
    unit: str = ""
    limit: float | str | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """Columns and rows, from a file, a DataFrame, or to be written.

    Attributes:
        columns: the headers, on one line each; empty text where a column has none.
        rows: the cells, each row as long as `columns`.
        lines: where each row stands in its source, from 1; of a table to be written empty.
        name: of the sheet in a workbook; empty elsewhere.
        path: the file, for error messages; None for a DataFrame.
        delimiter: of a text file; empty elsewhere.
        headed: whether the first row of the source is headers; without, `columns` are empty texts.
        stated: column name -> header, where the user said so of this table alone.
        unfolded: how rows were made of columns (`nco.tables.wide`), in words; empty elsewhere.
        figures: of a solution: what sums its routes or machines up.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    lines: Sequence[int] = field(default=())
    name: str = ""
    path: str | None = None
    delimiter: str = ""
    headed: bool = True
    unfolded: str = ""
    stated: Mapping[str, str] = field(default_factory=dict)
    figures: Sequence[Figure] = ()

    @property
    def place(self) -> str | None:
        """The file, and the sheet where it has several, as errors name it."""
        return f"{self.path}[{self.name}]" if self.path and self.name else self.path

    @property
    def stem(self) -> str:
        """What a case is called that was read from it."""
        return Path(self.path).stem if self.path else "table"

    @property
    def headers(self) -> str:
        """The headers for an error, not all of very many."""
        names = list(filter(None, self.columns))
        if not names:
            return "no headers: the first row must name the columns"
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        return ", ".join(name[:40] for name in names[:MOST_SHOWN]) + more

    def error(
        self, reason: str, *, field: str | None = None, value: object = None, row: int | None = None
    ) -> InstanceError:
        """An error that names the file and the line of a row (an index of `rows`)."""
        line = None if row is None or not self.lines else self.lines[row]
        return InstanceError(reason, field=field, value=value, path=self.place, line=line)


def is_empty(cell: Cell) -> bool:
    """Whether there is nothing in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def shown(cell: Cell) -> str:
    """A cell as text: whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell).strip()


def trimmed(grid: list[list[Cell]], lines: list[int]) -> tuple[list[list[Cell]], list[int]]:
    """Rows that hold anything, all of one width; columns that hold nothing at all are dropped."""
    kept = [i for i, row in enumerate(grid) if not all(map(is_empty, row))]
    width = max((len(grid[i]) for i in kept), default=0)
    used = [
        c for c in range(width) if any(c < len(grid[i]) and not is_empty(grid[i][c]) for i in kept)
    ]
    rows = [[grid[i][c] if c < len(grid[i]) else None for c in used] for i in kept]
    return rows, [lines[i] for i in kept]


def from_grid(
    grid: list[list[Cell]],
    lines: list[int],
    *,
    name: str = "",
    path: str | None = None,
    delimiter: str = "",
) -> Table | None:
    """A table of a grid of cells whose first row is its headers; None where it is empty.

    A row that is numbers throughout is no row of headers. Titles above the headers (a single cell
    over a wider row) are passed, and so is the unnamed column of row numbers that pandas writes.
    """
    rows, lines = trimmed(grid, lines)
    while len(rows) > 2 and _filled(rows[0]) == 1 < _filled(rows[1]):
        rows, lines = trimmed(rows[1:], lines[1:])
    if not rows:
        return None
    headed = not all(is_empty(cell) or is_numeric(cell) for cell in rows[0])
    if not headed:
        columns = ("",) * len(rows[0])
        return Table(columns, rows, lines, name, path, delimiter, headed=False)
    columns = tuple(" ".join(shown(cell).split())[:LONGEST] for cell in rows[0])
    return Table(columns, rows[1:], lines[1:], name, path, delimiter)


def _filled(row: Sequence[Cell]) -> int:
    """How many cells of a row hold anything."""
    return sum(not is_empty(cell) for cell in row)


def is_numeric(cell: Cell) -> bool:
    """Whether a cell is a number, with a decimal point or a decimal comma."""
    if isinstance(cell, bool):
        return False
    if isinstance(cell, int | float):
        return True
    try:
        float(str(cell).strip().replace(",", "."))
    except ValueError:
        return False
    return True

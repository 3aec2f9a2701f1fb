"""Excel workbooks (.xlsx), in and out, by openpyxl: the extra `excel`.

Only values are read, never formulas; hidden sheets are left out.
"""

import io
import math
import zipfile
from collections.abc import Sequence
from typing import Any

from nco.core.errors import InstanceError, NCOError
from nco.tables.table import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    Table,
    from_grid,
    is_empty,
    shown,
)

LARGEST = 2**28  # bytes of an unpacked workbook
THREE_DECIMALS = "0.000"  # Excel's word for it
NARROWEST, WIDEST = 6, 60  # characters of a column
GENERAL = 11  # characters of a number that has no format
MOST_EMPTY = 10_000  # rows without anything, after which a sheet is over


def library() -> Any:
    """openpyxl.

    Raises:
        NCOError: where it is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        reason = "Excel files need openpyxl: pip install 'nco-solver[excel]', or save as CSV"
        raise NCOError(reason) from None
    return openpyxl


def read(data: bytes, path: str | None = None) -> list[Table]:
    """The tables on the visible sheets that hold anything.

    Raises:
        InstanceError: where this is no workbook, is too large, or holds nothing.
        NCOError: where openpyxl is not installed.
    """
    openpyxl = library()
    _check_size(data, path)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        tables = [
            table
            for sheet in book.worksheets
            if sheet.sheet_state == "visible" and (table := _table(sheet, path)) is not None
        ]
    except InstanceError:
        raise
    except Exception as error:  # openpyxl raises of every kind on damaged files
        raise InstanceError(f"no Excel workbook: {error}", path=path) from error
    if not tables:
        raise InstanceError("no visible sheet holds anything", path=path)
    return tables


def _check_size(data: bytes, path: str | None) -> None:
    """Refuses a small archive that unpacks to a huge one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        reason = "no Excel workbook (.xlsx): open it in Excel and save it as .xlsx, or as CSV"
        raise InstanceError(reason, path=path) from error
    if size > LARGEST:
        raise InstanceError("larger than 256 MB, unpacked", path=path)


def _table(sheet: Any, path: str | None) -> Table | None:
    """What a sheet holds."""
    grid: list[list[Cell]] = []
    lines: list[int] = []
    cells, last = 0, 0
    if hasattr(sheet, "reset_dimensions"):
        sheet.reset_dimensions()  # what the file says of its size need not be true
    for line, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if all(map(is_empty, row)):
            if line - last > MOST_EMPTY:
                break
            continue
        last = line
        values = list(row)
        while values and is_empty(values[-1]):
            values.pop()
        cells += len(values)
        if len(grid) > MOST_ROWS or len(values) > MOST_COLUMNS or cells > MOST_CELLS:
            reason = f"at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells are read"
            raise InstanceError(reason, path=path, line=line)
        grid.append(values)
        lines.append(line)
    return from_grid(grid, lines, name=str(sheet.title), path=path)


def _form(column: str, cells: Sequence[Cell]) -> str:
    """How a column's numbers are shown: with three decimals where some have more; empty: as is.

    The values stay as they are. Degrees are shown in full, and so are columns of small numbers.
    """
    numbers = [cell for cell in cells if isinstance(cell, float) and math.isfinite(cell)]
    if column in ("lat", "lon") or all(round(number, 3) == number for number in numbers):
        return ""
    return THREE_DECIMALS if max(map(abs, numbers)) >= 0.1 else ""


def _seen(cell: Cell, form: str) -> str:
    """A cell as a spreadsheet shows it."""
    if isinstance(cell, float):
        return f"{cell:.3f}" if form else shown(cell)[:GENERAL]
    return shown(cell)


def written(tables: list[Table]) -> bytes:
    """A workbook with a sheet for each table; texts are never formulas.

    Raises:
        NCOError: where openpyxl is not installed.
    """
    openpyxl = library()
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, table in enumerate(tables, 1):
        sheet = book.create_sheet(table.name or f"Sheet{number}")
        for r, row in enumerate([table.columns, *table.rows], start=1):
            for c, value in enumerate(row, start=1):
                cell = sheet.cell(r, c)
                text = isinstance(value, str)
                cell.value = (
                    openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", value) if text else value
                )
                if text:
                    cell.data_type = "s"
        sheet.freeze_panes = "A2"
        for c, column in enumerate(table.columns, start=1):
            letter = openpyxl.utils.get_column_letter(c)
            cells = [row[c - 1] for row in table.rows]
            form = _form(column, cells)
            for r, value in enumerate(cells, start=2):
                if form and isinstance(value, float):
                    sheet.cell(r, c).number_format = form
            longest = max((len(_seen(value, form)) for value in cells), default=0)
            width = max(NARROWEST, len(column) + 2, longest + 2)
            sheet.column_dimensions[letter].width = min(width, WIDEST)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()

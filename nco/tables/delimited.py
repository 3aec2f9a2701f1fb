"""CSV texts: columns parted by commas, semicolons, tabs or bars, as spreadsheets and pandas write.

Also the ``sep=;`` line that Excel writes first, UTF-16 ("Unicode text"), byte-order marks, and the
code page of Windows.
"""

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from nco.core.errors import InstanceError
from nco.tables.table import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Cell, Table, from_grid, shown

DELIMITERS = "\t;|,"  # the first of equally good ones: decimal commas are commas, too
ROUNDED = ("distance",)  # columns of solutions that are computed
LOOKED_AT = 50  # lines by which the delimiter is found
RISKY = "=+-@\t\r"  # a spreadsheet would take text that begins so for a formula

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decoded(data: bytes, path: str | None) -> str:
    """The text in a file's bytes.

    Raises:
        InstanceError: where they are no text.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise InstanceError("not the UTF-16 text that it begins as", path=path) from None
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise InstanceError("a binary file, not text", path=path)
    return text


def read(text: str, path: str | None = None) -> Table:
    """The table in a text.

    Raises:
        InstanceError: nothing in it, a quotation mark that is not closed, too many cells.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n", 1)
    stated, skipped = "", 0
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        stated, text, skipped = lines[0].strip()[4], lines[1] if len(lines) > 1 else "", 1
    delimiter = stated or _delimiter(text)
    grid: list[list[Cell]] = []
    numbers: list[int] = []
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    cells, begun = 0, 1
    try:
        for row in rows:
            cells += len(row)
            if len(grid) > MOST_ROWS or len(row) > MOST_COLUMNS or cells > MOST_CELLS:
                reason = f"at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells are read"
                raise InstanceError(reason, path=path, line=begun + skipped)
            grid.append(list(map(_plain, row)))
            numbers.append(begun + skipped)
            begun = rows.line_num + 1
    except csv.Error as error:
        reason = f"no CSV: {error}; is a quotation mark not closed?"
        raise InstanceError(reason, path=path, line=begun + skipped) from error
    table = from_grid(grid, numbers, path=path, delimiter=delimiter)
    if table is None:
        raise InstanceError("the file is empty", path=path)
    if table.headed:
        _check_widths(table, dict(zip(numbers, grid, strict=True)))
    return table


def _check_widths(table: Table, rows: Mapping[int, Sequence[Cell]]) -> None:
    """Refuses a row that is longer than the headers: a comma has cut one of its cells in two.

    Args:
        table: what was made of the rows.
        rows: the cells of each row as they stand, by its line.
    """
    if not table.lines:
        return
    above = [line for line, row in rows.items() if line < table.lines[0] and any(row)]
    width = len(rows[above[-1]])
    for number, line in enumerate(table.lines):
        beyond = [cell for cell in rows[line][width:] if cell]
        if beyond:
            reason = (
                f"this row has {len(rows[line])} cells, the headers are {width}: put a cell with "
                f"{table.delimiter!r} in it into quotation marks, or name its column"
            )
            raise table.error(reason, value=shown(beyond[0]), row=number)


def _plain(cell: str) -> str:
    """A cell without the apostrophe that `written` puts before what looks like a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in RISKY else text


def _delimiter(text: str) -> str:
    """What parts the columns: what gives most of the first lines the same number of them."""
    head: list[str] = [line for line in text[:1_000_000].split("\n") if line.strip()][:LOOKED_AT]
    best, most = ",", (0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(head, delimiter=delimiter))
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
        if width > 1 and (count, 0) > most:
            best, most = delimiter, (count, 0)
    return best


def written(table: Table, delimiter: str = ",") -> str:
    """A table as text, from which `read` makes the same cells as texts.

    Text that a spreadsheet would take for a formula gets an apostrophe before it. Distances, which
    are computed and no one reads again, have six digits at most.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(map(_safe, table.columns))
    rounded = [column in ROUNDED for column in table.columns]
    writer.writerows(_cells(row, rounded) for row in table.rows)
    return out.getvalue()


def _cells(row: Sequence[Cell], rounded: Sequence[bool]) -> Iterable[str]:
    for cell, is_rounded in zip(row, rounded, strict=True):
        if isinstance(cell, str):
            yield _safe(cell)
        else:
            yield _text(_six_digits(cell) if is_rounded else cell)


def _six_digits(cell: Cell) -> Cell:
    """A number without the decimals behind its sixth digit; whole digits are all kept."""
    if not isinstance(cell, float) or not math.isfinite(cell) or not cell:
        return cell
    return round(cell, max(0, 5 - math.floor(math.log10(abs(cell)))))


def _text(cell: Cell) -> str:
    """A number without loss; whole ones without a point."""
    return repr(cell) if isinstance(cell, float) and not cell.is_integer() else shown(cell)


def _safe(text: str) -> str:
    """Text that no spreadsheet computes."""
    return f"'{text}" if text and (text[0] in RISKY) else text

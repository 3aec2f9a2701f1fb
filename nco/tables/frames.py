"""pandas' DataFrames as tables, and tables as DataFrames; pandas is imported when it is used."""

import sys
from typing import TYPE_CHECKING, Any

from nco.core.errors import InstanceError, NCOError
from nco.tables.table import MOST_CELLS, MOST_ROWS, Cell, Table, from_grid

if TYPE_CHECKING:
    import pandas


def is_frame(source: Any) -> bool:
    """Whether a source is a DataFrame, which there are only where pandas is imported."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def is_named(frame: Any) -> bool:
    """Whether the columns of a DataFrame have names; otherwise it is a bare array."""
    return not all(isinstance(name, int) for name in frame.columns)


def read(frame: Any) -> Table:
    """The table in a DataFrame: rows are counted from 1, and an index with a name is a column.

    An index of texts without a name is a column without one.

    Raises:
        InstanceError: nothing in it, or too much.
    """
    index = frame.index
    if index.name is not None or index.dtype.kind not in "iu":
        frame = frame.reset_index(names=[index.name or ""])
    if len(frame) > MOST_ROWS or frame.size > MOST_CELLS:
        reason = f"at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells are read"
        raise InstanceError(reason, field="DataFrame", value=list(frame.shape))
    header: list[Cell] = [str(name) for name in frame.columns]
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    rows = [[cell.item() if hasattr(cell, "item") else cell for cell in row] for row in values]
    lines = list(range(1, len(rows) + 1))
    table = from_grid([header, *rows], [0, *lines])
    if table is None:
        raise InstanceError("is empty", field="DataFrame")
    return table


def frame_of(table: Table) -> "pandas.DataFrame":
    """The DataFrame of a table.

    Raises:
        NCOError: where pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise NCOError("tables need pandas: pip install pandas") from None
    columns = {name: [row[place] for row in table.rows] for place, name in enumerate(table.columns)}
    return pandas.DataFrame(columns)

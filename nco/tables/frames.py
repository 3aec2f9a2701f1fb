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


def square_of(source: Any) -> Table | None:
    """A square of numbers as a table without headers; None of what is no array of 2 dimensions.

    Args:
        source: a numpy array, or a DataFrame whose columns have no names.

    Raises:
        InstanceError: another shape, what are no real numbers, or too much.
    """
    numpy = sys.modules.get("numpy")
    if is_frame(source) and not is_named(source):
        source = source.to_numpy()
    if numpy is None or not isinstance(source, numpy.ndarray) or source.ndim == 0:
        return None
    shape = list(source.shape)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InstanceError("must be a square: n rows of n numbers", field="array", value=shape)
    if source.dtype.kind not in "iuf":
        reason = "must be real numbers"
        raise InstanceError(reason, field="array", value=str(source.dtype))
    if source.size > MOST_CELLS:
        raise InstanceError(f"at most {MOST_CELLS:,} cells are read", field="array", value=shape)
    rows: list[list[Cell]] = source.tolist()
    return Table(("",) * shape[0], rows, range(1, shape[0] + 1), headed=False)


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

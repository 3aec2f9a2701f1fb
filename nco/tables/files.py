"""Which files hold tables, and the tables in them."""

from pathlib import Path

from nco.core.errors import InstanceError
from nco.tables import delimited, excel
from nco.tables.table import Table

TEXTS = (".csv", ".tsv", ".tab")
BOOKS = (".xlsx", ".xlsm")
OTHERS = (".xls", ".xlsb", ".ods", ".numbers")  # spreadsheets that are not read
LARGEST_FILE = 2**28  # bytes


def is_table(path: Path) -> bool:
    """Whether a file's ending says that it holds a table."""
    return path.suffix.lower() in (*TEXTS, *BOOKS, *OTHERS)


def read(path: Path) -> list[Table]:
    """The tables in a file: one of a text, one a sheet of a workbook.

    Raises:
        InstanceError: naming file, line and reason.
        NCOError: where what reads it is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in OTHERS:
        raise InstanceError("this form is not read: save it as .xlsx or .csv", path=path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InstanceError("larger than 256 MB", path=path)
        data = path.read_bytes()
    except OSError as error:
        raise InstanceError(f"cannot be read: {error.strerror}", path=path) from error
    if not data.strip():
        raise InstanceError("the file is empty", path=path)
    if suffix in BOOKS:
        return excel.read(data, str(path))
    return [delimited.read(delimited.decoded(data, str(path)), str(path))]

"""Tables from files and frames, and back."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas
import pytest

from nco.core.errors import InstanceError, NCOError
from nco.tables import delimited, excel, files, frames, geojson
from nco.tables.table import Table

ROWS = [["Müller, A", "1,5"], ["B", "2"]]


def texts(table: Table) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in table.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_habit_of_csv_gives_the_same_table(delimiter: str, encoding: str, end: str) -> None:
    """Delimiters, encodings with their marks, and line ends."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([["name", "d"], *ROWS])
    table = delimited.read(delimited.decoded(out.getvalue().encode(encoding), None))
    assert (table.columns, texts(table), table.delimiter) == (("name", "d"), ROWS, delimiter)


def test_decimal_commas_between_semicolons_are_no_delimiters() -> None:
    """A square of numbers has as many commas in each row as it has semicolons."""
    table = delimited.read("1,5;2,5;3,5\n4,5;5,5;6,5\n")
    assert (table.delimiter, table.headed) == (";", False)
    assert texts(table)[0] == ["1,5", "2,5", "3,5"]


def test_lines_are_those_of_the_file() -> None:
    """Excel's line sep=, a title, empty rows and line ends in cells are counted."""
    table = delimited.read('sep=;\nOur customers\n\nname;note\n\nA;"two\nlines"\nB;x\n')
    assert (table.columns, table.lines) == (("name", "note"), [6, 8])


def test_empty_columns_and_rows_are_dropped() -> None:
    """As spreadsheets leave them at their ends."""
    table = delimited.read("a,b,,\n1,2,,\n,,,\n3,4,,\n")
    assert (table.columns, texts(table)) == (("a", "b"), [["1", "2"], ["3", "4"]])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\0\1\2", "a binary file"),
        (b",,\n,,\n", "the file is empty"),
        (b'name\n"' + b"a" * 200_000, "is a quotation mark not closed"),
    ],
)
def test_what_is_no_csv_is_one_line(data: bytes, reason: str, tmp_path: Path) -> None:
    """Nothing, bytes, and a quotation mark that is never closed."""
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    with pytest.raises(InstanceError, match=reason) as caught:
        files.read(path)
    assert str(path) in str(caught.value)


def test_too_many_cells_are_refused_before_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of rows for texts and frames."""
    monkeypatch.setattr(delimited, "MOST_ROWS", 5)
    monkeypatch.setattr(frames, "MOST_ROWS", 5)
    with pytest.raises(InstanceError, match="at most 5 rows"):
        delimited.read("a,b\n" * 9)
    with pytest.raises(InstanceError, match="at most 5 rows"):
        frames.read(pandas.DataFrame({"a": range(9)}))


def test_no_spreadsheet_computes_what_is_written(tmp_path: Path) -> None:
    """Text that looks like a formula stays text in CSV and Excel, and is read as it was."""
    table = Table(("name", "x"), [["=1+1", 1.5], ["@SUM(A1)", -2]], name="t")
    text = delimited.written(table)
    assert "'=1+1" in text
    assert [row[0] for row in delimited.read(text).rows] == ["=1+1", "@SUM(A1)"]
    assert "-2" in text.splitlines()[2]
    again = excel.read(excel.written([table]))[0]
    assert (again.name, again.columns) == ("t", ("name", "x"))
    assert [list(row) for row in again.rows] == [["=1+1", 1.5], ["@SUM(A1)", -2]]


def test_columns_of_a_workbook_fit_and_show_three_decimals_of_exact_numbers() -> None:
    """Formats, not rounding; degrees and numbers with fewer decimals are shown in full."""
    import openpyxl

    name = "Bakery at the very end of the long street"
    rows: list[list[Any]] = [[1, name, 0.0, 51.339712345, 0.5], [2, "B", 12.123456789, 51.2, 1.5]]
    table = Table(("order", "name", "distance", "lat", "load"), rows, name="routes")
    sheet = openpyxl.load_workbook(io.BytesIO(excel.written([table]))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == rows
    assert [cell.number_format for cell in sheet[3]] == ["General"] * 2 + ["0.000"] + [
        "General"
    ] * 2
    widths = {letter: sheet.column_dimensions[letter].width for letter in "ABCDE"}
    assert len(name) < widths["B"] <= len(name) + 4
    assert widths["A"] < 10 < widths["D"]


def test_distances_of_texts_have_six_digits() -> None:
    """They are computed; what is read again, such as coordinates, is written without loss."""
    values: list[float] = [0.0, 12.123456789, 0.00123456789, 1234567.891]
    table = Table(("distance", "x"), [[value, value] for value in values])
    rows = [line.split(",") for line in delimited.written(table).splitlines()[1:]]
    assert [row[0] for row in rows] == ["0", "12.1235", "0.00123457", "1234568"]
    assert [float(row[1]) for row in rows] == values


def test_formulas_of_workbooks_are_not_computed_and_hidden_sheets_not_read() -> None:
    """A formula has the value that was saved with it, here none."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, "=A2+1"])
    book.create_sheet("secret").append(["x"])
    book["secret"].sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    (table,) = excel.read(out.getvalue())
    assert list(table.rows[0]) == [1, None]


def test_workbooks_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the archive says of itself, before anything is unpacked."""
    monkeypatch.setattr(excel, "LARGEST", 1000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "0" * 10_000)
    with pytest.raises(InstanceError, match="larger than 256 MB, unpacked"):
        excel.read(out.getvalue())


def test_excel_without_its_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra."""
    import sys

    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(NCOError, match=r"Excel files need openpyxl: .*nco-solver\[excel\]"):
        excel.read(b"PK")


@pytest.mark.parametrize("suffix", [".xls", ".ods"])
def test_other_spreadsheets_name_the_remedy(suffix: str, tmp_path: Path) -> None:
    """They are not read."""
    with pytest.raises(InstanceError, match=r"save it as .xlsx or .csv"):
        files.read(tmp_path / f"x{suffix}")


def test_frames_keep_their_types_and_named_indices() -> None:
    """Missing values are nothing; an index with names is a column."""
    frame = pandas.DataFrame({"d": [1.5, None]}, index=pandas.Index(["A", "B"], name="stop"))
    table = frames.read(frame)
    assert (table.columns, [list(row) for row in table.rows]) == (
        ("stop", "d"),
        [["A", 1.5], ["B", None]],
    )
    back = frames.frame_of(table)
    assert back["d"].tolist()[0] == 1.5


def test_a_map_has_a_line_for_each_route_and_a_point_for_each_stop() -> None:
    """Longitude comes first; without degrees there is no map."""
    columns = ("route", "order", "name", "distance", "lat", "lon")
    rows = [[1, 0, "D", 0.0, 52.0, 13.0], [1, 1, "A", 3.5, 52.1, 193.5], [2, 0, "D", 0, 52.0, 13.0]]
    data = json.loads(geojson.written(Table(columns, rows), "x"))
    line, *points = data["features"]
    assert line["geometry"] == {
        "type": "LineString",
        "coordinates": [[13.0, 52.0], [-166.5, 52.1]],
    }
    assert line["properties"] == {"route": 1, "distance": 3.5}
    assert [point["properties"]["name"] for point in points] == ["D", "A", "D"]
    with pytest.raises(NCOError, match="latitude and longitude"):
        geojson.written(Table(("x",), [[1]]), "x")


def test_a_row_longer_than_the_headers_is_refused() -> None:
    """A decimal comma has cut one of its cells in two; empty cells behind the last are nothing."""
    with pytest.raises(InstanceError, match=r"line 3: 5: this row has 4 cells, the headers are 3"):
        delimited.read("name,x,y\nA,1,2\nB,1,4,5\n")
    assert delimited.read("name,x,y\nA,1,2,,\n").columns == ("name", "x", "y")

"""What an inventory planner's own files and questions look like: spreadsheets, depots, pictures."""

from pathlib import Path
from typing import Any

import pytest

import nco
from nco.core.errors import InstanceError
from nco.problems.inventory import files
from nco.solving import versus

NET = """problem: inventory
history: demand.csv
nodes:
  north: {holding: 1, penalty: 9, unmet: lost}
  south: {holding: 1, penalty: 9, unmet: lost}
edges:
  - {from: supplier, to: north, lead_time: 1}
  - {from: supplier, to: south, lead_time: 1}
"""


def read(folder: Path, table: str, encoding: str = "utf-8") -> files.Case:
    """The network of two stores with a table of demands beside it."""
    (folder / "net.yaml").write_text(NET)
    (folder / "demand.csv").write_text(table, encoding=encoding)
    found = nco.read(folder / "net.yaml")
    assert isinstance(found, files.Case)
    return found


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        ("Datum;north;south\n02.01.2023;4,5;6\n09.01.2023;5;7,25\n", "utf-8-sig"),
        ("Woche;north;south\n1;4,5;6\n2;5;7,25\n", "utf-16"),
        ("Stand,north,south\n2023-01-02,4.5,6\n2023-01-09,5,7.25\n", "utf-8"),
        ("Zeit\tnorth\tsouth\nKW 1\t4,5\t6\nKW 2\t5\t7,25\n", "cp1252"),
        ("sep=;\nwk;south;north\n2023-W01;6;4,5\n\n2023-W02;7,25;5\n", "utf-8"),
        (",north,south\n0,4.5,6\n1,5,7.25\n", "utf-8"),
    ],
)
def test_spreadsheets_of_demand_are_read(tmp_path: Path, table: str, encoding: str) -> None:
    """Semicolons, tabs, decimal commas, byte-order marks; a first column that says when."""
    found = read(tmp_path, table, encoding)
    assert found.history is not None
    assert found.history.tolist() == [[4.5, 6], [5, 7.25]]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("Datum;north\n02.01.2023;1.234\n09.01.2023;5\n", "demand.csv:2: history north 1.234: may"),
        ("Datum;north\n02.01.2023;4\n\n09.01.2023;x\n", "demand.csv:4: history north x: text"),
        ("Ort;north\nhere;4\nthere;5\n", "demand.csv: history Ort: a column of no node"),
        ("Datum\n02.01.2023\n09.01.2023\n", "demand.csv: history: has no column of a store"),
    ],
)
def test_what_a_spreadsheet_leaves_open_is_told(tmp_path: Path, table: str, sentence: str) -> None:
    """Thousands or decimals, text, a first column that is no time."""
    with pytest.raises(InstanceError) as caught:
        read(tmp_path, table)
    assert sentence in str(caught.value)


def test_dates_of_any_form_say_how_long_a_period_is(tmp_path: Path) -> None:
    """Two years of months by German dates, as a file and as a DataFrame, have a season of 12."""
    pandas = pytest.importorskip("pandas")
    rows = [(f"01.{1 + t % 12:02}.{2021 + t // 12}", 10 + t % 12, 5) for t in range(36)]
    text = "Datum;north;south\n" + "\n".join(";".join(map(str, row)) for row in rows)
    assert read(tmp_path, text).season == 12
    import yaml

    data: dict[str, Any] = yaml.safe_load(NET)
    frame = pandas.DataFrame(rows, columns=["Tag der Lieferung", "north", "south"])
    found = files.from_arrays({**data, "history": frame})
    assert found is not None
    assert found.season == 12
    frame["Tag der Lieferung"] = pandas.to_datetime(frame.iloc[:, 0], format="%d.%m.%Y")
    found = files.from_arrays({**data, "history": frame})
    assert found is not None
    assert found.season == 12


def test_a_rule_in_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """With semicolons, decimal commas and a byte-order mark; what is wrong has its line."""
    network = read(tmp_path, "week,north,south\n1,4,6\n2,5,7\n")
    path = tmp_path / "rule.csv"
    path.write_text("node;min;max\nnorth;4,5;12\nsouth;6;14,5\n", encoding="utf-8-sig")
    rule = versus.policy(network, str(path))
    assert rule["min"] == {"north": 4.5, "south": 6}
    assert rule["max"] == {"north": 12, "south": 14.5}
    path.write_text("node;min;max\nnorth;4,5;12\n\nsouth;6;much\n")
    with pytest.raises(InstanceError, match=r"rule\.csv:4: max much: text where a number belongs"):
        versus.policy(network, str(path))

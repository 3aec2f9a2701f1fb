"""Spoiled tables are refused in one line, or read as what they say; never a traceback."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nco import registry
from nco.core.errors import NCOError
from nco.registry import sources
from nco.tables import delimited

Grid = list[list[str]]

TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "cvrp": (
        "name;lat;lon;demand\nDepot;52,52;13,40;0\nA;52,50;13,45;3\nB;52,55;13,41;4\nC;52,48;13,3;6\n",
        {"capacity": 9},
    ),
    "tsp": ("name,x,y\nA,0,0\nB,3,1\nC,2,5\nD,7,4\n", {}),
    "atsp": (",A,B,C\nA,0,3,4\nB,3,0,5\nC,4,6,0\n", {}),
    "pairs": ("from,to,distance\nA,B,3\nB,C,4\nA,C,5.5\n", {}),
    "op": ("stop\tx\ty\tprize\ndepot\t0\t0\t0\nA\t1\t2\t5\nB\t2\t1\t4\n", {"limit": 5}),
    "knapsack": ("item,value,weight (kg)\nTent,60,3.5\nStove,30,1.2\nRope,20,2\n", {"capacity": 5}),
    "jssp": ("job,step,machine,minutes\na,1,saw,3\na,2,drill,2\nb,1,drill,4\nb,2,saw,1\n", {}),
    "fjsp": ("job,step,machine,minutes\na,1,saw,3\na,1,mill,2\nb,1,mill,4\nb,2,saw,1\n", {}),
    "ffsp": ("job,stage,machine,time\na,1,x,3\na,1,y,4\na,2,z,2\nb,1,x,3\nb,1,y,5\nb,2,z,1\n", {}),
    "omdcpdp": (
        "order,from x,from y,to x,to y\nA,0,0,1,1\nB,2,1,3,0\n",
        {"vehicles": "name,x,y\nAnn,0,1\nBob,2,2\n"},
    ),
    "hcvrp": (
        "name,x,y,demand\nDepot,0,0,0\nA,1,1,3\nB,2,1,4\n",
        {"vehicles": "name,capacity,count,speed\nVan,6,2,50\nBike,5,1,15\n"},
    ),
}
CELLS = [
    *("", " ", "0", "-1", "1e308", "1e999", "nan", "inf", "-0", "1.5", "1,5", "1.234", "12 kg"),
    *("=A1", "#REF!", "x", "A", "depot", "\u00e9\u4e2d\U0001f600", "'", '"', "''=1", "1;2", "1\t2"),
    *(
        "9" * 400,
        "a" * 5000,
        "True",
        "2024-01-02",
        "\x00",
        "\r",
        "\n",
        "\ufeff",
        "None",
        "1_000",
        "0x1",
    ),
    *("name", "demand", "99999999999999999999", "0.1", "\u0663", "+5", "--5", "5%"),
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"]


def cut(text: str) -> Grid:
    """A text as a grid of cells."""
    delimiter = next(mark for mark in ";\t," if mark in text)
    return [line.split(delimiter) for line in text.splitlines()]


def spoil(grid: Grid, draw: random.Random) -> Grid:
    """A grid with one thing wrong."""
    grid = [list(row) for row in grid]
    row, column = draw.randrange(len(grid)), draw.randrange(len(grid[0]))

    def cell() -> None:
        grid[row][min(column, len(grid[row]) - 1)] = draw.choice(CELLS)

    def drop_column() -> None:
        for cells in grid:
            del cells[min(column, len(cells) - 1)]

    def double_column() -> None:
        for cells in grid:
            cells.append(cells[min(column, len(cells) - 1)])

    def fill_column() -> None:
        text = draw.choice(CELLS)
        for cells in grid[1:]:
            cells[min(column, len(cells) - 1)] = text

    steps: list[Callable[[], Any]] = [
        *(cell, cell, cell, drop_column, double_column, fill_column),
        lambda: grid.pop(row),
        lambda: grid.append(list(grid[row])),
        lambda: grid.insert(0, [draw.choice(CELLS)]),
        lambda: grid[row].pop(),
        lambda: grid[row].append(draw.choice(CELLS)),
        lambda: draw.shuffle(grid),
        lambda: grid.reverse(),
    ]
    draw.choice(steps)()
    return [row or [""] for row in grid] or [[""]]


def written(grid: Grid, draw: random.Random, folder: Path) -> Path:
    """The grid as a file in some encoding, quoted or not."""
    delimiter, quoted = draw.choice(";\t,,|"), draw.random() < 0.5
    end = draw.choice(["\n", "\r\n", "\r"])

    def text(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if quoted else cell

    data = end.join(delimiter.join(map(text, row)) for row in grid).encode(
        draw.choice(ENCODINGS), errors="replace"
    )
    if draw.random() < 0.1:
        data = data[: draw.randrange(len(data) + 1)]
    path = folder / "spoiled.csv"
    path.write_bytes(data)
    return path


def tried(path: Path, arguments: dict[str, Any], name: str | None) -> str:
    """Reads, constructs, makes a table and reads that; what was said, one line."""
    try:
        case = sources.read(path, name, arguments=arguments)
        found = case.construct()
        folder = registry.folder(case.problem)
        report = folder.check.check(case, found)
        table = folder.sheet.table(case, found)
        again = folder.reads_tables.read_solution(table, case)  # type: ignore[union-attr]
        assert folder.check.check(case, again).cost == report.cost
    except NCOError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", TABLES)
def test_spoiled_tables_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Cells, columns, rows, delimiters and encodings are spoiled at random, several at once."""
    draw = random.Random(name)
    text, stated = TABLES[name]
    problem = None if name == "pairs" else name
    said = []
    for trial in range(120):
        grid, arguments = cut(text), dict(stated)
        for _ in range(draw.choice([1, 1, 2, 3])):
            grid = spoil(grid, draw)
        if "vehicles" in stated:
            fleet = tmp_path / "fleet.csv"
            cells = cut(stated["vehicles"])
            cells = spoil(cells, draw) if draw.random() < 0.5 else cells
            fleet.write_text("\n".join(",".join(row) for row in cells), errors="replace")
            arguments["vehicles"] = str(fleet)
        path = written(grid, draw, tmp_path)
        said.append(tried(path, arguments, problem if trial % 2 else None))
    assert any(said)
    assert not all(said)
    assert not [message for message in said if "\n" in message or len(message) > 1500]


def test_bytes_that_are_no_table_are_refused(tmp_path: Path) -> None:
    """Random bytes under every ending of a table are one line."""
    draw = random.Random(5)
    for suffix in (".csv", ".tsv", ".xlsx", ".xls", ".ods"):
        for _ in range(20):
            path = tmp_path / f"bytes{suffix}"
            path.write_bytes(draw.choice([b"", b"PK\x03\x04"]) + draw.randbytes(draw.randrange(99)))
            message = tried(path, {}, None)
            assert message
            assert "\n" not in message


@pytest.mark.parametrize("name", TABLES)
def test_spoiled_plans_are_judged_or_refused(name: str, tmp_path: Path) -> None:
    """A table of a solution with something wrong is a report or one line."""
    draw = random.Random(name)
    text, arguments = TABLES[name]
    (tmp_path / "case.csv").write_text(text)
    if "vehicles" in arguments:
        (tmp_path / "fleet.csv").write_text(arguments["vehicles"])
        arguments = {"vehicles": str(tmp_path / "fleet.csv")}
    case = sources.read(tmp_path / "case.csv", arguments=arguments)
    table = registry.folder(case.problem).sheet.table(case, case.construct())
    good = cut(delimited.written(table))
    lines = []
    for _ in range(80):
        path = written(spoil(spoil(good, draw), draw), draw, tmp_path)
        try:
            lines += sources.check(case, path).violations[:0]
        except NCOError as error:
            lines.append(str(error))
    assert lines
    assert not [line for line in lines if "\n" in line or str(tmp_path) not in line]

"""A solution is written as the ending of the file's name says, or refused."""

import json
from pathlib import Path

import pytest

import nco
from nco.cli import main
from nco.core.errors import NCOError
from nco.registry.folders import Folder
from nco.solving import tabular


@pytest.fixture(scope="module")
def solution() -> nco.Solution:
    """Routes between latitudes and longitudes."""
    found: nco.Solution = nco.solve("example:customers.csv", capacity=40, model="none")
    return found


def test_endings_say_the_form(solution: nco.Solution, tmp_path: Path) -> None:
    """Everything, a table, a map, the public form."""
    for ending, begin in ((".JSON", "{"), (".csv", "\ufeffroute,order"), (".sol", "Route #1:")):
        solution.save(tmp_path / f"x{ending}")
        assert (tmp_path / f"x{ending}").read_text(encoding="utf-8").startswith(begin)
    rows = json.loads((tmp_path / "x.JSON").read_text())["table"]
    assert rows[1]["name"] == solution.case.called("stops", solution.routes[0][0])
    solution.save(tmp_path / "x.geojson")
    data = json.loads((tmp_path / "x.geojson").read_text())
    kinds = [feature["geometry"]["type"] for feature in data["features"]]
    assert kinds.count("LineString") == len(solution.routes)
    lengths = [one["properties"]["distance"] for one in data["features"][: len(solution.routes)]]
    assert sum(lengths) == pytest.approx(solution.cost)


@pytest.mark.parametrize("name", ["x.pdf", "x.xls"])
def test_other_endings_are_refused_before_anything_is_solved(
    name: str, solution: nco.Solution, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that lists those that there are, and no file is written."""
    with pytest.raises(NCOError, match=r"the endings are \.json, \.csv, \.tsv, \.xlsx, \.geojson"):
        solution.save(tmp_path / name)
    assert not (tmp_path / name).exists()
    with pytest.raises(SystemExit):
        main(["solve", "missing.tsp", "--save", str(tmp_path / name)])
    error = capsys.readouterr().err
    assert "no form of a solution" in error
    assert "missing.tsp" not in error


def test_a_map_needs_degrees_and_a_table_a_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is one line."""
    plane = nco.solve([[0, 0], [3, 1], [2, 5]], model="none")
    with pytest.raises(NCOError, match="a map needs stops with latitude and longitude"):
        plane.save(tmp_path / "x.geojson")
    assert plane.table().columns.tolist() == ["order", "stop", "name", "distance", "x", "y"]
    online = nco.read("example:secretary.yaml")
    monkeypatch.setattr(Folder, "has", lambda folder, part: False)
    with pytest.raises(NCOError, match=r"exo has no sheet.py: its solutions are no tables"):
        tabular.table_of(online, [])


def test_the_command_reads_checks_and_shows_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns by the user's word, a saved plan, and its check."""
    table, plan = tmp_path / "c.csv", tmp_path / "plan.csv"
    table.write_text("who;east;north;n\nDepot;0;0;0\nMill;3;4;2\nFarm;6;8;2\n")
    flags = ["--columns", "name=who,demand=n", "--capacity", "4"]
    with pytest.raises(SystemExit) as ended:
        main(["solve", str(table), "--model", "none", "--save", str(plan), *flags])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "note: customers: reads who as name, n as demand, east as x, north as y" in out
    assert "route 1: Depot, Farm, Mill, Depot" in out or "Depot, Mill, Farm, Depot" in out
    with pytest.raises(SystemExit) as ended:
        main(["check", str(table), str(plan), *flags])
    assert ended.value.code == 0
    assert "feasible, objective 20" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["solve", str(table), "--columns", "demand"])
    assert ended.value.code == 2
    assert "NAME=HEADER,NAME=HEADER, not demand" in capsys.readouterr().err


def test_solutions_are_read_by_names_where_there_are_no_numbers(tmp_path: Path) -> None:
    """A plan that a person wrote; unknown and doubled names are named."""
    table, plan = tmp_path / "c.csv", tmp_path / "plan.csv"
    table.write_text("name,x,y,demand\nDepot,0,0,0\nMill,3,4,2\nFarm,6,8,2\nFarm,6,0,1\n")
    case = nco.read(table, arguments={"capacity": 9})
    plan.write_text("tour,name\nblue,Mill\nblue,Farm\n")
    with pytest.raises(NCOError, match=r"plan.csv:3: name Farm: several stops are called so"):
        nco.check(case, plan)
    plan.write_text("tour,seq,name\nblue,2,Depot\nblue,1,Mill\n")
    assert nco.check(case, plan).cost == 10
    plan.write_text("tour,name\nblue,Mull\n")
    with pytest.raises(NCOError, match=r"plan.csv:2: name Mull: no stop is called so"):
        nco.check(case, plan)

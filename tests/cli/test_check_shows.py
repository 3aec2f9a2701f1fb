"""`nco check` shows what a solution holds, in the problem's own words, units and bound."""

from pathlib import Path
from typing import Any

import pytest

import nco
from nco import cli, registry
from nco.cli import outputs
from nco.core import words
from nco.core.seeds import generator
from nco.solving import picture, tabular

CUSTOMERS = "name,lat,lon,demand\nDepot,52.0,5.0,0\nMill,52.1,5.0,3\nFarm,52.0,5.2,2.5\n"


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, list[str], str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    said = capsys.readouterr()
    lines = [line for line in said.out.splitlines() if not line.startswith("  note: ")]
    return int(stop.value.code or 0), lines, said.err


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_routes_have_loads_lengths_units_and_a_bound(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    """Kilometres between degrees; the figures are those of the checker and of the file."""
    file = written(tmp_path, "c.csv", CUSTOMERS)
    plan = written(tmp_path, "plan.json", "[[1], [2]]")
    code, out, _ = run(capsys, "check", file, plan, "--capacity", "6")
    report = nco.check(nco.read(file, arguments={"capacity": 6}), [[1], [2]])
    assert code == 0
    assert out[0] == f"feasible, objective {words.number(report.cost)} km"
    assert "lower bound" in out[1]
    assert "% lower" in out[1]
    assert out[2] == "  route 1 (load 3 of 6, 22.239 km): Depot, Mill, Depot"
    assert out[3].startswith("  route 2 (load 2.5 of 6, 27.38")
    assert len(out) == 4


def test_a_plan_that_breaks_a_rule_is_shown_all_the_same(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    """The load that is too large, without a bound; a customer that does not exist is not shown."""
    file = written(tmp_path, "c.csv", CUSTOMERS)
    plan = written(tmp_path, "plan.json", "[[1, 2]]")
    code, out, _ = run(capsys, "check", file, plan, "--capacity", "5")
    assert code == 1
    assert out[0].startswith("INFEASIBLE, objective")
    assert out[1] == "  route 1 carries 5.5, above the capacity 5"
    assert "load 5.5 of 5" in out[2]
    plan = written(tmp_path, "plan.json", "[[1, 7]]")
    code, out, _ = run(capsys, "check", file, plan, "--capacity", "5")
    assert (code, out[0]) == (1, "INFEASIBLE, objective unknown")
    assert not any("route 1 (" in line for line in out)


def test_machines_have_their_work_in_the_tables_unit(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    """Of a job shop whose header says minutes, in the order of time."""
    rows = "job,machine,time (min)\nA,saw,3\nA,drill,2\nB,drill,4\nB,saw,1\n"
    file = written(tmp_path, "shop.csv", rows)
    plan = written(tmp_path, "plan.json", "[[0, 4], [0, 4]]")
    code, out, _ = run(capsys, "check", file, plan)
    assert (code, out[0]) == (0, "feasible, objective 6 minutes")
    assert "the optimum is 6 minutes, too" in out[1]
    assert out[2:] == [
        "  machine saw (busy 4 minutes): A 0-3, B 4-5",
        "  machine drill (busy 6 minutes): B 0-4, A 4-6",
    ]


def solved(name: str) -> tuple[Any, Any]:
    """A small case of a problem, with the plan of its construction."""
    if registry.folder(name).is_online:
        kind: Any = registry.folder(name).problem_class()
        path = {"exo": "airline.yaml", "netflow": "1F2S.yaml", "packing": "bins.yaml"}
        path |= {"rebalancing": "fleet.json", "inventory": "six_stores.yaml"}
        case = nco.read(f"example:{path.get(name, name)}")
        case = kind.cases(kind.traces(case, 1, generator(1, "check")))[0]
    else:
        kind = registry.folder(name).problem_class()
        made = kind.generate(1, generator(1, "check"))
        case = kind.cases(made)[0]
    return case, case.numbered(case.construct())


@pytest.mark.parametrize("name", registry.names())
def test_every_problem_says_what_a_plan_holds(name: str) -> None:
    """From its own table: at most thirty lines and a count, and a full table to save."""
    from nco.solving.checking import examine

    case, plan = solved(name)
    checked = examine(case, plan)
    lines = tabular.plan_lines(checked)
    table = tabular.table_of(case, plan)
    assert bool(lines) == bool(table.rows)
    assert len(lines) <= 31
    assert all(line.strip() and "None" not in line for line in lines)
    assert checked.cost == nco.check(case, plan).cost


def test_a_checked_plan_is_drawn_and_saved(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are named on stderr, and a slow picture before it is there."""
    file = written(tmp_path, "c.csv", CUSTOMERS)
    plan = written(tmp_path, "plan.json", "[[1], [2]]")
    table, page = tmp_path / "plan.csv", tmp_path / "plan.html"
    monkeypatch.setattr(outputs, "PATIENCE", 0.0)
    options = ["--capacity", "6", "--save", str(table), "--plot", str(page)]
    code, _, err = run(capsys, "check", file, plan, *options)
    assert code == 0
    assert table.read_text(encoding="utf-8-sig").splitlines()[2].startswith("1,1,1,Mill,3")
    assert page.read_text().startswith("<!doctype html>")
    assert f"nco: drawing {page} ..." in err
    assert f"nco: wrote {page} (" in err
    assert f"nco: wrote {table} (" in err


def test_a_quick_picture_is_not_announced(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that it was written."""
    file = written(tmp_path, "c.csv", CUSTOMERS)
    plan = written(tmp_path, "plan.json", "[[1], [2]]")
    monkeypatch.setattr(picture, "written", lambda *_: b"picture")
    monkeypatch.setattr(outputs, "PATIENCE", 60.0)
    target = tmp_path / "x.png"
    options = ["--capacity", "6", "--plot", str(target)]
    assert run(capsys, "check", file, plan, *options)[2] == f"nco: wrote {target} (7 bytes)\n"


@pytest.mark.parametrize(
    ("file", "ending", "message"),
    [
        ("example:1F2S.yaml", "csv", "a policy of netflow is no table: save .json"),
        ("example:fleet.json", "xlsx", "a policy of rebalancing is no table"),
        ("example:airline.yaml", "tsv", "a policy of exo is no table"),
        ("example:bins.yaml", "csv", "a policy of packing is no table"),
        ("example:six_stores.yaml", "geojson", "a policy of inventory is no map"),
        ("example:random100.vrp", "geojson", "a map needs stops with latitude and longitude"),
    ],
)
def test_a_form_that_an_answer_will_not_have_is_refused_before_the_solve(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    ending: str,
    message: str,
) -> None:
    """In one line, and nothing is solved."""
    monkeypatch.setattr(nco, "solve", lambda *_, **__: pytest.fail("it was solved"))
    code, _, err = run(capsys, "solve", file, "--save", str(tmp_path / f"x.{ending}"))
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (175.3812, 0.19, "175.38 ±0.19"),
        (2384.52, 2.3, "2,384.5 ±2.3"),
        (0.1234567, 0.0012, "0.1235 ±0.0012"),
        (5.0, 0.0, "5 ±0"),
    ],
)
def test_a_mean_has_the_digits_of_its_error(value: float, error: float, text: str) -> None:
    """One more than the error's first."""
    from nco.solving import phrases

    assert phrases.figure(value, None, error) == text


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (90.0, "lower bound 90 (tree): the optimum is at most 10.00 % lower"),
        (99.995, "lower bound 99.995 (tree): the optimum is less than 0.01 % lower"),
        (100.0, "lower bound 100 (tree): the optimum is 100, too"),
    ],
)
def test_a_bound_says_how_far_the_optimum_may_be(bound: float, words: str) -> None:
    """Nothing is called 0.00 %."""
    from nco.solving import phrases

    assert phrases.certificate(bound, "tree", 100.0, False, None).strip() == words

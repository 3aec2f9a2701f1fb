"""The scripts in `benchmarks/` stay usable as the package around them changes."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if "def main" in path.read_text())


def imported(path: Path):
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_how_it_is_used(path, monkeypatch, capsys) -> None:
    """Each has a help text and ends well after it."""
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    with pytest.raises(SystemExit) as ended:
        imported(path).main()
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.long
def test_a_table_of_files_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys) -> None:
    """Rows that are there are not measured again."""
    folder, output = tmp_path / "shops", tmp_path / "table.csv"
    (folder / "below").mkdir(parents=True)
    for name in ("a", "below/b"):  # the list may name a folder below or not
        (folder / f"{name}.txt").write_text("2 2\n0 3 1 2\n1 2 0 4\n")
    known = "name,n,best_known,optimal\na,4,7,True\nb,4,7,True\n"
    (folder / "best_known.csv").write_text(known)
    shop = imported(FOLDER / "shop.py")
    command = ["shop.py", "table", str(folder), "--limits", "0.2", "--solvers", "tabu,mwkr"]

    def run(*further: str) -> list[dict[str, str]]:
        monkeypatch.setattr(sys, "argv", [*command, "--output", str(output), *further])
        shop.main()
        with open(output, newline="") as file:
            return list(csv.DictReader(file))

    first = run("--only", "a")
    assert [(row["name"], row["gap_percent"]) for row in first] == [("a", "0.0")] * 2
    monkeypatch.setattr(shop, "measure", lambda contest: iter(()))  # as if killed at once
    assert run() == first
    monkeypatch.undo()
    again = run()
    assert again[:2] == first
    assert [row["name"] for row in again[2:]] == ["b", "b"]
    assert "tabu" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="names no file here that matches c"):
        run("--only", "c")


@pytest.mark.parametrize("name", ["tsp50", "cvrp50", "jssp6"])
def test_the_held_out_sets_of_the_objectives_can_be_read(name) -> None:
    """Instances, and the cost of the best that is known of each."""
    setting = imported(FOLDER / "objectives.py").SETTINGS[name]
    instance, best = setting.held_out(setting.problem)
    assert len(best) == len(instance) >= 64
    assert bool((best > 0).all())


def test_products_of_a_pass_are_counted(monkeypatch) -> None:
    """A product and a sum are two; a pass of two instances has twice as many as one."""
    monkeypatch.syspath_prepend(FOLDER)
    passes = imported(FOLDER / "passes.py")
    assert passes.operations(lambda: torch.ones(2, 3) @ torch.ones(3, 4)) == 2 * 2 * 3 * 4
    with torch.inference_mode():
        one, two = (passes.operations(passes.pass_of("am-tsp", 20, count)) for count in (1, 2))
    assert two == pytest.approx(2 * one, rel=0.1)  # small products take other ways

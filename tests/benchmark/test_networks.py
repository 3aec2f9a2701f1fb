"""The script that measures what networks alone reach."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "networks.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`benchmarks/networks.py` as a module."""
    spec = importlib.util.spec_from_file_location("networks_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "networks_script", found)
    spec.loader.exec_module(found)
    return found


def test_a_gap_is_to_each_instances_own_reference(script: ModuleType) -> None:
    """Twice the best tour of all instances is 100 % above it; without a reference costs count."""
    instances = script.reference("bq-tsp", "tsp50")
    few = script.Set(instances.instance[:3], instances.best[:3])
    gaps, seconds = script.decoded("bq-tsp", few, lambda _: 2 * few.best)
    assert gaps == pytest.approx([100.0] * 3)
    assert seconds >= 0
    costs, _ = script.decoded("bq-tsp", script.Set(few.instance, None), lambda _: few.best)
    assert costs == pytest.approx(few.best.tolist())


def test_each_batch_has_its_own_references(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several batches, too."""
    monkeypatch.setattr(script, "BATCH", 2)
    instances = script.reference("bq-tsp", "tsp50")
    few = script.Set(instances.instance[:5], torch.arange(1.0, 6).double())
    known = iter([[1.0, 2.0], [3.0, 4.0], [5.0]])
    gaps, _ = script.decoded("bq-tsp", few, lambda _: torch.tensor(next(known)))
    assert gaps == pytest.approx([0.0] * 5)


def test_answers_that_there_are_not_are_counted(script: ModuleType) -> None:
    """They are in neither the mean nor the worst."""
    row = script.row_of("x", "costs", ([1.0, float("nan"), 3.0], 0.5))
    assert row == ["x", "3, 1 without an answer", "costs", "2.00 ± 1.00", "3.00", "0.50"]


def test_files_have_the_right_size_and_can_be_read(script: ModuleType, tmp_path: Path) -> None:
    """A file that fixes edges, one that is not there, and those of other sizes are left out."""
    rows = ["name,n,best_known", "a,10,5", "b,200,7.5", "c,300,1", "linhp318,318,2", "d,301,1"]
    (tmp_path / "best_known.csv").write_text("\n".join(rows))
    for name in ("a", "b", "linhp318", "d"):
        (tmp_path / f"{name}.tsp").touch()
    assert script.files(tmp_path, ".tsp", 200, 400) == [
        (str(tmp_path / "b.tsp"), 7.5),
        (str(tmp_path / "d.tsp"), 1.0),
    ]


def test_a_greedy_path_is_no_better_than_the_best_that_is_known(script: ModuleType) -> None:
    """The costs that a decoder counts are in the units of the references."""
    instances = script.reference("bq-tsp", "tsp50")
    few = script.Set(instances.instance[:2], instances.best[:2])
    gaps, _ = script.decoded("bq-tsp", few, script.beam(1))
    assert all(-0.01 < gap < 15 for gap in gaps)


def test_rows_that_are_there_are_not_measured_again(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was interrupted goes on with the next figure."""
    counted: list[str] = []

    def figure(name: str) -> tuple:
        def measure() -> tuple[list[float], float]:
            counted.append(name)
            return [1.0, 3.0], 0.5

        return name, "costs", measure

    (tmp_path / "neural").mkdir()
    output = tmp_path / "networks.json"
    argv = ["networks.py", str(tmp_path), "--output", str(output), "--machine", "a processor"]
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(script, "figures", lambda folder: [figure("one")])
    script.main()
    monkeypatch.setattr(script, "figures", lambda folder: [figure("one"), figure("two")])
    script.main()
    assert counted == ["one", "two"]
    result = json.loads(output.read_text())
    assert [row[0] for row in result["rows"]] == ["one", "two"]
    assert result["rows"][0] == ["one", "2", "costs", "2.00 ± 1.00", "3.00", "0.50"]


def test_a_folder_without_sets_is_refused_in_a_line(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the folder and what it lacks, before anything is measured."""
    argv = ["networks.py", str(tmp_path), "--output", str(tmp_path / "x"), "--machine", "m"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit, match="no folder of published sets, as it has no neural/"):
        script.main()

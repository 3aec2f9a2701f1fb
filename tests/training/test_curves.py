"""The curves in a run's folder, and runs side by side."""

import csv
from pathlib import Path

import pytest
from training_runs import fit

from nco import cli
from nco.core.errors import InstanceError, NCOError
from nco.training import comparison
from nco.training.curve import Curve, smoothed

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_leaves_its_curve(config: Path) -> None:
    """As CSV with losses, gaps and standard errors by step and second, and as a picture."""
    fit(config, "x", "--trainer.max_steps", "6")
    with open("x/curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(float(row["train/loss"]) > 0 for row in rows)
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    validated = [int(row["step"]) for row in rows if row["val/tours/gap"]]
    assert validated == [4, 6]  # at an epoch's end, and at the last step, in mid-epoch
    assert all(float(rows[step - 1]["val/tours/gap_standard_error"]) > 0 for step in validated)
    assert Path("x/curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_a_resumed_run_goes_on_with_its_curve(config: Path) -> None:
    """Steps behind the checkpoint are kept once, and seconds count on."""
    fit(config, "x", "--trainer.max_steps", "3")
    fit(config, "x", "--ckpt_path", "last", "--trainer.max_steps", "5")
    curve = Curve.read(Path("x/curve.csv"))
    assert list(curve.rows) == [1, 2, 3, 4, 5]
    assert curve.rows[4]["seconds"] > curve.rows[3]["seconds"]


@pytest.mark.long
def test_runs_are_compared(config: Path, capsys: pytest.CaptureFixture) -> None:
    """A row for each with its last gap and error; picture and table are written."""
    fit(config, "runs/a", "--trainer.max_steps", "2")
    fit(config, "runs/b", "--trainer.max_steps", "4")
    capsys.readouterr()
    words = ["runs/a", "runs/b", "--plot", "c.png", "--save", "c.csv"]
    with pytest.raises(SystemExit) as stop:
        cli.main(["compare", *words])
    assert stop.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[1:]] == [
        ["a", "Imitation", "TSP", "2"],
        ["b", "Imitation", "TSP", "4"],
    ]
    assert " ± " in lines[1]
    assert Path("c.png").read_bytes().startswith(b"\x89PNG")
    with open("c.csv", newline="") as file:
        saved = list(csv.DictReader(file))
    gap = Curve.read(Path("runs/b/curve.csv")).rows[4]["val/tours/gap"]
    assert float(saved[1]["gap"]) == pytest.approx(gap)
    (best,) = comparison.read([Path("runs/a")], "tours/gap_first_start")
    assert best.metric == "tours/gap_first_start"
    with pytest.raises(NCOError, match=r"tsp50/gap: no run has it; there are tours/gap"):
        comparison.read([Path("runs/a")], "tsp50/gap")


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    """A folder without a curve, and a file that is none."""
    with pytest.raises(NCOError, match=r"no folder holds a run: none has the curve\.csv"):
        comparison.read([tmp_path])
    with pytest.raises(NCOError, match="there is no such folder"):
        comparison.read([tmp_path / "nowhere"])
    (tmp_path / "curve.csv").write_text("step,seconds\n1,x\n")
    with pytest.raises(InstanceError, match=r"curve\.csv: not the curve of a run"):
        comparison.read([tmp_path])


def test_smoothing_keeps_a_constant_and_the_length() -> None:
    """Each place is a mean of what came before it."""
    assert smoothed([2.0] * 50) == [2.0] * 50
    assert smoothed([0.0, 4.0], share=1.0) == [0.0, 2.0]


def test_folders_without_a_run_are_passed_over(tmp_path: Path) -> None:
    """As `runs/*` names Lightning's logs, too, and runs that were stopped in their first steps."""
    for name in ("logs", "run"):
        (tmp_path / name).mkdir()
    curve = Curve([{"step": 1, "train/cost": 4.0}, {"step": 2, "train/cost": 3.0}])
    curve.write(tmp_path / "run" / "curve.csv")
    (row,) = comparison.read([tmp_path / "logs", tmp_path / "run"])
    assert (row.run, row.train, curve.trained) == ("run", 3.0, "train/cost")
    (tmp_path / "logs" / "last.ckpt").touch()
    assert [row.run for row in comparison.read([tmp_path / "logs", tmp_path / "run"])] == ["run"]
    assert comparison.without_curve([tmp_path / "logs", tmp_path / "run"]) == [tmp_path / "logs"]
    with pytest.raises(NCOError, match="holds a checkpoint, but not"):
        comparison.read([tmp_path / "logs"])

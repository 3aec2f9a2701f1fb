"""Output paths are asked before anything runs, and what can be written is written."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import nco
from nco import cli
from nco.cli import outputs
from nco.core.errors import NCOError
from nco.solving import drawing
from nco.solving.solution import Solution

SQUARE = "example:capitals.tsp"


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--plot", "x.gif"), "--plot x.gif: pictures are written as html, png, svg"),
        (("--plot", "x"), "--plot x: pictures are written as"),
        (("--plot", "no/x.png"), "--plot no/x.png: there is no folder no"),
        (("--plot", "."), "--plot .: pictures are written as"),
        (
            ("--start", "no.json"),
            "--start no.json: no such file; it is a plan, such as --save writes",
        ),
        (("--save", "no/x.json"), "--save no/x.json: there is no folder no"),
        (("--save", "x.gif"), "x.gif: no form of a solution; the endings are .json"),
        (("--save", "made"), "--save made: is a folder"),
        (("--save", "mine.tsp"), "mine.tsp: is one of the files that are read"),
        (("--vehicles", "v.csv", "--save", "v.csv"), "v.csv: is one of the files that are read"),
        (("--distances", "v.csv", "--save", "v.csv"), "v.csv: is one of the files that are read"),
        (("--start", "v.csv", "--save", "v.csv"), "v.csv: is one of the files that are read"),
    ],
)
def test_solve_refuses_an_output_before_it_solves(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    """One line, and no second of the limit is spent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    (tmp_path / "mine.tsp").write_text("an instance")
    (tmp_path / "v.csv").touch()
    monkeypatch.setattr(nco, "solve", lambda *_, **__: pytest.fail("it was solved"))
    code, _, err = run(capsys, "solve", "mine.tsp", *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert (tmp_path / "mine.tsp").read_text() == "an instance"


def test_a_picture_that_fails_costs_no_solution(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The solution is written, one line names the picture, and the exit code is 2."""

    def broken(*_: object) -> None:
        raise RuntimeError("no fonts\nhere")

    monkeypatch.setattr(drawing, "draw", broken)
    plot, save = tmp_path / "x.png", tmp_path / "x.json"
    words = ("--model", "none", "--plot", str(plot), "--save", str(save))
    code, _, err = run(capsys, "solve", SQUARE, *words)
    assert code == 2
    assert "x.png: cannot be written (RuntimeError: no fonts here)" in err
    assert json.loads(save.read_text())["feasible"]
    assert not plot.exists()


def test_a_later_file_that_crashes_costs_no_solution(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was solved before it is written."""
    true = nco.solve

    def solve(file: str, **options: object) -> Solution:
        if file == "crash":
            raise RuntimeError("a defect")
        return true(file, **options)

    monkeypatch.setattr(nco, "solve", solve)
    save = tmp_path / "x.json"
    with pytest.raises(RuntimeError, match="a defect"):
        cli.main(
            [
                "solve",
                SQUARE,
                "crash",
                "--time_limit",
                "none",
                "--model",
                "none",
                "--save",
                str(save),
            ]
        )
    assert json.loads(save.read_text())["feasible"]


@pytest.mark.parametrize(
    "words",
    [
        ("benchmark", "--problem", "tsp", "--size", "5", "--output", "file"),
        ("generate", "--problem", "tsp", "--size", "5", "--output", "file"),
        (
            *("label", "--problem", "tsp", "--size", "5", "--instances", "1"),
            *("--solver", "ortools", "--output", "file"),
        ),
        ("models", "prune", "poppy-tsp", "file", "--reference", "tsp50"),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused_first(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """In one line that names the path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "file: cannot be made a folder (File exists)" in err
    assert len(err.splitlines()) == 1


def test_every_picture_format_can_be_written(tmp_path: Path) -> None:
    """The list is pages and matplotlib's, so nothing that is promised fails in the end."""
    assert set(outputs.PICTURES) - {"html"} <= set(Figure().canvas.get_supported_filetypes())
    for ending in outputs.PICTURES:
        outputs.picture("--plot", str(tmp_path / f"x.{ending.upper()}"))
    with pytest.raises(NCOError):
        outputs.picture("--plot", str(tmp_path / "x.gif"))

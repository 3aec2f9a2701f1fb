"""The `nco` command: exit codes, JSON lines, one-line errors, and Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nco import cli
from nco.problems.tsp import files

SQUARE = """NAME : square
TYPE : TSP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 0 10
3 10 10
4 10 0
EOF
"""


@pytest.fixture
def square(tmp_path: Path) -> str:
    path = tmp_path / "square.tsp"
    path.write_text(SQUARE)
    return str(path)


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_solve_prints_a_json_line_in_the_files_own_numbers(capsys, tiny, square):
    """Nodes count from one as in the file, and the gap is to the value given."""
    code, out, _ = run(
        capsys, "solve", square, "--model", tiny["tsp"], "--json", "--best_known", "32"
    )
    row = json.loads(out)
    assert code == 0
    assert sorted(row["solution"]) == [1, 2, 3, 4]
    assert row["cost"] == row["objective"] == 40
    assert row["gap_percent"] == 25.0
    assert row["file"] == square
    assert {"problem", "name", "n", "feasible", "violations", "status", "seed"} <= set(row)
    assert row["seconds"] >= row["setup_seconds"] >= 0


def test_a_bad_file_does_not_stop_the_others(capsys, tiny, square, tmp_path):
    """It has a line of its own, and the exit code is 2."""
    bad = tmp_path / "bad.tsp"
    bad.write_text(SQUARE.replace("10 10", "10 nan"))
    plot = tmp_path / "picture.png"
    options = ["--model", tiny["tsp"], "--time_limit", "none", "--json", "--plot", str(plot)]
    code, out, err = run(capsys, "solve", str(bad), square, *options)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [line["file"] for line in lines] == [str(bad), square]
    assert "bad.tsp:8" in lines[0]["error"]
    assert lines[1]["cost"] == 40
    said = [line for line in err.splitlines() if "wrote" not in line and "drawing" not in line]
    assert said == [f"nco: {lines[0]['error']}"]
    assert f"nco: wrote {plot}" in err
    assert plot.stat().st_size > 1000


def test_check_tells_a_good_tour_from_a_bad_one(capsys, square, tmp_path):
    """The exit code and the violations say which."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text("[1, 2, 3, 4]")
    bad.write_text("[1, 2, 2, 4]")
    assert run(capsys, "check", square, str(good))[0] == 0
    code, out, _ = run(capsys, "check", square, str(bad), "--json")
    assert code == 1
    assert json.loads(out)["feasible"] is False
    code, _, err = run(capsys, "check", square, str(tmp_path / "none.json"))
    assert code == 2
    assert "none.json" in err


def test_an_answer_that_breaks_a_rule_exits_with_one(capsys, tmp_path):
    """The file's limit on vehicles is not a construction's; a solver that began keeps to it."""
    path = tmp_path / "fleet.vrp"
    path.write_text(
        "NAME : fleet\nTYPE : CVRP\nDIMENSION : 6\nVEHICLES : 2\nCAPACITY : 10\n"
        "EDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n"
        "1 0 0\n2 10 0\n3 -10 0\n4 11 0\n5 -11 0\n6 0 30\n"
        "DEMAND_SECTION\n1 0\n2 3\n3 3\n4 5\n5 5\n6 4\nDEPOT_SECTION\n1\n-1\nEOF\n"
    )
    options = ["--model", "none", "--time_limit", "none", "--json"]
    code, out, _ = run(capsys, "solve", str(path), *options)
    row = json.loads(out)
    assert (code, row["status"]) == (1, "INFEASIBLE")
    for limit in ("1", "5", "25"):  # on a loaded machine the first may end before a solver began
        code, out, _ = run(
            capsys, "solve", str(path), *options[:2], "--time_limit", limit, "--json"
        )
        row = json.loads(out)
        if row["found_by"] != "construction":
            break
    assert (code, row["feasible"]) == (0, True)


@pytest.mark.parametrize("problem", ["tsp", "cvrp", "knapsack"])
def test_generated_files_are_solved(capsys, tiny, tmp_path, problem):
    """What `nco generate` writes, `nco solve` reads."""
    arguments = ["--problem", problem, "--size", "6", "--instances", "2", "--output", str(tmp_path)]
    _, out, _ = run(capsys, "generate", *arguments)
    paths = out.split()
    assert len(paths) == 2
    options = ["--model", tiny[problem], "--time_limit", "none", "--json"]
    code, out, _ = run(capsys, "solve", *paths, *options)
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert all(row["feasible"] and row["n"] == 6 and row["problem"] == problem for row in rows)


def test_models_lists_cards(capsys):
    """As a table and as JSON."""
    assert run(capsys, "models")[0] == 0
    assert isinstance(json.loads(run(capsys, "models", "--json")[1]), dict)


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve",),
        ("solve", "x.tsp", "--time_limit", "-1"),
        ("solve", "x.tsp", "--classical", "maybe"),
        ("nonsense",),
        ("label", "--problem", "tsp"),
    ],
)
def test_wrong_arguments_exit_with_two(capsys, arguments):
    """Before anything is solved."""
    assert run(capsys, *arguments)[0] == 2


@pytest.mark.usefixtures("interruptible")
def test_control_c_prints_the_best_so_far(tiny, tmp_path):
    """A signal to the process gives an answer that is feasible."""
    coords = np.random.default_rng(0).random((60, 2))
    path = tmp_path / "random.tsp"
    path.write_text(files.write(files.from_arrays(coords)))
    command = [sys.executable, "-m", "nco.cli", "solve", str(path), "--json"]
    command += ["--model", tiny["tsp"], "--time_limit", "60", "--classical", "false"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    row = json.loads(out)
    assert row["status"] == "INTERRUPTED"
    assert row["feasible"]
    assert process.returncode == 130


def test_a_best_known_below_the_bound_is_doubted(capsys, square):
    """The gap is said, and that nothing reaches the value."""
    code, out, _ = run(capsys, "solve", square, "--model", "none", "--best_known", "32")
    assert code == 0
    assert "gap to 32: 25.000 %, and by the bound nothing reaches 32" in out
    _, out, _ = run(capsys, "solve", square, "--model", "none", "--best_known", "40")
    assert "gap to 40: 0.000 %\n" in out

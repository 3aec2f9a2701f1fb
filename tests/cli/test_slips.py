"""Wrong commands of every kind: one line, exit code 2, and the right thing blamed."""

import json
from pathlib import Path

import pytest

from nco import cli


def run(capsys: pytest.CaptureFixture, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


@pytest.mark.long
@pytest.mark.parametrize(
    "file", ["example:inventory/serial_L1_p4.yaml", "example:exo/airline.yaml", "example:bins.yaml"]
)
def test_an_online_problem_without_networks_is_solved_by_rules(
    capsys: pytest.CaptureFixture, file: str
) -> None:
    """`--model none` means the same as elsewhere: no network takes part."""
    code, out, err = run(capsys, "solve", file, "--model", "none", "--traces", "20", "--json")
    assert (code, err) == (0, "")
    row = json.loads(out)
    assert row["status"] == "SIMULATED"
    assert not row["model"].startswith(("hdpo", "hindsight"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "gpu", "--model", "am-tsp"), "device gpu: torch has cpu"),
        (("--device", "cuda:99", "--model", "am-tsp"), "device cuda:99: torch has cpu"),
        (("--model", "bq-cvrp"), "model bq-cvrp is not one for tsp"),
        (("--model", "here.tsp"), "a file, but no checkpoint"),
        (("--model", "none.ckpt"), "model none.ckpt: no such checkpoint"),
        (("--problem", "cvrp"), "TYPE TSP: only the type CVRP is read here"),
    ],
)
def test_a_slip_of_solve(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    """Before anything is solved."""
    monkeypatch.chdir(str(tmp_path))
    with open("here.tsp", "w") as file:
        file.write(
            "NAME : a\nTYPE : TSP\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : EUC_2D\n"
            "NODE_COORD_SECTION\n1 0 0\n2 0 10\n3 10 10\nEOF\n"
        )
    code, _, err = run(capsys, "solve", "here.tsp", "--time_limit", "none", *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_device_that_is_not_there_ends_a_comparison_first(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    """Instead of a failure for every instance."""
    words = ("--problem", "tsp", "--size", "5", "--solvers", "nco-neural", "--device", "gpu")
    code, _, err = run(capsys, "benchmark", *words, "--output", f"{tmp_path}/b")
    assert code == 2
    assert "device gpu: torch has cpu" in err


def test_a_rule_is_no_label(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    """Said before a folder is claimed for a set that cannot be made."""
    words = ("--problem", "inventory", "--size", "3", "--instances", "2", "--solver", "base_stock")
    code, _, err = run(capsys, "label", *words, "--output", str(tmp_path / "l"))
    assert code == 2
    assert "base_stock gives a rule, not a plan for each instance" in err
    assert not (tmp_path / "l").exists()

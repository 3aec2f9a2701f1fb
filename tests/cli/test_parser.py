"""What the command says of itself, and of words that it does not know."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nco
from nco import cli
from nco.cli import doctor, parser


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_version(capsys: pytest.CaptureFixture) -> None:
    """The package's own."""
    assert run(capsys, "--version")[:2] == (0, f"nco {nco.__version__}\n")


@pytest.mark.parametrize("words", [(), ("solve",), ("benchmark",), ("compare",)])
def test_without_arguments_there_is_an_example(
    capsys: pytest.CaptureFixture, words: tuple[str, ...]
) -> None:
    """Beside the way to the options; the exit code is that of an error."""
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "examples:\n  nco " in err
    assert "--help" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sovle", "x.tsp"), "sovle: no such command; did you mean solve?"),
        (("bench",), "bench: no such command; did you mean benchmark?"),
        (("xyzzy",), "xyzzy: no such command; nco --help lists them"),
        (("example:capitals.tsp",), "did you mean nco solve example:capitals.tsp?"),
        (("solve", "x", "--time_limt", "5"), "--time_limt: no such option of nco solve; did you"),
        (("solve", "x", "--time-limit=5"), "did you mean --time_limit?"),
        (("check", "a", "b", "c"), "c: no such argument of nco check"),
        (
            ("solve", "x", "--time_limit", "soon"),
            "--time_limit: must be a positive number of seconds",
        ),
        (("generate", "--problem", "tps", "--size", "5", "--output", "o"), "did you mean tsp?"),
        (
            ("solve", "example:capitals.tsp", "--time_limit", "1", "--model", "am-tps"),
            "did you mean am-tsp?",
        ),
        (
            (
                "benchmark",
                "--problem",
                "tsp",
                "--size",
                "5",
                "--output",
                "o",
                "--solvers",
                "ortool",
            ),
            "unknown solver ortool; did you mean ortools?",
        ),
        (("fti", "--config", "x"), "fti: no such command; did you mean fit?"),
    ],
)
def test_a_slip_is_answered_in_one_line(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    """With what may have been meant."""
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *words)
    assert code == 2
    assert message in err
    assert err.startswith("nco: ")
    assert len(err.splitlines()) == 1


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture) -> None:
    """Every command is listed."""
    code, out, _ = run(capsys, "--help")
    assert code == 0
    names = [command.__name__.rpartition(".")[2] for command in parser.COMMANDS] + ["completion"]
    lines = [line.strip() for line in out.splitlines()]
    for name in names:
        word = "models prune" if name == "prune" else name
        assert any(line == word or line.startswith(f"{word}  ") for line in lines), name
    assert "exit codes:" in out
    assert "examples:" in out


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_commands_and_options(capsys: pytest.CaptureFixture, shell: str) -> None:
    """The script is for the shell's own eyes, so bash itself says whether it can be read."""
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "--time_limit" in out
    assert "benchmark" in out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=out, text=True, check=True)


def test_doctor_names_what_is_missing(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that adds it; what is optional is no error."""
    monkeypatch.setitem(
        doctor.OPTIONAL, "solvers", (("no-such-package", "no_such_module", "tests"),)
    )
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    assert "no-such-package: not installed, for tests: pip install 'nco-solver[solvers]'" in out
    assert "cvrp sisr" in out
    monkeypatch.setattr(doctor, "NEEDED", ("no_such_module",))
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "! no_such_module: ModuleNotFoundError" in out


def test_the_command_loads_nothing_heavy() -> None:
    """Whatever commands there are, one starts without torch, matplotlib, numpy and the like."""
    code = "import sys, nco.cli; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"torch", "numpy", "matplotlib", "yaml", "lightning", "importlib.metadata", "csv"}
    assert not heavy & set(found)


def test_modules_of_ones_own_are_named_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the present folder, too; one that is not there is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NCO_IMPORT", "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("own_networks.py").touch()
    code, _, err = run(capsys, "solve", "a.tsp", "--import", "nowhere_at_all")
    assert code == 2
    assert "nowhere_at_all: no such module here or on the path" in err
    run(capsys, "solve", "a.tsp", "--import=own_networks", "--import", "json")
    assert os.environ["NCO_IMPORT"] == "own_networks,json"

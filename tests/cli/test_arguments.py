"""What may be given on the command line, and what is refused before anything is done."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nco import cli
from nco.cli import arguments
from nco.core.errors import NCOError
from nco.labels.recipe import Recipe
from nco.registry import sources

FINE: list[tuple[Callable[[str], Any], str, Any]] = [
    (arguments.size, "20", 20),
    (arguments.size, "20-50", [20, 50]),
    (arguments.size, "7-7", [7, 7]),
    (arguments.count, "1", 1),
    (arguments.count, "0100", 100),
    (arguments.truth, "TRUE", True),
    (arguments.truth, "false", False),
    (arguments.seconds, "0.5", 0.5),
    (arguments.names, " a, b ,,c", ["a", "b", "c"]),
    (arguments.numbers, "1, 2", [1, 2]),
    (arguments.limits, "0.1,default,5", [0.1, None, 5.0]),
    (arguments.mapping, "{size: 50, more: [1]}", {"size": 50, "more": [1]}),
]
WRONG: list[tuple[Callable[[str], Any], str]] = [
    *((arguments.size, text) for text in ("0", "-5", "10-", "-", "10-5", "0-5", "1-2-3", "x", "")),
    *((arguments.count, text) for text in ("0", "-1", "1.0", "x", "", "1_000")),
    *((arguments.numbers, text) for text in ("0", "-1")),
    *((arguments.truth, text) for text in ("yes", "1", "")),
    *((arguments.seconds, text) for text in ("0", "-1", "nan")),
    *((arguments.limits, text) for text in ("0.1,soon", "0", "-1")),
    *((arguments.mapping, text) for text in ("50", "[1]", "{a: ", "")),
]


@pytest.mark.parametrize(("read", "text", "value"), FINE)
def test_arguments_are_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    """Each into the type that the command works with."""
    assert read(text) == value
    assert type(read(text)) is type(value)


@pytest.mark.parametrize(("read", "text"), WRONG)
def test_other_arguments_are_refused(read: Callable[[str], Any], text: str) -> None:
    """In a sentence that repeats what was given."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"not ") as caught:
        read(text)
    assert str(caught.value).endswith(f"not {text}")


def ended(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, str, str]:
    """The exit code of ``nco``, and what it printed."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(given))
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["generate", "--problem", "tsp", "--size", "0"], "a size from 1 on, or LOW-HIGH, not 0"),
        (["generate", "--problem", "tsp", "--size", "9-5"], "LOW-HIGH, not 9-5"),
        (
            ["generate", "--problem", "tsp", "--size", "5", "--instances", "0"],
            "a whole number from 1 on, not 0",
        ),
        (
            ["label", "--solver", "oropt", "--instances", "-3"],
            "--instances: a whole number from 1 on, not -3",
        ),
        (["label", "--solver", "oropt", "--workers", "0"], "--workers: a whole number from 1 on"),
        (["label", "--solver", "oropt", "--chunk", "0"], "--chunk: a whole number from 1 on"),
        (
            ["generate", "--problem", "tps", "--size", "5"],
            "unknown problem tps; did you mean tsp? there are atsp",
        ),
    ],
)
def test_nothing_is_made_of_wrong_numbers(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, the last line says why, and no folder is there."""
    output = tmp_path / "made"
    code, _, said = ended(capsys, *given, "--output", str(output))
    assert code == 2
    assert message in said.splitlines()[-1]
    assert not output.exists()


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one that is a file."""
    path = tmp_path / "file"
    path.write_text("")
    given = ["--problem", "tsp", "--size", "5", "--instances", "1", "--output", str(path)]
    for command in (["generate"], ["label", "--solver", "oropt"]):
        code, _, said = ended(capsys, *command, *given)
        assert code == 2
        last = said.replace("\r", "\n").splitlines()[-1]  # after the bar of progress
        assert last == f"nco: --output {path}: cannot be made a folder (File exists)"


@pytest.mark.parametrize("problem", ["ffsp", "packing", "omdcpdp", "inventory"])
def test_generated_files_are_recognised_and_the_same_again(
    problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal seeds write equal files; another seed has another name and other numbers."""
    texts = []
    for folder, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        given = ["--problem", problem, "--size", "3", "--seed", seed]
        code, out, _ = ended(capsys, "generate", *given, "--output", str(tmp_path / folder))
        assert code == 0
        path = Path(out.strip())
        assert path.stem == f"{problem}-{seed}-0"
        assert sources.read(path).problem == problem
        texts.append(path.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_examples_are_listed_with_their_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line names one that can be read by that name."""
    code, out, _ = ended(capsys, "examples", "--all", "--paths")
    assert code == 0
    rows = [line.strip().split("  ") for line in out.splitlines() if line.startswith(" ")]
    assert len(rows) == len({name for name, _ in rows}) > 50
    assert all(Path(path).is_file() for _, path in rows)


def test_examples_are_grouped_by_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """A few of each; the many settings of inventories only where they are asked for."""
    out = ended(capsys, "examples")[1]
    assert len(out.splitlines()) < 40
    assert "\ntsp\n  example:tsp/capitals.tsp\n" in out
    assert re.search(r"\d\d\d in all: nco examples inventory --all", out)
    only = ended(capsys, "examples", "knapsack")[1]
    assert only.splitlines()[:2] == ["knapsack", "  example:knapsack/items.txt"]
    code, _, err = ended(capsys, "examples", "knapsak")
    assert (code, err.count("did you mean knapsack?")) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances": 0}, "instances: at least one, not 0"),
        ({"chunk": 0}, "chunk: at least one instance, not 0"),
        ({"size": None}, "size is missing: labels need problem, size and instances"),
        ({"instances": None}, "instances is missing: labels need"),
        ({"problem": "nope"}, "unknown problem nope"),
        ({"size": 0}, "TSP with size 0, problem_args {}: size must be a number >= 1"),
        ({"problem_args": {"colour": 1}}, "TSP with size 5, problem_args {'colour': 1}: "),
        ({"moments": 3}, "moments: a positive number of states, together with after"),
        ({"moments": 0, "after": "bq-tsp"}, "moments: a positive number of states"),
        ({"solver": "model:bq-tsp", "time_limit": 1.0}, "time_limit: a model's labels are"),
        ({"improve": "x", "after": "bq-tsp"}, "after: starts from new instances"),
        ({"improve": "x"}, "improve: needs a solver model:NAME, not oropt"),
        ({"improve": "x", "solver": "model:bq-tsp"}, "problem: the instances are those of x"),
    ],
)
def test_recipes_that_contradict_themselves(changes: dict[str, Any], message: str) -> None:
    """In a config as on the command line: one line that names the option."""
    plain: dict[str, Any] = {"problem": "tsp", "size": 5, "instances": 3}
    with pytest.raises(NCOError) as caught:
        Recipe("folder", **({"solver": "oropt"} | plain | changes)).spec()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)

"""The page of results: figures of stored files, in one form, with where they come from."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "results.py"
RESULT: dict[str, Any] = {
    "title": "a comparison",
    "section": "Compare",
    "measure": "mean gap",
    "instances": "ten",
    "machine": "a laptop",
    "threads": "1",
    "date": "2026-01-02",
    "commit": "abc1234",
    "command": "make it",
    "columns": ["solver", "gap"],
    "rows": [["one", "1.0"], ["two", "2.0"]],
    "notes": ["A remark."],
    "brief": "Two solvers of ten instances.",
}
ABOUT = {
    "gaps_to": "the best",
    "arguments": {"files": None},
    "instances": {"problem": "tsp", "size": 100, "seed": None},
    "processor": "a processor",
    "cores": 2,
    "load_average": 0.5,
    "date": "2026-01-02T03:04:05",
    "versions": {"nco": "0.2.0", "torch": "2"},
}
HEADER = "problem,solver,time_limit,instances,mean_cost,gap_percent,standard_error,primal_integral"
TABLE = f"""{HEADER},points
tsp,nco,1,10,7.77777777777,0.123,0.004,1.2345,history final
tsp,best,,10,,,,,
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, whose stored results and page lie in a folder of the test."""
    spec = importlib.util.spec_from_file_location("results_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "PAGE", tmp_path / "generated" / "page.md")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "compared.json").write_text(json.dumps(RESULT))
    return module


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What `nco benchmark --output` writes."""
    folder = tmp_path / "two_solvers"
    folder.mkdir()
    (folder / "about.json").write_text(json.dumps(ABOUT))
    (folder / "table.csv").write_text(TABLE)
    return folder


def test_a_benchmark_is_taken_over_with_its_commit(script: ModuleType, output: Path) -> None:
    """Costs have seven digits, gaps their error; what is missing stays empty."""
    script.add(output)
    kept = script.RESULTS / "two_solvers"
    assert {path.name for path in kept.iterdir()} == {"about.json", "table.csv", "commit"}
    command = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(command, cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    stated = (kept / "commit").read_text().strip().removesuffix("-dirty")
    assert head.stdout.startswith(stated)
    result = script.read()["two_solvers"]
    assert result["rows"] == [
        ["tsp", "nco", "1", "10", "7.777778", "0.12 ± 0.00", "≤ 1.23"],
        ["tsp", "best", "", "10", "", "", ""],
    ]
    assert result["title"] == "two solvers"
    assert result["date"] == "2026-01-02"
    assert result["instances"] == "problem tsp, size 100"
    assert result["measure"].endswith("to the best")
    assert result["notes"] == ["Versions: nco 0.2.0, torch 2."]


def test_the_page_has_a_table_a_result(script: ModuleType, output: Path) -> None:
    """Under the title of its section, with a label to link to and all facts that are known."""
    script.add(output)
    lines = list(script.page(script.read()))
    titles = [line for line in lines if line.startswith("#")]
    assert titles == [
        "## Measured by `nco benchmark`",
        "### two solvers",
        "## Comparisons with other solvers",
        "### a comparison",
    ]
    assert "(result-compared)=" in lines
    assert "- **To measure again**: `make it`" in lines
    assert "- **Status**: " not in "".join(lines)
    place = lines.index("| solver | gap |")
    assert lines[place : place + 4] == [
        "| solver | gap |",
        "| --- | --- |",
        "| one | 1.0 |",
        "| two | 2.0 |",
    ]
    assert "A remark.\n" in lines


def test_a_text_between_two_marks_is_renewed(script: ModuleType) -> None:
    """Twice is as once, and what is around stays."""
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    renewed = script.between(text, "x", "new")
    assert renewed == "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"
    assert script.between(renewed, "x", "new") == renewed
    with pytest.raises(ValueError, match="unpack"):
        script.between(text, "y", "new")


def test_the_command_writes_the_page_and_renews_a_readme(
    script: ModuleType, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one call, from the names of the results that the README shows."""
    monkeypatch.setattr(script, "COMPARISON", "compared")
    monkeypatch.setattr(script, "PICTURED", "two_solvers")
    readme = tmp_path / "README.md"
    marks = [
        f"<!-- {name}: begin -->\n\n<!-- {name}: end -->" for name in ("comparison", "picture")
    ]
    readme.write_text("\n".join(["Title", *marks, "End"]))
    given = ["results.py", "--add", str(output), "--readme", str(readme)]
    monkeypatch.setattr(sys, "argv", given)
    script.main()
    assert "### two solvers" in script.PAGE.read_text()
    text = readme.read_text()
    assert "| one | 1.0 |" in text
    assert "Two solvers of ten instances." in text
    assert "Measured on: a processor, 2; load average 0.5, 2026-01-02." in text
    assert text.startswith("Title\n")
    assert text.endswith("\nEnd")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": None, "c": {"d": 2}}, "a 1, c d 2"),
        ([1, ["x", 2.5]], "1 x 2.5"),
        ("word", "word"),
        ({}, ""),
    ],
)
def test_nested_values_are_one_line(script: ModuleType, value: Any, text: str) -> None:
    """What is not known is left out."""
    assert script.plain(value) == text

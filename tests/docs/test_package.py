"""The page on problems: its class becomes a package that can be benchmarked."""

from pathlib import Path

import pages
import pytest
import torch

from nco import registry
from nco.cli import main
from nco.testing import check_problem


def test_the_package_of_the_page_is_benchmarked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands; its exact cases come back, and Smith's rule is never beaten."""
    monkeypatch.chdir(tmp_path)
    page = pages.DOCS / "extend" / "problem.md"
    package = pages.write_files(page, tmp_path)[0].parent
    (package / "rules.py").write_text(pages.blocks(page, "python")[0])
    (package.parent / "__init__.py").write_text("")
    outer = package.parent.rename(tmp_path / "paged")  # another test has a package `students`
    for path in outer.rglob("*.py"):
        path.write_text(path.read_text().replace("students.", "paged."))
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["benchmark", "--problem", "paged.completion", "--size", "8", "--instances", "2"]
    words += ["--solvers", "nco,smith", "--time_limits", "0.2", "--cold", "0", "--output", "out"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code in (0, None), capsys.readouterr().err
    problem = registry.folder("paged.completion").problem_class()
    assert "checker_flags_mutations" in check_problem(type(problem))
    instance = problem.generate(3, torch.Generator().manual_seed(1))
    again = problem.load(problem.cases(instance))
    assert torch.equal(again.time, instance.time)
    assert "smith" in (tmp_path / "out" / "table.csv").read_text()

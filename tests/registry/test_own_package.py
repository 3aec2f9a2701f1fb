"""A problem in a package outside of this installation: benchmarks know it by its full name."""

import importlib
from pathlib import Path

import pytest

from nco import registry
from nco.cli import main
from nco.core.errors import NCOError

PARTS = {
    "__init__.py": "",
    "mtsp/__init__.py": 'PROBLEM = "Mine"\n',
    "mtsp/problem.py": """
from dataclasses import fields
from nco.problems.tsp import TSP
from students.mtsp.case import Case

class Mine(TSP):
    def cases(self, instance):
        every = super().cases(instance)
        return [Case(**{f.name: getattr(case, f.name) for f in fields(case)}) for case in every]
""",
    "mtsp/case.py": """
from dataclasses import dataclass
from nco.problems.tsp import files

@dataclass(frozen=True, eq=False, kw_only=True)
class Case(files.Case):
    problem = "students.mtsp"
""",
    "mtsp/check.py": "from nco.problems.tsp.check import check\n",
    "mtsp/classical.py": """
from nco.registry.interface import Solver

def in_order(case, *, time_limit, seed, start=None):
    return case.construct()

def solvers():
    return {"in_order": Solver(in_order)}

def improvers():
    return []
""",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package ``students.mtsp``, with what a benchmark needs and no more."""
    for name, text in PARTS.items():
        path = tmp_path / "students" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_benchmark_of_ones_own_package(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generated instances, its own solver in a child process, and its own checker."""
    output = package / "out"
    command = ["benchmark", "--problem", "students.mtsp", "--size", "8", "--instances", "2"]
    command += ["--seed", "7", "--solvers", "in_order", "--time_limits", "1", "--cold", "0"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--output", str(output)])
    assert ended.value.code in (0, None), capsys.readouterr().err
    runs = (output / "runs.csv").read_text().splitlines()
    assert len(runs) == 3
    assert all("students.mtsp" in line and "in_order" in line for line in runs[1:])
    folder = registry.folder("students.mtsp")
    assert folder.name == "students.mtsp"
    assert registry.folder_of(folder.problem_class(size=5)).name == "students.mtsp"


def test_a_class_that_is_not_there_is_named(package: Path) -> None:
    """PROBLEM states a class that neither the package nor its problem.py has."""
    (package / "nobodys").mkdir()
    (package / "nobodys" / "__init__.py").write_text('PROBLEM = "Nobody"\n')
    (package / "nobodys" / "problem.py").write_text("")
    folder = registry.folder("nobodys")
    with pytest.raises(NCOError, match=r"PROBLEM states Nobody, which nobodys.problem does not"):
        _ = folder.problem_class


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("students.mtsp.Mine", "students.mtsp.Mine is a class, .*give the package"),
        ("students.mtps", "unknown problem students.mtps; there are atsp"),
        ("students", "it is no package whose __init__.py states PROBLEM"),
        ("json.decoder", "it is no package whose __init__.py states PROBLEM"),
        (".mtsp", "cannot be imported"),
        ("", "cannot be imported"),
    ],
)
def test_what_is_no_package_of_a_problem(
    package: Path, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that says what was found instead."""
    own = importlib.import_module("students.mtsp")
    monkeypatch.setattr(own, "Mine", registry.folder("students.mtsp").problem_class, raising=False)
    with pytest.raises(NCOError, match=reason) as caught:
        registry.folder(name)
    assert "\n" not in str(caught.value)

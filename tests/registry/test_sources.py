"""From what a user has to a case: files, examples, arrays; and solutions that are checked."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_inputs import ARRAYS

from nco import registry
from nco.core.errors import InstanceError, NCOError
from nco.core.problem import Problem
from nco.problems.tsp import TSP
from nco.registry import sources
from nco.registry.folders import Folder

SQUARE = ARRAYS["tsp"]


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_recognised_by_their_keys(name: str) -> None:
    """Every problem's, whether it is named or not; a case is itself."""
    case = sources.as_case(ARRAYS[name], name)
    assert case.problem == name
    assert sources.as_case(case) is case
    if name != "omdcpdp":
        assert sources.as_case(ARRAYS[name]).problem == name


@pytest.mark.parametrize("name", ARRAYS)
def test_files_are_recognised_by_their_text(name: str, tmp_path: Path) -> None:
    """What a problem writes is read as of that problem, whatever the file is called."""
    files = registry.folder(name).files
    path = tmp_path / "some.file"
    path.write_text(files.write(sources.as_case(ARRAYS[name], name)))
    case = sources.read(path)
    assert (case.problem, case.path) == (name, str(path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\t\n", "the file is empty"),
        (b"TYPE : TSP\0", "a binary file, not text"),
        (b"hello", "not recognised as a file of any problem (atsp, "),
    ],
)
def test_files_that_are_none(data: bytes, message: str, tmp_path: Path) -> None:
    """Empty, binary, or of nobody, always with the path."""
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InstanceError) as caught:
        sources.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing ones, folders, and those that are too large, before they are read."""
    for path, reason in ((tmp_path / "no", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InstanceError, match=f"cannot be read: {reason}"):
            sources.read(path)
    large = tmp_path / "large"
    large.write_text("TYPE : TSP")
    monkeypatch.setattr(sources, "LARGEST_FILE", 9)
    with pytest.raises(InstanceError, match="larger than a gigabyte"):
        sources.read(large)


def test_accents_of_old_files_are_read(tmp_path: Path) -> None:
    """Latin-1 where it is no UTF-8; a byte order mark is no part of the text."""
    text = registry.folder("tsp").files.write(sources.as_case(SQUARE))
    for encoding in ("latin-1", "utf-8-sig"):
        path = tmp_path / encoding
        path.write_bytes(text.replace("four", "Köln").encode(encoding))
        assert sources.read(path).name == "Köln"


def test_examples_have_a_long_and_a_short_name() -> None:
    """An unknown one is answered with those that there are."""
    full = sources.read("example:tsp/capitals.tsp")
    assert sources.read("example:capitals.tsp").name == full.name
    with pytest.raises(InstanceError, match=r"^example:none.tsp: no such examples; there are exam"):
        sources.read("example:none.tsp")


@pytest.mark.parametrize(
    ("source", "problem", "message"),
    [
        ({"colour": 1}, None, "source ['colour']: not the arrays of atsp, cvrp, "),
        ({"values": [1]}, "tsp", "source ['values']: not the arrays of tsp"),
        (7, None, "source int: not the arrays of "),
        ({"coords": SQUARE["coords"], "nmae": "x"}, "tsp", "nmae: no such key; the arrays of tsp"),
    ],
)
def test_what_is_nobodys(source: Any, problem: str | None, message: str) -> None:
    """Keys, or the type, are shown."""
    with pytest.raises(InstanceError) as caught:
        sources.as_case(source, problem)
    assert str(caught.value).startswith(message)


def test_arrays_of_two_problems_have_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names both."""
    real = registry.folder

    def folder(name: str) -> Any:
        files = SimpleNamespace(from_arrays=lambda data: SimpleNamespace(problem=name))
        return SimpleNamespace(files=files) if name in ("tsp", "op") else real(name)

    monkeypatch.setattr(registry, "folder", folder)
    with pytest.raises(InstanceError, match=r"may be op or tsp; name one with problem="):
        sources.as_case({"coords": []})


def test_solutions_of_every_form_are_checked(tmp_path: Path) -> None:
    """A list, a solution object, and a file, whose errors have its path and line."""
    case = sources.as_case(SQUARE)
    tour = [0, 1, 3, 2]
    path = tmp_path / "square.tour"
    path.write_text(registry.folder("tsp").files.write_solution(case, tour, 20.0))
    for solution in (tour, SimpleNamespace(solution=tour), path, str(path)):
        assert sources.check(case, solution).cost == 20
    path.write_text("TOUR_SECTION\n1\ntwo\n-1\n")
    with pytest.raises(InstanceError) as caught:
        sources.check(case, path)
    assert str(caught.value).startswith(f"{path}:3: ")


# ---- folders


def test_parts_that_a_folder_lacks_are_named() -> None:
    """Whoever asks beforehand imports nothing."""
    folder = registry.folder("exo")
    assert folder.has("files")
    assert not folder.has("decomposition")
    with pytest.raises(NCOError, match=r"^nco.problems.exo has no decomposition.py$"):
        _ = folder.decomposition
    alone = Folder("")
    assert not alone.has("files")
    with pytest.raises(NCOError, match=r"^a module without a package has no check.py$"):
        _ = alone.check


def test_solvers_are_found_by_name_or_module() -> None:
    """Those of the folder, and a user's own function; unknown ones are answered with the list."""
    folder = registry.folder("tsp")
    assert folder.solver("oropt").name == "oropt"
    assert folder.solver("child_solvers:hasty").name == "hasty"
    with pytest.raises(NCOError, match=r"^nope: no such solver; tsp has ortools, "):
        folder.solver("nope")
    for name in ("no_module:solve", "json:no_function"):
        with pytest.raises(NCOError, match=rf"^{name}: no such solver \("):
            folder.solver(name)
    assert [solver.name for solver in folder.improvers()] == list(folder.classical.improvers())


def test_online_problems_are_those_with_policies() -> None:
    """Four networks of events, and the inventory; every other problem has a plan."""
    online = [name for name in registry.names() if registry.folder(name).is_online]
    assert online == ["exo", "inventory", "netflow", "packing", "rebalancing"]
    for name in online:
        assert registry.folder(name).has("rules")
        assert not registry.folder(name).classical.improvers()


def test_a_problem_object_leads_to_its_folder() -> None:
    """That of a class of this package, and of one that a user wrote in a plain module."""
    assert registry.folder_of(TSP(5)) == registry.folder("tsp")
    assert registry.folder("tsp").problem_class is TSP
    assert issubclass(TSP, Problem)

    class Own:
        """Without a package."""

    Own.__module__ = "script"
    assert registry.folder_of(Own()) == Folder("")
    with pytest.raises(NCOError, match=r"unknown problem nope; did you mean op\? there are atsp"):
        registry.folder("nope")


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"coords": [[0, 0], [1, 1], [2, 0]], "demand": [0, 1, 1], "capacity": 2}, "cvrp"),
        ({"problem": "jssp", "jobs": [[[0, 3], [1, 2]], [[1, 4], [0, 1]]]}, "jssp"),
        ({"values": [1, 2], "weights": [3, 4], "capacity": 5}, "knapsack"),
    ],
)
def test_arrays_may_lie_in_a_json_file(
    arrays: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    """As Python takes them; what is wrong is said of the file."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(arrays))
    case = sources.read(path)
    assert (case.problem, case.name, case.path) == (problem, "mine", str(path))
    own = {key: value for key, value in arrays.items() if key != "problem"}
    assert case.states_as(sources.as_case(own, problem))
    path.write_text(json.dumps({**arrays, "colour": 1}))
    with pytest.raises(InstanceError, match=r"mine\.json: "):
        sources.read(path)


def test_what_may_be_a_table_or_a_batch_is_told_so(tmp_path: Path) -> None:
    """Tables are known by the endings of their files, and a batch is a list."""
    path = tmp_path / "table"
    path.write_text("job;machine;minutes\nA;saw;3\n")
    with pytest.raises(InstanceError, match=r"a table is a file that ends in \.csv"):
        sources.read(path)
    with pytest.raises(InstanceError, match="a batch of 3 instances: give a list of them"):
        sources.as_case(np.zeros((3, 5, 2)))

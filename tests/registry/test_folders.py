"""Problem folders: what they have, and that they say it truly."""

import importlib
import inspect

import pytest

from nco import registry
from nco.core.capabilities import Online
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.registry.folders import Folder

# --------------------------------------------------------------------------------------------------
# Folders

FOLDERS = [registry.folder(name) for name in registry.names()]


def every_solver():
    return [
        pytest.param(solver, name, id=f"{folder.name}-{name}")
        for folder in FOLDERS
        for name, solver in folder.classical.solvers().items()
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_the_parts_that_all_need(folder):
    """Files, checker, solvers, pictures and a problem class are there by their names."""
    assert folder.files.SUFFIX.startswith(".")
    assert folder.check.check
    assert folder.plot.plot
    assert folder.classical.solvers()
    assert issubclass(folder.problem_class, Problem)
    assert {case.name for case in folder.improvers()} <= set(folder.classical.solvers())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_online_problems_have_rules_and_nothing_to_improve(folder):
    """The folder says whether a problem is online as its class does, but without torch."""
    online = issubclass(folder.problem_class, Online)
    assert folder.is_online == online == folder.has("rules")
    assert not (folder.is_online and folder.improvers())


@pytest.mark.parametrize(("solver", "name"), every_solver())
def test_a_solver_takes_what_it_says(solver, name):
    """Name and optional arguments of the function are those that its declaration states."""
    taken = set(inspect.signature(solver.solve).parameters)
    declared = {
        option for option in ("found", "cores", "iterations", "proof") if getattr(solver, option)
    }
    assert solver.name == name
    assert taken - {"case", "time_limit", "seed", "start"} == declared


def test_folders_that_begin_with_an_underscore_are_no_problems():
    """Shared parts are neither listed nor found by name."""
    assert not [name for name in registry.names() if name.startswith("_")]
    with pytest.raises(NCOError, match="unknown problem _shop"):
        registry.folder("_shop")


def test_a_part_that_is_not_there_says_so():
    """Optional parts are asked for with `has`; without one, the error names the file."""
    assert not registry.folder("omdcpdp").has("bound")
    with pytest.raises(NCOError, match=r"nco\.problems\.omdcpdp has no bound\.py"):
        _ = registry.folder("omdcpdp").bound
    with pytest.raises(NCOError, match=r"a module without a package has no check\.py"):
        _ = Folder("").check


def test_a_users_own_package_has_the_parts_beside_its_class(tmp_path, monkeypatch):
    """Nothing is registered: the class's module tells where the others are."""
    package = tmp_path / "own_problem_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "problem.py").write_text("class Mine: pass\n")
    (package / "check.py").write_text("def check(case, solution): return 'checked'\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("own_problem_of_a_test.problem").Mine()
    folder = registry.folder_of(mine)
    assert (folder.name, folder.path) == ("own_problem_of_a_test", package)
    assert folder.has("check")
    assert not folder.has("files")
    assert folder.check.check(None, None) == "checked"


def test_unknown_solvers_are_refused_and_ones_own_are_imported():
    """A name must be one of the folder's; ``module:function`` is any function."""
    assert registry.folder("tsp").solver("child_solvers:honest").name == "honest"
    for name in ("gurobi", "child_solvers:gurobi", "no_such_module:gurobi"):
        with pytest.raises(NCOError, match=f"{name}: no such solver"):
            registry.folder("tsp").solver(name)

"""Exact cases: what every folder's cases can do."""

import dataclasses
from typing import Any

import pytest
from child_solvers import Plain

from nco import registry
from nco.core.case import Case, only
from nco.core.errors import InstanceError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.problems.tsp.files import Case as Tour
from nco.registry import sources
from nco.solving.solution import Solution


@pytest.mark.parametrize("name", registry.names())
def test_a_simple_rule_constructs_a_feasible_solution(name: str) -> None:
    """Also of an online problem's case that holds its future, where it is a plan."""
    problem: Any = registry.folder(name).problem_class()
    assert isinstance(problem, Problem)
    check = registry.folder(name).check.check
    for case in problem.cases(problem.generate(2, generator(1))):
        report = check(case, case.construct())
        assert report.feasible, report.violations


@pytest.mark.parametrize("name", registry.names())
def test_what_a_solution_is_called_hides_nothing(name: str) -> None:
    """``solution.tour`` is the tour only where `Solution` has nothing else of that name."""
    problem: Any = registry.folder(name).problem_class()
    (case,) = problem.cases(problem.generate(1, generator(1)))
    assert case.view not in {field.name for field in dataclasses.fields(Solution)}
    assert not hasattr(Solution, case.view)


def test_a_folder_says_what_size_and_construct_are() -> None:
    """There is no case without."""
    with pytest.raises(TypeError, match="abstract methods construct, size"):
        Case()  # type: ignore[abstract]


def test_cases_of_another_problem_are_refused() -> None:
    """Those of one problem pass as they are."""
    plain = Plain(name="square", path="square.txt")
    assert only([plain, plain], Plain) == [plain, plain]
    with pytest.raises(InstanceError, match="square: is a case of plain, not of tsp"):
        only([plain], Tour)


def test_cases_that_state_the_same_are_alike() -> None:
    """Whatever they and their things are called; each number and each object counts."""
    square = {"coords": [[0, 0], [1, 1], [2, 0]], "demand": [0, 1, 1], "capacity": 2}
    first: Any = sources.as_case(square)
    names = {"stops": ["D", "A", "B"]}
    assert first.states_as(dataclasses.replace(first, name="other", path="x.vrp", names=names))
    assert not first.states_as(dataclasses.replace(first, capacity=3))
    assert not first.states_as(dataclasses.replace(first, coords=first.coords + 1))
    assert not first.states_as(sources.as_case(square["coords"]))

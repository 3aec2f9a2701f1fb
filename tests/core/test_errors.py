"""Errors of users are one line: place, subject, reason."""

from pathlib import Path

import pytest

from nco.core.case import only
from nco.core.errors import InstanceError, NCOError
from nco.problems.knapsack.files import Case as Knapsack
from nco.problems.tsp.files import Case as TSP
from nco.problems.tsp.files import from_arrays


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "why"),
        ({"path": "a.tsp"}, "a.tsp: why"),
        ({"path": Path("a.tsp"), "line": 3}, "a.tsp:3: why"),
        ({"line": 3}, "line 3: why"),
        ({"field": "SIZE"}, "SIZE: why"),
        ({"value": 0}, "0: why"),
        ({"field": "SIZE", "value": "two\n words "}, "SIZE two words: why"),
        ({"field": "SIZE", "value": [1, None]}, "SIZE [1, None]: why"),
        ({"path": "a", "line": 1, "field": "b", "value": 2.5}, "a:1: b 2.5: why"),
        ({"value": ""}, "why"),
    ],
)
def test_the_line_names_what_is_known(given: dict[str, object], line: str) -> None:
    """Parts that are not known leave no gap."""
    assert str(InstanceError("why", **given)) == line  # type: ignore[arg-type]


def test_long_values_are_cut() -> None:
    """At 60 characters, with three points for the rest."""
    said = str(InstanceError("why", value="x" * 61))
    assert said == "x" * 57 + "...: why"
    assert str(InstanceError("why", value="x" * 60)) == "x" * 60 + ": why"


def test_errors_of_users_are_value_errors() -> None:
    """Whoever catches those catches ours."""
    assert issubclass(InstanceError, NCOError)
    assert issubclass(NCOError, ValueError)


def test_cases_of_another_problem_are_named() -> None:
    """By their own name and file."""
    tour = from_arrays({"coords": [[0, 0], [1, 1], [0, 1]], "name": "three"})
    assert tour is not None
    assert only([tour], TSP) == [tour]
    with pytest.raises(InstanceError, match=r"^three: is a case of tsp, not of knapsack$"):
        only([tour], Knapsack)

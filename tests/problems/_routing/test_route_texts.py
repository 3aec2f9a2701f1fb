"""Routes as text: what is written reads back, and every other line is named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core.errors import InstanceError
from nco.problems._routing import routes

LISTS = st.lists(st.lists(st.integers(0, 10**6), max_size=6), max_size=5)


@given(LISTS, st.none() | st.floats(0, 1e12))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(lists: list[list[int]], cost: float | None) -> None:
    """Any routes, empty ones too, with and without a cost."""
    text = routes.write(lists, cost)
    read = routes.read(text)
    assert [customers for _, _, customers in read] == lists
    assert [number for _, number, _ in read] == list(range(1, len(lists) + 1))
    assert [line for line, _, _ in read] == list(range(1, len(lists) + 1))
    assert ("Cost" in text) == (cost is not None)
    assert routes.from_json(json.dumps(lists)) == lists
    assert routes.from_json(json.dumps({"solution": lists, "name": "x"})) == lists


def test_other_people_s_spellings_are_read() -> None:
    """Small letters, no number sign, blanks, and the figures that solvers add."""
    text = "  route 1 : 4 5\n\nROUTE#2:\nCost: 12.5\ncost = 3e4\nAutomobiles 3\nTime -1.5\n"
    assert routes.read(text) == [(1, 1, [4, 5]), (3, 2, [])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Route #1: 1 2\nhello there", "line 2: solution hello there: a line must be"),
        ("Route #1: 1\n\nthis is infeasible", "line 3: solution this is infeasible: a line must"),
        ("Cost -", "line 1: solution Cost -: a line must be"),
        ("Route #1: 1 x", "line 1: Route x: a customer number belongs here"),
        ("Route #1: 1.0", "line 1: Route 1.0: a customer number"),
        ("Route #1: 1234567890123456789", "line 1: Route 1234567890123456789: a customer"),
        ("Route #1234567890: 1", "line 1: solution Route #1234567890: 1: a line must be"),
        ("a" * 300 + " 5", "line 1: solution aaa"),
    ],
)
def test_other_lines_are_named(text: str, message: str) -> None:
    """With the number of the line, its words and what belongs there."""
    with pytest.raises(InstanceError) as caught:
        routes.read(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2", "solution: this is no JSON"),
        ("{}", "solution: the JSON object has no key 'solution'"),
        ("[1, 2]", "solution [1, 2]: must be a list of routes"),
        ('{"solution": "x"}', 'solution "x": must be a list of routes'),
        ("[[1, true]]", "solution true: a customer number belongs here"),
        ("[[1], [2.5]]", "solution 2.5: a customer number belongs here"),
        ("[" * 100_000, "solution: this is no JSON"),
    ],
)
def test_json_of_another_form_is_named(text: str, message: str) -> None:
    """Half a text, other keys, other types, and brackets without end."""
    with pytest.raises(InstanceError) as caught:
        routes.from_json(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)

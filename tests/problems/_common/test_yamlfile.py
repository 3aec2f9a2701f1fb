"""Fields of YAML files: each kind is read exactly, and each slip named by field and value."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core.errors import InstanceError
from nco.problems._common import yamlfile


def said(caught: pytest.ExceptionInfo[InstanceError]) -> str:
    """The message, which is one line."""
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "text",
    [
        "problem: toy",
        'name: x\n  "problem" : toy  # remark',
        "{problem: toy, periods: 3}",
        '{"name": "x",\n"problem": "toy"}',
        "# first\r\nproblem: 'toy'\r\n",
    ],
)
def test_a_problem_is_recognised_in_any_spelling(text: str) -> None:
    """YAML and JSON, with quotes, blanks, remarks and either line end."""
    assert yamlfile.states_problem(text, "toy")


@pytest.mark.parametrize(
    "text",
    [
        "problem: toys",
        "problem: a toy",
        "my problem: toy",
        "# problem: toy",
        "problem: toy\0",
        " " * 5000 + "\nproblem: toy",
        "",
    ],
)
def test_other_texts_are_not_recognised(text: str) -> None:
    """Longer names, remarks, binary files, and what comes too late."""
    assert not yamlfile.states_problem(text, "toy")


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("problem: toy\nsize: [1", "f:2: not valid YAML: "),
        ("problem: toy\n\tsize: 1", "f:2: not valid YAML: "),
        ("problem: toy\nsize: !!python/object:os.system x", "f:2: not valid YAML: could not det"),
        ("problem: toy\nsize: 2001-13-99", "f: not valid YAML: "),
        ("[" * 5000, "f: not valid YAML: "),
        ("problem: other", "f: problem: the file must say problem: toy"),
        ("- 1", "f: problem: the file must say problem: toy"),
        ("", "f: problem: the file must say problem: toy"),
        ("problem: toy\nsiez: 3", "f: siez: no such field; there are problem, size"),
        ("problem: toy\n3: 4", "f: 3: no such field"),
        ("problem: toy\nsize: 1\nsize: 2", "f:3: not valid YAML: the key 'size' is there twice"),
        ("problem: toy\nsize: {a: 1, a: 2}", "f:2: not valid YAML: the key 'a' is there twice"),
        ("problem: toy\0", "f: this is a binary file"),
        ("problem: toy\ufffd", "f: this is a binary file"),
    ],
)
def test_what_is_no_file_of_the_problem_is_refused(text: str, message: str) -> None:
    """With the line, where YAML knows it."""
    with pytest.raises(InstanceError) as caught:
        yamlfile.parse(text, "toy", ["size", "problem"], "f")
    assert said(caught).startswith(message)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200, deadline=None)
def test_every_float_that_python_writes_is_a_number(value: float) -> None:
    """Also in JSON's spelling, without a point or a sign behind the e."""
    for text in (repr(value), repr(value).replace("e+", "e"), repr(value).upper()):
        data = yamlfile.parse(f"problem: toy\nsize: {text}", "toy", ["size", "problem"], None)
        assert data["size"] == value


@pytest.mark.parametrize("word", ["e5", "1e", "1e5x", "x1e5", "1-e5"])
def test_words_with_an_e_stay_words(word: str) -> None:
    """Only what is wholly a number becomes one."""
    data = yamlfile.parse(f"problem: toy\nname: {word}", "toy", ["name", "problem"], None)
    assert data["name"] == word


@pytest.mark.parametrize("value", [None, "7", True, [1], {}])
def test_a_number_is_no_other_type(value: object) -> None:
    """Words, truth values, lists and nothing are named."""
    with pytest.raises(InstanceError, match=r"^f: rate .*: must be a number$|^f: rate: must"):
        yamlfile.number(value, "rate", "f")


@pytest.mark.parametrize("value", [-1, -1e-300, float("nan"), float("inf"), 2.0**54, 10**400])
def test_numbers_have_their_range(value: float) -> None:
    """From 0 to 2^53; what is not a number is in no range."""
    with pytest.raises(InstanceError, match="must be finite, not negative and at most"):
        yamlfile.number(value, "rate", None)
    assert yamlfile.number(2**53, "rate", None) == 2.0**53


@pytest.mark.parametrize("value", [0, 6, 2.0, "3", True, None])
def test_whole_numbers_have_their_range(value: object) -> None:
    """From 1 to 5 here, and of Python's int only."""
    with pytest.raises(InstanceError, match="must be a whole number from 1 to 5"):
        yamlfile.whole(value, "count", None, most=5)
    assert [yamlfile.whole(k, "count", None, most=5) for k in (1, 5)] == [1, 5]


def test_missing_and_other_fields_are_named() -> None:
    """By their names, in the order of the alphabet."""
    with pytest.raises(InstanceError, match=r"^f: size: is missing$"):
        yamlfile.required({}, "size", "f")
    with pytest.raises(InstanceError, match=r"^a: needed beside c$"):
        yamlfile.check_present({"c": 1}, {"c", "b", "a"}, "c")
    yamlfile.check_present({"c": 1, "b": 2}, {"c", "b"}, "c")


@pytest.mark.parametrize("item", [{"x": 1}, {"x": 1, "y": 2, "z": 3}, [1, 2], None])
def test_a_mapping_of_exactly_these_fields(item: object) -> None:
    """Fewer, more, or no mapping; the form shows what it must look like."""
    with pytest.raises(InstanceError, match=r"place.*: must hold exactly x, y$"):
        yamlfile.exactly(item, {"y", "x"}, "place", None)
    with pytest.raises(InstanceError, match=r"place.*: must be \{x: 1, y: 2\}$"):
        yamlfile.exactly(item, {"y", "x"}, "place", None, "{x: 1, y: 2}")
    good = {"x": 1, "y": 2}
    assert yamlfile.exactly(good, {"x", "y"}, "place", None) is good


def test_a_trace_has_an_entry_for_each_period() -> None:
    """Another length is told as a number, another type as it is."""
    assert yamlfile.trace(None, 2, "a row", None) is None
    assert yamlfile.trace([1, 2], 2, "a row", None) == [1, 2]
    with pytest.raises(InstanceError, match="trace 3: must list a row for each of the 2 periods"):
        yamlfile.trace([1, 2, 3], 2, "a row", None)
    with pytest.raises(InstanceError, match="trace x: must list"):
        yamlfile.trace("x", 2, "a row", None)


def test_a_mapping_has_names() -> None:
    """At least one, at most so many; numbers become names."""
    assert yamlfile.mapping({1: "a", "b": 2}, "stores", None) == {"1": "a", "b": 2}
    for wrong in ({}, [1], None, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(InstanceError, match=r"stores.*: must name 1 to 2 of them"):
            yamlfile.mapping(wrong, "stores", None, most=2)


@pytest.mark.parametrize("data", ["x", [[1], [2, 3]], [None], ["1"], [True], object(), 1j])
def test_arrays_hold_numbers_only(data: object) -> None:
    """Ragged lists, words, truth values and complex numbers are refused with the file."""
    with pytest.raises(InstanceError, match=r"^f: rates .*: must be numbers only$"):
        yamlfile.array("rates", data, "f")


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        ([1.0, 2.0], False, "rates [2]: must be [N] = [3]; this is its shape"),
        ([[1.0, 2.0, 3.0]], False, "rates [1, 3]: must be [N] = [3]; this is its shape"),
        ([1.0, float("nan"), 3.0], False, "rates nan: entry [1]: must be finite, not negative"),
        ([1.0, 2.0, -3.0], False, "rates -3.0: entry [2]: must be finite, not negative"),
        ([0.0, 2.0, 3.0], True, "rates 0.0: entry [0]: must be finite, positive"),
        ([1.0, 2.0, 1e17], False, "rates 1e+17: entry [2]: must be finite"),
    ],
)
def test_arrays_have_a_shape_and_a_range(values: list[float], positive: bool, message: str) -> None:
    """The first wrong entry is named by its place."""
    with pytest.raises(InstanceError) as caught:
        yamlfile.check_array("rates", np.array(values), [3], "N", None, positive)
    assert said(caught).startswith(message)


def test_an_empty_array_is_refused() -> None:
    """Even where its shape is what was asked for."""
    with pytest.raises(InstanceError, match="this is its shape"):
        yamlfile.check_array("rates", np.zeros((0,)), [0], "N", None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (0.5, "trips 0.5: entry []: must be a whole number"),
        ([1.0, float("inf")], "trips inf: entry [1]"),
        ([[1.0, float("nan")]], "trips nan: entry [0, 1]"),
        ([2.0**60], "trips 1.152921504606847e+18: entry [0]"),
    ],
)
def test_entries_that_are_not_whole_are_named(values: object, message: str) -> None:
    """Also a single number, and those too large to be whole for sure."""
    with pytest.raises(InstanceError) as caught:
        yamlfile.check_whole("trips", np.array(values), None)
    assert said(caught).startswith(message)
    yamlfile.check_whole("trips", np.array([-1.0, 0.0, 2.0**53]), None)


def test_numbers_of_things_begin_with_zero() -> None:
    """One beyond either end is named."""
    yamlfile.check_numbers([0, 2], 3, "item", None)
    for wrong in (-1, 3):
        with pytest.raises(InstanceError, match=f"item {wrong}: the numbers go from 0 to 2"):
            yamlfile.check_numbers([0, wrong], 3, "item", None)


@pytest.mark.long
@given(st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_name_survives_a_file(name: str) -> None:
    """Quotes, line ends and colons are escaped as JSON does it, which YAML reads."""
    text = "\n".join(yamlfile.head("toy", name))
    data = yamlfile.parse(text, "toy", ["name", "problem"], None)
    assert data["name"] == name


def test_lists_of_solutions() -> None:
    """A list, or an object with one; the written form reads back."""
    text = yamlfile.write_list("x", 1.5, [[1, 2], []])
    assert yamlfile.read_list(text) == [[1, 2], []]
    assert json.loads(text)["cost"] == 1.5
    for wrong, message in (
        ("[1", "solution: not valid JSON"),
        ("{}", "solution {}: must be a list, or an object"),
        ("3", "solution 3: must be a list"),
        ("[" * 100_000, "solution: not valid JSON"),
    ):
        with pytest.raises(InstanceError) as caught:
            yamlfile.read_list(wrong)
        assert said(caught).startswith(message)

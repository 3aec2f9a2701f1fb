"""Knapsack files, arrays and solutions: what is read, what is refused, and by which words."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from nco.core.errors import InstanceError
from nco.problems.knapsack.files import (
    Case,
    from_arrays,
    read,
    read_solution,
    recognise,
    write,
    write_solution,
)

TEXT = "4 20\n9 6\n11 5\n13 9\n15 7\n"
ARRAYS = {"values": [9, 11, 13, 15], "weights": [6, 5, 9, 7], "capacity": 20}


def refused(text: str) -> str:
    with pytest.raises(InstanceError) as caught:
        read(text, path="some/k4.txt")
    message = str(caught.value)
    assert message.startswith("some/k4.txt")
    assert "\n" not in message
    return message


def equal(one: Case, other: Case) -> bool:
    same = np.array_equal(one.values, other.values) and np.array_equal(one.weights, other.weights)
    return same and one.capacity == other.capacity


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        "\ufeff\n" + TEXT.replace(" ", "\t ").replace("\n", "  \n\n"),
        TEXT.rstrip("\n"),
        TEXT + "0 1 0 1\n",
        "4.0 2.0e+01\n9. 6\n+11 5\n1.3E1 9\n15 .7e1",
    ],
)
def test_forms_of_one_file_read_alike(text):
    """Line ends, spaces and a final choice do not matter."""
    case = read(text, path="folder/k4.txt")
    assert recognise(text)
    assert (case.name, case.path, case.size) == ("k4", "folder/k4.txt", 4)
    assert case.values.tolist() == [9, 11, 13, 15]
    assert case.weights.tolist() == [6, 5, 9, 7]
    assert case.capacity == 20
    assert case.values.dtype == case.weights.dtype == np.float64


def test_without_a_path_the_case_is_unnamed():
    """A text has no name of its own."""
    assert read(TEXT).name == "unnamed"


def test_one_item_and_an_item_that_cannot_fit_are_no_defects():
    """An item heavier than the capacity is read."""
    assert read("1 5\n3 9\n1\n").weights.tolist() == [9]


def test_two_items_may_end_with_a_choice_of_two_numbers():
    """The last line is then a choice and no third item."""
    assert read("2 5\n3 9\n4 1\n0 1\n").size == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["the file is empty"]),
        (" \n\n", ["the file is empty"]),
        ("4 20\n9 6\0\n", ["binary"]),
        ("\ufffd\ufffd", ["binary"]),
        ("4\n9 6\n", [":1", "header 4", "n capacity"]),
        ("4 20 7\n9 6\n", [":1", "4 20 7", "n capacity"]),
        ("four 20\n9 6\n", [":1", "n four", "number"]),
        ("0 20\n", [":1", "n 0", "from 1 to"]),
        ("-4 20\n9 6\n", [":1", "n -4", "from 1 to"]),
        ("2.5 20\n9 6\n", [":1", "n 2.5", "whole"]),
        ("1000000000 20\n9 6\n", [":1", "n 1000000000", "from 1 to"]),
        ("nan 20\n9 6\n", [":1", "n nan", "finite"]),
        ("4 full\n9 6\n", [":1", "capacity full", "number"]),
        ("4 0\n9 6\n", [":1", "capacity 0", "positive"]),
        ("4 -20\n9 6\n", [":1", "capacity -20", "positive"]),
        ("4 inf\n9 6\n", [":1", "capacity inf", "finite"]),
        ("4 1e999\n9 6\n", [":1", "capacity 1e999", "finite"]),
        ("2 20\n9 6\n11 5a\n", [":3", "weight 5a", "number"]),
        ("2 20\n1_1 6\n11 5\n", [":2", "value 1_1", "number"]),
        ("2 20\n9 6\n\nNaN 5\n", [":4", "value NaN", "finite"]),
        ("2 20\n9 6\n-1 5\n", [":3", "value -1", "item 1", "negative"]),
        ("2 20\n9 -6\n1 5\n", [":2", "weight -6", "item 0", "negative"]),
        ("2 20\n9\n1 5\n", [":2", "item 0", "value weight"]),
        ("2 20\n9 6 1\n1 5\n", [":2", "9 6 1", "value weight"]),
        ("4 20\n9 6\n11 5\n", ["n 4", "2 items only"]),
        ("4 20\n9 6\n11 5\n0 1 0 1\n", ["n 4", "2 items only"]),
        ("4 20\n", ["n 4", "0 items only"]),
        (TEXT + "1 2\n", [":6", "1 2", "more than the 4 items"]),
        (TEXT + "0 1 0\n", [":6", "0 1 0", "one line of 4 numbers"]),
        (TEXT + "0 1 0 2\n", [":6", "0 1 0 2", "one line of 4 numbers"]),
        (TEXT + "0 1 0 1\nend\n", [":7", "end", "nothing may follow"]),
        ("2 20\n1e16 6\n1 5\n", ["values", "2^53"]),
        ("2 20\n1e308 6\n1e308 5\n", ["values", "2^53"]),
    ],
)
def test_each_defect_names_its_place_and_reason(text, words):
    """A broken file is refused with line, value and reason."""
    message = refused(text)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "4 20",
        "\0\0\0",
        "junk",
        "3 2\n0 5 1 4\n1 3 0 2\n0 1 1 1\n",  # job shop: jobs machines, then longer rows
        "0.5 0.5\n0.1 0.2\n0.3 0.4\n",  # coordinates
        "4 20 1\n9 6\n",
        "NAME : x\nTYPE : TSP\n1 2\n",
        "-4 20\n9 6\n",
    ],
)
def test_other_texts_are_not_recognised(text):
    """Junk and the formats of other problems are left to others."""
    assert not recognise(text)


@pytest.mark.parametrize(
    "text", ["4 -20\n9 6\n", "2 20\n9 six\n1 5\n", "1000000000 20\n9 6\n", TEXT + "1 2\n"]
)
def test_defective_files_are_still_recognised(text):
    """So that the reader can say what is wrong."""
    assert recognise(text)
    refused(text)


def test_a_long_file_is_recognised_by_its_head():
    """A hundred thousand lines need not be read for that."""
    assert recognise("100000 20\n" + "123456 654321\n" * 100_000)


@pytest.mark.parametrize("seed", range(3))
def test_a_written_case_reads_back_to_the_last_bit(seed):
    """Values of any magnitude survive exactly."""
    random = np.random.default_rng(seed)
    case = Case(
        values=random.random(20) * 10.0 ** random.integers(-9, 9, 20),
        weights=np.round(random.random(20) * 100),
        capacity=float(random.random() * 300),
    )
    assert recognise(write(case))
    assert equal(read(write(case)), case)


def test_arrays_make_the_case_of_the_file():
    """Arrays in single precision or as lists are the same case."""
    case = from_arrays({**ARRAYS, "name": "mine"})
    assert case.name == "mine"
    assert equal(case, read(TEXT))
    arrays = {field: np.asarray(numbers, dtype=np.float32) for field, numbers in ARRAYS.items()}
    assert equal(from_arrays(arrays), case)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [[0.0, 1.0]],
        {},
        {"coords": [[0, 0]], "demand": [0], "capacity": 5},
        {**ARRAYS, "coords": [[0, 0]]},
        {"weights": [1], "capacity": 5},  # bins, perhaps
    ],
)
def test_arrays_of_other_problems_are_left_to_them(data):
    """What is not a knapsack's dictionary gives None."""
    assert from_arrays(data) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": [9, 11, 13]}, ["weights 4", "as many weights as values"]),
        ({"values": []}, ["values [0]", "shape"]),
        ({"values": [[9, 11, 13, 15]]}, ["values [1, 4]", "shape"]),
        ({"values": [9, 11, float("nan"), 15]}, ["values nan", "item 2", "finite"]),
        ({"weights": [6, -5, 9, 7]}, ["weights -5.0", "item 1", "not negative"]),
        ({"weights": ["6", "5", "9", "7"]}, ["weights", "numbers only"]),
        ({"weights": [[6], [5, 9], 7, 1]}, ["weights", "numbers only"]),
        ({"weights": [10**400, 5, 9, 7]}, ["weights", "numbers only"]),
        ({"weights": None}, ["weights", "numbers only"]),
        ({"weights": [2.0**53, 5, 9, 7]}, ["weights", "2^53"]),
        ({"capacity": 0}, ["capacity 0.0", "positive"]),
        ({"capacity": float("inf")}, ["capacity inf", "finite"]),
        ({"capacity": [20, 21]}, ["capacity [2]", "one number"]),
        ({"capacity": "20"}, ["capacity 20", "numbers only"]),
        ({"name": 5}, ["name 5", "string"]),
    ],
)
def test_each_defect_of_arrays_is_named(change, words):
    """Arrays that do not fit together are refused with the key and the reason."""
    with pytest.raises(InstanceError) as caught:
        from_arrays({**ARRAYS, **change})
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("field", ["weights", "capacity"])
def test_a_missing_array_is_named(field):
    """The key that is missing is named."""
    data = {key: numbers for key, numbers in ARRAYS.items() if key != field}
    with pytest.raises(InstanceError, match=f"{field}: a knapsack needs"):
        from_arrays(data)


def test_a_case_travels_as_a_pickle():
    """A copy in another process has the same numbers and name."""
    case = read(TEXT, path="k4.txt")
    copy = pickle.loads(pickle.dumps(case))
    assert equal(copy, case)
    assert (copy.name, copy.path) == (case.name, case.path)


@pytest.mark.parametrize(
    "text",
    ["3 1", "1\n3\n", "\ufeff[3, 1]", '{"solution": [1, 3], "cost": -26}\n', " 1\r\n+3 "],
)
def test_forms_of_one_solution_read_alike(text):
    """Lists, lines and JSON give the same items."""
    assert read_solution(text, read(TEXT)) == [1, 3]


@pytest.mark.parametrize("items", [[], [2], [3, 1]])
def test_a_written_solution_reads_back(items):
    """Items come back in order, also none of them."""
    case = read(TEXT)
    assert read_solution(write_solution(case, items, None), case) == sorted(items)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty", "[]"]),
        ("1\ntwo\n", ["line 2", "item two"]),
        ("1.5", ["item 1.5"]),
        ("[1, 1.5]", ["item 1.5"]),
        ("[true]", ["item True"]),
        ("[1, [2]]", ["item [2]"]),
        ("[1,", ["not valid JSON"]),
        ("[" * 100_000, ["not valid JSON"]),
        ('{"items": [1]}', ["solution"]),
        ("9" * 5000, ["item 999"]),
        ("\0\1", ["item"]),
    ],
)
def test_garbage_is_no_solution(text, words):
    """A broken solution is refused in a short message with its place."""
    with pytest.raises(InstanceError) as caught:
        read_solution(text, read(TEXT))
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert len(str(caught.value)) < 200


def test_item_numbers_are_positions():
    """Items count from zero, and others raise."""
    case = read(TEXT)
    assert case.numbered([3, 0]) == case.indexed([3, 0]) == [0, 3]
    for item in (-1, 4):
        with pytest.raises(InstanceError, match=f"item {item}: the numbers go from 0 to 3"):
            case.indexed([0, item])


def test_a_million_items_announced_fail_as_fast_as_the_file_is_short():
    """Nothing is allocated by what a file announces."""
    assert "1 items only" in refused("1000000 20\n9 6\n")


@pytest.mark.parametrize("count", [1, 10_000])
def test_the_plot_draws_any_number_of_items(count):
    """One item and ten thousand are drawn."""
    from matplotlib.figure import Figure

    from nco.problems.knapsack.plot import plot

    random = np.random.default_rng(0)
    case = Case(
        name=Path("k").stem, values=random.random(count), weights=random.random(count), capacity=3.0
    )
    ax = Figure().subplots()
    plot(case, [0], ax)
    drawn = [len(line.get_xdata()) for line in ax.lines]
    assert sorted(drawn) == sorted([1, count - 1])
    assert ax.get_title().startswith("k: value ")
    ax.figure.canvas.draw()

"""Spoiled arrays, files and solutions of every problem: an error of one line, or a right answer.

A user's slip must never end in a traceback, and never in a case that no checker can judge.
"""

import copy
import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_inputs import ARRAYS

from nco import registry
from nco.core.errors import InstanceError

SPOILT: list[Any] = [
    *(5, -1, 0, 2.5, True, "x", "nan", 10**400, 3 + 4j, float("nan"), 1e300, None, object()),
    *([], [[]], [[1, 2], [3]], [None], [["a", "b"]], [float("nan")] * 3, [1e308] * 4, {}, {"a": 1}),
    *(np.zeros((2, 2, 2)), np.zeros(0), np.array(3.0), -np.ones((4, 2)), [[[[1]]]], range(3)),
    *(torch.tensor([1.0, 2.0]), torch.zeros(2, 2, dtype=torch.bfloat16)),
]
WORDS = (
    *("-1", "0", "nan", "1e999", "x", "", "1e-05", "99999999999", "[", "]", "{", "}", ":", "null"),
    *("true", "'", '"', "#", "- ", "\t", "\n", "é", "1.5", "EOF", ".", ",", "\0", "\ufeff"),
)
NETWORK = (
    Path(registry.folder("inventory").files.__file__).parent / "examples/one_warehouse_n3.yaml"
)
RUNS = 150


def small(name: str) -> Any:
    """A small case of a problem."""
    files = registry.folder(name).files
    if name == "inventory":
        return files.read(NETWORK.read_text())
    case = files.from_arrays(ARRAYS[name])
    assert case is not None
    return case


def spoil(text: str, draw: random.Random) -> str:
    """One slip: a line lost, doubled or moved, a word or a character changed, or the end lost."""
    lines = text.split("\n")
    line, place = draw.randrange(len(lines)), draw.randrange(len(text) + 1)
    match draw.randrange(6):
        case 0:
            del lines[line]
        case 1:
            lines.insert(line, draw.choice(lines))
        case 2:
            words = lines[line].split(" ")
            words[draw.randrange(len(words))] = draw.choice(WORDS)
            lines[line] = " ".join(words)
        case 3:
            return text[:place]
        case 4:
            return text[:place] + draw.choice(WORDS) + text[place:]
        case _:
            return text[:place] + draw.choice(WORDS) + text[place + draw.randrange(1, 8) :]
    return "\n".join(lines)


@pytest.mark.parametrize("name", ARRAYS)
def test_spoiled_arrays_are_refused_in_one_line(name: str) -> None:
    """Each key with values of every other kind, or without its value."""
    folder = registry.folder(name)
    said = []
    for key in sorted(folder.files.ARRAYS):
        for value in SPOILT:
            data = copy.deepcopy(ARRAYS[name]) | {key: value}
            try:
                case = folder.files.from_arrays(data)
                if case is not None:  # what is not refused can be written and judged
                    folder.check.check(case, case.construct())
                    folder.files.write(case)
            except InstanceError as error:
                said.append(str(error))
    assert said
    assert not [message for message in said if "\n" in message or len(message) > 400]


@pytest.mark.parametrize("name", registry.names())
def test_spoiled_files_are_refused_in_one_line(name: str) -> None:
    """Files with one or two slips; those that still state a case can be judged and written."""
    folder = registry.folder(name)
    good = folder.files.write(small(name))
    said = []
    for seed in range(RUNS):
        draw = random.Random(seed)
        text = spoil(good, draw)
        text = spoil(text, draw) if seed % 2 else text
        try:
            folder.files.recognise(text)
            case = folder.files.read(text, path="file")
            folder.check.check(case, case.construct())
            folder.files.write(case)
        except InstanceError as error:
            said.append(str(error))
    assert 0 < len(said) < RUNS
    assert not [message for message in said if "\n" in message or not message.startswith("file")]


@pytest.mark.parametrize("name", registry.names())
def test_spoiled_solutions_get_a_verdict(name: str) -> None:
    """Either the text is refused in one line, or the checker has a verdict on what it says."""
    folder = registry.folder(name)
    case = small(name)
    solution = case.construct()
    good = folder.files.write_solution(case, solution, None)
    if name == "inventory":
        good = json.dumps(solution[:2])
    whole = folder.check.check(case, solution)
    said = []
    for seed in range(RUNS):
        try:
            read = folder.files.read_solution(spoil(good, random.Random(seed)), case)
            report = folder.check.check(case, read)
        except InstanceError as error:
            said.append(str(error))
            continue
        if not report.feasible:
            assert report.violations or report.unassigned
        elif read == solution:
            assert report.cost == whole.cost
    assert said
    assert not [message for message in said if "\n" in message]


def test_an_absurd_number_of_vehicles_is_judged_at_once() -> None:
    """A million million vehicles are counted, not listed."""
    case = small("rebalancing")
    plan = case.construct()
    plan[0][1][0][1] = 1e12
    report = registry.folder("rebalancing").check.check(case, plan)
    first = "period 0: 1000000000000 vehicles leave region 0, but 5 are there"
    assert report.violations[0] == first


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("packing", {"arrivals": [0, 0.5, 1]}, "arrivals 0.5: entry [1]: must be a whole number"),
        ("packing", {"leaves": [2, float("nan"), 3]}, "leaves nan: entry [1]: must be a whole"),
        ("packing", {"running": "no"}, "running no: must be true or false"),
        ("packing", {"needs": 5}, "needs []: must be [JR] = [1, 2]; this is its shape"),
        ("exo", {"arrivals": float("nan")}, "arrivals nan: entry []: must be a whole number"),
        ("ffsp", {"durations": np.array(3.0)}, "durations []: must be one array"),
        ("hcvrp", {"objective": np.zeros(2)}, "objective [0. 0.]: must be min_max or total"),
    ],
)
def test_what_once_was_taken_or_crashed(name: str, changes: dict[str, Any], message: str) -> None:
    """Halves were cut to whole numbers, words counted as true, and single numbers crashed."""
    with pytest.raises(InstanceError) as caught:
        registry.folder(name).files.from_arrays(ARRAYS[name] | changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("netflow", key) for key in ("price", "shipping", "peak", "demand")),
        *(("rebalancing", key) for key in ("running", "rates", "prices")),
        *(("packing", key) for key in ("probability", "needs")),
        *(("exo", key) for key in ("revenue", "uses", "probability")),
        *(("omdcpdp", key) for key in ("depots", "pickups")),
        *(("op", key) for key in ("coords", "prizes")),
        *(("knapsack", key) for key in ("values", "weights")),
        *(("cvrp", key) for key in ("coords",)),
    ],
)
@pytest.mark.parametrize("factor", [1e-5, 1 / 3, 2.0**30])
def test_numbers_of_any_size_survive_writing_and_reading(
    name: str, key: str, factor: float
) -> None:
    """To the last bit: YAML takes Python's 1e-05 for a word unless it is told."""
    if factor > 1 and (name, key) in {
        ("exo", "probability"),
        ("exo", "uses"),
        ("packing", "probability"),
        ("packing", "needs"),
    }:
        factor = 1e-7  # those have an upper limit
    data = copy.deepcopy(ARRAYS[name])
    scaled = np.asarray(data[key], dtype=np.float64) * factor
    data[key] = float(scaled) if scaled.ndim == 0 else scaled
    files = registry.folder(name).files
    case = files.from_arrays(data)
    assert case is not None
    copied = files.read(files.write(case))
    for field, value in vars(case).items():
        if isinstance(value, np.ndarray | float):
            assert np.array_equal(getattr(copied, field), value, equal_nan=True), field


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("netflow", ["stores"]),
        ("rebalancing", ["regions"]),
        ("packing", ["resources", "kinds"]),
        ("exo", ["resources", "classes"]),
        ("inventory", ["nodes"]),
    ],
)
def test_names_of_parts_survive_writing_and_reading(name: str, fields: list[str]) -> None:
    """Letters of any alphabet, pictures, arrows, quotes and characters that YAML would fold."""
    odd = ("Zürich", "東京", "\U0001f69a", 'a "b"', "c -> d", "x\x85y", "e: f", "1e5 ", "#")
    case = small(name)
    for field in fields:
        count = len(getattr(case, field))
        for first in range(0, len(odd), count):
            names = (*odd[first : first + count], *getattr(case, field))[:count]
            renamed = dataclasses.replace(case, name=odd[first], **{field: names})
            text = registry.folder(name).files.write(renamed)
            copied = registry.folder(name).files.read(text.encode().decode())
            assert getattr(copied, field) == names
            assert copied.name == odd[first]

"""Rich routing in JSON and as arrays: nothing is lost, and the published schema holds."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich_forms import assert_same, random_case, with_degrees

from nco.core.errors import InstanceError
from nco.problems.vrp import files
from nco.problems.vrp.case import VehicleType, Window
from nco.registry import sources

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "_static" / "vrp.schema.json").read_text()
)
VALID = jsonschema.Draft202012Validator(SCHEMA)
LINE = [[0, 0], [3, 0], [7, 0]]


@pytest.mark.parametrize("seed", range(60))
def test_a_written_case_is_read_as_it_was(seed: int) -> None:
    """Any mixture of constraints, through a text that the schema accepts."""
    case = with_degrees(random_case(seed))
    text = files.write(case)
    assert files.recognise(text)
    assert_same(files.read(text), case)
    VALID.validate(json.loads(text))


def test_the_schema_is_one() -> None:
    """Of draft 2020-12, and it refuses a key that is not known."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    data = json.loads(files.write(random_case(0)))
    assert VALID.is_valid(data)
    assert not VALID.is_valid(data | {"time_window": []})


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"vehicles": 2, "capacity": 4}, True),
        ({"time_windows": [None, [0, 5], [[1, 2], [4, None]]]}, True),
        ({"skills": [None, ["cool"], []]}, True),
        ({"shipments": [{"pickup": 1, "delivery": 2, "amount": 3}]}, True),
        ({"vehicles": []}, False),
        ({"rounding": "up"}, False),
        ({"metric": "FEET"}, False),
        ({"vehicles": [{"speeed": 2}]}, False),
        ({"vehicles": [{"speed": 0}]}, False),
        ({"service": -1}, False),
        ({"groups": [[]]}, False),
        ({"shipments": [[1]]}, False),
        ({"distances": [[0, 1, 1], [1, 0, 1], [1, 1, 0]], "metric": "EUCLIDEAN"}, False),
    ],
)
def test_reader_and_schema_agree(change: dict[str, Any], valid: bool) -> None:
    """What the one refuses, the other refuses."""
    data = {"problem": "vrp", "coords": LINE, "vehicles": [{"capacity": 9}], **change}
    assert VALID.is_valid(data) == valid
    if valid:
        assert files.read(json.dumps(data)).size == 2
    else:
        with pytest.raises(InstanceError):
            files.read(json.dumps(data))


def test_arrays_say_which_problem_they_are_of() -> None:
    """A key that only this problem has, a fleet, or the problem's name; else it is cvrp."""
    arrays = {"coords": LINE, "demand": [0, 1, 2], "capacity": 3}
    assert sources.as_case(arrays).problem == "cvrp"
    for more in ({"service": 1}, {"time_windows": [None, [0, 5], [0, 9]]}, {"problem": "vrp"}):
        assert sources.as_case(arrays | more).problem == "vrp"
    assert sources.as_case(arrays, "vrp").problem == "vrp"
    fleet = {"coords": LINE, "demand": [0, 1, 2], "vehicles": [{"capacity": 3}]}
    assert sources.as_case(fleet).problem == "vrp"


def test_rows_of_depots_may_be_left_out() -> None:
    """Arrays of all places and of the clients alone give the same case."""
    stated = {"coords": LINE, "demand": [0, 1, 2], "service": [0, 5, 6], "release": [0, 1, 1]}
    short = stated | {"demand": [1, 2], "service": [5, 6], "release": [1, 1]}
    assert_same(_case(stated), _case(short))


def test_fields_reach_the_case() -> None:
    """Names of vehicles' attributes, several windows, an amount of a shipment, skills."""
    case = _case(
        {
            "coords": np.array(LINE),
            "time_windows": [[0, 100], [[1, 2], [5, 6]], [3, None]],
            "shipments": [{"pickup": 1, "delivery": 2, "amount": 4}],
            "skills": [None, None, ["cool"]],
            "vehicles": [
                {"count": None, "capacity": 5, "end": None, "shift": [2, 80]},
                {"capacity": 5, "skills": ["cool"], "fixed": 7, "name": "big"},
            ],
        }
    )
    assert case.depots[0].window == Window(0, 100)
    assert case.windows == ((Window(1, 2), Window(5, 6)), (Window(3, float("inf")),))
    assert case.pickup.tolist() == [[4], [0]]
    assert case.delivery.tolist() == [[0], [4]]
    assert case.allowed == (None, (1,))
    assert case.vehicles == (
        VehicleType(count=None, capacity=(5.0,), end=None, shift=Window(2, 80)),
        VehicleType(capacity=(5.0,), fixed=7.0, name="big"),
    )


def test_travel_times_alone_are_what_ways_cost() -> None:
    """And a remark says so."""
    case = _case({"durations": [[0, 2], [3, 0]], "service": 1})
    np.testing.assert_array_equal(case.distances[0], [[0, 2], [3, 0]])
    assert "travel times" in case.remarks[0]


def _case(data: dict[str, Any]) -> Any:
    case = files.from_arrays(data)
    assert case is not None
    return case

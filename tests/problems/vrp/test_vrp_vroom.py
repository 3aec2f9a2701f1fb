"""VROOM's JSON in and out."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from rich_texts import VROOM

import nco
from nco.core.errors import InstanceError
from nco.problems.vrp import files
from nco.problems.vrp.case import Break, Route, Shipment, Window
from nco.problems.vrp.check import check

# the second example of VROOM's documentation has such an optimum: one vehicle, a matrix
TRIP = {
    "vehicles": [{"id": 0, "start_index": 0, "end_index": 3}],
    "jobs": [{"id": 1414, "location_index": 1}, {"id": 1515, "location_index": 2}],
    "matrices": {
        "car": {
            "durations": [
                [0, 2104, 197, 1299],
                [2103, 0, 2255, 3152],
                [197, 2256, 0, 1102],
                [1299, 3153, 1102, 0],
            ]
        }
    },
}


def read(data: dict[str, Any]) -> Any:
    """The case of an object."""
    text = json.dumps(data)
    assert files.recognise(text)
    return files.read(text)


def test_jobs_shipments_and_vehicles() -> None:
    """Each key has its place in the case."""
    case = read(VROOM)
    assert case.depots[0].window == Window(0, float("inf"))
    assert case.size == 4
    assert case.delivery.tolist() == [[2], [0], [0], [3]]
    assert case.pickup.tolist() == [[0], [1], [3], [0]]
    assert case.service.tolist() == [10, 0, 0, 0]
    assert case.windows[2] == (Window(0, 90),)
    assert case.shipments == (Shipment(3, 4),)
    assert case.allowed == (None, (0,), None, None)
    assert case.prize.tolist() == [19 * 51, 19, 19, 0]  # 19: to the farthest place and back, and 1
    assert not case.required.any()
    assert case.vehicles[1].shift == Window(0, 500)
    assert case.names["stops"] == ["depot", "job 1", "glass", "pickup 1", "delivery 1"]


def test_a_published_example_costs_what_it_costs() -> None:
    """5461 seconds, of VROOM's documentation."""
    case = read(TRIP)
    report = check(case, [Route(0, [2, 3])])
    assert (report.cost, report.feasible) == (5461, True)
    out = json.loads(files.write_json(case, [Route(0, [2, 3])], None) or "")
    assert out["code"] == 0
    assert out["summary"]["cost"] == out["summary"]["duration"] == 5461
    steps = [
        (s["type"], s.get("id"), s["location_index"], s["arrival"])
        for s in out["routes"][0]["steps"]
    ]
    assert steps == [
        ("start", None, 0, 0),
        ("job", 1414, 1, 2104),
        ("job", 1515, 2, 4359),
        ("end", None, 3, 5461),
    ]
    assert out["unassigned"] == []


def test_an_answer_is_read_back() -> None:
    """By the ids of vehicles and tasks; what it leaves out is unassigned."""
    case = read(VROOM)
    plan = [Route(1, [3, 1, 4]), Route(0, [2])]
    out = json.loads(files.write_json(case, plan, None) or "")
    assert [route["vehicle"] for route in out["routes"]] == [8, 7]
    assert out["summary"]["priority"] == 5
    assert out["routes"][0]["steps"][1]["load"] == [5]
    assert out["routes"][0]["violations"] == [{"cause": "load"}]
    assert files.read_solution(json.dumps(out), case) == plan
    part = json.loads(files.write_json(case, plan[:1], None) or "")
    assert part["unassigned"] == [
        {"type": "job", "id": 2, "description": "glass", "location_index": 2}
    ]


def test_given_routes_are_a_solution() -> None:
    """The steps of an input are priced by nco check, and not used otherwise."""
    data = copy.deepcopy(VROOM)
    data["vehicles"][0]["steps"] = [{"type": "start"}, {"type": "job", "id": 2}, {"type": "end"}]
    case = read(data)
    assert any("nco check" in remark for remark in case.remarks)
    assert files.read_solution(json.dumps(data), case) == [Route(0, [2])]


@pytest.mark.parametrize(
    ("costs", "speed", "cost"),
    [
        ({}, 1, 5 + 3 + 8),
        ({"fixed": 100}, 1, 100 + 5 + 3 + 8),
        ({"per_hour": 7200}, 1, 2 * (5 + 3 + 8)),
        ({"per_hour": 0, "per_km": 1000}, 1, 10 + 11 + 30),
        ({"per_hour": 3600, "per_km": 2000}, 1, 5 + 3 + 8 + 2 * (10 + 11 + 30)),
        ({}, 2, (5 + 3 + 8) / 2),
    ],
)
def test_what_a_vehicle_pays_for(costs: dict[str, int], speed: float, cost: float) -> None:
    """Travel time, distance, or both."""
    data = copy.deepcopy(VROOM)
    del data["jobs"][0]["priority"]
    data["matrices"]["car"]["distances"] = [[0, 10, 20, 30], [11] * 4, [30] * 4, [40] * 4]
    data["vehicles"][0] |= {"costs": costs, "speed_factor": speed}
    assert check(read(data), [Route(0, [1, 2])]).cost == cost


def test_breaks_limits_and_matrices_of_profiles() -> None:
    """A vehicle has its own."""
    data = copy.deepcopy(VROOM)
    data["matrices"]["bike"] = {"durations": [[0, 50, 70, 90], [40] * 4, [80] * 4, [90] * 4]}
    data["vehicles"][1] |= {
        "profile": "bike",
        "max_tasks": 2,
        "max_travel_time": 300,
        "breaks": [{"id": 4, "time_windows": [[20, 60]], "service": 30}],
    }
    data["jobs"][0]["time_windows"] = [[0, 70]]
    case = read(data)
    assert [v.profile for v in case.vehicles] == [0, 1]
    assert case.durations[1][0].tolist() == [0, 50, 70, 90, 50]
    bike = case.vehicles[1]
    assert bike.breaks == (Break(Window(20, 60), 30),)
    assert (bike.max_stops, bike.max_distance) == (2, 300)
    out = json.loads(files.write_json(case, [Route(1, [1])], None) or "")
    assert [(s["type"], s.get("id")) for s in out["routes"][0]["steps"]] == [
        ("start", None),
        ("job", 1),
        ("break", 4),
        ("end", None),
    ]


def test_equal_vehicles_with_other_skills_are_other_types() -> None:
    """Those that are alike and follow each other are one."""
    data = copy.deepcopy(VROOM)
    first = data["vehicles"][0]
    data["vehicles"] = [first, first | {"id": 2}, first | {"id": 3, "skills": []}]
    case = read(data)
    assert [v.count for v in case.vehicles] == [2, 1]
    assert case.allowed[1] == (0,)
    out = json.loads(files.write_json(case, [Route(0, [1]), Route(0, [2])], None) or "")
    assert [route["vehicle"] for route in out["routes"]] == [7, 2]


def test_without_matrices_ways_are_great_circles() -> None:
    """At 50 km/h, which a remark says; longitude comes first."""
    data = {
        "vehicles": [{"id": 1, "start": [5.0, 52.0], "costs": {"per_hour": 0, "per_km": 1}}],
        "jobs": [{"id": 1, "location": [5.0, 53.0]}],
    }
    case = read(data)
    assert case.vehicles[0].end is None
    assert case.degrees == [[52.0, 5.0], [53.0, 5.0]]
    assert "50 km/h" in case.remarks[0]
    assert check(case, [Route(0, [1])]).cost == pytest.approx(111.195, abs=1e-3)


def test_saved_json_is_vroom_s_where_the_case_was(tmp_path: Path) -> None:
    """`nco solve x.json --save y.json`, and `nco check x.json y.json`."""
    (tmp_path / "x.json").write_text(json.dumps(TRIP))
    solution = nco.solve(tmp_path / "x.json", time_limit=0.5, model="none")
    solution.save(tmp_path / "y.json")
    assert json.loads((tmp_path / "y.json").read_text())["summary"]["cost"] == 5461
    assert nco.check(tmp_path / "x.json", tmp_path / "y.json").cost == 5461


def test_a_vehicle_or_task_that_is_not_there_is_refused() -> None:
    """Of an answer to another input."""
    case = read(TRIP)
    for route in ({"vehicle": 9, "steps": []}, {"vehicle": 0, "steps": [{"type": "job", "id": 3}]}):
        with pytest.raises(InstanceError, match="no such"):
            files.read_solution(json.dumps({"routes": [route]}), case)


def test_the_greatest_priorities_are_served() -> None:
    """One vehicle, room for two of three: the far ones that matter most."""
    data = copy.deepcopy(TRIP)
    data["vehicles"][0]["capacity"] = [2]
    data["jobs"] = [
        {"id": 1, "location_index": 1, "delivery": [1], "priority": 9},
        {"id": 2, "location_index": 2, "delivery": [1], "priority": 1},
        {"id": 3, "location_index": 0, "delivery": [1], "priority": 8},
    ]
    case = read(data)
    solution = nco.solve(case, time_limit=0.5, model="none")
    out = json.loads(files.write_json(case, solution.solution, None) or "")
    assert [(task["type"], task["id"]) for task in out["unassigned"]] == [("job", 2)]


def test_without_priorities_all_tasks_are_required() -> None:
    """So that an answer which leaves one out says so."""
    assert read(TRIP).required.all()

"""Defects of every form of rich routing: each is refused in one line that names place and value."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich_texts import FLEET, JSON, LILIM, SOLOMON, VROOM, VRPTW, changed, vrplib

from nco.core.errors import InstanceError
from nco.problems.vrp import files
from nco.problems.vrp.case import VehicleType, plain
from nco.registry import sources

RELEASE = "RELEASE_TIME_SECTION\n1 0\n2 7\n3 0\n4 2\n"
GROUPS = "MUTUALLY_EXCLUSIVE_GROUP_SECTION\n"
RELOADS = "VEHICLES_RELOAD_DEPOT_SECTION\n"
SHIPPED = "PICKUP_AND_DELIVERY_SECTION\n1 0 0 99 0 0 0\n"
TWO = ("VEHICLES : 2", "CAPACITY : 9")


def of(kind: str, sections: str, *more: str, depots: str = "1\n-1\n") -> str:
    """A file with a further section."""
    return vrplib(kind, *(more or TWO), sections=sections, depots=depots)


TEXTS = {  # what is wrong -> the text, and words of the error
    "an unknown section": (of("VRPTW", "COLOUR_SECTION\n1 2\n"), "COLOUR_SECTION"),
    "an unknown keyword": (of("VRPTW", "", *TWO, "COLOUR : 3"), "COLOUR 3"),
    "an unknown rounding": (of("VRPTW", "", *TWO, "ROUNDING : up"), "ROUNDING up"),
    "an unknown order": (of("VRPB", "", *TWO, "BACKHAULS : first"), "BACKHAULS first"),
    "a type without rules": (of("SDVRP", RELEASE), "TYPE SDVRP"),
    "a window that closes early": (VRPTW.replace("2 10 20", "2 30 20"), "node 2 with 30 to 20"),
    "a window with one end": (VRPTW.replace("2 10 20", "2 10"), "TIME_WINDOW_SECTION 2 10"),
    "a window of no node": (VRPTW.replace("2 10 20", "9 10 20"), "node 2"),
    "a window twice": (VRPTW.replace("2 10 20", "2 10 20\n2 10 20"), "node 2"),
    "a window before time": (VRPTW.replace("2 10 20", "2 -5 20"), "-5 to 20"),
    "a negative demand": (VRPTW.replace("2 2\n", "2 -2\n"), "node 2 with -2"),
    "a demand that is a word": (VRPTW.replace("2 2\n", "2 two\n"), "DEMAND_SECTION two"),
    "a depot with a demand": (VRPTW.replace("1 0\n2 2", "1 4\n2 2"), "it is a depot"),
    "two demands": (of("VRPTW", "LINEHAUL_SECTION\n1 0\n2 1\n3 1\n4 1\n"), "LINEHAUL_SECTION"),
    "no capacity that is a number": (VRPTW.replace("CAPACITY : 5", "CAPACITY : x"), "CAPACITY x"),
    "a negative capacity": (VRPTW.replace("CAPACITY : 5", "CAPACITY : -5"), "CAPACITY -5"),
    "half a vehicle": (VRPTW.replace("VEHICLES : 2", "VEHICLES : 2.5"), "VEHICLES 2.5"),
    "no vehicle": (VRPTW.replace("VEHICLES : 2", "VEHICLES : 0"), "VEHICLES 0"),
    "a service twice": (
        of("VRPTW", "SERVICE_TIME_SECTION\n1 0\n2 1\n3 1\n4 1\n", *TWO, "SERVICE_TIME : 3"),
        "SERVICE_TIME",
    ),
    "a negative service": (
        VRPTW.replace("SERVICE_TIME : 4", "SERVICE_TIME : -4"),
        "SERVICE_TIME -4",
    ),
    "a release of the depot": (of("MTVRPTWR", RELEASE.replace("1 0", "1 3")), "it is a depot"),
    "fewer capacities": (FLEET.replace("3 9\n", ""), "CAPACITY_SECTION has 2 rows"),
    "a capacity of no vehicle": (FLEET.replace("3 9\n", "7 9\n"), "node 3"),
    "allowed clients of no node": (FLEET.replace("3 2 3 4", "3 2 3 40"), "40"),
    "allowed clients twice": (FLEET.replace("3 2 3 4", "2 2 3 4"), "1 to 3, each once"),
    "a reload at a client": (of("MTVRPTWR", RELOADS + "1 1\n2 3\n"), "node 3"),
    "a reload count of a half": (
        of("MTVRPTWR", RELOADS + "1 1\n2 1\n", *TWO, "VEHICLES_MAX_RELOADS : 0.5"),
        "0.5",
    ),
    "vehicles without depots": (
        of("MDVRPTW", "", depots="1\n2\n-1\n").replace("2 2\n", "2 0\n"),
        "VEHICLES_DEPOT_SECTION",
    ),
    "a vehicle at a client": (
        of("MDVRPTW", "VEHICLES_DEPOT_SECTION\n1 1\n2 3\n"),
        "VEHICLES_DEPOT_SECTION 3",
    ),
    "a depot that is not there": (of("VRPTW", "", depots="9\n-1\n"), "DEPOT_SECTION 9"),
    "a depot twice": (of("VRPTW", "", depots="1\n1\n-1\n"), "stated twice"),
    "a client in two groups": (of("GVRP", GROUPS + "1 2 3\n2 3 4\n"), "is in group 1, too"),
    "a depot in a group": (of("GVRP", GROUPS + "1 1 3\n2 4\n"), "is a depot"),
    "groups out of count": (of("GVRP", GROUPS + "1 2\n5 3\n"), "1 to 2, each once"),
    "a negative prize": (of("PCVRPTW", "PRIZE_SECTION\n1 0\n2 -1\n3 0\n4 1\n"), "node 2 with -1"),
    "a matrix beside EUC_2D": (
        of("VRPTW", "EDGE_WEIGHT_SECTION\n0 1\n1 0\n"),
        "EDGE_WEIGHT_SECTION",
    ),
    "a rounded matrix": (
        vrplib("CVRP", "EDGE_WEIGHT_FORMAT : FULL_MATRIX", "ROUNDING : round").replace(
            "EUC_2D", "EXPLICIT"
        ),
        "EXPLICIT",
    ),
    "a delivery without pickup": (
        of("PDPTW", SHIPPED + "2 5 0 50 3 0 3\n3 -5 0 60 3 0 0\n4 2 0 70 1 0 0\n").replace(
            "DEMAND_SECTION\n1 0\n2 2\n3 3\n4 1\n", ""
        ),
        "node 2",
    ),
    "a delivery of less": (
        of("PDPTW", SHIPPED + "2 5 0 50 3 0 3\n3 -4 0 60 3 2 0\n4 2 0 70 1 0 0\n").replace(
            "DEMAND_SECTION\n1 0\n2 2\n3 3\n4 1\n", ""
        ),
        "what is delivered",
    ),
    "a node too few": (VRPTW.replace("4 0 5\n", ""), "DIMENSION"),
    "an infinite coordinate": (VRPTW.replace("4 0 5\n", "4 0 1e999\n"), "1e999"),
    "solomon: a short row": (SOLOMON.replace("          9\n    2", "\n    2"), "7 numbers"),
    "solomon: an odd line": (SOLOMON.replace("CUSTOMER\n", "COLOUR\n"), "COLOUR"),
    "solomon: no order": (SOLOMON.replace("    2      6", "    3      6"), "2 belongs here"),
    "solomon: a late window": (SOLOMON.replace("10         70", "90         70"), "90 to 70"),
    "solomon: no vehicles": (SOLOMON.replace("  3         50", "  0         50"), "NUMBER 0"),
    "solomon: a depot with demand": (
        SOLOMON.replace("0          0        100", "5          0        100"),
        "the depot",
    ),
    "li-lim: no partner": (LILIM.replace("\t9\t0\t2", "\t9\t0\t7"), "no such task"),
    "li-lim: a load that differs": (LILIM.replace("-10", "-9"), "what is delivered"),
    "li-lim: a short row": (LILIM.replace("\t9\t1\t0", "\t9\t1"), "9 numbers"),
    "li-lim: no vehicle": (LILIM.replace("3\t50\t1\n", "0\t50\t1\n"), "vehicles 0"),
    "json: an unknown key": (changed(JSON, "time_window", value=[]), "did you mean time_windows"),
    "json: a key twice": (json.dumps(JSON)[:-1] + ', "coords": []}', "stated twice"),
    "json: infinity": (json.dumps(JSON).replace("60", "Infinity"), "Infinity"),
    "json: no coordinates": (changed(JSON, "coords"), "coords"),
    "json: a row too many": (changed(JSON, "delivery", value=[1, 2, 3, 4]), "3 rows"),
    "json: windows that overlap": (
        changed(JSON, "time_windows", 1, value=[[1, 5], [4, 9]]),
        "apart",
    ),
    "json: a misspelt field": (
        changed(JSON, "vehicles", 0, "capcity", value=3),
        "did you mean capacity",
    ),
    "json: a depot that is not": (
        changed(JSON, "vehicles", 0, "start", value=2),
        "vehicles: start 2",
    ),
    "json: two dimensions": (changed(JSON, "vehicles", 0, "capacity", value=[3, 4]), "dimensions"),
    "json: cut": (json.dumps(JSON)[:40], "JSON"),
    "vroom: an unknown key": (changed(VROOM, "jobs", 0, "servce", value=3), "did you mean service"),
    "vroom: an id twice": (changed(VROOM, "jobs", 1, "id", value=1), "jobs[0] has this id"),
    "vroom: no location": (changed(VROOM, "jobs", 0, "location_index"), "jobs[0] location_index"),
    "vroom: outside the matrix": (changed(VROOM, "jobs", 0, "location_index", value=4), "0 to 3"),
    "vroom: no square": (changed(VROOM, "matrices", "car", "durations", 1, value=[1]), "square"),
    "vroom: no such profile": (changed(VROOM, "vehicles", 0, "profile", value="bus"), "bus"),
    "vroom: a high priority": (changed(VROOM, "jobs", 0, "priority", value=101), "priority 101"),
    "vroom: loads of two kinds": (changed(VROOM, "jobs", 0, "delivery", value=[1, 2]), "1 numbers"),
    "vroom: no start": (changed(VROOM, "vehicles", 0, "start_index"), "start anywhere"),
    "vroom: times of a type": (
        changed(VROOM, "jobs", 0, "service_per_type", value={"a": 1}),
        "service_per_type",
    ),
    "vroom: setups at one place": (changed(VROOM, "jobs", 0, "setup", value=5), "setup"),
    "vroom: a half pair": (changed(VROOM, "shipments", 0, "delivery"), "shipments[0] delivery"),
    "vroom: per km without km": (
        changed(VROOM, "vehicles", 0, "costs", value={"per_km": 2}),
        "needs distances",
    ),
    "vroom: a limit of another measure": (
        changed(VROOM, "vehicles", 0, "max_distance", value=9),
        "per_km alone",
    ),
    "vroom: windows in disorder": (
        changed(VROOM, "jobs", 0, "time_windows", value=[[5, 9], [1, 3]]),
        "in order",
    ),
}


@pytest.mark.parametrize(("text", "words"), TEXTS.values(), ids=TEXTS)
def test_a_defect_is_refused_in_one_line(text: str, words: str) -> None:
    """With the file's name, what is wrong, and not a word of Python."""
    with pytest.raises(InstanceError) as caught:
        files.read(text, path="file")
    message = str(caught.value)
    assert message.startswith("file")
    assert words in message
    assert "\n" not in message
    assert len(message) < 700
    assert "Traceback" not in message


def test_there_are_enough() -> None:
    """Sixty at least, of five forms; what they are made of is right."""
    assert len(TEXTS) >= 60
    for text in (VRPTW, FLEET, SOLOMON, LILIM, json.dumps(JSON), json.dumps(VROOM)):
        assert files.read(text).size


@pytest.mark.parametrize("section", ["TIME_WINDOW_SECTION", "CAPACITY_SECTION"])
def test_errors_name_the_line(section: str) -> None:
    """Where the row stands that is at fault."""
    lines = FLEET.split("\n")
    row = lines.index(section) + 2
    lines[row] = "2 30 20" if section == "TIME_WINDOW_SECTION" else "2 -5"
    with pytest.raises(InstanceError) as caught:
        files.read("\n".join(lines), path="file")
    assert f"file:{row + 1}: {section} " in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coords": [[0, 0], [1, 1], [2, float("nan")]]}, "place 2"),
        ({"coords": [1, 2, 3]}, "two numbers"),
        ({"demand": [1, 2]}, "leave one out"),
        ({"time_windows": [[0, 1], [5, 2]]}, "time_windows"),
        ({"time_windows": [[0, 1, 2], None]}, r"\[open, close\]"),
        ({"service": [1, -1]}, "service"),
        ({"required": [True, "yes"]}, "true or false"),
        ({"groups": [[1, 9]]}, "the clients are the places 1 to 2"),
        ({"shipments": [[1, 1]]}, "twice"),
        ({"shipments": [[1, 2]]}, "picks up 0"),
        ({"vehicles": [{"count": 0}]}, "vehicles: count"),
        ({"vehicles": [{"breaks": [{"window": [1, 2]}]}]}, "duration"),
        ({"vehicles": 1.5}, "whole number"),
        ({"skills": [["a"], []], "allowed": [[0], None]}, "leave one out"),
        ({"distances": [[0, 1], [1, 0]]}, "3 places"),
        ({"names": ["a"]}, "3 rows"),
        ({"rounding": "floor"}, "exact, round"),
        ({"prize": [1, 10**400]}, "prize"),
    ],
)
def test_wrong_arrays_are_refused(change: dict[str, Any], words: str) -> None:
    """By the name of the key."""
    with pytest.raises(InstanceError, match=words) as caught:
        files.from_arrays(JSON | change)
    assert "\n" not in str(caught.value)


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    """Also where nothing else says which problem it is."""
    with pytest.raises(InstanceError, match="time_window: no such key; the arrays of vrp"):
        sources.as_case({"coords": [[0, 0], [1, 1]], "service": [1], "time_window": [[0, 1]]})


def test_types_that_a_changed_case_lacks_are_refused() -> None:
    """Fewer vehicles, and clients that still name those which went."""
    types = (VehicleType(), VehicleType())
    whole = plain(2, vehicles=types, allowed=(None, (0, 1)))
    with pytest.raises(InstanceError, match=r"allowed of client 2 \(0, 1\): the types .* 0 to 0"):
        replace(whole, vehicles=types[:1])
    assert replace(whole, vehicles=types[:1], allowed=(None, (0,))).size == 2

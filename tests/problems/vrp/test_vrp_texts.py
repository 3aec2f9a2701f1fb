"""VRPLIB, Solomon and Li & Lim texts of rich routing, and their solutions."""

from pathlib import Path

import numpy as np
import pytest
import vrplib as vrplib_package
from rich_forms import random_case, random_plan
from rich_texts import DEMAND, FLEET, LILIM, SOLOMON, VRPTW, vrplib

from nco.core.errors import InstanceError
from nco.problems.vrp import files, sheet
from nco.problems.vrp.case import Backhauls, Depot, Group, Rounding, Route, Shipment, Window
from nco.problems.vrp.check import check
from nco.problems.vrp.ways import ways
from nco.registry import shipped, sources


def test_windows_service_and_vehicles() -> None:
    """The sections of VRPTW; times of service are the clients' alone."""
    case = files.read(VRPTW)
    assert case.depots == (Depot(Window(0, 100)),)
    assert case.windows == ((Window(10, 20),), (Window(0, 50),), (Window(5, 40),))
    assert case.service.tolist() == [4, 4, 4]
    assert case.delivery.tolist() == [[2], [3], [1]]
    assert [(v.count, v.capacity) for v in case.vehicles] == [(2, (5.0,))]
    assert case.required.all()


@pytest.mark.parametrize("text", [VRPTW, FLEET])
def test_vrplib_reads_the_same(tmp_path: Path, text: str) -> None:
    """The package that PyVRP reads files with, where it says as much."""
    (tmp_path / "a.vrp").write_text(text)
    other = vrplib_package.read_instance(tmp_path / "a.vrp")
    case = files.read(text, rounding="exact")
    np.testing.assert_array_equal(case.coords, other["node_coord"])
    np.testing.assert_array_equal(case.delivery[:, 0], other["demand"][1:])
    np.testing.assert_array_equal([own[0] for own in case.windows], other["time_window"][1:])
    np.testing.assert_allclose(ways(case, 0).distance, other["edge_weight"])
    each = [v.capacity[0] for v in case.vehicles for _ in range(v.count or 0)]
    np.testing.assert_array_equal(each, np.broadcast_to(other["capacity"], other["vehicles"]))


@pytest.mark.parametrize(
    ("kind", "rounding"),
    [
        ("VRPTW", Rounding.TRUNC1),
        ("PCVRPTW", Rounding.TRUNC1),
        ("MTVRPTWR", Rounding.TRUNC1),
        ("MDVRPTW", Rounding.ROUND3),
        ("SDVRPTW", Rounding.ROUND3),
        ("VRPB", Rounding.ROUND),
        ("GVRP", Rounding.ROUND),
        ("HFVRP", Rounding.EXACT),
        ("CVRP", Rounding.ROUND),
    ],
)
def test_the_type_says_how_distances_are_rounded(kind: str, rounding: Rounding) -> None:
    """As the public sets are counted; a line of the file, and then the caller, say otherwise."""
    text = vrplib(kind, "CAPACITY : 9")
    assert files.read(text).rounding is rounding
    assert files.read(text, rounding="exact").rounding is Rounding.EXACT
    stated = text.replace("CAPACITY", "ROUNDING : round3\nCAPACITY")
    assert files.read(stated).rounding is Rounding.ROUND3
    assert files.read(stated, rounding="trunc1").rounding is Rounding.TRUNC1


def test_vehicles_that_follow_each_other_and_are_alike_are_one_type() -> None:
    """So that vehicle k of the file is found again; clients know who may serve them."""
    case = files.read(FLEET)
    assert [(v.count, v.capacity, v.max_duration) for v in case.vehicles] == [
        (2, (5.0,), 60.0),
        (1, (9.0,), 60.0),
    ]
    assert case.allowed == (None, None, (1,))
    text = "Route #2: 1\nRoute #3: 3 2\nCost 5\n"
    assert files.read_solution(text, case) == [Route(0, [1]), Route(1, [3, 2])]
    assert files.write_solution(case, [Route(1, [3, 2]), Route(0, [1])], 5) == (
        "Route #1: 1\nRoute #3: 3 2\nCost 5\n"
    )


def test_depots_move_to_the_front() -> None:
    """Node 3 is a depot, too: places are depots first, and vehicles start at theirs."""
    text = vrplib(
        "MDVRPTW",
        "VEHICLES : 2",
        "CAPACITY : 9",
        sections="VEHICLES_DEPOT_SECTION\n1 1\n2 3\n",
        depots="1\n3\n-1\n",
    ).replace("3 3\n", "3 0\n")
    case = files.read(text)
    assert case.coords is not None
    assert case.coords.tolist() == [[0, 0], [6, 8], [3, 4], [0, 5]]
    assert [(v.start, v.end) for v in case.vehicles] == [(0, 0), (1, 1)]
    assert case.delivery.tolist() == [[2], [1]]


def test_several_depots_without_vehicles_have_any_number_each() -> None:
    """A type for each of them."""
    text = vrplib("MDVRP", "CAPACITY : 9", depots="1\n3\n-1\n").replace("3 3\n", "3 0\n")
    found = [(v.count, v.start, v.end) for v in files.read(text).vehicles]
    assert found == [(None, 0, 0), (None, 1, 1)]


def test_open_routes_end_anywhere() -> None:
    """TYPE : OVRP."""
    assert files.read(vrplib("OVRP", "CAPACITY : 9")).vehicles[0].end is None


def test_backhauls_prizes_groups_releases_and_reloads() -> None:
    """Each in the section of its public set."""
    back = files.read(
        vrplib("VRPB", "CAPACITY : 9", sections="BACKHAUL_SECTION\n1 0\n2 0\n3 0\n4 7\n")
    )
    assert back.backhauls is Backhauls.AFTER_SOME
    assert back.pickup.tolist() == [[0], [0], [7]]
    prizes = files.read(
        vrplib("PCVRPTW", "CAPACITY : 9", sections="PRIZE_SECTION\n1 0\n2 0\n3 8\n4 1\n")
    )
    assert prizes.required.tolist() == [True, False, False]
    assert prizes.prize.tolist() == [0, 8, 1]
    groups = "MUTUALLY_EXCLUSIVE_GROUP_SECTION\n1 2 4\n2 3\n"
    assert files.read(vrplib("GVRP", "CAPACITY : 9", sections=groups)).groups == (Group((1, 3)),)
    trips = files.read(
        vrplib(
            "MTVRPTWR",
            "VEHICLES : 2",
            "CAPACITY : 9",
            "VEHICLES_MAX_RELOADS : 1",
            sections="RELEASE_TIME_SECTION\n1 0\n2 7\n3 0\n4 2\n"
            "VEHICLES_RELOAD_DEPOT_SECTION\n1 1\n2 1\n",
        )
    )
    assert trips.release.tolist() == [7, 0, 2]
    assert [(v.count, v.reloads, v.max_trips) for v in trips.vehicles] == [(2, (0,), 2)]


def test_a_limit_of_distance_counts_service_where_there_is_some() -> None:
    """DISTANCE of CVRPLIB's CMT: with the drop times, the duration of a route."""
    far = files.read(vrplib("CVRP", "CAPACITY : 9", "DISTANCE : 30")).vehicles[0]
    assert (far.max_distance, far.max_duration) == (30, float("inf"))
    long = files.read(vrplib("CVRP", "CAPACITY : 9", "DISTANCE : 30", "SERVICE_TIME : 2"))
    assert (long.vehicles[0].max_distance, long.vehicles[0].max_duration) == (float("inf"), 30)


def test_pickups_and_deliveries_are_shipments() -> None:
    """PICKUP_AND_DELIVERY_SECTION of LKH: load, window, service, pickup, delivery."""
    rows = "1 0 0 99 0 0 0\n2 5 0 50 3 0 3\n3 -5 0 60 3 2 0\n4 2 0 70 1 0 0\n"
    text = vrplib("PDPTW", "CAPACITY : 9", sections=f"PICKUP_AND_DELIVERY_SECTION\n{rows}")
    case = files.read(text.replace(DEMAND, ""))
    assert case.shipments == (Shipment(1, 2),)
    assert case.pickup.tolist() == [[5], [0], [2]]
    assert case.delivery.tolist() == [[0], [5], [0]]
    assert case.windows[1] == (Window(0, 60),)


def test_a_matrix_may_differ_in_its_directions() -> None:
    """EXPLICIT distances, with coordinates for pictures."""
    rows = "0 1 2 3\n4 0 5 6\n7 8 0 9\n1 2 3 0\n"
    matrix = f"EDGE_WEIGHT_FORMAT : FULL_MATRIX\nEDGE_WEIGHT_SECTION\n{rows}"
    text = vrplib("CVRP", "CAPACITY : 9").replace("EUC_2D\n", f"EXPLICIT\n{matrix}")
    case = files.read(text)
    np.testing.assert_array_equal(case.distances[0][1], [4, 0, 5, 6])
    assert case.coords is not None


def test_solomon() -> None:
    """And Homberger: the first row is the depot; distances are truncated to one decimal."""
    case = files.read(SOLOMON, path="x/R4.txt")
    assert (case.name, case.size, case.rounding) == ("R4", 2, Rounding.TRUNC1)
    assert [(v.count, v.capacity) for v in case.vehicles] == [(3, (50.0,))]
    assert case.windows == ((Window(5, 60),), (Window(10, 70),))
    report = check(case, files.read_solution("Route 1 : 1 2\n", case))
    assert report.feasible
    assert report.cost == 18.4  # 5, and 4.2 of 4.24, and 9.2 of 9.21
    assert check(files.read(SOLOMON, rounding="round"), [Route(0, [1, 2])]).cost == 18


def test_li_and_lim() -> None:
    """Requests are shipments; a speed of 0, as in some published files, is 1."""
    case = files.read(LILIM.replace("\t1\n", "\t0\n", 1), path="x/lc.txt")
    assert case.name == "lc"
    assert case.shipments == (Shipment(1, 2),)
    assert case.vehicles[0].speed == 1
    assert "fewest vehicles" in case.remarks[0]
    assert check(case, [Route(0, [1, 2])]).cost == 20


@pytest.mark.parametrize("text", [VRPTW, FLEET, SOLOMON, LILIM])
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_make_no_difference(text: str, ends: str) -> None:
    """Files of Windows and of old Macs; a byte-order mark."""
    other = "\ufeff" + text.replace("\n", ends)
    assert files.recognise(other)
    np.testing.assert_array_equal(files.read(other).delivery, files.read(text).delivery)


def test_comments_of_a_solution_are_passed_over() -> None:
    """PyVRP's have lines such as "Optimal: True"; what is no line of a solution is refused."""
    case = files.read(VRPTW)
    text = "Route #1: 1 2\nCost: 14\nOptimal: True\nComment: of 2024; see https://x.org\n"
    assert files.read_solution(text, case) == [Route(0, [1, 2])]
    with pytest.raises(InstanceError, match="a line must be"):
        files.read_solution("Road 1: 2\n", case)


@pytest.mark.parametrize("seed", range(20))
def test_a_written_plan_is_read_as_it_was(seed: int) -> None:
    """As routes of numbered vehicles, and as a table; of any mixture of constraints."""
    case = random_case(seed)
    plan = random_plan(case, seed)
    assert files.read_solution(files.write_solution(case, plan, None), case) == plan
    assert sheet.read_solution(sheet.table(case, plan), case) == plan


def test_json_of_a_solution() -> None:
    """Pairs of a type and its stops, alone or as the key solution."""
    case = files.read(FLEET)
    assert files.read_solution("[[1, [3, 2]]]", case) == [Route(1, [3, 2])]
    assert files.read_solution('{"solution": [[0, [1]]]}', case) == [Route(0, [1])]
    with pytest.raises(InstanceError, match="each \\[vehicle type, \\[stops\\]\\]"):
        files.read_solution("[[1, 2]]", case)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ((), "cvrp"),
        (("DISTANCE : 0", "SERVICE_TIME : 0"), "cvrp"),
        (("VEHICLES : 2",), "cvrp"),
        (("DISTANCE : 40",), "vrp"),
        (("SERVICE_TIME : 5",), "vrp"),
        (("VEHICLES_MAX_DURATION : 50",), "vrp"),
    ],
)
def test_files_of_plain_cvrp_stay_there(
    tmp_path: Path, more: tuple[str, ...], problem: str
) -> None:
    """A line that cvrp does not have, and that is not 0, makes the file one of vrp."""
    path = tmp_path / "a.vrp"
    path.write_text(vrplib("CVRP", "CAPACITY : 9", *more))
    assert sources.read(path).problem == problem
    assert sources.read(path, "vrp").problem == "vrp"


def test_fleets_of_hfvrp_stay_with_hcvrp(tmp_path: Path) -> None:
    """Unless the problem is named; both price a plan alike."""
    sections = "CAPACITY_SECTION\n1 6\n2 9\nVEHICLES_FIXED_COST_SECTION\n1 50\n2 70\n"
    path = tmp_path / "a.vrp"
    path.write_text(vrplib("HFVRP", "VEHICLES : 2", sections=sections))
    plain, rich = sources.read(path), sources.read(path, "vrp")
    assert (plain.problem, rich.problem) == ("hcvrp", "vrp")
    (tmp_path / "a.sol").write_text("Route #2: 1 2 3\n")
    costs = [sources.check(case, tmp_path / "a.sol").cost for case in (plain, rich)]
    assert costs[0] == pytest.approx(costs[1])


def test_an_argument_that_a_file_would_ignore_is_refused(tmp_path: Path) -> None:
    """A file may be rounded otherwise; what only tables leave open it says itself."""
    path = tmp_path / "a.vrp"
    path.write_text(VRPTW)
    assert sources.read(path, arguments={"rounding": "exact"}).rounding is Rounding.EXACT
    with pytest.raises(InstanceError, match="capacity: is for tables"):
        sources.read(path, arguments={"capacity": 5})
    with pytest.raises(InstanceError, match="rounding up: must be one of exact"):
        sources.read(path, arguments={"rounding": "up"})
    path.write_text(vrplib("CVRP", "CAPACITY : 9"))
    with pytest.raises(InstanceError, match="rounding: is for tables"):
        sources.read(path, "cvrp", arguments={"rounding": "exact"})


def test_examples_of_other_problems_are_not_recognised() -> None:
    """Nor are these of any other problem."""
    for name, path in shipped.examples().items():
        if path.suffix == ".csv":
            continue
        assert files.recognise(path.read_text()) == (name.startswith("example:vrp/")), name
        if name.startswith("example:vrp/"):
            assert sources.read(path).problem == "vrp"

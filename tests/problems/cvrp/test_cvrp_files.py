"""Reading and writing CVRP cases: every defect is named, and what is no defect is accepted."""

import numpy as np
import pytest

from nco.core.errors import InstanceError
from nco.problems.cvrp import files
from nco.problems.cvrp.check import check

GOOD = """NAME : tiny
COMMENT : (made up, No of trucks: 2)
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 5.
DEMAND_SECTION
1 0
2 4
3 6
4 5
DEPOT_SECTION
1
-1
EOF
"""
MATRIX = """NAME : matrix
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : LOWER_ROW
CAPACITY : 10
EDGE_WEIGHT_SECTION
7 8 9
DEMAND_SECTION
1 2
2 0
3 3
DEPOT_SECTION
2
-1
EOF
"""
# what to replace in GOOD, by what, then the line, the field and a part of the reason
DEFECTS = {
    "no DIMENSION": ("DIMENSION : 4\n", "", None, "DIMENSION", "missing"),
    "DIMENSION too large": ("DIMENSION : 4", "DIMENSION : 5", 4, "DIMENSION", "4 rows"),
    "DIMENSION too small": ("DIMENSION : 4", "DIMENSION : 3", 4, "DIMENSION", "4 rows"),
    "negative DIMENSION": ("DIMENSION : 4", "DIMENSION : -4", 4, "DIMENSION", "from 1 to"),
    "huge DIMENSION": ("DIMENSION : 4", "DIMENSION : 1000000000", 4, "DIMENSION", "from 1 to"),
    "DIMENSION in words": ("DIMENSION : 4", "DIMENSION : four", 4, "DIMENSION", "number"),
    "no TYPE": ("TYPE : CVRP\n", "", None, "TYPE", "TYPE : CVRP"),
    "plain VRP": ("TYPE : CVRP", "TYPE : VRP", 3, "TYPE", "CVRP"),
    "another TYPE": ("TYPE : CVRP", "TYPE : VRPTW", 3, "TYPE", "CVRP"),
    "no metric": ("EDGE_WEIGHT_TYPE : EUC_2D\n", "", None, "EDGE_WEIGHT_TYPE", "missing"),
    "unknown metric": ("EUC_2D", "EUC_7D", 5, "EDGE_WEIGHT_TYPE EUC_7D", "not supported"),
    "no CAPACITY": ("CAPACITY : 10\n", "", None, "CAPACITY", "missing"),
    "CAPACITY 0": ("CAPACITY : 10", "CAPACITY : 0", 6, "CAPACITY 0", "positive"),
    "negative CAPACITY": ("CAPACITY : 10", "CAPACITY : -10", 6, "CAPACITY -10", "positive"),
    "NaN CAPACITY": ("CAPACITY : 10", "CAPACITY : nan", 6, "CAPACITY nan", "finite"),
    "no VEHICLES": ("CAPACITY : 10", "CAPACITY : 10\nVEHICLES : 0", 7, "VEHICLES 0", "positive"),
    "half a vehicle": ("CAPACITY : 10", "CAPACITY : 10\nVEHICLES : .5", 7, "VEHICLES .5", "whole"),
    "route length": ("CAPACITY : 10", "CAPACITY : 10\nDISTANCE : 200", 7, "DISTANCE", "length"),
    "service": ("CAPACITY : 10", "CAPACITY : 10\nSERVICE_TIME : 9", 7, "SERVICE_TIME", "service"),
    "shift": ("CAPACITY : 10", "VEHICLES_MAX_DURATION: 5", 6, "VEHICLES_MAX_DURATION", "fleets"),
    "time windows": ("DEPOT_SECTION", "TIME_WINDOW_SECTION", 17, "TIME_WINDOW_SECTION", "support"),
    "pickups": ("DEPOT_SECTION", "PICKUP_SECTION", 17, "PICKUP_SECTION", "support"),
    "fleet": ("CAPACITY : 10", "CAPACITY_SECTION\n1 10", 6, "CAPACITY_SECTION", "support"),
    "no coordinates": ("NODE_COORD_SECTION", "DISPLAY_DATA_SECTION", None, "NODE_COORD", "missing"),
    "NaN coordinate": ("3 6 8", "3 nan 8", 10, "NODE_COORD_SECTION nan", "finite"),
    "infinite coordinate": ("3 6 8", "3 inf 8", 10, "NODE_COORD_SECTION inf", "finite"),
    "overflow": ("3 6 8", "3 1e300 8", 10, "NODE_COORD_SECTION", "overflow"),
    "text": ("3 6 8", "3 six 8", 10, "NODE_COORD_SECTION six", "number"),
    "short row": ("3 6 8", "3 6", 10, "NODE_COORD_SECTION 3 6", "row"),
    "doubled node": ("3 6 8", "2 6 8", 10, "NODE_COORD_SECTION node 2", "twice"),
    "missing row": ("3 6 8\n", "", 4, "DIMENSION 4", "3 rows"),
    "no demands": ("DEMAND_SECTION\n1 0\n2 4\n3 6\n4 5\n", "", None, "DEMAND_SECTION", "missing"),
    "missing demand": ("3 6\n", "", 12, "DEMAND_SECTION node 3", "row"),
    "doubled demand": ("3 6\n", "2 6\n", 15, "DEMAND_SECTION node 2", "twice"),
    "unknown demand": ("4 5\n", "4 5\n9 5\n", 17, "DEMAND_SECTION node 9", "no such node"),
    "demand in words": ("3 6\n", "3 six\n", 15, "DEMAND_SECTION six", "number"),
    "NaN demand": ("3 6\n", "3 nan\n", 15, "DEMAND_SECTION nan", "finite"),
    "negative demand": ("3 6\n", "3 -6\n", 15, "DEMAND_SECTION node 3 with -6", "customer 2"),
    "large demand": ("3 6\n", "3 11\n", 15, "DEMAND_SECTION node 3 with 11", "customer 2 demands"),
    "depot demand": ("1 0\n2 4\n", "1 1\n2 4\n", 13, "DEMAND_SECTION node 1 with 1", "depot"),
    "no depots": ("DEPOT_SECTION\n1\n-1\n", "", None, "DEPOT_SECTION", "missing"),
    "empty depots": ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n", 17, "DEPOT_SECTION", "one depot"),
    "two depots": ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n1\n2\n", 19, "DEPOT_SECTION", "one depot"),
    "depot out of range": ("SECTION\n1\n-1", "SECTION\n7\n-1", 18, "DEPOT_SECTION 7", "no such"),
    "depot in words": ("SECTION\n1\n-1", "SECTION\none\n-1", 18, "DEPOT_SECTION", "number"),
    "two capacities": ("CAPACITY : 10", "CAPACITY : 10\nCAPACITY : 9", 7, "CAPACITY 9", "twice"),
    "matrix too": (
        "DEPOT_SECTION",
        "EDGE_WEIGHT_SECTION\n1\nDEPOT_SECTION",
        17,
        "EDGE",
        "EXPLICIT",
    ),
    "binary": ("NAME : tiny", "NAME : \0", 1, "", "NUL"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_place(name: str) -> None:
    """A broken file is refused in one line with its line, field and reason."""
    old, new, line, field, reason = DEFECTS[name]
    assert GOOD.count(old) >= 1
    with pytest.raises(InstanceError) as caught:
        files.read(GOOD.replace(old, new, 1), path="tiny.vrp")
    message = str(caught.value)
    place = "tiny.vrp: " if line is None else f"tiny.vrp:{line}: "
    assert message.startswith(place + field), message
    assert reason in message.removeprefix(place + field)
    assert "\n" not in message


@pytest.mark.parametrize("kept", [7, 10, 11, 14, 16, 17])
def test_a_truncated_file_is_an_error(kept: int) -> None:
    """A file that ends early is refused wherever it ends."""
    text = "\n".join(GOOD.splitlines()[:kept])
    with pytest.raises(InstanceError, match=r"^tiny\.vrp"):
        files.read(text, path="tiny.vrp")


@pytest.mark.parametrize("text", ["", "\n\n", "hello", "\0\1\2", "x" * 1000])
def test_junk_is_an_error_and_not_recognised(text: str) -> None:
    """Texts of no format are not recognised, and reading them names the file."""
    assert not files.recognise(text)
    with pytest.raises(InstanceError, match=r"^junk"):
        files.read(text, path="junk")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("7 8 9", "7 8", "needs 3 numbers"),
        ("7 8 9", "7 -8 9", "from 0"),
        ("7 8 9", "7 1e17 9", "2\\*\\*53"),
        ("LOWER_ROW", "ROUND_ROW", "not supported"),
        ("EDGE_WEIGHT_FORMAT : LOWER_ROW\n", "", "missing"),
        ("LOWER_ROW", "FULL_MATRIX", "needs 9 numbers"),
        ("2 0\n", "7 0\n", "no row"),
    ],
)
def test_a_defective_matrix_is_an_error(old: str, new: str, reason: str) -> None:
    """A matrix with missing or impossible numbers is refused with the reason."""
    with pytest.raises(InstanceError, match=reason):
        files.read(MATRIX.replace(old, new))


def test_an_asymmetric_matrix_is_refused() -> None:
    """The first pair whose ways differ is named."""
    text = MATRIX.replace("LOWER_ROW", "FULL_MATRIX").replace("7 8 9", "0 7 8 7 0 9 8 6 0")
    with pytest.raises(
        InstanceError, match=r"2 to 3 is 9 and back 6: .* give --problem vrp, or put"
    ):
        files.read(text)


VARIANTS = {
    "CRLF": GOOD.replace("\n", "\r\n"),
    "no blanks": GOOD.replace(" : ", ":"),
    "lower case": GOOD.replace("TYPE : CVRP", "type : cvrp").replace("DEMAND_", "demand_"),
    "no EOF": GOOD.replace("EOF\n", ""),
    "blank lines": GOOD.replace("\n", "\n\n"),
    "tabs": GOOD.replace(" ", "\t"),
    "text after the type": GOOD.replace("TYPE : CVRP", "TYPE : CVRP (by hand)"),
    "exponents": GOOD.replace("3 6 8", "3.0 6e+00 0.8E1").replace(": 10", ": 1.0000e+01"),
    "no restriction": GOOD.replace("CAPACITY", "DISTANCE : 0\nSERVICE_TIME : 0.0\nCAPACITY"),
    "demands in another order": GOOD.replace("2 4\n3 6\n", "3 6\n2 4\n"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_no_defect_is_accepted(name: str) -> None:
    """Spaces, line ends, comments and the order of sections do not matter."""
    assert files.recognise(VARIANTS[name])
    case = files.read(VARIANTS[name])
    assert (case.name, case.size, case.capacity, case.vehicles) == ("tiny", 3, 10.0, None)
    assert case.demand.tolist() == [0, 4, 6, 5]
    assert case.coords is not None
    assert case.coords.tolist() == [[0, 0], [3, 4], [6, 8], [0, 5]]


def test_a_depot_that_is_not_first_moves_to_the_front() -> None:
    """Customers keep the file's order behind the depot, in matrices too."""
    swapped = GOOD.replace("1 0\n2 4\n3 6\n", "1 4\n2 6\n3 0\n").replace(
        "SECTION\n1\n-", "SECTION\n3\n-"
    )
    case = files.read(swapped)
    assert case.coords is not None
    assert case.coords.tolist() == [[6, 8], [0, 0], [3, 4], [0, 5]]
    assert case.demand.tolist() == [0, 4, 6, 5]
    assert check(case, [[1, 2], [3]]).cost == 10 + 5 + 5 + 7 + 7
    matrix = files.read(MATRIX)
    assert matrix.distances is not None
    assert matrix.coords is None
    assert matrix.distances.tolist() == [[0, 7, 9], [7, 0, 8], [9, 8, 0]]
    assert check(matrix, [[1, 2]]).cost == 7 + 8 + 9


def test_a_matrix_may_have_coordinates_and_a_display() -> None:
    """Coordinates beside a matrix are kept and put in the depot's order."""
    rows = "1 0 0\n2 1 1\n3 2 2\n"
    text = MATRIX.replace(
        "DEMAND_", f"NODE_COORD_SECTION\n{rows}DISPLAY_DATA_SECTION\n{rows}DEMAND_"
    )
    case = files.read(text)
    assert case.coords is not None
    assert case.display is not None
    assert case.coords.tolist() == case.display.tolist() == [[1, 1], [0, 0], [2, 2]]


@pytest.mark.parametrize("metric", ["EUC_2D", "CEIL_2D", "MAN_2D", "MAX_2D", "GEO", "ATT"])
def test_a_case_survives_writing_and_reading(metric: str) -> None:
    """Every metric, and the number of vehicles, is written and read."""
    case = files.read(GOOD.replace("EUC_2D", metric).replace("CAPACITY", "VEHICLES : 2\nCAPACITY"))
    again = files.read(files.write(case))
    assert again.coords is not None
    assert again.metric == metric
    assert again.vehicles == 2
    assert np.array_equal(again.coords, case.coords)
    assert np.array_equal(again.demand, case.demand)


def test_arrays_survive_writing_and_reading() -> None:
    """Real numbers come back exactly, with coordinates, distances or both."""
    random = np.random.default_rng(0)
    points, demand = random.random((5, 2)), np.array([0, 0.1, 0.2, 0.3, 1 / 3])
    gaps = np.linalg.norm(points[:, None] - points, axis=-1)
    data = {"coords": points, "distances": gaps, "demand": demand, "capacity": 0.7, "name": "a b"}
    for left_out in ("coords", "distances", "name"):
        case = files.from_arrays({key: data[key] for key in data if key != left_out})
        assert case is not None
        again = files.read(files.write(case))
        for field in ("coords", "distances", "demand"):
            assert np.array_equal(getattr(again, field), getattr(case, field)) or (
                getattr(case, field) is None and getattr(again, field) is None
            )
        routes = [[1, 2], [3, 4]]
        assert check(again, routes).cost == check(case, routes).cost
        assert again.name == case.name


ARRAYS = {"coords": [[0, 0], [1, 0], [0, 1]], "demand": [0, 2, 3], "capacity": 4}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coords": [[0, 0], [1, 0]]}, r"coords \(2, 2\): must have the shape \(3, 2\)"),
        ({"coords": [[0, 0], [1, np.nan], [0, 1]]}, "coords row 1 .* finite"),
        ({"coords": [[0, 0], [1, 1e200], [0, 1]]}, "overflow"),
        ({"coords": [[0, 0], [1], [0, 1]]}, "coords: is no array"),
        ({"coords": [["a", "b"]] * 3}, "coords .* is no array"),
        ({"demand": [1, 2, 3]}, "the depot's demand"),
        ({"demand": [0, -2, 3]}, "customer 1 must be 0 or a positive"),
        ({"demand": [0, 2, np.nan]}, "customer 2 must be 0 or a positive"),
        ({"demand": [0, 2, 5]}, "customer 2 demands more than the capacity 4"),
        ({"demand": [[0, 2, 3]]}, "one row of numbers"),
        ({"demand": []}, "one row of numbers"),
        ({"capacity": 0}, "capacity 0: must be one positive number"),
        ({"capacity": np.inf}, "capacity inf"),
        ({"capacity": [4]}, "capacity"),
        ({"capacity": None}, "capacity: this key is missing"),
        ({"vehicles": 0}, "vehicles 0: must be a positive integer"),
        ({"vehicles": 1.5}, "vehicles 1.5"),
        ({"distances": np.ones((2, 2))}, r"distances \(2, 2\): must have the shape \(3, 3\)"),
        ({"distances": [[0, 1, 1], [2, 0, 1], [1, 1, 0]]}, "0 to 1 is 1 and back 2"),
        ({"distances": [[0, -1, 1], [-1, 0, 1], [1, 1, 0]]}, "from 0"),
        ({"distances": [[0, np.nan, 1], [np.nan, 0, 1], [1, 1, 0]]}, "from 0"),
    ],
)
def test_defective_arrays_are_named(changes: dict[str, object], reason: str) -> None:
    """Arrays that do not fit together are refused with the key and the reason."""
    with pytest.raises(InstanceError, match=reason):
        files.from_arrays({**ARRAYS, **changes})


@pytest.mark.parametrize(
    "data",
    [None, [[0, 0], [1, 1]], np.zeros((3, 2)), {"coords": [[0, 0]]}, {**ARRAYS, "prizes": [1]}],
)
def test_arrays_of_other_problems_are_left_to_them(data: object) -> None:
    """What is not a CVRP's dictionary gives None."""
    assert files.from_arrays(data) is None


def test_single_precision_demands_keep_their_decimals() -> None:
    """Ten demands of 0.1 in float32 fill a capacity of 1 exactly."""
    demand = np.array([0] + [0.1] * 10, dtype=np.float32)
    case = files.from_arrays({"coords": np.zeros((11, 2)), "demand": demand, "capacity": 1.0})
    assert case is not None
    assert check(case, [list(range(1, 11))]).feasible


def test_a_depot_alone_has_the_empty_solution() -> None:
    """Without customers the empty plan costs nothing."""
    case = files.from_arrays({"coords": [[0.5, 0.5]], "demand": [0], "capacity": 1})
    assert case is not None
    assert case.size == 0
    assert check(case, []).cost == 0
    assert files.read(files.write(case)).size == 0


def test_files_of_other_problems_are_not_recognised() -> None:
    """Types and sections of other problems are left to those."""
    assert not files.recognise("NAME : x\nTYPE : TSP\nDIMENSION : 2\nNODE_COORD_SECTION\n1 0 0\n")
    assert not files.recognise("3 10\n1 2\n3 4\n5 6\n")
    assert not files.recognise(GOOD.replace("TYPE : CVRP", "TYPE : VRPTW"))
    assert not files.recognise(GOOD.replace("EOF", "VEHICLES_FIXED_COST_SECTION\n1 5\nEOF"))
    assert files.recognise(GOOD.replace("TYPE : CVRP\n", ""))
    assert files.recognise(GOOD.replace("EOF", "VEHICLES : 3"))


@pytest.mark.parametrize(
    "text",
    [
        "Route #1: 1 2\nRoute #2: 3\nCost 32\n",
        "route #1: 1 2 \r\nroute #2: 3\r\n\r\ncost 32",
        "[[1, 2], [3]]",
        '{"file": "tiny.vrp", "solution": [[1, 2], [3]]}',
    ],
)
def test_solutions_are_read_in_both_forms(text: str) -> None:
    """CVRPLIB's form and JSON give the same routes, and empty routes are not written."""
    case = files.read(GOOD)
    assert files.read_solution(text, case) == [[1, 2], [3]]
    assert check(case, [[1, 2], [3]]).cost == 5 + 5 + 10 + 10
    written = files.write_solution(case, [[1, 2], [], [3]], 30)
    assert written == "Route #1: 1 2\nRoute #2: 3\nCost 30\n"
    assert files.read_solution(written, case) == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no line 'Route"),
        ("Cost 30\n", "no line 'Route"),
        ("Route #1: 1 x\n", "line 1: Route x: a customer number"),
        ("Route #1: 1 2\nrubbish\n", "line 2: solution rubbish"),
        ("Route #1: 1 2.5\n", "Route 2.5"),
        ("[[1, 2", "no JSON"),
        ("[1, 2]", "list of routes"),
        ("[[1, true]]", "customer number"),
        ('{"routes": []}', "no key 'solution'"),
        ('{"solution": null}', "list of routes"),
    ],
)
def test_garbled_solutions_are_named(text: str, reason: str) -> None:
    """A broken solution file is refused with the line and the reason."""
    with pytest.raises(InstanceError, match=reason):
        files.read_solution(text, files.read(GOOD))


def test_a_customer_without_a_position_is_named() -> None:
    """A number that is no customer's raises with the range of numbers."""
    case = files.read(GOOD)
    assert case.indexed(case.numbered([[1, 2], [3]])) == [[1, 2], [3]]
    with pytest.raises(InstanceError, match="customer 4: the customers are 1 to 3"):
        case.indexed([[1, 4]])

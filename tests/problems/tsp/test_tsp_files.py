"""TSPLIB in and out: metrics, layouts, every defect in one line, and round trips."""

import json

import numpy as np
import pytest

from nco.core.errors import InstanceError
from nco.problems._routing import metrics, tsplib
from nco.problems.tsp import files

PLANE = """NAME : square
COMMENT : four corners
TYPE : TSP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 0
3 3 4
4 0 4
EOF
"""
MATRIX = """NAME : three
TYPE : TSP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : FULL_MATRIX
DISPLAY_DATA_TYPE : TWOD_DISPLAY
EDGE_WEIGHT_SECTION
0 1 2
1 0 3
2 3 0
DISPLAY_DATA_SECTION
3 5 6
1 1 2
2 3 4
EOF
"""
METRIC_EXAMPLES = [
    ("EUC_2D", (0, 0), (3, 4), 5),
    ("EUC_2D", (0, 0), (1, 1), 1),
    ("EUC_2D", (0, 0), (1.5, 2), 3),  # 2.5 is rounded up
    ("CEIL_2D", (0, 0), (1, 1), 2),
    ("CEIL_2D", (0, 0), (3, 4), 5),
    ("MAN_2D", (0, 0), (-1.2, 1.2), 2),
    ("MAN_2D", (0, 0), (1.25, 1.25), 3),
    ("MAX_2D", (0, 0), (2.4, 1.5), 2),
    ("MAX_2D", (0, 0), (2.4, -2.5), 3),
    ("ATT", (0, 0), (10, 0), 4),  # the root of 10 is rounded to 3, which is too short
    ("ATT", (0, 0), (30, 10), 10),
    ("GEO", (38.24, 20.42), (39.57, 26.15), 509),  # ulysses16, nodes 1, 2 and 3
    ("GEO", (38.24, 20.42), (40.56, 25.32), 501),
    ("GEO", (0, 0), (0, 90), 10020),  # a quarter of the equator is 10019.1, always rounded up
    ("GEO", (-0.30, 0), (0.30, 0), 112),  # thirty minutes either side: one degree
    ("EUCLIDEAN", (0, 0), (1, 1), 2**0.5),
]


@pytest.mark.parametrize(("metric", "start", "end", "expected"), METRIC_EXAMPLES)
def test_metric_by_hand(metric: str, start: tuple, end: tuple, expected: float) -> None:
    """Each metric gives TSPLIB's figure, forth and back, in pairs and in the matrix."""
    points = np.array([start, end], dtype=np.float64)
    assert metrics.distances(points[0], points[1], metric) == pytest.approx(expected, rel=1e-15)
    matrix = metrics.distance_matrix(points, metric)
    assert matrix.tolist() == [[0, pytest.approx(expected)], [pytest.approx(expected), 0]]
    assert matrix.dtype == (np.float64 if metric == "EUCLIDEAN" else np.int64)


def test_distance_rows_join_to_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of rows, the last one shorter, are the rows of the matrix."""
    coords = np.random.default_rng(0).uniform(-80, 80, (7, 2))
    whole = metrics.distance_matrix(coords, "GEO")
    monkeypatch.setattr(metrics, "BLOCK", 14)
    blocks = list(metrics.distance_rows(coords, "GEO"))
    assert [first for first, _ in blocks] == [0, 2, 4, 6]
    assert np.array_equal(np.concatenate([block for _, block in blocks]), whole)


def test_unknown_metric_is_an_error() -> None:
    """A metric that does not exist is named."""
    with pytest.raises(InstanceError, match="metric EUC_9D"):
        metrics.distances(np.zeros(2), np.ones(2), "EUC_9D")


LAYOUTS = {  # of [[0 1 2 4] [1 0 3 5] [2 3 0 6] [4 5 6 0]] with a diagonal of 9 that is no distance
    "FULL_MATRIX": "9 1 2 4 1 9 3 5 2 3 9 6 4 5 6 9",
    "UPPER_ROW": "1 2 4 3 5 6",
    "LOWER_ROW": "1 2 3 4 5 6",
    "UPPER_DIAG_ROW": "9 1 2 4 9 3 5 9 6 9",
    "LOWER_DIAG_ROW": "9 1 9 2 3 9 4 5 6 9",
    "UPPER_COL": "1 2 3 4 5 6",
    "LOWER_COL": "1 2 4 3 5 6",
    "UPPER_DIAG_COL": "9 1 9 2 3 9 4 5 6 9",
    "LOWER_DIAG_COL": "9 1 2 4 9 3 5 9 6 9",
}


@pytest.mark.parametrize("width", [1, 3, 100])
@pytest.mark.parametrize("layout", tsplib.LAYOUTS)
def test_layouts_agree(layout: str, width: int) -> None:
    """All nine layouts give one matrix however their numbers are wrapped into lines."""
    tokens = LAYOUTS[layout].split()
    lines = [" ".join(tokens[i : i + width]) for i in range(0, len(tokens), width)]
    case = files.read(
        f"TYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: {layout}\n"
        "EDGE_WEIGHT_SECTION\n" + "\n".join(lines)
    )
    assert case.distances is not None
    expected = [[0, 1, 2, 4], [1, 0, 3, 5], [2, 3, 0, 6], [4, 5, 6, 0]]
    assert case.distances.tolist() == expected
    assert case.distances.dtype == np.int64
    assert case.coords is None
    assert case.ids.tolist() == [1, 2, 3, 4]


def test_reads_a_plane() -> None:
    """A usual file gives its name, metric, numbers and coordinates."""
    case = files.read(PLANE, path="square.tsp")
    assert (case.name, case.metric, case.size, case.path) == ("square", "EUC_2D", 4, "square.tsp")
    assert case.ids.tolist() == [1, 2, 3, 4]
    assert case.coords is not None
    assert case.coords.tolist() == [[0, 0], [3, 0], [3, 4], [0, 4]]
    assert case.distances is None
    assert case.matrix()[0].tolist() == [0, 3, 5, 4]


def test_reads_a_matrix_with_a_picture() -> None:
    """Display coordinates come in the order of the nodes and are not the case's coordinates."""
    case = files.read(MATRIX)
    assert case.metric == "EXPLICIT"
    assert case.coords is None
    assert case.display is not None
    assert case.display.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert case.matrix().tolist() == [[0, 1, 2], [1, 0, 3], [2, 3, 0]]


def test_matrix_of_reals() -> None:
    """Distances that are no whole numbers stay as they are."""
    case = files.read(MATRIX.replace("0 1 2", "0 1.5 2").replace("1 0 3", "1.5 0 3"))
    assert case.distances is not None
    assert case.distances.dtype == np.float64
    assert case.distances[0].tolist() == [0, 1.5, 2]


@pytest.mark.parametrize(
    "text",
    [
        PLANE.replace("\n", "\r\n"),
        PLANE.replace("\n", "\r"),
        PLANE.replace(" : ", ":"),
        PLANE.replace(" : ", "   :\t"),
        PLANE.lower().replace("name : square", "NAME : square"),
        PLANE.replace("EOF\n", ""),
        PLANE.replace("\n", "\n\n"),
        "\ufeff" + PLANE,
        PLANE + "\x1a",
        PLANE + "anything may follow the end\n",
        PLANE.replace("TYPE : TSP", "TYPE : TSP (M.~Hofmeister)"),
        PLANE.replace("TYPE : TSP", "TYPE : TSP, of a square"),
        PLANE.replace("3 3 4", "  3.0\t3e+00   .4E1  "),
        PLANE.replace("3 3 4", "3 2.9999999999999999 4."),
        PLANE.replace("NODE_COORD_SECTION", "NODE_COORD_SECTION :"),
        PLANE.replace("NODE_COORD_SECTION", "NODE_COORD_TYPE : TWOD_COORDS\nNODE_COORD_SECTION"),
        PLANE.replace("NODE_COORD_SECTION", "EDGE_WEIGHT_FORMAT: FUNCTION\nNODE_COORD_SECTION"),
        PLANE.replace("COMMENT", "COMMENT : by hand: yes\nCOMMENT"),
        PLANE.replace("NAME : square\n", "") + "",
        PLANE.replace("DIMENSION : 4\n", "").replace("EOF", "DIMENSION : 4\nEOF"),
    ],
)
def test_harmless_variations(text: str) -> None:
    """Line ends, blanks, case, order, a missing EOF and text after the type are no defects."""
    assert files.recognise(text)
    case = files.read(text)
    assert case.coords is not None
    assert case.coords.tolist() == [[0, 0], [3, 0], [3, 4], [0, 4]]
    assert case.ids.tolist() == [1, 2, 3, 4]
    assert case.name == ("square" if "NAME" in text else "unnamed")


def test_numbers_of_a_file_are_kept() -> None:
    """Nodes need not be numbered from 1 nor in order."""
    text = PLANE.replace("\n1 0 0", "\n70 0 0").replace("\n3 3 4", "\n0 3 4")
    case = files.read(text)
    assert case.ids.tolist() == [70, 2, 0, 4]
    assert case.numbered([2, 0, 1, 3]) == [0, 70, 2, 4]
    assert case.indexed([0, 70, 2, 4]) == [2, 0, 1, 3]
    with pytest.raises(InstanceError, match="tour 3: square has no node of this number"):
        case.indexed([0, 3])


def swap(old: str, new: str, text: str = PLANE) -> str:
    """A defective copy of a text; the part to replace must be there."""
    assert old in text
    return text.replace(old, new)


DEFECTS = [  # text, and what the message must contain: field, line, value, reason
    (swap("DIMENSION : 4\n", ""), "DIMENSION", None, "this keyword is missing"),
    (swap(": 4", ": 5"), "DIMENSION 5", 4, "has 4 rows"),
    (swap(": 4", ": 3"), "DIMENSION 3", 4, "has 4 rows"),
    (swap(": 4", ": -4"), "DIMENSION -4", 4, "from 1 to 1,000,000"),
    (swap(": 4", ": 0"), "DIMENSION 0", 4, "from 1 to 1,000,000"),
    (swap(": 4", ": 1000000000"), "DIMENSION 1000000000", 4, "from 1 to 1,000,000"),
    (swap(": 4", ": 1e400"), "DIMENSION 1e400", 4, "must be finite"),
    (swap(": 4", ": four"), "DIMENSION four", 4, "a number belongs here"),
    (swap(": 4", ": 4.5"), "DIMENSION 4.5", 4, "a whole number belongs here"),
    (swap(": 4", ":"), "DIMENSION ''", 4, "a number belongs here"),
    (swap(": 4", ": 4\nDIMENSION : 5"), "DIMENSION 5", 5, "stated twice, first in line 4"),
    (swap("DIMENSION : 4", "DIMENSION 4"), "DIMENSION 4", 4, "neither 'KEYWORD : value' nor"),
    (swap("3 3 4", "3 nan 4"), "NODE_COORD_SECTION nan", 9, "must be finite"),
    (swap("3 3 4", "3 3 -NaN"), "NODE_COORD_SECTION -NaN", 9, "must be finite"),
    (swap("3 3 4", "3 3 -inf"), "NODE_COORD_SECTION -inf", 9, "must be finite"),
    (swap("3 3 4", "3 3 1e999"), "NODE_COORD_SECTION 1e999", 9, "must be finite"),
    (swap("3 3 4", "3 3 1e200"), "NODE_COORD_SECTION 3.0 1e+200", 9, "overflow"),
    (swap("3 3 4", "3 3 1e17"), "NODE_COORD_SECTION 3.0 1e+17", 9, "overflow"),
    (swap("3 3 4", "2 3 4"), "NODE_COORD_SECTION node 2", 9, "used twice, first in line 8"),
    (swap("3 3 4", "-3 3 4"), "NODE_COORD_SECTION node -3", 9, "is negative"),
    (swap("3 3 4", "3.5 3 4"), "NODE_COORD_SECTION 3.5", 9, "a whole number belongs here"),
    (swap("3 3 4", "1e300 3 4"), "NODE_COORD_SECTION 1e300", 9, "a whole number belongs here"),
    (swap("3 3 4", "3 three 4"), "NODE_COORD_SECTION three", 9, "a number belongs here"),
    (swap("3 3 4", "c 3 4"), "NODE_COORD_SECTION c", 9, "a number belongs here"),
    (swap("3 3 4", "3 1_0 4"), "NODE_COORD_SECTION 1_0", 9, "a number belongs here"),
    (swap("3 3 4", "3, 3, 4"), "NODE_COORD_SECTION 3,", 9, "a number belongs here"),
    (swap("3 3 4", "3 3 4 0"), "NODE_COORD_SECTION 3 3 4 0", 9, "a row must be a node number"),
    (PLANE[: PLANE.index("3 3 4") + 3], "NODE_COORD_SECTION 3 3", 9, "a row must be"),
    (PLANE[: PLANE.index("3 3 4")], "DIMENSION 4", 4, "complete the file"),
    (PLANE[: PLANE.index("1 0 0")], "DIMENSION 4", 4, "has 0 rows"),
    (PLANE[: PLANE.index("NODE")], "NODE_COORD_SECTION", None, "this section is missing"),
    (swap("EDGE_WEIGHT_TYPE : EUC_2D\n", ""), "EDGE_WEIGHT_TYPE", None, "keyword is missing"),
    (swap("EUC_2D", "EUC_3D"), "EDGE_WEIGHT_TYPE EUC_3D", 5, "use one of EUC_2D,"),
    (swap("EUC_2D", "XRAY1"), "EDGE_WEIGHT_TYPE XRAY1", 5, "use one of EUC_2D,"),
    (swap("TYPE : TSP\n", ""), "TYPE", None, "this keyword is missing"),
    (swap("TYPE : TSP", "TYPE : ATSP"), "TYPE ATSP", 3, "not a symmetric TSP"),
    (swap("TYPE : TSP", "TYPE : CVRP"), "TYPE CVRP", 3, "not a symmetric TSP"),
    (swap("EUC_2D", "GEO").replace("3 3 4", "3 91 4"), "91.0 4.0", 9, "latitude within 90"),
    (
        swap("NODE_COORD_SECTION", "NODE_COORD_TYPE : THREED_COORDS\nNODE_COORD_SECTION"),
        "NODE_COORD_TYPE THREED_COORDS",
        6,
        "only two coordinates",
    ),
    (
        swap("NODE_COORD_SECTION", "FIXED_EDGES_SECTION\n1 2\n-1\nNODE_COORD_SECTION"),
        "FIXED_EDGES_SECTION",
        6,
        "fixed edges are not supported",
    ),
    (swap("EOF", "DEMAND_SECTION\n1 0"), "DEMAND_SECTION", 11, "not supported (known here"),
    (swap("EOF", "NODE_COLOR_SECTION"), "NODE_COLOR_SECTION", 11, "not supported (known here"),
    (swap("EOF", "NODE_COORD_SECTION"), "NODE_COORD_SECTION", 11, "twice, first in line 6"),
    (swap("EOF", "EDGE_WEIGHT_SECTION\n0"), "EDGE_WEIGHT_SECTION", 11, "needs no matrix"),
    (swap("EOF", "DISPLAY_DATA_SECTION\n1 0 0"), "node 2", 11, "this node has no row"),
    (swap("NODE_COORD_SECTION\n", ""), "1 0 0", 6, "neither 'KEYWORD : value' nor"),
    (swap("3 3 4", "3 3\0 4"), "", 9, "binary"),
    ("", "", None, "the file is empty"),
    (" \r\n\t\n", "", None, "the file is empty"),
    ("\x7fELF\x02\x01", "", 1, "neither 'KEYWORD : value' nor"),
    (swap("FULL_MATRIX", "FUNCTION", MATRIX), "EDGE_WEIGHT_FORMAT FUNCTION", 5, "use one of FULL"),
    (swap("EDGE_WEIGHT_FORMAT : FULL_MATRIX\n", "", MATRIX), "EDGE_WEIGHT_FORMAT", None, "missing"),
    (
        swap("0 1 2\n1 0 3\n2 3 0\n", "", MATRIX),
        "EDGE_WEIGHT_SECTION",
        7,
        "FULL_MATRIX of 3 nodes needs 9 numbers, the section has 0",
    ),
    (
        MATRIX[: MATRIX.index("EDGE_WEIGHT_SECTION")],
        "EDGE_WEIGHT_SECTION",
        None,
        "this section is missing",
    ),
    (swap("2 3 0", "2 3", MATRIX), "EDGE_WEIGHT_SECTION", 7, "the section has 8"),
    (swap(": 3", ": 900000", MATRIX), "EDGE_WEIGHT_SECTION", 7, "needs 810,000,000,000 numbers"),
    (swap("1 0 3", "1 0 -3", MATRIX), "EDGE_WEIGHT_SECTION -3", 9, "from 0 to 2**53"),
    (swap("1 0 3", "1 0 1e16", MATRIX), "EDGE_WEIGHT_SECTION 1e+16", 9, "from 0 to 2**53"),
    (swap("1 0 3", "1 0 inf", MATRIX), "EDGE_WEIGHT_SECTION inf", 9, "must be finite"),
    (swap("1 0 3", "1 x 3", MATRIX), "EDGE_WEIGHT_SECTION x", 9, "a number belongs here"),
    (swap("1 0 3", "1 0 8", MATRIX), "EDGE_WEIGHT_SECTION", 7, "2 to 3 is 8 and back 3"),
    (swap("1 1 2\n", "7 1 2\n", MATRIX), "DISPLAY_DATA_SECTION node 1", 11, "has no row"),
    (swap("1 1 2\n", "1 1 2\n7 1 2\n", MATRIX), "node 7", 14, "there is no such node"),
]


@pytest.mark.parametrize(("text", "subject", "line", "reason"), DEFECTS)
def test_defects(text: str, subject: str, line: int | None, reason: str) -> None:
    """Each defect is one line with the file, its line, the field, the value and the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read(text, path="bad.tsp")
    message = str(caught.value)
    place = "bad.tsp" if line is None else f"bad.tsp:{line}"
    assert message.startswith(f"{place}: ")
    assert subject in message
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLANE, True),
        (MATRIX, True),
        (PLANE.replace("\n", "\r"), True),
        (PLANE.replace("DIMENSION : 4\n", ""), True),
        (PLANE.replace("TYPE : TSP\n", ""), True),
        (PLANE.replace("3 3 4", "3 3\0 4"), True),
        (PLANE.replace("TYPE : TSP\n", "").replace("EOF", "DEMAND_SECTION\n1 1"), False),
        (PLANE.replace("TYPE : TSP\n", "CAPACITY : 4\n"), False),
        (PLANE.replace("TYPE : TSP", "TYPE : ATSP"), False),
        (PLANE.replace("TYPE : TSP", "TYPE : TSPTW"), False),
        (PLANE.replace("TYPE : TSP", "TYPE : CVRP"), False),
        (PLANE.replace("TYPE : TSP", "TYPE :"), False),
        ("NAME : a\nTYPE : TOUR\nTOUR_SECTION\n1\n-1\n", False),
        ("NAME : a\nTOUR_SECTION\n1\n-1\n", False),
        ("", False),
        ("\0\x01\x02", False),
        ("5 10\n1 2\n3 4\n", False),
        ("the TYPE : TSP is only spoken of\n", False),
    ],
)
def test_recognise(text: str, expected: bool) -> None:
    """Files of a TSP, defective ones included, and nothing else."""
    assert files.recognise(text) is expected


def test_a_million_announced_costs_nothing() -> None:
    """A header that announces many nodes allocates nothing."""
    with pytest.raises(InstanceError, match="has 4 rows"):
        files.read(PLANE.replace(": 4", ": 1000000"))


@pytest.mark.parametrize("text", [PLANE, MATRIX])
def test_file_round_trip(text: str) -> None:
    """What is written reads as the same case."""
    same(files.read(text), files.read(files.write(files.read(text))))


@pytest.mark.parametrize(
    "data",
    [
        [[0.1, 0.2]],
        [[0.1, 1 / 3], [2e-300, 5]],
        np.random.default_rng(1).random((20, 2)),
        {"coords": np.random.default_rng(2).normal(0, 1e9, (5, 2)), "name": " two\nlines "},
    ],
)
def test_array_round_trip(data: object) -> None:
    """Coordinates, numbers from 0 and the real-valued metric survive a file to the last bit."""
    case = files.from_arrays(data)
    assert case is not None
    assert case.metric == "EUCLIDEAN"
    assert case.ids.tolist() == list(range(case.size))
    again = files.read(files.write(case))
    assert again.name == " ".join(case.name.split())
    assert np.array_equal(again.ids, case.ids)
    assert np.array_equal(again.coords, case.coords)
    assert again.metric == case.metric


def same(first: files.Case, second: files.Case) -> None:
    """Asserts that two cases say the same."""
    assert (first.name, first.metric) == (second.name, second.metric)
    for one, other in [
        (first.ids, second.ids),
        (first.coords, second.coords),
        (first.distances, second.distances),
        (first.display, second.display),
    ]:
        assert (one is None) == (other is None)
        assert one is None or (np.array_equal(one, other) and one.dtype == other.dtype)


def test_distances_as_arrays() -> None:
    """A matrix may be of ints or reals, with any diagonal, and may have coordinates beside it."""
    whole = files.from_arrays({"distances": [[7, 2], [2, 7]]})
    assert whole is not None
    assert whole.distances is not None
    assert (whole.distances.tolist(), whole.distances.dtype) == ([[0, 2], [2, 0]], np.int64)
    assert (whole.metric, whole.coords, whole.ids.tolist()) == ("EXPLICIT", None, [0, 1])
    real = files.from_arrays(
        {"distances": np.float32([[0, 0.5], [0.5, 0]]), "coords": [[1, 2]] * 2}
    )
    assert real is not None
    assert real.distances is not None
    assert real.display is not None
    assert real.coords is None
    assert real.distances.tolist() == [[0, 0.5], [0.5, 0]]
    same(real.__class__(**{**vars(real), "ids": np.array([1, 2])}), files.read(files.write(real)))


def test_rounding_is_no_asymmetry() -> None:
    """A matrix that is symmetric up to the last bits is taken and made symmetric."""
    matrix = np.array([[0, 0.1 + 0.2], [0.3, 0]])
    assert matrix[0, 1] != matrix[1, 0]
    case = files.from_arrays({"distances": matrix})
    assert case is not None
    assert case.distances is not None
    assert case.distances[0, 1] == case.distances[1, 0]


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        "berlin52.tsp",
        [],
        ["a", "b"],
        ["ab", "cd"],
        [1.0, 2.0],
        [[1, 2, 3], [4, 5, 6]],
        np.zeros((3, 3)),
        np.zeros(4),
        [np.zeros((2, 2)), np.zeros((2, 2))],
        [[(0, 3), (1, 2)], [(1, 4), (0, 1)]],
        {},
        {"name": "nothing"},
        {"values": [1], "weights": [2], "capacity": 3},
        {"coords": [[0, 0]], "demand": [0], "capacity": 1},
        {"distances": [[0, 1], [2, 0]]},
        {"distances": [[0, 1], [1, 0]], "problem": "atsp"},
    ],
)
def test_arrays_of_other_problems(data: object) -> None:
    """Whatever is not of the form of a TSP is left to other problems."""
    assert files.from_arrays(data) is None


ARRAY_DEFECTS = [
    (np.zeros((0, 2)), "coords [0, 2]: the shape must be [n, 2]"),
    ([[0, 0], [1]], "coords: the rows differ in length"),
    ([[0, 0], ["x", 1]], "coords ['0']: numbers belong here"),
    ([[0, 0], [None, 1]], "coords [0]: numbers belong here"),
    ([[0, 0], [1j, 1]], "numbers belong here, not complex128"),
    ([[0, 0], [np.nan, 1]], "coords[1, 0] nan: the number must be finite"),
    ([[0, 0], [1, -np.inf]], "coords[1, 1] -inf: the number must be finite"),
    ([[0, 0], [1, 1e200]], "coords[1] [1.0, 1e+200]: the distances overflow"),
    ({"coords": [0, 1]}, "coords [2]: the shape must be [n, 2]"),
    ({"coords": [[0, 1, 2]]}, "coords [1, 3]: the shape must be [n, 2]"),
    ({"distances": [[0, 1]]}, "distances [1, 2]: the shape must be [n, n]"),
    ({"distances": np.zeros((0, 0))}, "distances [0, 0]: the shape must be [n, n]"),
    ({"distances": 5}, "distances []: the shape must be [n, n]"),
    ({"distances": [[0, -1], [-1, 0]]}, "distances[0, 1] -1: a distance must be from 0 to 2**53"),
    ({"distances": [[0, np.nan], [1, 0]]}, "distances[0, 1] nan: the number must be finite"),
    ({"distances": [[0, 1e17], [1e17, 0]]}, "distances[0, 1] 1e+17: a distance must be from 0"),
    ({"distances": [[0]], "coords": [[0, 0], [1, 1]]}, "coords [2, 2]: there are distances of 1"),
]


@pytest.mark.parametrize(("data", "message"), ARRAY_DEFECTS)
def test_array_defects(data: object, message: str) -> None:
    """Defective arrays are named with their place and value."""
    with pytest.raises(InstanceError) as caught:
        files.from_arrays(data)
    assert message in str(caught.value)


def test_tensors_are_arrays() -> None:
    """A tensor that takes part in a gradient is an array like any other."""
    torch = pytest.importorskip("torch")
    coords = torch.rand(3, 2, requires_grad=True)
    for data in (coords, list(coords), {"coords": coords}):
        case = files.from_arrays(data)
        assert case is not None
        assert np.array_equal(case.coords, coords.detach().double().numpy())


def test_a_case_needs_its_distances() -> None:
    """A case without the data of its metric cannot be made."""
    with pytest.raises(InstanceError, match="EXPLICIT comes with distances"):
        files.Case(metric="EXPLICIT", ids=np.arange(2), coords=np.zeros((2, 2)))
    with pytest.raises(InstanceError, match="EXPLICIT comes with distances"):
        files.Case(metric="EUC_2D", ids=np.arange(2))
    with pytest.raises(InstanceError, match="metric EUC_9D"):
        files.Case(metric="EUC_9D", ids=np.arange(2), coords=np.zeros((2, 2)))


TOUR = "NAME : square.tour\nTYPE : TOUR\nDIMENSION : 4\nTOUR_SECTION\n1\n3\n2\n4\n-1\nEOF\n"


@pytest.mark.parametrize(
    "text",
    [
        TOUR,
        TOUR.replace("\n", "\r\n"),
        TOUR.replace("1\n3\n2\n4\n-1", "1 3 2 4 -1"),
        TOUR.replace("1\n3\n2\n4\n-1", "1 3\n2 4"),
        TOUR.replace("-1", "-1\n-1"),
        TOUR.replace("DIMENSION : 4\n", "").replace("TYPE : TOUR\n", ""),
        TOUR.replace("EOF\n", ""),
        "[1, 3, 2, 4]",
        ' {"file": "square.tsp", "solution": [1, 3.0, 2, 4], "cost": 16}\n',
    ],
)
def test_reads_tours(text: str) -> None:
    """Tours come in TSPLIB's form, on one line or many, or as JSON."""
    assert files.read_solution(text, files.read(PLANE)) == [1, 3, 2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\0", "binary"),
        ("1 2 3 4", "neither 'KEYWORD : value' nor"),
        (TOUR.replace("TYPE : TOUR", "TYPE : TSP"), "this is not a tour"),
        (TOUR.replace(": 4", ": 5"), "square has 4 nodes: this tour is for another instance"),
        (TOUR.replace("TOUR_SECTION\n1\n3\n2\n4\n-1\n", ""), "TOUR_SECTION: this section is miss"),
        (TOUR.replace("\n3\n", "\nx\n"), "line 6: TOUR_SECTION x: a number belongs here"),
        (TOUR.replace("\n3\n", "\n3.5\n"), "line 6: TOUR_SECTION 3.5: a whole number"),
        (TOUR.replace("\n3\n", "\n-1\n"), "line 7: TOUR_SECTION 2: the file holds more than one"),
        ("[1, 2", "line 1: the tour is no valid JSON"),
        ('{"tour": [1]}', "solution: the JSON object needs the tour under this key"),
        ('{"solution": 7}', "solution 7: a list of node numbers belongs here"),
        ("[1, true]", "solution[1] True: a node number belongs here"),
        ('[1, "2"]', "solution[1] '2': a node number belongs here"),
        ("[1, 2.5]", "solution[1] 2.5: a node number belongs here"),
        ("[1, NaN]", "solution[1] nan: a node number belongs here"),
        ("[1, [2]]", "solution[1] [2]: a node number belongs here"),
    ],
)
def test_tour_defects(text: str, message: str) -> None:
    """What is no tour is refused with the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read_solution(text, files.read(PLANE))
    assert message in str(caught.value)


@pytest.mark.parametrize("cost", [16, 16.5, None])
def test_tour_round_trip(cost: float | None) -> None:
    """A written tour reads as itself, in either form."""
    case = files.read(PLANE)
    text = files.write_solution(case, [4, 1, 3, 2], cost)
    assert files.read_solution(text, case) == [4, 1, 3, 2]
    assert (f"length {cost}" in text) == (cost is not None)
    assert files.read_solution(json.dumps([4, 1, 3, 2]), case) == [4, 1, 3, 2]


VRP = """TYPE : CVRP
DIMENSION : 3
CAPACITY : 7.5
DEMAND_SECTION
2 5
1 0
3 6
DEPOT_SECTION
1
-1
EOF
"""
VRP_SECTIONS = ("NODE_COORD_SECTION", "DEMAND_SECTION", "DEPOT_SECTION")


def test_sections_of_vehicle_routing() -> None:
    """Demands are put into the order of the nodes and depots end at -1."""
    document = tsplib.parse(VRP, sections=VRP_SECTIONS)
    ids = np.array([1, 2, 3])
    assert tsplib.table(document, "DEMAND_SECTION", 1, ids).values.tolist() == [[0], [5], [6]]
    assert tsplib.depots(document) == [(9, 1)]
    assert document.number("CAPACITY") == 7.5
    assert tsplib.kind(document) == "CVRP"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3 6\n", "", "v.vrp:4: DEMAND_SECTION node 3: this node has no row"),
        ("3 6\n", "3 6\n4 6\n", "v.vrp:8: DEMAND_SECTION node 4: there is no such node"),
        ("3 6\n", "3 6 7\n", "v.vrp:7: DEMAND_SECTION 3 6 7: a row must be a node number and 1 v"),
        ("-1\n", "-1\n2\n", "v.vrp:11: DEPOT_SECTION 2: the section ends with -1"),
        ("\n1\n-1\n", "\n-4\n-1\n", "v.vrp:9: DEPOT_SECTION -4: this number is negative"),
        ("7.5", "seven", "v.vrp:3: CAPACITY seven: a number belongs here"),
    ],
)
def test_defects_of_vehicle_routing(old: str, new: str, message: str) -> None:
    """Missing, unknown and misplaced rows are named."""
    document = tsplib.parse(swap(old, new, VRP), sections=VRP_SECTIONS, path="v.vrp")

    def read() -> None:
        tsplib.table(document, "DEMAND_SECTION", 1, np.array([1, 2, 3]))
        tsplib.depots(document)
        document.number("CAPACITY")

    with pytest.raises(InstanceError) as caught:
        read()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (-0.5, "-0.5"), (0.1, "0.1"), (1e300, "1e+300"), (2, "2")]
)
def test_number_text(value: float, text: str) -> None:
    """Whole numbers are written without a point and others so that they read back equal."""
    assert tsplib.number_text(value) == text

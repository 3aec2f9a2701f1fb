"""TSPLIB's container, metrics and orders, against plain versions and properties of their own."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core.errors import InstanceError
from nco.problems._routing import metrics, ordering, tsplib
from nco.problems.tsp import files

SECTIONS = ("NODE_COORD_SECTION", "EDGE_WEIGHT_SECTION", "DEPOT_SECTION", "TOUR_SECTION")


def parsed(*lines: str) -> tsplib.Document:
    """A document of these lines."""
    return tsplib.parse("\n".join(lines) + "\n", sections=SECTIONS, path="case.tsp")


def points(count: int, seed: int = 0, most: int = 100) -> np.ndarray:
    """Whole coordinates, some of them equal."""
    return np.random.default_rng(seed).integers(0, most, (count, 2)).astype(float)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_marks_make_no_difference(end: str) -> None:
    """Files of DOS and of old Macintoshes, with a byte order mark or a final ^Z, read alike."""
    text = end.join(["\ufeffNAME: a b", "", "dimension :2", "NODE_COORD_SECTION", "1 0 0", "\x1a"])
    document = tsplib.parse(text, sections=SECTIONS)
    assert document.text("NAME") == "a b"
    assert document.keywords["DIMENSION"] == ("2", 3)
    assert document.rows("NODE_COORD_SECTION") == [(5, ["1", "0", "0"])]


def test_nothing_after_the_end_is_read() -> None:
    """What follows EOF may be anything, whatever the case of its letters and its colon."""
    document = parsed("NAME : x", "eof :", "NAME : y", "?? rubbish")
    assert document.text("NAME") == "x"


def test_a_section_may_begin_on_its_own_line() -> None:
    """Numbers behind the name, with or without a colon, are its first row."""
    document = parsed("DEPOT_SECTION : 3 -1")
    assert tsplib.depots(document) == [(1, 3)]
    assert tsplib.depots(parsed("DEPOT_SECTION", "3", "4", "-1")) == [(2, 3), (3, 4)]


def test_comments_may_be_repeated_and_other_keywords_may_not() -> None:
    """The first comment is kept; a second NAME is named with both lines."""
    assert parsed("COMMENT : one", "COMMENT : two").text("COMMENT") == "one"
    with pytest.raises(InstanceError, match=r"^case.tsp:3: NAME b: .*twice, first in line 1$"):
        parsed("NAME : a", "TYPE : TSP", "NAME : b")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["FIXED_EDGES_SECTION", "1 2"], "case.tsp:1: FIXED_EDGES_SECTION: fixed edges are not"),
        (["COLOUR_SECTION"], "case.tsp:1: COLOUR_SECTION: this section is not supported (known"),
        (["DEPOT_SECTION", "1", "DEPOT_SECTION"], "case.tsp:3: DEPOT_SECTION: this section is st"),
        (["NAME : x", "lost words"], "case.tsp:2: lost words: this line is neither"),
        (["17 4"], "case.tsp:1: 17 4: this line is neither"),
    ],
)
def test_lines_that_belong_nowhere_are_named(lines: list[str], message: str) -> None:
    """Unknown and repeated sections, and lines outside of all, are refused with their line."""
    with pytest.raises(InstanceError) as caught:
        parsed(*lines)
    assert str(caught.value).startswith(message)


def test_the_line_of_a_binary_byte_is_told() -> None:
    """A NUL in line 3 is a defect of line 3."""
    with pytest.raises(InstanceError, match=r"^f:3: NUL byte"):
        tsplib.parse("NAME : a\n\nx\0", sections=SECTIONS, path="f")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("1_000", "a number belongs here"),
        ("", "a number belongs here"),
        ("0x10", "a number belongs here"),
        ("-nan", "must be finite"),
        ("1e999", "must be finite"),
    ],
)
def test_what_python_takes_for_a_number_and_a_file_must_not(token: str, reason: str) -> None:
    """Underscores, emptiness and infinities are no numbers of a file."""
    with pytest.raises(InstanceError, match=reason):
        tsplib.number(parsed("NAME : x"), token, "NAME", 1)


@pytest.mark.parametrize("token", ["1.5", "1e17", "-9007199254740993e3"])
def test_what_is_not_exactly_whole_is_refused(token: str) -> None:
    """Halves, and numbers beyond 2**53 whose last digit floats lose."""
    with pytest.raises(InstanceError, match="a whole number belongs here"):
        tsplib.integer(parsed("NAME : x"), token, "NAME", 1)
    assert tsplib.integer(parsed("NAME : x"), "1e3", "NAME", 1) == 1000


def test_missing_parts_are_named_with_a_remedy() -> None:
    """A keyword, a section and a value of a choice say what to write."""
    document = parsed("NAME : x", "KIND : Sphere")
    with pytest.raises(InstanceError, match=r"CAPACITY: .*add a line 'CAPACITY : value'"):
        document.text("CAPACITY")
    with pytest.raises(InstanceError, match=r"DEPOT_SECTION: this section is missing"):
        document.rows("DEPOT_SECTION")
    with pytest.raises(InstanceError, match=r"^case.tsp:2: KIND Sphere: .* one of A, B$"):
        document.choice("KIND", ("A", "B"))
    assert document.choice("OTHER", ("A", "B"), default="b") == "B"


@pytest.mark.parametrize(
    ("stated", "kind"), [("TSP (M.~Hofmeister)", "TSP"), ("cvrp,x", "CVRP"), ("HCP;", "HCP")]
)
def test_the_type_is_its_first_word(stated: str, kind: str) -> None:
    """Remarks behind it are common in the published files."""
    assert tsplib.kind(parsed(f"TYPE : {stated}")) == kind


def test_a_table_is_put_into_the_order_that_is_asked_for() -> None:
    """Values and lines move together."""
    document = parsed("DIMENSION : 3", "NODE_COORD_SECTION", "7 1 2", "5 3 4", "6 5 6")
    plain = tsplib.table(document, "NODE_COORD_SECTION", 2)
    assert plain.ids.tolist() == [7, 5, 6]
    moved = tsplib.table(document, "NODE_COORD_SECTION", 2, np.array([5, 6, 7]))
    assert moved.values.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert moved.lines == [4, 5, 3]


def test_three_coordinates_are_refused() -> None:
    """Points in space would silently be put into the plane."""
    document = parsed("NODE_COORD_TYPE : THREED_COORDS", "DIMENSION : 1", "NODE_COORD_SECTION")
    with pytest.raises(InstanceError, match="NODE_COORD_TYPE THREED_COORDS: only two coord"):
        tsplib.coordinates(document, "EUC_2D")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["1", "-1", "2"], "case.tsp:4: DEPOT_SECTION 2: the section ends with -1"),
        (["-2", "-1"], "case.tsp:2: DEPOT_SECTION -2: this number is negative"),
    ],
)
def test_depots_end_with_minus_one(rows: list[str], reason: str) -> None:
    """What follows the end, and other negative numbers, are no depots."""
    with pytest.raises(InstanceError) as caught:
        tsplib.depots(parsed("DEPOT_SECTION", *rows))
    assert str(caught.value) == reason


def _laid_out(matrix: np.ndarray, layout: str) -> list[str]:
    """The numbers of a symmetric matrix as a reader of TSPLIB's description writes them."""
    size = len(matrix)
    diagonal = "DIAG" in layout
    pairs: list[tuple[int, int]] = []
    for line in range(size):
        if layout == "FULL_MATRIX":
            pairs += [(line, other) for other in range(size)]
        elif layout.startswith("UPPER") and layout.endswith("ROW"):
            pairs += [(line, other) for other in range(line + (not diagonal), size)]
        elif layout.startswith("LOWER") and layout.endswith("ROW"):
            pairs += [(line, other) for other in range(line + diagonal)]
        elif layout.startswith("UPPER"):  # by columns: above the diagonal
            pairs += [(other, line) for other in range(line + diagonal)]
        else:
            pairs += [(other, line) for other in range(line + (not diagonal), size)]
    return [f"{matrix[pair]:g}" for pair in pairs]


@pytest.mark.parametrize("layout", tsplib.LAYOUTS)
@pytest.mark.parametrize("breadth", [1, 4])
def test_every_layout_gives_the_same_matrix(layout: str, breadth: int) -> None:
    """Nine formats, each over lines of any length."""
    values = np.random.default_rng(3).integers(1, 90, (5, 5)).astype(float)
    matrix = np.triu(values, 1) + np.triu(values, 1).T
    words = _laid_out(matrix, layout)
    lines = [" ".join(words[i : i + breadth]) for i in range(0, len(words), breadth)]
    head = ["DIMENSION : 5", f"EDGE_WEIGHT_FORMAT : {layout}", "EDGE_WEIGHT_SECTION"]
    read = tsplib.edge_weights(parsed(*head, *lines))
    assert read.dtype == np.int64
    assert read.tolist() == matrix.tolist()


def test_a_diagonal_may_hold_anything_and_other_entries_may_not() -> None:
    """Published matrices have 9999 or -1 there; a negative distance is named with its line."""
    head = ["DIMENSION : 2", "EDGE_WEIGHT_FORMAT : FULL_MATRIX", "EDGE_WEIGHT_SECTION"]
    assert tsplib.edge_weights(parsed(*head, "-1 2.5", "2.5 9999")).tolist() == [[0, 2.5], [2.5, 0]]
    with pytest.raises(InstanceError, match=r"^case.tsp:5: EDGE_WEIGHT_SECTION -3: a distance"):
        tsplib.edge_weights(parsed(*head, "0 2", "-3 0"))


def _plain_distance(metric: str, a: np.ndarray, b: np.ndarray) -> float:
    """TSPLIB's description, pair by pair."""
    x, y = abs(a[0] - b[0]), abs(a[1] - b[1])
    length = math.sqrt(x * x + y * y)
    if metric == "ATT":
        pseudo = math.sqrt((x * x + y * y) / 10)
        near = math.floor(pseudo + 0.5)
        return near + 1 if near < pseudo else near
    return {
        "EUC_2D": math.floor(length + 0.5),
        "CEIL_2D": math.ceil(length),
        "MAN_2D": math.floor(x + y + 0.5),
        "MAX_2D": max(math.floor(x + 0.5), math.floor(y + 0.5)),
        "EUCLIDEAN": length,
    }[metric]


@pytest.mark.parametrize("metric", [m for m in metrics.METRICS if m not in metrics.GLOBE])
def test_metrics_follow_the_description(metric: str) -> None:
    """All pairs, by the rule as it is printed."""
    coords = points(12, seed=1) * 1.37
    matrix = metrics.distance_matrix(coords, metric)
    for i, j in itertools.permutations(range(len(coords)), 2):
        assert matrix[i, j] == pytest.approx(_plain_distance(metric, coords[i], coords[j]))


def test_great_circles_are_those_of_a_known_table() -> None:
    """Berlin to Munich is 504 km, a quarter of the meridian 10,007.5 km, and half the way round."""
    berlin, munich = np.array([52.52, 13.405]), np.array([48.1374, 11.5755])
    assert metrics.distances(berlin, munich, "HAVERSINE") == pytest.approx(504.2, abs=0.2)
    pole, equator = np.array([90.0, 7.0]), np.array([0.0, -120.0])
    assert metrics.distances(pole, equator, "HAVERSINE") == pytest.approx(10007.5, abs=0.1)
    near = np.array([0.0, 179.9]), np.array([0.0, -179.9])
    assert metrics.distances(*near, "HAVERSINE") == pytest.approx(22.24, abs=0.01)


GEO = """NAME : towns
TYPE : TSP
DIMENSION : 3
EDGE_WEIGHT_TYPE : GEO
NODE_COORD_SECTION
1 50.94 6.96
2 51.23 6.78
3 50.73 7.10
EOF
"""


def test_decimal_degrees_are_no_degrees_and_minutes() -> None:
    """Minutes of .60 and more name the remedy, which reads the same file in kilometres."""
    with pytest.raises(InstanceError, match=r"line 6: .*minutes end at .59.*: HAVERSINE$"):
        files.read(GEO)
    case = files.read(GEO.replace("GEO", "HAVERSINE"))
    assert case.metric == "HAVERSINE"
    assert files.read(files.write(case)).metric == "HAVERSINE"
    length = sum(case.matrix()[i, j] for i, j in ((0, 1), (1, 2), (2, 0)))
    assert length == pytest.approx(119.4, abs=1.0)
    with pytest.raises(InstanceError, match="a latitude within 90"):
        files.read(GEO.replace("GEO", "HAVERSINE").replace("50.94", "150.94"))


def test_a_few_odd_minutes_are_passed_over_as_in_ali535() -> None:
    """TSPLIB's own file has three nodes with minutes that do not exist."""
    coords = np.full((100, 2), 10.30)
    coords[:3, 1] = 45.80
    assert metrics.overflow(coords, "GEO") is None
    coords[:9, 1] = 45.80
    assert metrics.overflow(coords, "GEO") is not None


def test_an_unknown_metric_is_refused() -> None:
    """The error lists those that there are."""
    with pytest.raises(
        InstanceError, match=r"metric TAXI: use one of EUC_2D, .*EUCLIDEAN, HAVERSINE$"
    ):
        metrics.distances(np.zeros((1, 2)), np.ones((1, 2)), "TAXI")


def test_blocks_of_rows_are_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are computed at once, and the diagonal of GEO is 0 in every block."""
    coords = points(11, seed=2, most=80)
    for metric in ("GEO", "EUCLIDEAN"):
        whole = metrics.distance_matrix(coords, metric)
        monkeypatch.setattr(metrics, "BLOCK", 25)  # two rows at once
        blocks = list(metrics.distance_rows(coords, metric))
        assert [first for first, _ in blocks] == [0, 2, 4, 6, 8, 10]
        assert np.array_equal(np.concatenate([block for _, block in blocks]), whole)
        assert not whole.diagonal().any()


@pytest.mark.parametrize(
    ("coords", "metric", "row"),
    [
        ([[0, 0], [91, 0]], "GEO", 1),
        ([[0, -361], [0, 0]], "GEO", 0),
        ([[0, 0], [1, 1], [0, 1e16]], "EUC_2D", 2),
        ([[0, 0], [-1e200, 1]], "EUCLIDEAN", 1),
    ],
)
def test_distances_that_overflow_are_found(
    coords: list[list[float]], metric: str, row: int
) -> None:
    """The node that is to blame is told."""
    fault = metrics.overflow(np.array(coords, dtype=float), metric)
    assert fault is not None
    assert fault[0] == row


def test_what_fits_does_not_overflow() -> None:
    """Real distances may be large where whole ones may not."""
    wide = np.array([[0.0, 0.0], [0.0, 1e16]])
    assert metrics.overflow(wide, "EUCLIDEAN") is None
    assert metrics.overflow(np.array([[90.0, 360.0], [-90.0, -360.0]]), "GEO") is None


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200, deadline=None)
def test_numbers_are_written_without_loss(value: float) -> None:
    """What a file states is read as the same float."""
    text = tsplib.number_text(value)
    assert float(text) == value
    assert not value.is_integer() or abs(value) > metrics.EXACT or "." not in text


def test_the_first_pair_that_differs() -> None:
    """In reading order, and only beyond the tolerance."""
    matrix = np.array([[0, 1, 2], [1, 0, 5], [2, 4, 0]], dtype=float)
    assert metrics.first_asymmetry(matrix) == (1, 2)
    assert metrics.first_asymmetry(matrix, tolerance=1.0) is None
    assert metrics.first_asymmetry(matrix + matrix.T) is None


def test_rows_are_numbered_from_one_or_by_ids() -> None:
    """No values make no section."""
    assert tsplib.rows("S", None) == []
    assert tsplib.rows("S", np.array([2.0, 0.5])) == ["S", "1 2", "2 0.5"]
    assert tsplib.rows("S", np.array([[1.0, 2.0]]), np.array([9])) == ["S", "9 1 2"]


def test_a_tour_file_reads_back() -> None:
    """With and without a comment; a name over several lines becomes one."""
    for comment in (None, "length 12"):
        text = tsplib.tour_text("my\ncase", comment, 3, [2, 3, 1])
        document = tsplib.parse(text, sections=SECTIONS)
        assert tsplib.tour_numbers(document, "TOUR_SECTION") == [2, 3, 1]
        assert document.text("NAME") == "my case.tour"
        assert document.keywords.get("COMMENT", (None,))[0] == comment
    assert tsplib.one_line(" \n ") == "unnamed"


def test_a_second_tour_is_refused() -> None:
    """Repeated ends are harmless, numbers after one are not."""
    assert tsplib.tour_numbers(parsed("TOUR_SECTION", "1 2 -1", "-1"), "TOUR_SECTION") == [1, 2]
    with pytest.raises(InstanceError, match=r"^case.tsp:3: TOUR_SECTION 3: .*more than one tour"):
        tsplib.tour_numbers(parsed("TOUR_SECTION", "1 2 -1", "3 -1"), "TOUR_SECTION")


@pytest.mark.parametrize("stated", [False, True])
def test_the_nearest_next_is_never_farther_than_another(stated: bool) -> None:
    """By coordinates or by distances, each step goes to one of the nearest that are left."""
    coords = points(40, seed=5)
    matrix = metrics.distance_matrix(coords, "EUCLIDEAN")
    order = ordering.nearest_order(None if stated else coords, matrix if stated else None)
    assert sorted(order) == list(range(40))
    assert order[0] == 0
    for place in range(39):
        left = order[place + 1 :]
        assert matrix[order[place], left[0]] == pytest.approx(matrix[order[place], left].min())


def test_no_nodes_have_no_order() -> None:
    """Nothing at all, and a single node."""
    assert ordering.nearest_order(None, None) == []
    assert ordering.nearest_order(np.zeros((1, 2)), None) == [0]


@pytest.mark.parametrize("levels", [1, 3])
def test_the_curve_goes_from_each_point_of_a_grid_to_a_neighbour(levels: int) -> None:
    """Hilbert's curve visits a full grid of 2**k by 2**k points without a jump."""
    side = 2**levels
    # the middles of the cells, and two corners so that the cells are those of the curve
    cells = np.array(list(itertools.product(range(side), repeat=2)), dtype=float) + 0.5
    coords = np.concatenate([[[0.0, 0.0], [side, side]], cells])
    order = [place for place in ordering.along_curve(coords) if place > 1]
    steps = np.abs(np.diff(coords[order], axis=0)).sum(1)
    assert len(order) == side * side
    assert (steps > 1).sum() <= 1  # where the order was turned to begin with position 0


def test_many_nodes_follow_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the order is the curve's, a permutation that begins with position 0."""
    coords = points(60, seed=8)
    monkeypatch.setattr(ordering, "MOST_NEAREST", 50)
    order = ordering.nearest_order(coords, None)
    assert order == ordering.along_curve(coords)
    assert order[0] == 0
    assert sorted(order) == list(range(60))
    assert ordering.along_curve(np.zeros((5, 2)))[0] == 0  # all in one place

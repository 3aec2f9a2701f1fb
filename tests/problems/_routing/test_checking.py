"""What checkers of routes share: distances of their own, and sentences on every kind of slip."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core.errors import InstanceError
from nco.problems._routing import checking, depots, embedding, metrics, pictures
from nco.problems._routing.numbering import Numbered


@dataclass(frozen=True)
class Places:
    """What distances are computed and pictures drawn from."""

    metric: str = "EUCLIDEAN"
    coords: np.ndarray | None = None
    distances: np.ndarray | None = None
    display: np.ndarray | None = None


POINTS = st.tuples(st.floats(-80, 80), st.floats(-80, 80))


@pytest.mark.parametrize("metric", metrics.METRICS)
@given(start=POINTS, end=POINTS)
@settings(max_examples=40, deadline=None)
def test_both_ways_to_a_distance_agree(
    metric: str, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """The checker's scalars and the solvers' arrays, written apart, follow one rule."""
    coords = np.array([start, end])
    own = checking.distance(Places(metric, coords), 0, 1)
    theirs = metrics.distance_matrix(coords, metric)[0, 1]
    # the haversine formula loses digits between opposite points
    precision = {"rel": 1e-6, "abs": 1e-6} if metric == "HAVERSINE" else {"rel": 1e-12}
    assert own == pytest.approx(theirs, **precision)
    assert isinstance(own, int) == (metric not in metrics.REAL)
    assert checking.distance(Places(metric, coords), 1, 1) == 0


def test_stated_distances_come_first() -> None:
    """Whole ones as Python's integers; without any numbers there is an error."""
    matrix = np.array([[0, 7], [3, 0]])
    case = Places("EXPLICIT", np.zeros((2, 2)), matrix)
    assert checking.distance(case, 0, 1) == 7
    assert type(checking.distance(case, 1, 0)) is int
    with pytest.raises(ValueError, match="coordinates or distances"):
        checking.distance(Places(), 0, 1)
    with pytest.raises(ValueError, match="unknown metric 'TAXI'"):
        checking.distance(Places("TAXI", np.zeros((2, 2))), 0, 1)


@pytest.mark.parametrize(
    ("solution", "sentence"),
    [
        (None, "the solution is no list of routes but NoneType"),
        ("abc", "the solution is no list of routes but str"),
        (np.array(3), "the solution is no list of routes but ndarray"),
        ([[1], 2], "route 2 is no list of customers: 2"),
        ([[1], "x"], "route 2 is no list of customers: 'x'"),
        ([[1, 2.0]], "route 1 holds 2.0, which is no customer number"),
        ([[1], [True]], "route 2 holds True, which is no customer number"),
        ([[None]], "route 1 holds NoneType, which is no customer number"),
        ([["7"]], "route 1 holds '7', which is no customer number"),
        ([[2**63]], "route 1 holds a huge integer, which is no customer number"),
        ([[torch.zeros(2)]], "route 1 holds Tensor, which is no customer number"),
        ([["x" * 99]], f"route 1 holds '{'x' * 56}..., which is no customer number"),
    ],
)
def test_what_is_no_list_of_routes(solution: Any, sentence: str) -> None:
    """The first thing that is none is said."""
    assert checking.routes(solution) == (None, [sentence])


@pytest.mark.parametrize(
    "solution",
    [
        [[1, 2], []],
        ((1, 2), ()),
        [np.array([1, 2]), []],
        [[np.int64(1), torch.tensor(2)], []],
    ],
)
def test_routes_of_any_type_become_plain(solution: Any) -> None:
    """Tuples, arrays and tensors' items."""
    routes, sentences = checking.routes(solution)
    assert (routes, sentences) == ([[1, 2], []], [])
    assert all(type(customer) is int for route in routes or [] for customer in route)


@given(st.lists(st.lists(st.integers(1, 6), max_size=5), max_size=4))
@settings(max_examples=60, deadline=None)
def test_visits_are_counted(routes: list[list[int]]) -> None:
    """There is a sentence for each customer that is not visited exactly once, and no other."""
    every = [customer for route in routes for customer in route]
    said = checking.visits(5, routes, "in routes", most=99)
    for customer in range(1, 6):
        times = every.count(customer)
        own = [line for line in said if line.startswith(f"customer {customer} ")]
        assert bool(own) == (times != 1)
        if times == 0:
            assert own == [f"customer {customer} is not visited"]
        if times > 1:
            assert own[0].startswith(f"customer {customer} is visited {times} times, in routes ")
    assert not [line for line in said if line.startswith("customer 6 ")]


def test_many_slips_are_counted_and_not_listed() -> None:
    """Two of each kind are spelled out."""
    said = checking.visits(9, [[1, 1, 2, 2, 3, 3]], "by vehicles", most=2)
    assert said == [
        "customer 1 is visited 2 times, by vehicles 1, 1",
        "customer 2 is visited 2 times, by vehicles 1, 1",
        "and 1 more customers visited twice",
        "customer 4 is not visited",
        "customer 5 is not visited",
        "and 4 more customers not visited",
    ]


def test_a_tour_of_other_things() -> None:
    """Entries that are no numbers are told by their place, the others kept."""
    assert checking.numbers({1: 2}, "tour", 5) == (
        [],
        ["a tour is a list of node numbers, not dict"],
    )
    kept, said = checking.numbers([1, "a", 2.5, None, 4], "route", 2)
    assert kept == [1, 4]
    assert said == [
        "entry 1 of the route, 'a', is no node number",
        "entry 2 of the route, 2.5, is no node number",
        "and 1 more of this kind",
    ]
    assert checking.numbers(np.array([3, 1]), "tour", 5) == ([3, 1], [])


class Towns(Numbered):
    """Three nodes with numbers of their own."""

    def __init__(self) -> None:
        self.ids, self.name, self.path = np.array([7, 3, 9]), "towns", "towns.tsp"


def test_numbers_and_positions_are_inverse() -> None:
    """An unknown number is named with the file."""
    towns = Towns()
    assert towns.numbered([2, 0, 1]) == [9, 7, 3]
    assert towns.indexed([9, 7, 3]) == [2, 0, 1]
    with pytest.raises(InstanceError, match=r"^towns.tsp: tour 4: towns has no node of this num"):
        towns.indexed([9, 4])


# ---- arrays of a depot and others


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [3]], "coords: is no array of numbers"),
        (["1", "2"], "coords <U1: is no array of numbers"),
        ([True], "coords bool: is no array of numbers"),
        ([None, 1], "coords object: is no array of numbers"),
    ],
)
def test_what_is_no_array_of_numbers(value: Any, message: str) -> None:
    """The type that numpy sees is told."""
    with pytest.raises(InstanceError) as caught:
        depots.array(value, "coords")
    assert str(caught.value).startswith(message)


def test_single_precision_counts_as_the_decimals_it_prints() -> None:
    """Ten demands of 0.1 fill a capacity of 1, from a tensor as well; the copy is one's own."""
    tensor = torch.full((3,), 0.1)
    assert depots.array(tensor, "demand", decimal=True).tolist() == [0.1] * 3
    assert depots.array(tensor, "demand").tolist() != [0.1] * 3
    mine = np.zeros(2)
    depots.array(mine, "demand")[0] = 5
    assert mine.tolist() == [0, 0]
    assert depots.array([], "demand").shape == (0,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[0, 1]], "coords (1, 2): must have the shape (2, 2): a row a node of `demand`"),
        ([[0, 1], [np.inf, 0]], "coords row 1 with [inf, 0.0]: the numbers must be finite"),
        ([[0, 1], [1e200, 0]], "coords row 1: the distances overflow"),
    ],
)
def test_coordinates_are_checked(value: Any, message: str) -> None:
    """Shape, finiteness, and distances that do not overflow."""
    with pytest.raises(InstanceError) as caught:
        depots.coordinates(value, 2, "demand")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[0, 1, 2]], "distances (1, 3): must have the shape (2, 2), as `demand` has 2 numbers"),
        ([[0, -1], [-1, 0]], "distances [0, 1] = -1: a distance must be from 0 to 2**53"),
        ([[0, np.nan], [1, 0]], "distances [0, 1] = nan: a distance must be"),
        ([[0, 1], [2, 0]], "distances: the distance 0 to 1 is 1 and back 2: only symmetric"),
    ],
)
def test_stated_distances_are_checked(value: Any, message: str) -> None:
    """Shape, range and symmetry, each with the entry."""
    with pytest.raises(InstanceError) as caught:
        depots.distances(value, 2, "demand")
    assert str(caught.value).startswith(message)


def test_rounding_is_no_asymmetry() -> None:
    """What floating point makes of a symmetric matrix is evened out; its diagonal is ignored."""
    matrix = depots.distances([[9, 0.3], [0.1 + 0.2, 9]], 2, "demand")
    assert matrix[0, 1] == matrix[1, 0]
    assert matrix.diagonal().tolist() == [0, 0]
    assert depots.distances([[0, 4], [4, 0]], 2, "demand").dtype == np.int64


# ---- how networks and pictures see places


def test_a_plane_is_seen_by_its_coordinates_alone() -> None:
    """In the unit square, with the factor back to the source's units."""
    coords = np.array([[10.0, 10.0], [14.0, 10.0], [10.0, 12.0]])
    seen = embedding.view(Places("EUC_2D", coords))
    assert seen.distances is None
    assert seen.factor == 4
    assert np.allclose(seen.matrix() * seen.factor, metrics.distance_matrix(coords, "EUCLIDEAN"))


@pytest.mark.parametrize("metric", ["MAN_2D", "MAX_2D", "GEO"])
def test_other_metrics_are_seen_with_their_matrix(metric: str) -> None:
    """Their distances are not those of the coordinates."""
    coords = np.array([[10.0, 10.0], [14.0, 10.0], [10.0, 12.0], [30.0, 40.0]])
    seen = embedding.view(Places(metric, coords))
    assert seen.distances is not None
    expected = metrics.distance_matrix(coords, metric)
    assert np.allclose(seen.matrix() * seen.factor, expected)
    assert seen.coords.shape == (4, 2)
    assert seen.coords.min() >= 0
    assert seen.coords.max() <= 1


def test_a_matrix_without_coordinates_gets_some() -> None:
    """Those of points in the plane are found again."""
    coords = np.random.default_rng(1).random((6, 2)) * 50
    matrix = metrics.distance_matrix(coords, "EUCLIDEAN")
    seen = embedding.view(Places("EXPLICIT", None, matrix))
    found = metrics.distance_matrix(seen.coords, "EUCLIDEAN")
    assert np.allclose(found, seen.matrix())
    assert np.allclose(seen.matrix() * seen.factor, matrix)


def test_pictures_put_the_east_to_the_right() -> None:
    """Latitude and longitude change places; what a source draws comes before its coordinates."""
    coords = np.array([[48.0, 2.0], [52.0, 13.0]])
    assert np.array_equal(pictures.stated_places(Places("GEO", coords)), coords[:, ::-1])
    assert np.array_equal(pictures.stated_places(Places("EUC_2D", coords)), coords)
    drawn = pictures.stated_places(Places("GEO", coords, display=2 * coords))
    assert np.array_equal(drawn, 2 * coords)
    assert pictures.stated_places(Places("EXPLICIT")) is None


def test_what_has_no_place_is_drawn_on_a_circle() -> None:
    """Customers around the depot, cities in the order of the tour; others in the middle."""
    around = pictures.places_around_depot(Places("EXPLICIT"), 4)
    assert around[0].tolist() == [0, 0]
    assert np.allclose(np.linalg.norm(around[1:], axis=1), 1)
    assert len({tuple(place) for place in around.round(6)}) == 5
    circle = pictures.places_on_circle(np.array([2, 0]), 4)
    assert np.allclose(circle, [[0, -1], [0, 0], [0, 1], [0, 0]])
    assert pictures.places_on_circle(np.array([], dtype=int), 2).tolist() == [[0, 0], [0, 0]]

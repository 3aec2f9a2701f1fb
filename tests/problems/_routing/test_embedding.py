"""How networks see places on a globe."""

from dataclasses import dataclass

import numpy as np
import pytest

from nco.problems._routing import embedding
from nco.problems._routing.embedding import flattened, misplaced, view
from nco.problems._routing.metrics import distance_matrix


@dataclass
class Stated:
    """A case with what `view` reads."""

    coords: np.ndarray
    metric: str = "HAVERSINE"
    distances: np.ndarray | None = None


def country(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform([45.0, 0.0], [50.0, 6.0], (count, 2))


def world(count: int = 300) -> np.ndarray:
    return np.random.default_rng(1).uniform([-55.0, -170.0], [65.0, 170.0], (count, 2))


@pytest.mark.parametrize("metric", ["HAVERSINE", "GEO"])
def test_places_of_a_country_keep_their_distances(metric: str) -> None:
    """In the plane they are off by less than one percent of the largest."""
    coords = np.trunc(country()) if metric == "GEO" else country()
    coords = np.unique(coords, axis=0)
    matrix = distance_matrix(coords, metric).astype(float)
    seen = view(Stated(coords, metric))
    off = distance_matrix(seen.coords, "EUCLIDEAN") * seen.factor - matrix
    assert np.abs(off).max() < 0.01 * matrix.max()


@pytest.mark.parametrize("metric", ["HAVERSINE", "GEO"])
def test_places_of_the_world_do_not_lie_over_one_another(metric: str) -> None:
    """The nearest in the plane are nearly those on the globe, as they are not by scaling."""
    coords = np.trunc(world()) if metric == "GEO" else world()
    coords = np.unique(coords, axis=0)
    matrix = distance_matrix(coords, metric).astype(float)
    places = flattened(coords, metric, matrix)
    assert misplaced(places, matrix) < 1.1
    seen = view(Stated(coords, metric))
    assert seen.distances is not None
    np.testing.assert_allclose(seen.distances * seen.factor, matrix)


def test_a_map_is_cut_where_nobody_lives() -> None:
    """Places on both sides of the date line are neighbours, on a map in kilometres."""
    near = np.random.default_rng(2).uniform([-20.0, 160.0], [20.0, 200.0], (60, 2))
    near[:, 1] = (near[:, 1] + 180) % 360 - 180
    matrix = distance_matrix(near, "HAVERSINE")
    places = flattened(near, "HAVERSINE", matrix)
    off = distance_matrix(places, "EUCLIDEAN") - matrix
    assert np.abs(off).max() < 0.05 * matrix.max()


def test_what_is_misplaced_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four places on a line, of which two change their seats; one place has no neighbours."""
    monkeypatch.setattr(embedding, "NEAREST", 1)
    line = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [11.0, 0.0]])
    matrix = distance_matrix(line, "EUCLIDEAN")
    assert misplaced(line, matrix) == 1.0
    assert misplaced(line[[0, 2, 1, 3]], matrix) == 10.0
    assert misplaced(line[:1], matrix[:1, :1]) == 1.0

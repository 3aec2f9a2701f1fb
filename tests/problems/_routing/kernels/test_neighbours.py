"""Neighbour lists against sorting all distances."""

import numpy as np
import pytest

from nco.problems._routing.kernels import neighbours


def compare(coords: np.ndarray, near: np.ndarray, count: int) -> None:
    """Each row has different customers, without its own and the depot, of the least distances."""
    size = len(coords) - 1
    squares = np.square(coords[:, None] - coords).sum(-1)
    assert near.shape == (size + 1, count)
    for customer in range(1, size + 1):
        row = near[customer].tolist()
        assert len({*row, 0, customer}) == count + 2
        others = np.delete(squares[customer], [0, customer])
        assert squares[customer, row].tolist() == sorted(others.tolist())[:count]


@pytest.mark.parametrize("count", [1, 7, 40])
@pytest.mark.parametrize("kind", ["uniform", "clusters", "line", "grid", "one spot"])
def test_neighbours_are_the_nearest(kind: str, count: int) -> None:
    """Also of customers that lie on a line, in clusters or on top of one another."""
    random = np.random.default_rng(count)
    coords = {
        "uniform": random.random((121, 2)),
        "clusters": random.integers(0, 3, (121, 1)) * 100 + random.random((121, 2)),
        "line": np.stack([np.full(121, 3.0), random.random(121)], 1),
        "grid": random.integers(0, 8, (121, 2)).astype(float),
        "one spot": np.ones((121, 2)),
    }[kind]
    compare(coords, neighbours.nearest(coords, None, count), count)


@pytest.mark.parametrize(("customers", "count"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_few_customers_have_few_neighbours(customers: int, count: int) -> None:
    """A customer has at most all others, and the only one none."""
    coords = np.random.default_rng(0).random((customers + 1, 2))
    compare(coords, neighbours.nearest(coords, None, 9), count)


def test_a_matrix_is_sorted_by_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of the two ways says who is near, in blocks of rows as well."""
    matrix = np.random.default_rng(3).random((30, 30))
    whole = neighbours.nearest(np.zeros((30, 2)), matrix, 6)
    monkeypatch.setattr(neighbours, "BLOCK", 90)
    assert neighbours.nearest(np.zeros((30, 2)), matrix, 6).tolist() == whole.tolist()
    both = matrix + matrix.T
    for customer in range(1, 30):
        others = [other for other in range(1, 30) if other != customer]
        expected = sorted(others, key=lambda other: both[customer, other])[:6]
        assert whole[customer].tolist() == expected

"""Candidates of cities against a search of all others."""

import numpy as np
import pytest

from nco.problems.tsp.kernels.candidates import candidates


def by_hand(coords: np.ndarray, city: int, nearest: int, quadrant: int) -> list[set[float]]:
    """The distances of the nearest, and of the nearest of each quadrant."""
    away = coords - coords[city]
    apart = np.hypot(*away.T)
    others = np.array([other for other in range(1, len(coords)) if other != city])
    parts = [set(np.sort(apart[others])[:nearest])]
    for right in (False, True):
        for up in (False, True):
            inside = [
                other
                for other in others
                if (away[other, 0] > 0) == right and (away[other, 1] >= 0) == up
            ]
            parts.append(set(np.sort(apart[inside])[:quadrant]))
    return parts


@pytest.mark.parametrize("size", [7, 20, 150])
@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_and_those_of_each_quadrant(size: int, seed: int) -> None:
    """The six nearest are there, and else only cities of the quadrants, in their order."""
    coords = np.random.default_rng(seed).random((size + 1, 2))
    near = candidates(coords, None, 6, 2)
    for city in range(1, size + 1):
        apart = np.hypot(*(coords[near[city]] - coords[city]).T)
        parts = by_hand(coords, city, 6, 2)
        assert city not in near[city]
        assert parts[0] <= set(apart)
        assert set(apart) <= set().union(*parts)
        if size > 50:
            assert len(set(near[city].tolist())) >= 6


def test_a_matrix_has_the_nearest_alone() -> None:
    """There are no quadrants where nobody knows what lies where."""
    random = np.random.default_rng(0)
    matrix = random.random((13, 13))
    matrix += matrix.T
    near = candidates(np.zeros((13, 2)), matrix, 5, 2)
    for city in range(1, 13):
        others = [other for other in range(1, 13) if other != city]
        assert near[city].tolist() == sorted(others, key=lambda other: matrix[city, other])[:5]

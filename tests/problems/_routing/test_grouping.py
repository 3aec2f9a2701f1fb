"""Routes in groups of neighbours: all of them once, even sizes, no group too large."""

import numpy as np
import pytest

from nco.problems._routing.grouping import grouped


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_groups_are_as_many_as_asked_for_and_even(count: int) -> None:
    """Of many small routes each group gets its share, to within a tenth."""
    random = np.random.default_rng(count)
    sizes = random.integers(3, 9, 400).tolist()
    groups = grouped(sizes, random.random((400, 2)), -(-sum(sizes) * 21 // (20 * count)), 0.7)
    assert sorted(place for group in groups for place in group) == list(range(400))
    assert len(groups) == count
    share = sum(sizes) / count
    assert all(abs(sum(sizes[p] for p in group) - share) < share / 10 for group in groups)


def test_a_route_that_is_too_large_is_a_group_of_its_own() -> None:
    """It is not cut, and all others keep to the limit."""
    sizes = [50, 4, 4, 4, 4]
    centres = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]])
    groups = grouped(sizes, centres, 8, 0.0)
    assert [0] in groups
    assert all(sum(sizes[p] for p in group) <= 8 for group in groups if group != [0])


def test_neighbours_stay_together() -> None:
    """Two clusters far apart become the two groups, whatever the angle."""
    random = np.random.default_rng(0)
    centres = np.concatenate([random.random((20, 2)), random.random((20, 2)) + 100.0])
    for angle in (0.0, 0.5, 1.0):
        groups = grouped([5] * 40, centres, 100, angle)
        assert sorted(map(sorted, groups)) == [list(range(20)), list(range(20, 40))]

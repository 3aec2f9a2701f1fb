"""Kernels measure as the checker's distances do, in every metric."""

import numpy as np
import pytest

from nco.problems._routing import metrics
from nco.problems._routing.kernels import places


@pytest.mark.parametrize("metric", [*metrics.METRICS, "EUCLIDEAN"])
def test_distances_are_those_of_the_metric(metric: str) -> None:
    """All pairs of nodes, in the kernel's own order, also where a table would serve GEO."""
    random = np.random.default_rng(1)
    coords = np.round(random.random((40, 2)) * 90, 2)
    coords[7] = coords[3]
    where = places.prepare(metric, coords, None)
    x, y = where.coords.T.copy()
    starts, ends = (part.ravel().astype(np.uint32) for part in np.indices((40, 40)))
    measured = np.zeros(1600)
    places.legs(where.metric, x, y, where.matrix, starts, ends, measured)
    expected = metrics.distance_matrix(coords, metric)[np.ix_(where.order, where.order)]
    assert where.order[0] == 0
    assert measured.reshape(40, 40) == pytest.approx(
        expected, rel=1e-12 if metric in metrics.REAL else 1e-14
    )
    assert where.symmetric


@pytest.mark.parametrize("metric", metrics.GLOBE)
def test_geographical_distances_need_no_table(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the size of the table they are computed in the kernel, to the same kilometre."""
    monkeypatch.setattr(places, "TABLE", 0)
    test_distances_are_those_of_the_metric(metric)


def test_a_matrix_is_read_from_row_to_column() -> None:
    """Directions differ, and nodes beyond the matrix are the depot."""
    matrix = np.random.default_rng(2).random((5, 5))
    matrix.flags.writeable = False
    where = places.prepare("EXPLICIT", None, matrix)
    measured = np.zeros(3)
    starts, ends = np.array([1, 4, 9], dtype=np.uint32), np.array([4, 1, 2], dtype=np.uint32)
    places.legs(where.metric, *where.coords.T.copy(), where.matrix, starts, ends, measured)
    assert measured.tolist() == [matrix[1, 4], matrix[4, 1], matrix[0, 2]]
    assert not where.symmetric

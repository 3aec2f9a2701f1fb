"""The literature's test sets come out bit for bit (fingerprints of Kool et al.'s generator)."""

import hashlib

import numpy as np
import pytest

from nco.problems.cvrp import CVRP
from nco.problems.cvrp.problem import literature_capacity
from nco.problems.tsp import TSP


@pytest.mark.parametrize(
    ("size", "digest"),
    [(20, "04f192096ef8a242"), (50, "9f2fc1297d3a6d63"), (100, "e16413180f18711f")],
)
def test_tsp_seed_1234(size, digest):
    """Ten thousand instances are those of the literature, to the bit."""
    cases = TSP(size=size).published(size, 10_000, 1234)
    coords = np.stack([case.coords for case in cases])
    assert hashlib.sha256(coords.tobytes()).hexdigest()[:16] == digest


def test_the_first_instances_are_those_of_the_whole_set():
    """A smaller set is the beginning of a larger one."""
    few, many = (TSP().published(20, count, 1234) for count in (3, 30))
    assert all(np.array_equal(a.coords, b.coords) for a, b in zip(few, many[:3], strict=True))


def test_cvrp_seed_1234_draws_all_depots_first():
    """Places and demands are those of the literature."""
    cases = CVRP(size=100).published(100, 10_000, 1234)
    depot = np.stack([case.coords[0] for case in cases])
    customers = np.stack([case.coords[1:] for case in cases])
    demand = np.stack([case.demand[1:] for case in cases]).astype(np.int64)
    assert np.allclose(depot[0], [0.19151945, 0.62210877])
    assert np.allclose(customers[0, 0], [0.55426939, 0.18097824])
    assert demand[0, :8].tolist() == [1, 3, 1, 4, 4, 1, 6, 3]
    data = depot.tobytes() + customers.tobytes() + demand.tobytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "541b33047552e24a"
    assert {case.capacity for case in cases} == {50}


def test_capacities_of_the_literature():
    """Sizes between the stated ones are interpolated."""
    sizes = [10, 20, 50, 100, 200, 500, 1000]
    assert [literature_capacity(n) for n in sizes] == [20, 30, 40, 50, 80, 100, 250]
    assert literature_capacity(75) == 45

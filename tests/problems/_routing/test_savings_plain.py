"""First routes in plain Python: all customers once, within the capacity, and short."""

from fractions import Fraction

import numpy as np
import pytest

from nco.problems._routing.savings import savings
from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import from_arrays


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 40])
@pytest.mark.parametrize("seed", range(4))
def test_every_customer_is_on_one_route_that_holds_it(size: int, seed: int) -> None:
    """Loads are added exactly, as fractions: three tenths and seven tenths fill one vehicle."""
    random = np.random.default_rng(seed)
    coords = random.random((size + 1, 2))
    apart = np.linalg.norm(coords[:, None] - coords, axis=-1)
    demand = [Fraction(int(tenths), 10) for tenths in random.integers(1, 8, size + 1)]
    routes = savings(apart, demand, 1)
    assert sorted(stop for route in routes for stop in route) == list(range(1, size + 1))
    assert all(sum(demand[stop] for stop in route) <= 1 for route in routes)


def test_two_customers_side_by_side_share_a_route() -> None:
    """A route that is worth it is found, and none that does not fit."""
    apart = np.abs(np.subtract.outer([0, 10, 11, -10], [0, 10, 11, -10])).astype(float)
    assert sorted(map(sorted, savings(apart, [0, 1, 1, 1], 2))) == [[1, 2], [3]]
    assert sorted(map(sorted, savings(apart, [0, 2, 1, 1], 2))) == [[1], [2], [3]]


def test_a_first_answer_is_close_to_good_ones() -> None:
    """It is a tenth shorter than going to the nearest customer again and again."""
    random = np.random.default_rng(3)
    case = from_arrays(
        {
            "coords": random.random((101, 2)),
            "demand": [0, *random.integers(1, 10, 100).tolist()],
            "capacity": 50,
        }
    )
    assert case is not None
    report = check(case, case.construct())
    nearest = check(case, case._nearest())
    assert report.feasible
    assert float(report.cost) < 0.9 * float(nearest.cost)


def test_a_fleet_too_small_for_savings_has_the_nearest() -> None:
    """Savings may use one route more than there are vehicles."""
    case = from_arrays(
        {
            "coords": [[0, 0], [10, 0], [11, 0], [-10, 0], [-11, 0]],
            "demand": [0, 1, 2, 2, 1],
            "capacity": 3,
            "vehicles": 2,
        }
    )
    assert case is not None
    assert check(case, case.construct()).feasible

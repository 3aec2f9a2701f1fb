"""Q-routes: weights that no route exceeds, and walks against all walks."""

import itertools

import numpy as np
import pytest

from nco.problems._routing import q_routes
from nco.problems._routing.q_routes import FAR, NONE


@pytest.mark.parametrize("seed", range(30))
def test_a_route_that_fits_fits_by_its_weights(seed: int) -> None:
    """Whatever fits into a capacity has weights that add up to its limit at most."""
    rng = np.random.default_rng(seed)
    loads = rng.integers(0, 2000, 8) / rng.choice([1, 10, 7])
    capacities = (float(loads.max() * rng.uniform(1, 3)), float(loads.max() * 4))
    weights, limits = q_routes.weighted(loads.tolist(), capacities)
    assert weights.min() >= 1
    for capacity, limit in zip(capacities, limits, strict=True):
        for chosen in itertools.product((False, True), repeat=8):
            if loads[list(chosen)].sum() <= capacity * (1 - 1e-12):
                assert weights[list(chosen)].sum() <= limit


def test_whole_loads_are_their_own_weights() -> None:
    """Multiples of one unit, few enough, lose nothing."""
    weights, limits = q_routes.weighted([10.0, 30.0, 20.0], [70.0])
    assert (weights.tolist(), limits) == ([1, 3, 2], [7])


@pytest.mark.parametrize("seed", range(5))
def test_walks_are_the_cheapest_of_all(seed: int) -> None:
    """By load and last customer, none goes back and forth, and `second` comes from another one."""
    rng = np.random.default_rng(seed)
    size, most = 4, 6
    between = rng.integers(1, 50, (size, size))
    first, prices = rng.integers(1, 50, size), rng.integers(-10, 30, size)
    weights = rng.integers(1, 3, size)
    walks = q_routes._walks(between, first, weights, prices, most)
    found: dict[tuple[int, int], dict[int, int]] = {}

    def extend(path: list[int], load: int, cost: int) -> None:
        before = path[-2] if len(path) > 1 else NONE
        costs = found.setdefault((load, path[-1]), {})
        costs[before] = min(costs.get(before, FAR), cost)
        for to in range(size):
            if to != path[-1] and to != before and load + weights[to] <= most:
                leg = int(between[path[-1], to] - prices[to])
                extend([*path, to], load + int(weights[to]), cost + leg)

    for start in range(size):
        extend([start], int(weights[start]), int(first[start] - prices[start]))
    for load in range(most + 1):
        for last in range(size):
            costs = sorted(found.get((load, last), {}).values())
            alone = found.get((load, last), {}).get(NONE)
            value = walks.cost[load, last]
            assert value == (costs[0] if costs else FAR)
            if alone is None and len(costs) > 1:
                assert walks.second[load, last] == costs[1]

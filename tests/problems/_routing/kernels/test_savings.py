"""The first routes: all customers, within the rules, and those of the paper by all pairs."""

import math

import numpy as np
import pytest

from nco.problems._routing.kernels import lists, neighbours, savings


def build(
    coords: np.ndarray, demand: list[int], capacity: int, limit: float = math.inf, count: int = 99
) -> list[list[int]]:
    """The routes by the `count` nearest neighbours of each customer."""
    table = np.linalg.norm(coords[:, None] - coords, axis=-1)
    near = neighbours.nearest(coords, None, count)
    apart = np.take_along_axis(table, near.astype(np.int64), 1)
    loads = np.array(demand, dtype=np.int64)
    return lists.as_lists(savings.savings(near, apart, table[0], loads, capacity, limit))


def by_pairs(coords: np.ndarray, demand: list[int], capacity: int, limit: float) -> list[list[int]]:
    """Clarke and Wright's parallel savings over all pairs, on lists."""
    table = np.linalg.norm(coords[:, None] - coords, axis=-1)
    size = len(demand) - 1
    saved = {
        (i, j): table[0, i] + table[0, j] - table[i, j]
        for i in range(1, size + 1)
        for j in range(i + 1, size + 1)
    }
    routes = [[customer] for customer in range(1, size + 1)]
    for (i, j), worth in sorted(saved.items(), key=lambda item: -item[1]):
        one = next(route for route in routes if i in route)
        other = next(route for route in routes if j in route)
        if (
            worth <= 0
            or one is other
            or i not in (one[0], one[-1])
            or j not in (other[0], other[-1])
        ):
            continue
        joined = (one if one[-1] == i else one[::-1]) + (other if other[0] == j else other[::-1])
        path = [0, *joined, 0]
        length = table[path[:-1], path[1:]].sum()
        if sum(demand[c] for c in joined) <= capacity and length <= limit:
            routes = [route for route in routes if route not in (one, other)] + [joined]
    return routes


def alike(routes: list[list[int]]) -> set[tuple[int, ...]]:
    """Routes without their order and direction."""
    return {min(tuple(route), tuple(route[::-1])) for route in routes}


@pytest.mark.parametrize("limit", [math.inf, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_all_pairs_make_the_routes_of_the_paper(seed: int, limit: float) -> None:
    """Where every customer is a neighbour, the routes are those of a plain implementation."""
    random = np.random.default_rng(seed)
    coords = random.random((31, 2))
    demand = [0, *random.integers(1, 10, 30).tolist()]
    assert alike(build(coords, demand, 30, limit)) == alike(by_pairs(coords, demand, 30, limit))


@pytest.mark.parametrize("capacity", [9, 20, 10**6])
@pytest.mark.parametrize("count", [0, 1, 10])
def test_routes_serve_all_and_carry_no_more_than_allowed(capacity: int, count: int) -> None:
    """Each customer once, whatever the capacity and the number of neighbours."""
    random = np.random.default_rng(capacity + count)
    coords = random.integers(0, 20, (201, 2)).astype(float)  # some at the same place
    demand = [0, *random.integers(0, 10, 200).tolist()]
    routes = build(coords, demand, capacity, count=count)
    assert sorted(customer for route in routes for customer in route) == list(range(1, 201))
    assert max(sum(demand[customer] for customer in route) for route in routes) <= capacity
    if count == 0:
        assert len(routes) == 200

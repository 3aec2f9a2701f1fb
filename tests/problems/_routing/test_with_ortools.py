"""The adapter of OR-Tools' routing: models, searches, routes, and improvements on the way."""

import itertools
import time
from typing import Any

import numpy as np
import pytest

from nco.problems._routing import with_ortools
from nco.problems._routing.with_ortools import Dimension, Model, Routes, Search, solve

with_ortools.load()  # before the clock of any search

SIZE = 7
FIRST = Search(None, "PATH_CHEAPEST_ARC")


def table(seed: int = 0, size: int = SIZE) -> np.ndarray:
    """Whole distances between random points."""
    points = np.random.default_rng(seed).random((size, 2)) * 1000
    return np.rint(np.linalg.norm(points[:, None] - points, axis=-1)).astype(np.int64)


def soon(seconds: float = 0.2) -> Search:
    """A search that ends in a moment."""
    return Search(time.monotonic() + seconds, "PATH_CHEAPEST_ARC")


def length(routes: Routes, distances: np.ndarray) -> int:
    """Of all routes, from node 0 and back."""
    closed = [[0, *route, 0] for route in routes]
    return int(sum(distances[i, j] for way in closed for i, j in itertools.pairwise(way)))


def loaded(**changes: Any) -> Model:
    """Nodes of demand 1 and three vehicles of capacity 3."""
    load = Dimension("load", [[0] + [1] * (SIZE - 1)], [3] * 3)
    parts = {"nodes": SIZE, "starts": [0] * 3, "costs": [table()], "dimensions": [load]}
    return Model(**parts | changes)


def test_a_short_tour_is_found() -> None:
    """Six nodes are visited in the order that enumeration finds the shortest."""
    routes = solve(Model(nodes=SIZE, starts=[0], costs=[table()]), soon())
    assert routes is not None
    best = min(length([list(p)], table()) for p in itertools.permutations(range(1, SIZE)))
    assert length(routes, table()) == best


def test_a_dimension_limits_every_route() -> None:
    """Six nodes of demand 1 go into vehicles of capacity 3."""
    routes = solve(loaded(), FIRST)
    assert routes is not None
    assert sorted(itertools.chain.from_iterable(routes)) == list(range(1, SIZE))
    assert max(map(len, routes)) <= 3


def test_a_start_is_improved_and_better_routes_are_told() -> None:
    """What is told gets shorter; the answer is the last of it."""
    told: list[Routes] = []
    start = [[6, 1, 5], [2, 4, 3], []]
    routes = solve(loaded(), soon(), start=start, tell=told.append)
    assert routes is not None
    lengths = [length(better, table()) for better in told]
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[0] <= length(start, table())
    assert lengths[-1] == length(routes, table())


def test_every_solution_is_told_on_request() -> None:
    """Guided local search passes worse solutions, too."""
    told: list[Routes] = []
    solve(loaded(), soon(0.3), tell=told.append, every=True)
    lengths = [length(better, table()) for better in told]
    assert lengths != sorted(lengths, reverse=True)


def test_an_optional_node_is_left_out_where_that_is_cheaper() -> None:
    """Leaving out costs 1 for one node and a fortune for the others."""
    optional = {node: 1 if node == 4 else 10**6 for node in range(1, SIZE)}
    routes = solve(Model(nodes=SIZE, starts=[0], costs=[table()], optional=optional), soon())
    assert routes is not None
    assert sorted(routes[0]) == [1, 2, 3, 5, 6]


def test_pairs_are_of_one_vehicle_and_in_order() -> None:
    """Each pickup comes before its delivery in the same route, between different ends."""
    pairs = [(2, 4), (3, 5)]
    stops = Dimension("stops", [[1] * 7], [10] * 2)
    model = Model(
        nodes=7, starts=[0, 1], ends=[6, 6], costs=[table(2)], dimensions=[stops], pairs=pairs
    )
    routes = solve(model, soon())
    assert routes is not None
    for pickup, delivery in pairs:
        (route,) = (route for route in routes if pickup in route)
        assert route.index(pickup) < route.index(delivery)


STAR = np.where(np.eye(5, dtype=bool), 0, 10)  # all ways are equally long


def test_a_node_that_must_be_early_is_served_first() -> None:
    """Each unit of lateness costs more than all ways together."""
    way = Dimension("way", [STAR], [1000], late={4: (10, 1000)})
    routes = solve(Model(nodes=5, starts=[0], costs=[STAR], dimensions=[way]), soon())
    assert routes is not None
    assert routes[0][0] == 4


def test_a_weight_on_the_longest_route_shares_the_work() -> None:
    """Two vehicles serve two nodes each, though one could serve all four."""
    way = Dimension("way", [STAR], [1000] * 2, span=1000)
    routes = solve(Model(nodes=5, starts=[0, 0], costs=[STAR], dimensions=[way]), soon())
    assert routes is not None
    assert sorted(map(len, routes)) == [2, 2]


def test_each_vehicle_may_have_costs_of_its_own() -> None:
    """The vehicle that costs nothing a leg takes all, unless using it costs too much."""
    free, dear = np.zeros_like(table()), table()
    costs = [dear, free]
    routes = solve(Model(nodes=SIZE, starts=[0, 0], costs=costs), soon())
    assert routes is not None
    assert routes[0] == []
    fixed = solve(Model(nodes=SIZE, starts=[0, 0], costs=costs, fixed=[0, 10**7]), soon())
    assert fixed is not None
    assert fixed[1] == []


def test_slack_is_only_where_it_is_allowed() -> None:
    """A copy of the depot empties the vehicle, which may then carry on; a customer does not."""
    taken, copies = [0, 2, 2, -3], [3]  # node 3 stands for the depot
    load = Dimension("load", [taken], [3], slack=3, firm=[1, 2])
    square = table(3, 4)
    square[3], square[:, 3] = square[0], square[:, 0]
    square[0, 3] = square[3, 0] = 0
    model = Model(
        nodes=4, starts=[0], costs=[square], dimensions=[load], optional=dict.fromkeys(copies, 0)
    )
    routes = solve(model, soon())
    assert routes is not None
    assert routes[0][1] == 3
    without = Model(
        nodes=3,
        starts=[0],
        costs=[square[:3, :3]],
        dimensions=[Dimension("load", [taken[:3]], [3], slack=3, firm=[1, 2])],
    )
    assert solve(without, soon()) is None


def test_large_tables_are_looked_up_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback gives the same first solution as the copied table."""
    copied = solve(loaded(), FIRST)
    monkeypatch.setattr(with_ortools, "LARGEST_TABLE", 0)
    assert solve(loaded(), FIRST) == copied


def test_time_that_is_over_gives_no_routes() -> None:
    """The model takes longer to build than there is time."""
    assert solve(loaded(), Search(time.monotonic() - 1)) is None

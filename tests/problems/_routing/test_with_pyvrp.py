"""The adapter of PyVRP: models, limits, routes there and back, and improvements on the way."""

import sys
import time
from typing import Any

import numpy as np
import pytest

from nco.core.errors import NCOError
from nco.problems._routing import with_pyvrp
from nco.problems._routing.with_pyvrp import Limit, Model, Route, solve

pyvrp = pytest.importorskip("pyvrp")

SIZE = 12


def table(seed: int = 0, size: int = SIZE) -> np.ndarray:
    """Whole distances between random points."""
    points = np.random.default_rng(seed).random((size, 2)) * 1000
    return np.rint(np.linalg.norm(points[:, None] - points, axis=-1)).astype(np.int64)


def model(**changes: Any) -> Model:
    """Clients of demand 1 and vehicles of capacity 4, from one depot at location 0."""
    parts: dict[str, Any] = {
        "clients": [pyvrp.Client(place, delivery=[1]) for place in range(1, SIZE)],
        "vehicles": [pyvrp.VehicleType(4, capacity=[4])],
        "distances": [table()],
    }
    return Model(**parts | changes)


def test_every_client_is_visited_within_capacity() -> None:
    """Eleven clients of demand 1 take three vehicles of capacity 4."""
    routes = solve(model(), Limit(iterations=50), seed=1)
    assert routes is not None
    assert sorted(stop for route in routes for stop in route.clients) == list(range(SIZE - 1))
    assert max(len(route.stops) for route in routes) <= 4


def test_equal_seeds_give_equal_routes() -> None:
    """A number of iterations, and not the clock, ends the run."""
    first, second = (solve(model(), Limit(iterations=80), seed=5) for _ in range(2))
    assert first == second


def test_routes_come_back_as_they_went() -> None:
    """Reloads, depots and types of vehicles survive the way to PyVRP's solution and back."""
    reloading = model(
        vehicles=[
            pyvrp.VehicleType(1, capacity=[4]),
            pyvrp.VehicleType(1, capacity=[2], reload_depots=[0, 1]),
        ],
        depots=[pyvrp.Depot(0), pyvrp.Depot(3)],
    )
    routes = [Route([2, 0, 4]), Route([1, 3, ~1, 5, ~0, 6], vehicle=1)]
    assert with_pyvrp.routes_of(reloading.solution(routes), len(reloading.clients)) == routes
    assert routes[1].clients == [1, 3, 5, 6]


def test_a_run_never_ends_worse_than_its_start() -> None:
    """A feasible start is improved or comes back; better routes are told in turn."""
    start = solve(model(), Limit(), seed=2)
    assert start is not None
    told: list[list[Route]] = []
    best = solve(model(), Limit(iterations=100), seed=3, start=start, tell=told.append)
    assert best is not None
    costs = [model().solution(routes).distance() for routes in [*told, best]]
    assert costs == sorted(costs, reverse=True)
    assert told[0] == start


def test_limits_end_a_run() -> None:
    """A deadline that is over, a few iterations, the first feasible solution: all end at once."""
    begin = time.monotonic()
    solve(model(), Limit(deadline=begin), seed=0)
    solve(model(), Limit(deadline=begin + 3600, iterations=3), seed=0)
    solve(model(), Limit(deadline=begin + 3600, feasible=True), seed=0)
    solve(model(), Limit(), seed=0)
    assert time.monotonic() - begin < 10


def test_what_does_not_fit_has_no_routes() -> None:
    """Two vehicles of capacity 4 cannot serve eleven clients."""
    tight = model(vehicles=[pyvrp.VehicleType(2, capacity=[4])])
    assert solve(tight, Limit(iterations=30), seed=0) is None


def test_a_rich_model_is_solved() -> None:
    """Time windows, two depots, two profiles, a prize and a group need nothing of the adapter."""
    size, near = 8, table(1, 8)
    clients = [
        pyvrp.Client(2, delivery=[1], tw_early=0, tw_late=600, service_duration=5),
        pyvrp.Client(3, delivery=[1], pickup=[1]),
        pyvrp.Client(4, delivery=[1], required=False, prize=0),
        pyvrp.Client(5, delivery=[1], required=False, group=0),
        pyvrp.Client(6, delivery=[1], required=False, group=0),
        pyvrp.Client(7, delivery=[2], release_time=50),
    ]
    rich = Model(
        clients=clients,
        vehicles=[
            pyvrp.VehicleType(1, capacity=[4], start_depot=0, end_depot=1, profile=0),
            pyvrp.VehicleType(1, capacity=[4], start_depot=1, end_depot=1, profile=1),
        ],
        distances=[near, near + np.where(np.eye(size, dtype=bool), 0, 3)],
        durations=[near // 2, near],
        depots=[pyvrp.Depot(0), pyvrp.Depot(1)],
        groups=[pyvrp.ClientGroup([3, 4])],
    )
    routes = solve(rich, Limit(iterations=100), seed=0)
    assert routes is not None
    served = {stop for route in routes for stop in route.clients}
    assert {0, 1, 5} <= served
    assert len(served & {3, 4}) == 1
    assert 2 not in served


def test_pyvrp_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    with pytest.raises(NCOError, match="pyvrp is not installed: pip install 'nco-solver"):
        with_pyvrp.load()

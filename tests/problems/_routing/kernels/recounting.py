"""An obvious account of a search's arrays, by which the kernels' sums are checked."""

import math

import numpy as np

from nco.problems._routing.kernels import lists
from nco.problems._routing.kernels.capacitated import Search, Task


def table(task: Task) -> np.ndarray:
    """All distances, [n+1, n+1], by numpy."""
    if task.distances is not None:
        return np.asarray(task.distances, dtype=float)
    assert task.coords is not None
    straight = np.sqrt(np.square(task.coords[:, None] - task.coords).sum(-1))
    return np.floor(straight + 0.5) if task.metric == "EUC_2D" else straight


def walk(after: np.ndarray, size: int) -> list[list[int]]:
    """The routes that a list of next nodes holds."""
    routes = []
    for depot in range(size + 1, len(after)):
        route, here = [], int(after[depot])
        while here <= size:
            route.append(here)
            assert len(route) <= size
            here = int(after[here])
        assert here == depot
        routes.append(route)
    return routes


def recount(task: Task, search: Search) -> None:
    """Asserts that all of a search's arrays say the same, and what the rules allow."""
    order, routes, size = search.order, search.routes, task.size
    away = table(task)[np.ix_(order, order)]
    demand = task.demand[order]
    plan = walk(routes.after, size)
    visited = [customer for route in plan for customer in route]
    assert len(visited) == len(set(visited))
    total = 0.0
    for number, route in enumerate(plan):
        depot = size + 1 + number
        path = [0, *route, 0] if route else [0]
        nodes = [depot, *route]
        legs = away[path[:-1], path[1:]].tolist() or [0.0]
        assert routes.ahead[nodes].tolist() == legs
        assert routes.behind[[*route, depot]].tolist() == legs
        assert routes.before[[*route, depot]].tolist() == nodes
        assert (routes.route[nodes] == number).all()
        assert routes.stops[number] == len(route)
        assert routes.room[number] == task.capacity - demand[route].sum() >= 0
        length = math.fsum(legs)
        assert math.isclose(routes.length[number], length, rel_tol=1e-9, abs_tol=1e-9)
        assert length <= task.limit * (1 + 1e-9)
        total += length
    absent = sorted(set(range(1, size + 1)) - set(visited))
    assert (routes.route[absent] == len(plan) + 1).all()
    left_out = search.prize[absent].sum() if absent else 0.0
    assert math.isclose(routes.price[lists.COST], total + left_out, rel_tol=1e-9)
    empty = routes.empty[: routes.tally[lists.EMPTY]].tolist()
    assert sorted(empty) == [number for number, route in enumerate(plan) if not route]
    best = walk(routes.best, size)
    kept = [customer for route in best for customer in route]
    assert len(kept) == len(set(kept))
    missing = sorted(set(range(1, size + 1)) - set(kept))
    cost = sum(away[[0, *route], [*route, 0]].sum() for route in best if route)
    cost += search.prize[missing].sum() if missing else 0.0
    assert math.isclose(search.least, cost, rel_tol=1e-9)
    assert all(demand[route].sum() <= task.capacity for route in best)

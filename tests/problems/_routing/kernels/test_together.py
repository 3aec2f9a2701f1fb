"""One search on several cores: its routes keep all rules, and it is never worse than its start."""

import time

import numpy as np
import pytest
from test_capacitated import make

from nco.problems._routing.kernels import capacitated, together
from nco.problems._routing.kernels.capacitated import RoutesList, Settings, Task
from nco.problems.cvrp import files
from nco.problems.cvrp.check import check


def task(size: int, seed: int = 0) -> Task:
    random = np.random.default_rng(seed)
    coords = np.rint(random.random((size + 1, 2)) * 1000)
    demand = np.append(0, random.integers(1, 10, size))
    return Task(metric="EUC_2D", coords=coords, demand=demand, capacity=40)


def assert_valid(given: Task, routes: RoutesList) -> None:
    """Every customer once, and no vehicle overloaded."""
    assert sorted(node for route in routes for node in route) == list(range(1, given.size + 1))
    assert all(given.demand[route].sum() <= given.capacity for route in routes)


@pytest.mark.parametrize("cores", [2, 3])
def test_regions_are_joined_to_whole_plans(cores: int) -> None:
    """All that is told is valid, ever better, and the last of it is the answer."""
    given = task(150)
    told: list[RoutesList] = []
    answer = together.ruin_recreate_together(
        given,
        until=time.perf_counter() + 0.8,
        cores=cores,
        tell=told.append,
        settings=Settings(hot=0.05),  # few steps are enough for something better
    )
    assert len(told) > 1
    for routes in told:
        assert_valid(given, routes)
    costs = [given.cost(routes) for routes in told]
    assert costs == sorted(costs, reverse=True)
    assert answer.routes == told[-1]
    assert answer.cost == costs[-1]
    assert answer.steps > 0


def test_the_checker_agrees() -> None:
    """Cost and rules by the independent checker of CVRP."""
    given = task(80, seed=1)
    assert given.coords is not None
    answer = together.ruin_recreate_together(given, until=time.perf_counter() + 0.3, cores=2)
    case = files.Case(
        metric="EUC_2D",
        coords=given.coords,
        demand=given.demand.astype(float),
        capacity=float(given.capacity),
    )
    report = check(case, answer.routes)
    assert report.feasible
    assert report.cost == answer.cost


def test_together_no_start_gets_worse() -> None:
    """From good routes on, with hardly any time."""
    given = task(120, seed=2)
    good = capacitated.ruin_recreate(given, iterations=3000, seed=1)
    assert good is not None
    answer = together.ruin_recreate_together(
        given, until=time.perf_counter() + 0.05, cores=2, start=good.routes
    )
    assert answer.cost <= good.cost


def test_the_stop_flag_ends_all_regions() -> None:
    """A flag that is set ends the search long before its time."""
    stop = np.ones(1, dtype=np.int64)
    begun = time.perf_counter()
    answer = together.ruin_recreate_together(task(60), until=begun + 60.0, cores=2, stop=stop)
    assert time.perf_counter() - begun < 20.0
    assert_valid(task(60), answer.routes)


@pytest.mark.parametrize("kind", ["fleet", "directed"])
def test_what_cannot_be_cut_is_refused(kind: str) -> None:
    """A limited fleet, and a matrix without places."""
    with pytest.raises(ValueError, match="regions need"):
        together.ruin_recreate_together(make(kind, 8), until=time.perf_counter(), cores=2)

"""Searches give checked routes, optimal ones where dynamic programming can tell, and equal ones."""

import itertools
import json
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import test_fleet_kernel
import test_orders_kernel
from recounting import table

from nco.problems._routing.kernels import fleet
from nco.problems._routing.kernels.capacitated import (
    Answer,
    Search,
    Settings,
    Task,
    ruin_recreate,
    search_from,
)
from nco.problems._routing.kernels.searching import length

KINDS = ["whole", "directed", "limited", "fleet", "geographical"]
UNCOMPILED = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from test_capacitated import KINDS, make, others
from nco.problems._routing.kernels.capacitated import ruin_recreate
import numba
assert numba.config.DISABLE_JIT
answers = [ruin_recreate(make(kind, 12), iterations=400, seed=5) for kind in KINDS]
print(json.dumps([*([answer.cost, answer.routes] for answer in answers), *others()]))
"""


def make(kind: str, size: int, seed: int = 0) -> Task:
    """A task of one kind of rules."""
    random = np.random.default_rng(seed)
    coords = np.round(random.random((size + 1, 2)) * 90, 1)
    demand = np.append(0, random.integers(1, 10, size))
    if kind == "directed":
        matrix = random.integers(1, 99, (size + 1, size + 1)).astype(float)
        np.fill_diagonal(matrix, 0)
        return Task(metric="EXPLICIT", distances=matrix, demand=demand, capacity=20)
    rules: dict[str, dict[str, object]] = {
        "whole": {"metric": "EUC_2D"},
        "limited": {"metric": "EUCLIDEAN", "limit": 200.0},
        "fleet": {"metric": "EUCLIDEAN", "vehicles": math.ceil(demand.sum() / 20) + 1},
        "geographical": {"metric": "GEO"},
    }
    return Task(coords=coords, demand=demand, capacity=20, **rules[kind])  # type: ignore[arg-type]


def others() -> list[list[Any]]:
    """What the other kernels make of a few steps."""
    searches = [
        *(fleet.Search(test_fleet_kernel.make(kind, 12), 5, None) for kind in ("costs", "last")),
        test_orders_kernel.Ends(10, 2, 2).begin(5),
    ]
    for search in searches:
        search.step(200, 0.05)
    return [[search.least, search.best()] for search in searches]


def check(task: Task, answer: Answer | None) -> Answer:
    """The answer, which keeps all rules and costs what it says."""
    assert answer is not None
    visited = sorted(customer for route in answer.routes for customer in route)
    assert visited == list(range(1, task.size + 1))
    assert all(answer.routes)
    assert all(task.demand[route].sum() <= task.capacity for route in answer.routes)
    assert task.vehicles is None or len(answer.routes) <= task.vehicles
    assert answer.cost == pytest.approx(task.cost(answer.routes))
    if task.metric != "GEO":
        away = table(task)
        lengths = [away[[0, *route], [*route, 0]].sum() for route in answer.routes]
        assert sum(lengths) == pytest.approx(answer.cost)
        assert all(length <= task.limit * (1 + 1e-9) for length in lengths)
    return answer


def optimum(task: Task) -> float:
    """By dynamic programming over the sets of customers, and the routes that each may be."""
    away, size = table(task), task.size
    shortest: dict[tuple[int, int], float] = {}  # by members and the last customer
    for members in range(1, 1 << size):
        inside = [c for c in range(size) if members >> c & 1]
        for last in inside:
            rest = members & ~(1 << last)
            ways = [shortest[rest, c] + away[c + 1, last + 1] for c in inside if c != last]
            shortest[members, last] = min(ways, default=away[0, last + 1])
    allowed = {}
    for members in range(1, 1 << size):
        inside = [c for c in range(size) if members >> c & 1]
        length = min(shortest[members, last] + away[last + 1, 0] for last in inside)
        if sum(task.demand[c + 1] for c in inside) <= task.capacity and length <= task.limit:
            allowed[members] = length
    fleet = size if task.vehicles is None else task.vehicles
    cost = [{0: 0.0}]
    for _ in range(fleet):
        more = dict(cost[-1])
        for members, before in cost[-1].items():
            first = next((c for c in range(size) if not members >> c & 1), None)
            for route, length in allowed.items():
                if first is not None and route >> first & 1 and not route & members:
                    joined = members | route
                    more[joined] = min(more.get(joined, math.inf), before + length)
        cost.append(more)
    return cost[-1][(1 << size) - 1]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "geographical"])
@pytest.mark.parametrize("seed", range(2))
def test_small_tasks_are_solved_to_the_optimum(kind: str, seed: int) -> None:
    """Eight customers, 20,000 steps: the cost is that of dynamic programming."""
    task = make(kind, 8, seed)
    answer = check(task, ruin_recreate(task, iterations=20_000, seed=seed))
    assert answer.cost == pytest.approx(optimum(task))


@pytest.mark.parametrize("kind", KINDS)
def test_larger_tasks_get_routes_within_the_rules(kind: str) -> None:
    """Of 150 customers, never worse than those of savings, and better ones are told on the way."""
    task = make(kind, 150, 1)
    told: list[float] = []
    first = ruin_recreate(task, iterations=0)
    answer = check(
        task,
        ruin_recreate(task, iterations=10_000, tell=lambda routes: told.append(task.cost(routes))),
    )
    if first is not None:
        assert answer.cost < check(task, first).cost
    assert told == sorted(told, reverse=True)
    assert told[-1] >= answer.cost - 1e-6
    again = ruin_recreate(task, iterations=10_000)
    assert again is not None
    assert again.routes == answer.routes
    other = check(task, ruin_recreate(task, iterations=10_000, seed=1))
    assert other.routes != answer.routes


def test_a_start_is_never_made_worse() -> None:
    """A good start survives few hot steps, and many steps make it better."""
    task = make("whole", 100, 2)
    start = check(task, ruin_recreate(task, iterations=3000, seed=1))
    hot = Settings(warm=50.0)
    kept = check(task, ruin_recreate(task, iterations=100, start=[*start.routes, []], settings=hot))
    assert kept.cost <= start.cost
    better = check(task, ruin_recreate(task, iterations=30_000, start=start.routes))
    assert better.cost < start.cost


@pytest.mark.parametrize("size", [0, 1, 2])
def test_hardly_any_customers(size: int) -> None:
    """No customer needs no route, and one or two are served."""
    task = make("whole", size)
    answer = check(task, ruin_recreate(task, iterations=50))
    ways: dict[int, list[list[list[int]]]] = {0: [[]], 1: [[[1]]], 2: [[[1], [2]], [[1, 2]]]}
    assert answer.cost == min(task.cost(way) for way in ways[size])


def test_a_fleet_that_cannot_suffice_has_no_answer() -> None:
    """Two vehicles of 10 cannot take three loads of 6."""
    task = Task(
        metric="EUCLIDEAN",
        coords=np.random.default_rng(0).random((4, 2)),
        demand=np.array([0, 6, 6, 6]),
        capacity=10,
        vehicles=2,
    )
    assert ruin_recreate(task, iterations=1000) is None


def test_a_fleet_that_must_be_packed_is_found() -> None:
    """Loads of 6, 5, 4, 3 and 2 fill two vehicles of 10 in one way, which savings do not see."""
    random = np.random.default_rng(4)
    demand = np.array([0, *[6, 4] * 8, *[5, 3, 2] * 8])
    task = Task(
        metric="EUCLIDEAN",
        coords=random.random((len(demand), 2)),
        demand=demand,
        capacity=10,
        vehicles=16,
    )
    assert ruin_recreate(task, iterations=0) is None
    check(task, ruin_recreate(task, iterations=100_000))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"demand": np.array([0, 1])}, "2 demands need places of as many nodes, not 4"),
        ({"demand": np.array([0, 1, 11, 1])}, "they are 0 to 11"),
        ({"demand": np.array([0, -1, 1, 1])}, "they are -1 to 1"),
        ({"coords": None}, "not None"),
    ],
)
def test_a_task_that_cannot_be_is_refused(change: dict[str, object], reason: str) -> None:
    """Arrays of different nodes, and demands that no vehicle takes."""
    fields = {"metric": "EUC_2D", "coords": np.zeros((4, 2)), "demand": np.ones(4, dtype=int)}
    with pytest.raises(ValueError, match=reason):
        Task(**{**fields, "capacity": 10, **change})  # type: ignore[arg-type]


def test_searches_take_all_kinds_of_arrays() -> None:
    """Arrays of other types, layouts and without permission to write give the same answer."""
    task = make("directed", 30)
    assert task.distances is not None
    other = np.asfortranarray(task.distances).astype(np.int64)
    other.flags.writeable = False
    demand = task.demand.astype(np.int32)
    same = Task(metric="EXPLICIT", distances=other, demand=demand, capacity=20)
    answers = [ruin_recreate(each, iterations=500) for each in (task, same)]
    assert answers[0] is not None
    assert answers[1] is not None
    assert answers[0].routes == answers[1].routes


@pytest.mark.long
def test_uncompiled_searches_give_the_same_answers() -> None:
    """A few hundred steps in plain Python end with the routes of the compiled kernels."""
    code = [sys.executable, "-c", UNCOMPILED, json.dumps([os.path.dirname(__file__)])]
    run = subprocess.run(
        code,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    uncompiled = json.loads(run.stdout)
    for kind, (cost, routes) in zip(KINDS, uncompiled, strict=False):
        answer = check(make(kind, 12), ruin_recreate(make(kind, 12), iterations=400, seed=5))
        assert (answer.cost, answer.routes) == (cost, routes)
    assert json.loads(json.dumps(others())) == uncompiled[len(KINDS) :]


def test_all_rows_of_the_search_are_in_one_order() -> None:
    """Nodes of coordinates are put in an order along a curve; the routes are told in the task's."""
    task = make("whole", 40, 3)
    search = Search(task, 0, None, Settings())
    assert sorted(search.order.tolist()) == list(range(41))
    assert search.order.tolist() != list(range(41))
    best = search.best()
    assert best is not None
    assert task.cost(best) == pytest.approx(search.least)
    assert sorted(itertools.chain(*best)) == list(range(1, 41))


def test_a_poor_start_does_no_harm() -> None:
    """From a route for each customer it does as from nothing; good routes are not lost."""
    task = make("whole", 20, seed=3)
    alone = [[customer] for customer in range(1, task.size + 1)]
    settings = Settings()
    from_poor = ruin_recreate(task, iterations=3000, seed=1, start=alone)
    from_nothing = ruin_recreate(task, iterations=3000, seed=1)
    assert from_poor == from_nothing
    assert from_nothing is not None
    good = search_from(task, 1, from_nothing.routes, settings)
    assert good.ahead > 0
    assert good.first_temperature(settings) < settings.hot * good.heat()
    assert [route for route in good.best() or [] if route] == from_nothing.routes


@pytest.mark.parametrize("kind", KINDS)
def test_searches_that_follow_the_first_never_cost_anything(kind: str) -> None:
    """Three times the steps are three searches, of which the first is that of a third."""
    task = make(kind, 20, 3)
    steps = length(task.size)
    alone = ruin_recreate(task, iterations=steps, seed=2)
    three = [ruin_recreate(task, iterations=3 * steps, seed=2) for _ in range(2)]
    assert alone is not None
    assert three[0] is not None
    assert three[0].steps == 3 * steps
    assert three[0].cost <= alone.cost
    assert three[1] == three[0]

"""Every step of the kernel against plain sums, and its insertions against trying all places."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recounting import recount, table, walk

from nco.problems._routing.kernels import capacitated_kernel, lists
from nco.problems._routing.kernels.capacitated import Search, Settings, Task
from nco.problems._routing.kernels.ruin import Ruin

KINDS = ["whole", "real", "directed", "limited", "few vehicles"]
SMALL = Settings(ruin=Ruin(4.0, 5), neighbours=12, exchanges=(1.0, 2))


def make(kind: str, size: int = 30, seed: int = 0) -> Task:
    """A task of one kind of rules."""
    random = np.random.default_rng(seed)
    coords = random.integers(0, 100, (size + 1, 2)).astype(float)
    demand = np.append(0, random.integers(0, 10, size))
    if kind == "whole":
        return Task(metric="EUC_2D", coords=coords, demand=demand, capacity=25)
    if kind == "real":
        return Task(metric="EUCLIDEAN", coords=coords, demand=demand, capacity=25)
    if kind == "directed":
        matrix = random.integers(1, 99, (size + 1, size + 1)).astype(float)
        np.fill_diagonal(matrix, 0)
        return Task(metric="EXPLICIT", distances=matrix, demand=demand, capacity=40)
    if kind == "limited":
        return Task(metric="EUC_2D", coords=coords, demand=demand, capacity=60, limit=330.0)
    vehicles = math.ceil(demand.sum() / 25)
    return Task(metric="EUC_2D", coords=coords, demand=demand, capacity=25, vehicles=vehicles)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_keeps_the_accounts(kind: str) -> None:
    """Legs, loads, lengths, lists and costs are right after each of 150 steps at three heats."""
    task = make(kind)
    search = Search(task, 1, None, SMALL)
    recount(task, search)
    for step in range(150):
        heat = (0.1, 10.0, 100.0)[step // 50]
        assert search.step(1, heat) == 1
        recount(task, search)
    assert search.routes.tally[lists.ACCEPTED] > 10
    assert search.routes.tally[lists.BETTER] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_refused_leaves_everything_as_it_was(kind: str) -> None:
    """At no temperature, the routes of a step that is not accepted are those before it."""
    task = make(kind, seed=3)
    search = Search(task, 2, None, SMALL)
    search.step(300, 1e-6)
    refused = 0
    for _ in range(100):
        routes = search.routes
        kept = (routes.after, routes.before, routes.route, routes.room, routes.stops)
        before, accepted = [part.copy() for part in kept], int(routes.tally[lists.ACCEPTED])
        legs, cost = routes.ahead.copy(), float(routes.price[lists.COST])
        search.step(1, 1e-9)
        if routes.tally[lists.ACCEPTED] == accepted:
            refused += 1
            assert all((new == old).all() for new, old in zip(kept, before, strict=True))
            assert (routes.ahead == legs).all()
            assert routes.price[lists.COST] == cost
            recount(task, search)
    assert refused > 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_comes_back_where_it_costs_least(kind: str) -> None:
    """Nothing overlooked and all customers near: no allowed place is cheaper than the chosen."""
    task = make(kind, seed=5)
    search = Search(task, 3, None, Settings(ruin=Ruin(4.0, 5), neighbours=29, reach=math.inf))
    search.step(50, 20.0)
    routes, away = search.routes, table(task)[np.ix_(search.order, search.order)]
    routes.tally[lists.BLINK] = 10**9
    demand, compared = task.demand[search.order], 0
    for customer in range(1, task.size + 1):
        if routes.route[customer] >= len(routes.empty):
            continue
        lists.take_out(routes, np.uint32(customer))
        least, last = capacitated_kernel._cheapest(
            search.rules,
            routes,
            search.near,
            search.apart,
            search.home,
            search.prize,
            np.uint32(customer),
            search.random,
        )
        expected = float(search.prize[customer])
        for route in walk(routes.after, task.size):
            path = [0, *route, 0]
            length = away[path[:-1], path[1:]].sum()
            for before, after in itertools.pairwise(path):
                added = away[before, customer] + away[customer, after] - away[before, after]
                fits = demand[route].sum() + demand[customer] <= task.capacity
                if fits and length + added <= task.limit:
                    expected = min(expected, added)
        assert least == pytest.approx(expected)
        if last:
            assert lists.put_in(routes, np.uint32(customer), last) == pytest.approx(least)
            compared += 1
        else:
            routes.route[customer] = len(routes.empty) + 1
    assert compared > 20


def test_the_flag_ends_a_chunk_of_steps() -> None:
    """No step is made once the flag is set."""
    search = Search(make("whole"), 0, None, SMALL)
    search.stop[0] = 1
    assert search.step(10, 1.0) == 0


@pytest.mark.long
@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="this is the uncompiled run")
def test_all_this_holds_uncompiled() -> None:
    """The kernels are Python functions too: the tests of this folder pass without a compiler."""
    folder = Path(__file__).parent
    names = [
        "test_capacitated_kernel.py",
        "test_fleet_kernel.py",
        "test_tails.py",
        "test_savings.py",
        "test_neighbours.py",
    ]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
    command += ["--noconftest"]  # none of its fixtures is used, and it imports torch
    run = subprocess.run(
        [*command, *(str(folder / name) for name in names)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout

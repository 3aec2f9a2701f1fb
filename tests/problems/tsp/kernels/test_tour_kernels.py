"""Exchanges, kicks and repairs of tours against plain lists, and whole searches against optima."""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from nco.problems._common.kernels import chance
from nco.problems.tsp.kernels import local_search
from nco.problems.tsp.kernels.local_search import Settings, greedy, search
from nco.problems.tsp.kernels.moves import improve
from nco.problems.tsp.kernels.search import choose, kick, step
from nco.problems.tsp.kernels.tour import FLIPS, WAITING, Tour, exchange, next_waiting, undo

STOP = np.zeros(1, dtype=np.int64)
UNCOMPILED = "NUMBA_DISABLE_JIT"


def make(size: int, seed: int, metric: str = "EUCLIDEAN") -> tuple[Tour, np.ndarray]:
    """A random tour that waits for nothing, and all distances by the kernels' numbers."""
    random = np.random.default_rng(seed)
    coords = random.integers(0, 100, (size, 2)).astype(float)
    where = local_search._places(metric, coords, None)
    near = local_search._near(where, coords, Settings())
    tour = local_search._prepare(where, random.permutation(size).tolist(), near)
    tour.waiting[:] = False
    tour.tally[WAITING] = 0
    apart = np.linalg.norm(where.coords[:, None] - where.coords[None], axis=-1)
    return tour, np.floor(apart + 0.5) if metric == "EUC_2D" else apart


def length(tour: Tour, apart: np.ndarray) -> float:
    """By the table, not by the kernels' own distances."""
    order = tour.order.astype(int)
    return float(apart[order, np.roll(order, -1)].sum())


def is_sound(tour: Tour) -> bool:
    """Whether every city is on the tour once, where the tour says."""
    size = len(tour.order)
    there = sorted(tour.order.tolist()) == list(range(1, size + 1))
    return there and (tour.order[tour.position[1:]] == np.arange(1, size + 1)).all()


def edges(order: list[int]) -> set[frozenset[int]]:
    """The undirected edges of a tour."""
    return {frozenset(pair) for pair in zip(order, order[1:] + order[:1], strict=True)}


@pytest.mark.parametrize("size", [8, 9, 31])
def test_an_exchange_replaces_two_edges_and_can_be_undone(size: int) -> None:
    """For all pairs of edges, in both directions: the edges are the right ones."""
    tour, _ = make(size, 0)
    before = tour.order.copy()
    for one, other in itertools.permutations(range(size), 2):
        order = before.tolist()
        a, b = order[one], order[(one + 1) % size]
        c, d = order[other], order[(other + 1) % size]
        for first in ((a, b, c, d), (b, a, d, c)):
            tour.tally[FLIPS] = 0
            exchange(tour, *map(np.uint32, first))
            wanted = (edges(order) - {frozenset((a, b)), frozenset((c, d))}) | {
                frozenset((a, c)),
                frozenset((b, d)),
            }
            assert is_sound(tour)
            assert edges(tour.order.tolist()) == {edge for edge in wanted if len(edge) == 2}
            undo(tour)
            assert (tour.order == before).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("metric", ["EUCLIDEAN", "EUC_2D"])
def test_each_move_saves_what_it_says(seed: int, metric: str) -> None:
    """From a random tour down to a local optimum, and taken back move by move."""
    tour, apart = make(40, seed, metric)
    moves = 0
    for city in np.random.default_rng(seed).integers(1, 41, 600):
        before, former = length(tour, apart), tour.order.copy()
        tour.tally[FLIPS] = 0
        gain = improve(tour, np.uint32(city))
        assert is_sound(tour)
        assert length(tour, apart) == pytest.approx(before - gain)
        if gain > 0:
            moves += 1
            woken = {int(next_waiting(tour)) for _ in range(tour.tally[WAITING])}
            changed = edges(former.tolist()) ^ edges(tour.order.tolist())
            assert set().union(*changed) <= woken
            if moves % 3 == 0:
                undo(tour)
                assert (tour.order == former).all()
    assert moves > 20


@pytest.mark.parametrize("size", [9, 12, 60])
def test_a_kick_is_a_double_bridge_of_edges_that_are_close(size: int) -> None:
    """Four edges leave and four come; the added length is right."""
    tour, apart = make(size, 3)
    random, places = chance.start(4), np.empty(4, dtype=np.int64)
    for _ in range(200):
        before, former = length(tour, apart), edges(tour.order.tolist())
        tour.tally[FLIPS] = 0
        choose(tour, places, random)
        assert len(set(places.tolist())) == 4
        added = kick(tour, places)
        assert is_sound(tour)
        assert length(tour, apart) == pytest.approx(before + added)
        assert len(former - edges(tour.order.tolist())) <= 4
        while tour.tally[WAITING]:
            next_waiting(tour)


def test_steps_account_for_what_they_save() -> None:
    """At three heats, whether steps are kept or taken back."""
    tour, apart = make(50, 1)
    random = chance.start(2)
    for heat in (0.0, 1.0, 30.0) * 20:
        before = length(tour, apart)
        done, saved = step(tour, random, STOP, 3, heat)
        assert done == 3
        assert is_sound(tour)
        assert length(tour, apart) == pytest.approx(before - saved)
        assert heat > 0 or saved >= 0


@pytest.mark.parametrize(
    "size",
    [4, 5, 7, 8, pytest.param(9, marks=pytest.mark.long), pytest.param(10, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("seed", range(3))
def test_small_tours_are_optimal(size: int, seed: int) -> None:
    """Against all tours, by coordinates and by a matrix."""
    coords = np.random.default_rng(seed).random((size, 2))
    apart = np.linalg.norm(coords[:, None] - coords[None], axis=-1)

    def total(tour: list[int]) -> float:
        return float(apart[tour, np.roll(tour, -1)].sum())

    best = min(total([0, *rest]) for rest in itertools.permutations(range(1, size)))
    by_coords = search("EUCLIDEAN", coords, None, iterations=100)
    by_matrix = search("EXPLICIT", None, apart, iterations=100)
    assert total(by_coords.tour) == pytest.approx(best)
    assert total(by_matrix.tour) == pytest.approx(best)


def test_a_start_is_never_made_worse_and_better_tours_are_told() -> None:
    """Equal seeds and steps give equal tours; candidates may come from outside."""
    coords = np.random.default_rng(0).random((200, 2))

    def total(tour: list[int]) -> float:
        return float(np.linalg.norm(coords[tour] - coords[np.roll(tour, -1)], axis=1).sum())

    told: list[list[int]] = []
    first = search("EUCLIDEAN", coords, None, iterations=2000, seed=1, tell=told.append)
    assert search("EUCLIDEAN", coords, None, iterations=2000, seed=1).tour == first.tour
    costs = [total(tour) for tour in told]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] >= total(first.tour) - 1e-9
    again = search("EUCLIDEAN", coords, None, iterations=200, seed=2, start=first.tour)
    assert total(again.tour) <= total(first.tour) + 1e-9
    pairs = np.argsort(np.linalg.norm(coords[:, None] - coords[None], axis=-1), 1)[:, 1:8]
    given = search("EUCLIDEAN", coords, None, iterations=2000, seed=1, pairs=pairs)
    assert total(given.tour) < 1.05 * total(first.tour)


def test_equal_places_and_a_stop() -> None:
    """Cities in one place are no harm; a flag that is set ends the search at once."""
    coords = np.zeros((30, 2))
    assert sorted(search("EUC_2D", coords, None, iterations=10).tour) == list(range(30))
    stop = np.ones(1, dtype=np.int64)
    many = np.random.default_rng(0).random((500, 2))
    ended = search("EUCLIDEAN", many, None, iterations=10**9, stop=stop)
    assert ended.steps == 0
    assert sorted(ended.tour) == list(range(500))


def test_greedy_edges_make_one_tour() -> None:
    """All cities, each once, and shorter than by chance."""
    tour, apart = make(300, 5)
    order = greedy(tour.near, tour.apart)
    assert sorted(order.tolist()) == list(range(1, 301))
    assert apart[order, np.roll(order, -1)].sum() < 0.2 * length(tour, apart)


PRINT = """
import json, numpy as np
from nco.problems.tsp.kernels.local_search import search
coords = np.random.default_rng(0).random((60, 2))
print(json.dumps(search("EUCLIDEAN", coords, None, iterations=150, seed=3).tour))
"""


@pytest.mark.long
@pytest.mark.skipif(UNCOMPILED in os.environ, reason="this is the uncompiled run")
def test_compiled_and_uncompiled_are_equal() -> None:
    """For equal seeds and steps."""
    answers = []
    for settings in ({}, {UNCOMPILED: "1"}):
        run = subprocess.run(
            [sys.executable, "-c", PRINT],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(run.stdout))
    assert answers[0] == answers[1]

"""Swaps, kicks and repairs of tours with a direction against plain lists, and optima."""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from nco.problems._common.kernels import chance
from nco.problems.atsp import assignment, classical, exact, files
from nco.problems.atsp.kernels import local_search
from nco.problems.atsp.kernels.local_search import search
from nco.problems.atsp.kernels.search import improve, kick, step
from nco.problems.atsp.kernels.tour import SWAPS, Tour, swap, undo
from nco.problems.tsp.kernels.tour import WAITING, next_waiting

STOP = np.zeros(1, dtype=np.int64)
UNCOMPILED = "NUMBA_DISABLE_JIT"


def make(size: int, seed: int) -> Tour:
    """A random tour that waits for nothing."""
    random = np.random.default_rng(seed)
    matrix = random.integers(1, 100, (size, size)).astype(float)
    tour = local_search._prepare(matrix, random.permutation(size).tolist(), 10)
    tour.waiting[:] = False
    tour.tally[WAITING] = 0
    return tour


def length(tour: Tour) -> float:
    """Of the present order, leg by leg."""
    order = tour.order.tolist()
    legs = zip(order, order[1:] + order[:1], strict=True)
    return sum(float(tour.matrix[leg]) for leg in legs)


def is_sound(tour: Tour) -> bool:
    """Whether every city is on the tour once, where the tour says."""
    size = len(tour.order)
    there = sorted(tour.order.tolist()) == list(range(size))
    return there and bool((tour.order[tour.position] == np.arange(size)).all())


def turned(order: list[int]) -> list[int]:
    """The same tour from city 0 on."""
    begin = order.index(0)
    return order[begin:] + order[:begin]


def woken(tour: Tour) -> set[int]:
    """The cities that wait, which then do so no more."""
    return {int(next_waiting(tour)) for _ in range(tour.tally[WAITING])}


@pytest.mark.parametrize("size", [4, 5, 9])
def test_a_swap_exchanges_two_segments_and_can_be_undone(size: int) -> None:
    """After every city and for all lengths, also past the end of the array."""
    tour = make(size, 0)
    former = tour.order.tolist()
    for city in range(size):
        line = turned(former)
        begin = line.index(city)
        line = line[begin:] + line[:begin]
        for one in range(1, size - 1):
            for other in range(1, size - one):
                tour.tally[SWAPS] = 0
                swap(tour, city, one, other)
                both = line[1 + one : 1 + one + other] + line[1 : 1 + one]
                wanted = line[:1] + both + line[1 + one + other :]
                assert is_sound(tour)
                assert turned(tour.order.tolist()) == turned(wanted)
                undo(tour)
                assert turned(tour.order.tolist()) == turned(former)
                assert is_sound(tour)


@pytest.mark.parametrize("seed", range(4))
def test_each_move_saves_what_it_says(seed: int) -> None:
    """From a random tour down to a local optimum, and every third move taken back."""
    tour = make(40, seed)
    moves = 0
    for city in np.random.default_rng(seed).integers(0, 40, 800):
        before, former = length(tour), tour.order.tolist()
        tour.tally[SWAPS] = 0
        gain = improve(tour, city)
        assert is_sound(tour)
        assert length(tour) == pytest.approx(before - gain)
        if gain > 0:
            moves += 1
            legs = [set(zip(o, o[1:] + o[:1], strict=True)) for o in (former, tour.order.tolist())]
            assert set().union(*(legs[0] ^ legs[1])) <= woken(tour)
            if moves % 3 == 0:
                undo(tour)
                assert turned(tour.order.tolist()) == turned(former)
    assert moves > 20


def test_a_local_optimum_has_no_better_swap() -> None:
    """With all cities as candidates: every exchange of three legs is tried by hand."""
    random = np.random.default_rng(1)
    matrix = random.integers(1, 100, (14, 14)).astype(float)
    tour = local_search._prepare(matrix, random.permutation(14).tolist(), 13)
    gain = 1.0
    while gain > 0:
        gain = 0.0
        for city in range(14):
            tour.tally[SWAPS] = 0
            gain += improve(tour, city)
    order, best = tour.order.tolist(), length(tour)
    for i, j, k in itertools.combinations(range(15), 3):
        other = order[:i] + order[j:k] + order[i:j] + order[k:]
        assert matrix[other, np.roll(other, -1)].sum() >= best - 1e-9


@pytest.mark.parametrize("size", [8, 9, 60])
def test_a_kick_is_a_double_bridge(size: int) -> None:
    """At most four legs leave; the added length is right; the ends of all of them wait."""
    tour, random = make(size, 3), chance.start(4)
    for _ in range(200):
        before, former = length(tour), tour.order.tolist()
        tour.tally[SWAPS] = 0
        added = kick(tour, random)
        now = tour.order.tolist()
        assert is_sound(tour)
        assert length(tour) == pytest.approx(before + added)
        gone = set(zip(former, former[1:] + former[:1], strict=True)) - set(
            zip(now, now[1:] + now[:1], strict=True)
        )
        assert 3 <= len(gone) <= 4
        assert set().union(*gone) <= woken(tour)


def test_steps_account_for_what_they_save() -> None:
    """At three heats, whether steps are kept or taken back."""
    tour, random = make(50, 1), chance.start(2)
    for heat in (0.0, 1.0, 30.0) * 20:
        before = length(tour)
        done, saved = step(tour, random, STOP, 3, heat)
        assert done == 3
        assert is_sound(tour)
        assert length(tour) == pytest.approx(before - saved)
        assert heat > 0 or saved >= 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("solver", [classical.oropt, classical.polish])
def test_small_tours_are_optimal(size: int, solver: object) -> None:
    """Against all tours."""
    matrix = np.random.default_rng(size).random((size, size))
    case = files.from_arrays({"distances": matrix, "problem": "atsp"})
    assert case is not None
    apart = case.matrix()

    def total(tour: list[int]) -> float:
        return float(apart[tour, np.roll(tour, -1)].sum())

    best = min(total([0, *rest]) for rest in itertools.permutations(range(1, size)))
    tour = solver(case, time_limit=None, seed=0)  # type: ignore[operator]
    assert total(tour) == pytest.approx(best)


def test_a_start_is_never_made_worse_and_better_tours_are_told() -> None:
    """Equal seeds and steps give equal tours, and told ones are better and better."""
    matrix = np.random.default_rng(0).random((150, 150))

    def total(tour: list[int]) -> float:
        return float(matrix[tour, np.roll(tour, -1)].sum())

    told: list[list[int]] = []
    first = search(matrix, iterations=2000, seed=1, tell=told.append)
    assert search(matrix, iterations=2000, seed=1).tour == first.tour
    costs = [round(total(tour), 9) for tour in told]
    assert costs == sorted(costs, reverse=True)
    again = search(matrix, iterations=200, seed=2, start=first.tour)
    assert total(again.tour) <= total(first.tour) + 1e-9
    stop = np.ones(1, dtype=np.int64)
    assert search(matrix, iterations=10**9, stop=stop).steps == 0


@pytest.mark.long
def test_polish_proves_what_it_can_and_gives_roads_to_the_local_search() -> None:
    """Random distances end with a proof; a fifth of gap to the assignment bound does not."""
    from nco.core.case import Proof

    random = np.random.default_rng(0)
    case = files.from_arrays({"distances": random.integers(1, 1000, (60, 60))})
    assert case is not None
    proof = Proof()
    tour = classical.polish(case, time_limit=20.0, seed=0, proof=proof)
    apart = case.matrix()
    assert proof.bound == apart[tour, np.roll(tour, -1)].sum()
    assert exact.bounded(case).is_near()
    places = random.random((150, 2))
    roads = np.linalg.norm(places[:, None] - places, axis=-1) * random.uniform(1, 1.2, (150, 150))
    road = files.from_arrays({"distances": roads})
    assert road is not None
    assert not exact.bounded(road).is_near()


def test_polish_solves_the_assignment_problem_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To choose its way above `PROVABLE` cities, and for CP-SAT."""
    solved, assign = [], assignment.assign
    monkeypatch.setattr(assignment, "assign", lambda table: solved.append(1) or assign(table))
    size = classical.PROVABLE + 1
    matrix = np.random.default_rng(0).integers(1, 1000, (size, size))
    case = files.from_arrays({"distances": matrix})
    assert case is not None
    assert sorted(classical.polish(case, time_limit=1.0, seed=0)) == case.ids.tolist()
    assert len(solved) == 1


PRINT = """
import json, numpy as np
from nco.problems.atsp.kernels.local_search import search
matrix = np.random.default_rng(0).random((60, 60))
print(json.dumps(search(matrix, iterations=150, seed=3).tour))
"""


@pytest.mark.long
@pytest.mark.skipif(UNCOMPILED in os.environ, reason="this is the uncompiled run")
def test_compiled_and_uncompiled_directed_tours_are_equal() -> None:
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

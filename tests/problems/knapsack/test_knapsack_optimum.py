"""Dynamic programming finds what brute force finds, where its table is small, and nowhere else."""

import itertools

import numpy as np
import pytest

from nco.problems.knapsack import optimum as module
from nco.problems.knapsack.check import check
from nco.problems.knapsack.files import Case
from nco.problems.knapsack.optimum import optimum


def make(values, weights, capacity) -> Case:
    return Case(
        values=np.array(values, dtype=float),
        weights=np.array(weights, dtype=float),
        capacity=float(capacity),
    )


def draw(seed: int) -> Case:
    """Whole numbers or decimals; every second one has values or weights of many digits."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 12))
    values, weights = random.random(count) * 40, random.random(count) * 40
    long = (None, "values", None, "weights")[seed % 4]
    digits = seed % 3 % 2
    values = values.round(13 if long == "values" else digits)
    weights = weights.round(13 if long == "weights" else digits)
    values[random.random(count) < 0.1] = 0
    weights[random.random(count) < 0.1] = 0
    return make(values, weights, round(float(random.uniform(1, 25 * count)), digits))


def most(case: Case) -> float:
    """The greatest value over all subsets that fit."""
    reports = (
        check(case, list(items))
        for count in range(case.size + 1)
        for items in itertools.combinations(range(case.size), count)
    )
    return max(report.objective for report in reports if report.feasible)


@pytest.mark.parametrize("seed", range(48))
def test_the_choice_has_the_value_of_brute_force(seed):
    """Over the room or over the value, with whole numbers, decimals and items of nothing."""
    case = draw(seed)
    found = optimum(case)
    assert found is not None
    report = check(case, found.solution)
    assert report.feasible
    assert report.objective == most(case)
    assert found.by == "dynamic programming"


@pytest.mark.parametrize("seed", range(8))
def test_both_tables_say_the_same(seed):
    """The table over the value reaches the value of the table over the room."""
    random = np.random.default_rng(seed)
    values, weights = (random.integers(1, 30, 40).tolist() for _ in range(2))
    room = int(random.integers(1, sum(weights)))
    by_room = module._over_room(values, weights, room)
    by_value = module._over_value(values, weights, room)
    for chosen in (by_room, by_value):
        assert sum(weights[place] for place in chosen) <= room
    assert sum(values[p] for p in by_room) == sum(values[p] for p in by_value)


@pytest.mark.parametrize(
    ("case", "solution"),
    [
        (make([5], [6], 5), []),
        (make([0, 0], [1, 1], 5), []),
        (make([5, 0, 5], [0, 0, 9], 5), [0]),
        (make([1, 1, 1], [1, 1, 1], 1e300), [0, 1, 2]),
        (make([0.1, 0.2, 0.2], [0.1, 0.2, 0.300001], 0.3), [0, 1]),
        (make([1e14, 3e14, 3e14], [2e15, 3e15, 3e15], 5e15), [0, 1]),
    ],
)
def test_odd_cases_have_the_right_answer(case, solution):
    """Nothing fits, all fits, decimals, and large numbers with a common factor."""
    assert optimum(case).solution == solution


def test_a_large_table_is_left_to_other_solvers():
    """Values and weights of all 53 bits, or very many items, would take too long."""
    random = np.random.default_rng(0)
    values, weights = random.random((2, 20))
    assert optimum(make(values, weights, 3)) is None
    items = random.integers(1, 9, (2, module.LARGEST + 1))
    assert optimum(make(*items, 50)) is None

"""The knapsack's verdicts by hand and by mutation, and its solvers against brute force."""

import itertools

import numpy as np
import pytest

from nco.problems.knapsack import classical
from nco.problems.knapsack.check import check
from nco.problems.knapsack.classical import cpsat, ortools
from nco.problems.knapsack.files import Case

SOLVERS = [ortools, cpsat]


def make(values, weights, capacity) -> Case:
    return Case(
        values=np.array(values, dtype=float),
        weights=np.array(weights, dtype=float),
        capacity=float(capacity),
    )


def draw(seed: int) -> Case:
    """Whole numbers, decimals, or all 53 bits; with zeros and items that cannot fit."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 13))
    values, weights = random.random(count) * 100, random.random(count) * 100
    digits = seed % 3  # 0: whole numbers; 1: one decimal; 2: as drawn
    if digits < 2:
        values, weights = values.round(digits), weights.round(digits)
    values[random.random(count) < 0.1] = 0
    weights[random.random(count) < 0.1] = 0
    return make(values, weights, round(float(random.uniform(1, 50 * count)), 2))


def best_value(case: Case) -> float:
    """The greatest value over all subsets that fit."""
    reports = (
        check(case, list(items))
        for count in range(case.size + 1)
        for items in itertools.combinations(range(case.size), count)
    )
    return max(report.objective for report in reports if report.feasible)


def test_a_feasible_choice_costs_minus_its_value():
    """Whole values have a whole cost."""
    report = check(make([9, 11, 13, 15], [6, 5, 9, 7], 20), [3, 1])
    assert report.feasible
    assert (report.cost, report.objective, report.violations) == (-26, 26, [])
    assert isinstance(report.cost, int)


def test_nothing_chosen_is_feasible():
    """It costs nothing."""
    report = check(make([9], [6], 5), [])
    assert report.feasible
    assert (report.cost, report.objective) == (0, 0)


def test_decimals_count_exactly():
    """0.1 + 0.2 in floats is above 0.3; as the decimals they were written it is not."""
    case = make([0.1, 0.2], [0.1, 0.2], 0.3)
    report = check(case, [0, 1])
    assert report.feasible
    assert report.objective == 0.3
    assert not check(make([1, 1], [0.1, 0.2], 0.29999999999999993), [0, 1]).feasible


@pytest.mark.parametrize("number", [0, -1, 3.5, None, "0 1", {0: 1}, {0, 1}])
def test_a_solution_that_is_no_list_is_a_violation(number):
    """Whatever object is given, the checker answers with a sentence."""
    report = check(make([9, 8], [6, 5], 20), number)
    assert not report.feasible
    assert report.cost is None
    assert "must be a list" in report.violations[0]


@pytest.mark.parametrize(
    ("solution", "sentences"),
    [
        ([0, 2], ["item 2 does not exist"]),
        ([-1], ["item -1 does not exist"]),
        ([0, True], ["place 1 must hold an item number, not True"]),
        ([1.0, "x\ny"], ["place 0 must hold", "place 1 must hold an item number, not 'x\\ny'"]),
        ([None, 10**30], ["not None", "does not exist"]),
        ([0, 0, 0], ["item 0 is chosen more than once"]),
        ([0, 1], ["the chosen items weigh 11, above the capacity 10.5"]),
        ([0, 1, 1, 7], ["item 7", "item 1 is chosen more", "weigh 11"]),
    ],
)
def test_each_broken_rule_is_one_sentence(solution, sentences):
    """The checker names every broken rule once."""
    report = check(make([9, 8], [6, 5], 10.5), solution)
    assert not report.feasible
    assert len(report.violations) == len(sentences)
    assert all(map(str.__contains__, report.violations, sentences)), report.violations


def test_numbers_of_numpy_are_numbers():
    """An array of items is a solution."""
    assert check(make([9, 8], [6, 5], 11), list(np.array([0, 1]))).objective == 17


@pytest.mark.parametrize("seed", range(6))
def test_every_mutation_of_a_valid_choice_is_flagged_or_changes_the_value(seed):
    """An item added or dropped does not pass unseen."""
    case = draw(seed)
    solution = ortools(case, time_limit=5.0, seed=0)
    report = check(case, solution)
    assert report.feasible
    for item in range(case.size):
        if item in solution:
            assert not check(case, [*solution, item]).feasible
            dropped = check(case, [other for other in solution if other != item])
            assert dropped.cost > report.cost
        elif case.values[item] > 0:  # it was left because it does not fit
            assert "weigh" in check(case, [*solution, item]).violations[0]
    assert not check(case, [*solution, case.size]).feasible


def test_the_default_solver_is_named_first():
    """OR-Tools is what networks are compared with."""
    assert list(classical.solvers()) == ["ortools", "cpsat"]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(9))
def test_solvers_find_what_brute_force_finds(solver, seed):
    """Both solvers are exact on small cases."""
    case = draw(seed)
    report = check(case, solver(case, time_limit=None, seed=seed))
    assert report.feasible
    assert report.objective == pytest.approx(best_value(case), rel=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("case", "solution"),
    [
        (make([5], [6], 5), []),
        (make([5], [5], 5), [0]),
        (make([5, 0, 5], [0, 0, 9], 5), [0]),
        (make([1, 1, 1], [1, 1, 1], 1e300), [0, 1, 2]),
        (make([1, 3, 2], [1e15, 2, 2], 3), [1]),
        (make([0.1, 0.2, 0.2], [0.1, 0.2, 0.300001], 0.3), [0, 1]),
        (make([2.0**51, 2.0**51, 1], [2.0**51, 2.0**51, 1], 2.0**52), [0, 1]),
        (make([1e-300, 2e-300], [1e-300, 1e-300], 1.5e-300), [1]),
    ],
)
def test_solvers_on_odd_cases(solver, case, solution):
    """Items that do not fit, weigh nothing or fill the sack have the right answer."""
    assert solver(case, time_limit=5.0, seed=0) == solution


@pytest.mark.parametrize("solver", SOLVERS)
def test_rounding_never_lets_in_what_does_not_fit(solver):
    """The two light items exceed the capacity by the last bit of a float64."""
    third = 1 / 3
    case = make([2, 2, 3], [third, third, third * 2], np.nextafter(2 * third, 0))
    assert solver(case, time_limit=5.0, seed=0) in ([0], [1])
    case = make([2, 2, 3], [0.1, 0.2, 0.3], 0.3)
    assert solver(case, time_limit=5.0, seed=0) == [0, 1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_is_never_worse_than_its_start_and_ignores_a_broken_one(solver):
    """A start is kept with hardly any time, unless it breaks a rule."""
    random = np.random.default_rng(0)
    weights = random.integers(100, 1000, 300)
    case = make(weights + 100, weights, 20_000)
    start = solver(case, time_limit=5.0, seed=0)
    again = solver(case, time_limit=0.001, seed=1, start=start)
    assert check(case, again).cost <= check(case, start).cost
    broken = solver(case, time_limit=0.5, seed=0, start=list(range(300)))
    assert broken is None or check(case, broken).feasible

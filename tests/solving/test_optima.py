"""An exact method of a problem's folder answers before networks and solvers, where it is cheap."""

import numpy as np
import pytest

import nco
from nco.workers import pool

CHEAP = {"values": [60, 40, 30, 50], "weights": [5, 4, 3, 6], "capacity": 10}
LONG = {"values": [0.1234567891, 0.2234567891], "weights": [0.1234567891, 0.2], "capacity": 0.3}


@pytest.fixture
def alone(monkeypatch):
    """No child process may be asked."""

    def refuse(*given, **named):
        raise AssertionError("a child was asked")

    monkeypatch.setattr(pool.Workers, "submit", refuse)


@pytest.mark.parametrize(
    "options", [{}, {"time_limit": None}, {"time_limit": 0.3}, {"iterations": 5}, {"bound": False}]
)
def test_a_cheap_case_is_optimal_at_once(alone, options):
    """Whatever the limit is, nothing else begins, and the answer is proven."""
    found = nco.solve(CHEAP, **options)
    assert (found.items, found.objective) == ([0, 1], 100)
    assert (found.status, found.gap, found.model) == ("OPTIMAL", 0, "none")
    assert found.bound_by == "dynamic programming"
    assert found.plan == ["nothing: an exact method had the optimum at once"]


@pytest.mark.parametrize("options", [{}, {"total_time": 2.0}, {"time_limit": 0.2}])
def test_of_a_list_each_cheap_case_is_optimal(options):
    """One with numbers of many digits, between two others, is searched as before."""
    first, long, last = nco.solve([CHEAP, LONG, CHEAP], model="none", **options)
    assert first.status == last.status == "OPTIMAL"
    assert first.bound_by == last.bound_by == "dynamic programming"
    assert long.feasible
    assert long.bound_by != "dynamic programming"


@pytest.mark.parametrize("options", [{"classical": False}, {"model": "bq-knapsack"}])
def test_a_network_that_is_asked_for_answers(options):
    """Without classical solvers, and where a model is named, nothing exact comes first."""
    found = nco.solve(CHEAP, time_limit=None, **options)
    assert found.model == "bq-knapsack"
    assert found.bound_by == "dynamic programming"  # of the bound, which is asked for
    assert found.plan == []


def test_the_answer_is_the_best_of_many(alone):
    """Exact answers are at least as good as the construction, and better somewhere."""
    random = np.random.default_rng(3)
    gains = []
    for _ in range(20):
        values, weights = random.integers(1, 100, (2, 15)).tolist()
        items = {"values": values, "weights": weights, "capacity": 200}
        found = nco.solve(items, time_limit=None)
        gains.append(nco.check(items, found.case.construct()).cost - found.cost)
    assert min(gains) >= 0
    assert max(gains) > 0

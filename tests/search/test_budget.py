"""What a search may spend, in units that it has."""

import itertools
import time

import pytest

from nco.search.budget import Budget


def test_without_limits_a_budget_is_endless() -> None:
    """Any number of samples and rounds, and no deadline."""
    budget = Budget()
    assert budget.left() == float("inf")
    assert not budget.over()
    assert list(itertools.islice(budget.turns(), 3)) == [0, 1, 2]
    assert budget.among(128, 10**9) == 128


@pytest.mark.parametrize(("spent", "count"), [(0, 8), (12, 8), (15, 5), (20, 0), (30, 0)])
def test_samples_are_counted_down(spent: int, count: int) -> None:
    """As many as fit at once, until they are spent."""
    assert Budget(samples=20).among(8, spent) == count


def test_nothing_follows_when_it_is_over() -> None:
    """Because of the clock, or because somebody says so."""
    late = Budget(deadline=time.perf_counter() - 1)
    assert late.over()
    assert late.left() < 0
    assert late.among(8, 0) == 0
    stopped = Budget(samples=20, cancelled=lambda: True)
    assert stopped.left() == float("inf")
    assert stopped.among(8, 0) == 0


def test_rounds_are_numbered() -> None:
    """Up to the last that is allowed."""
    assert list(Budget(rounds=3).turns()) == [0, 1, 2]


def test_a_count_is_of_whatever_a_search_counts() -> None:
    """Samples, or the width of a beam; rounds are no such thing."""
    budget = Budget.counting(7, seed=2, deadline=5.0)
    assert budget == Budget(deadline=5.0, samples=7, width=7, seed=2, cancelled=budget.cancelled)
    free = Budget.counting(None)
    assert (free.samples, free.width, free.rounds) == (None, None, None)

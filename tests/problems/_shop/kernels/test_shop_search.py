"""The whole search: how it is cut up does not matter, and its elites are good and different."""

import itertools

import numpy as np
import pytest
from shops import generated, odd_shops
from slowly import plain_distance

from nco.problems._common.kernels import chance
from nco.problems._shop.check import check_plan
from nco.problems._shop.kernels import search as searching
from nco.problems._shop.kernels.arrays import Shop, plan_of, shop_of
from nco.problems._shop.kernels.pool import SIZE
from nco.problems._shop.kernels.search import COST, FINISHED, WALKS, Search, Settings
from nco.problems._shop.kernels.tabu import settings_of
from nco.problems._shop.plan import Work
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP


def begun(work: Work, elites: int = 4) -> tuple[Shop, Search, Settings]:
    """A search of short walks."""
    shop = shop_of(work)
    rules = settings_of(shop)._replace(patience=60, stale=10)
    return shop, searching.empty_search(shop, elites, chance.start(5)), rules


def shops() -> list[Work]:
    """With and without alternatives."""
    return [*generated(JSSP(7), 1, 8), *generated(FJSP(7), 1, 8), *odd_shops(6)[-2:]]


@pytest.mark.parametrize("work", shops())
def test_it_does_not_matter_how_steps_are_cut_up(work: Work) -> None:
    """One by one, by sevens or at once: the same schedule, elites and random numbers."""
    ends = []
    stop = np.zeros(1, dtype=np.int64)
    for steps in (1, 7, 1500):
        shop, search, rules = begun(work)
        done = 0
        while done < 1500 and not search.counters[FINISHED]:
            done += int(searching.proceed(shop, search, rules, min(steps, 1500 - done), stop))
        ends.append((done, search))
    for done, search in ends[1:]:
        assert done == ends[0][0]
        for ours, others in zip(search, ends[0][1], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(flat(ours), flat(others), strict=True))


def flat(part: object) -> list[np.ndarray]:
    """All arrays of nested tuples."""
    if isinstance(part, tuple):
        return [array for one in part for array in flat(one)]
    return [np.asarray(part)]


@pytest.mark.parametrize("work", shops())
def test_elites_are_what_they_cost_and_differ(work: Work) -> None:
    """At all times, the best is no worse than any of them; a search that ends is at its target."""
    shop, search, rules = begun(work)
    elites, stop = search.pool, np.zeros(1, dtype=np.int64)
    sizes = set()
    for _ in range(60):
        searching.proceed(shop, search, rules, 40, stop)
        best = check_plan(work, *plan_of(work, search.order, search.choice))
        assert best.feasible
        assert best.cost == search.counters[COST]
        size = int(elites.counters[SIZE])
        sizes.add(size)
        for k in range(size):
            report = check_plan(work, *plan_of(work, elites.order[k], elites.choice[k]))
            assert report.feasible
            assert best.cost <= report.cost == elites.cost[k]
        for k, other in itertools.combinations(range(size), 2):
            apart = plain_distance(shop, elites, k, elites.order[other], elites.choice[other])
            assert apart >= rules.nearest
    assert search.counters[WALKS] > 3 or search.counters[FINISHED]
    assert len(sizes) > 1 or search.counters[FINISHED]


def test_the_flag_is_heeded() -> None:
    """No step is made while it is set."""
    shop, search, rules = begun(generated(JSSP(7), 1, 8)[0])
    assert searching.proceed(shop, search, rules, 100, np.ones(1, dtype=np.int64)) == 0

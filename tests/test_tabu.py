"""Tabu search over orders stays feasible, keeps its books, and reaches proven optima."""

import random

import pytest

from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP
from nco.seeds import generator
from nco.shop.check import check_plan, every_plan
from nco.shop.plan import by_rule, construct, makespan
from nco.shop.polish import polish
from nco.shop.tabu import Orders, improve


def test_tiny_shops_are_solved() -> None:
    problem = JSSP(size=3)
    for case in problem.cases(problem.generate(4, generator(2))):
        every = every_plan(case.work, 4000)
        assert every is not None
        least = min(check_plan(case.work, *plan).cost for plan in every)
        found = improve(case.work, by_rule(case.work, "lpt"), time_limit=None, seed=0)
        assert makespan(case.work, found) == least


@pytest.mark.parametrize("problem", [JSSP(size=6), FJSP(size=6)])
def test_books_are_kept(problem) -> None:
    """After every step: ends are those of the orders, and the order of all is one of them."""
    case = problem.cases(problem.generate(1, generator(4)))[0]
    search = Orders(case.work, construct(case.work), random.Random(1))
    for _ in range(60):
        if not search.step():
            break
        n = search.size
        for v in range(n):
            first = max(search.end[search.before[v]], search.end[search.earlier[v]])
            assert search.end[v] == first + search.duration[v]
            rest = max(search.tail[search.after[v]], search.tail[search.later[v]])
            assert search.tail[v] == rest + search.duration[v]
            for u in (search.before[v], search.earlier[v]):
                assert u == n or search.place[u] < search.place[v]
        assert search.cost == max(search.end) == max(search.tail)
        report = check_plan(case.work, *search.plan())
        assert report.feasible
        assert report.cost == search.best


def test_the_bound_is_that_of_the_swap() -> None:
    """Where it is what the makespan becomes, it is exact; it never is more than that."""
    case = JSSP(size=5).published(5, 1, 3)[0]
    search = Orders(case.work, construct(case.work), random.Random(1))
    for _ in range(40):
        swaps = [swap for swap in search._swaps() if search._legal(swap)]
        if not swaps:
            break
        search._take(swaps[0])
        assert swaps[0].bound <= search.cost


def test_no_duration_makes_no_circle() -> None:
    """Operations that take no time can stand between any two; many random shops of few times."""
    draw = random.Random(0)
    for seed in range(60):
        work = [
            [[(machine, draw.choice([0, 0, 1, 2]))] for machine in draw.sample(range(4), 4)]
            for _ in range(4)
        ]
        start = construct(work)
        search = Orders(work, start, random.Random(seed))
        for _ in range(40):
            if not search.step():
                break
            report = check_plan(work, *search.plan())
            assert report.feasible
            assert report.cost == search.best <= makespan(work, start)


def test_polish_is_never_worse_than_its_start() -> None:
    case = JSSP().published(10, 1, 200)[0]
    worst = by_rule(case.work, "lpt")
    for limit in (0.01, 1.0):
        found = polish(case.work, time_limit=limit, seed=0, start=worst)
        report = check_plan(case.work, *found)
        assert report.feasible
        assert report.cost <= makespan(case.work, construct(case.work))
    small = JSSP().published(4, 1, 200)[0].work
    first = polish(small, time_limit=None, seed=0, start=None)
    assert first == polish(small, time_limit=None, seed=0, start=None)

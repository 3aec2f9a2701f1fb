"""Compiled tabu search is right, repeatable, never worse than its start, and reaches optima."""

import time

import numpy as np
import pytest
from shops import FT06, LA01, generated, odd_shops, parse

from nco.problems._shop import cpsat
from nco.problems._shop.check import check_plan, every_plan
from nco.problems._shop.kernels import warm
from nco.problems._shop.kernels.arrays import plan_of, sequence_of
from nco.problems._shop.kernels.tabu import improve
from nco.problems._shop.plan import Plan, Work, by_rule, makespan, shifted
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """What is compiled first takes no time from a test."""
    warm.compile_kernels()


def cost(work: Work, plan: Plan) -> int:
    """The makespan by the independent checker, which finds no rule broken."""
    report = check_plan(work, *plan)
    assert report.feasible
    assert report.cost is not None
    return int(report.cost)


@pytest.mark.parametrize("problem", [JSSP(size=3), FJSP(size=3), FFSP(3, stages=2, machines=2)])
def test_tiny_shops_are_solved(problem: JSSP | FJSP | FFSP) -> None:
    """The best of all plans is found."""
    compared = 0
    for work in generated(problem, 6, 5):
        every = every_plan(work, 4000)
        if every is not None:
            least = min(check_plan(work, *plan).cost for plan in every)
            assert cost(work, improve(work, iterations=3000)) == least
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize(("text", "optimum"), [(FT06, 55), (LA01, 666)])
def test_published_optima_are_reached(text: str, optimum: int) -> None:
    """From three seeds each."""
    work = parse(text)
    for seed in range(3):
        assert cost(work, improve(work, iterations=50_000, seed=seed)) == optimum


def test_equal_seeds_and_steps_give_equal_answers() -> None:
    """And another seed another one, on shops without and with alternatives."""
    for work in (generated(JSSP(15), 1, 3)[0], generated(FJSP(10), 1, 3)[0]):
        first = improve(work, iterations=20_000, seed=1)
        assert first == improve(work, iterations=20_000, seed=1)
        assert first != improve(work, iterations=20_000, seed=2)


def test_no_duration_makes_no_circle_and_no_proof() -> None:
    """Operations that take no time can stand between any two, and a job may follow itself.

    Nearly all get to the optimum, which CP-SAT says.
    """
    reached = 0
    for seed, work in enumerate(shops := odd_shops(40)):
        start = by_rule(work, "lpt")
        least = makespan(work, cpsat.solve(work, time_limit=10, seed=0, start=start, cores=1))
        found = cost(work, improve(work, iterations=3000, seed=seed, start=start))
        assert least <= found <= makespan(work, start)
        reached += found == least
    assert reached >= len(shops) - 1


@pytest.mark.parametrize("problem", [JSSP(8), FJSP(8), FFSP(8)])
def test_plans_told_on_the_way_get_better(problem: JSSP | FJSP | FFSP) -> None:
    """The first is no worse than the start, and the answer no worse than the last."""
    work = generated(problem, 1, 4)[0]
    start = shifted(work, by_rule(work, "lpt"))
    told: list[Plan] = []
    found = improve(work, until=time.perf_counter() + 0.3, seed=1, start=start, tell=told.append)
    costs = [cost(work, plan) for plan in (start, *told, found)]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) > 1


def test_one_step_is_never_worse_than_the_start() -> None:
    """A plan, its arrays, and the plan made of these are the same, up to idle times."""
    for work in [*odd_shops(6), *generated(FJSP(6), 2, 1)]:
        for rule in ("spt", "mwkr"):
            start = by_rule(work, rule)
            assert plan_of(work, *sequence_of(work, start)) == shifted(work, start)
            assert makespan(work, improve(work, iterations=1, start=start)) <= makespan(work, start)


def test_a_time_is_kept() -> None:
    """Within a few chunks, on a shop of 1,600 operations too; one in the past allows one step."""
    for work in (generated(JSSP(15), 1, 0)[0], generated(JSSP(40), 1, 0)[0]):
        for limit in (-1.0, 0.2):
            begun = time.perf_counter()
            cost(work, improve(work, until=begun + limit))
            assert max(limit, 0.0) - 0.01 <= time.perf_counter() - begun < max(limit, 0.0) + 0.25


def test_the_flag_ends_the_search() -> None:
    """Whoever sets it still gets an answer."""
    work = generated(JSSP(10), 1, 0)[0]
    begun = time.perf_counter()
    stop = np.zeros(1, dtype=np.int64)

    def tell(plan: Plan) -> None:
        stop[0] = 1

    cost(work, improve(work, iterations=10**9, tell=tell, stop=stop))
    assert time.perf_counter() - begun < 5.0


def test_one_operation_and_one_job() -> None:
    """Nothing can move, and the search ends at once."""
    for work, least in (
        ([[[(0, 3)]]], 3),
        ([[[(0, 3)], [(0, 0)], [(1, 2)]]], 5),
        ([[[(2, 0)]]], 0),
        ([[[(0, 3), (1, 2)], [(1, 4), (0, 6)]]], 6),
    ):
        assert cost(work, improve(work, iterations=10**9)) == least

"""Tabu search over orders stays feasible, keeps its books, and reaches proven optima."""

import random

import pytest

from nco.core.seeds import generator
from nco.problems._shop import cpsat
from nco.problems._shop.check import check_plan, every_plan
from nco.problems._shop.plan import by_rule, construct, makespan, shifted
from nco.problems._shop.polish import polish
from nco.problems._shop.tabu import Orders, improve
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP


def test_tiny_shops_are_solved() -> None:
    """The optimum of all plans is found."""
    problem = JSSP(size=3)
    for case in problem.cases(problem.generate(4, generator(2))):
        every = every_plan(case.work, 4000)
        assert every is not None
        least = min(check_plan(case.work, *plan).cost for plan in every)
        found = improve(case.work, by_rule(case.work, "lpt"), time_limit=None, seed=0)
        assert makespan(case.work, found) == least


def test_tiny_flexible_shops_are_solved() -> None:
    """Moves between machines and swaps on them find the best of all plans."""
    problem = FJSP(size=3)
    compared = 0
    for case in problem.cases(problem.generate(6, generator(5))):
        every = every_plan(case.work, 4000)
        if every is not None:
            least = min(check_plan(case.work, *plan).cost for plan in every)
            found = improve(case.work, by_rule(case.work, "lpt"), time_limit=0.3, seed=0)
            assert check_plan(case.work, *found).cost == makespan(case.work, found) == least
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize(
    "problem", [JSSP(size=6), FJSP(size=6), FFSP(size=6, stages=2, machines=3)]
)
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
    """A longest path through either operation, so never more than the makespan becomes."""
    case = JSSP(size=5).published(5, 1, 3)[0]
    search = Orders(case.work, construct(case.work), random.Random(1))
    for _ in range(40):
        swaps = [swap for swap in search._swaps(search._path()) if search._legal(swap)]
        if not swaps:
            break
        search._take(swaps[0])
        assert swaps[0].bound <= search.cost


def odd_shops(count: int) -> list[list]:
    """Small shops whose operations often take no time, or whose jobs come back at once."""
    draw, found = random.Random(0), []
    for number in range(count):
        wide = 1 if number % 2 else 2
        found.append(
            [
                [
                    [
                        (machine, draw.choice([0, 0, 1, 2, 5]))
                        for machine in draw.sample(range(3), draw.randint(1, wide))
                    ]
                    for _ in range(5)
                ]
                for _ in range(5)
            ]
        )
    return found


def test_no_duration_makes_no_circle_and_no_proof() -> None:
    """Operations that take no time can stand between any two, and a job may follow itself.

    Whoever stops has to be at the optimum, which CP-SAT says, and nearly all get there.
    """
    steps = reached = 0
    for seed, work in enumerate(shops := odd_shops(40)):
        start = by_rule(work, "lpt")
        search = Orders(work, start, random.Random(seed))
        least = makespan(work, cpsat.solve(work, time_limit=10, seed=0, start=start, cores=1))
        for _ in range(200):
            if not search.step():
                assert search.best == least
                break
            steps += 1
            report = check_plan(work, *search.plan())
            assert report.feasible
            assert report.cost == search.best <= makespan(work, start)
        reached += search.best == least
    assert steps > 2000
    assert reached >= len(shops) - 2


def test_polish_is_never_worse_than_its_start() -> None:
    """With little time and with more, it is feasible and no dearer."""
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


@pytest.mark.parametrize("limit", [0.15, 0.5])
def test_polish_is_never_worse_than_cpsat_alone(limit: float) -> None:
    """At budgets that do not suffice for a proof; a hint alone did not keep this promise."""
    for size, machines in ((15, 15), (20, 10)):
        case = JSSP(machines=machines).published(size, 1, 9)[0]
        start = construct(case.work)
        alone = cpsat.solve(case.work, time_limit=limit, seed=0, start=None, cores=2)
        helped = polish(case.work, time_limit=limit, seed=0, start=start)
        assert check_plan(case.work, *helped).feasible
        assert alone is None or makespan(case.work, helped) <= makespan(case.work, alone)


def test_cpsat_takes_the_whole_hint() -> None:
    """Of flexible shops too, at once: every variable has a value that fits."""
    from ortools.sat.python import cp_model

    works = [JSSP().published(6, 1, 9)[0].work]
    works += [case.work for case in FJSP(6).cases(FJSP(6).generate(1, generator(3)))]
    for work in works:
        start = shifted(work, by_rule(work, "lpt"))
        model = cp_model.CpModel()
        variables, last = cpsat._variables(model, work, makespan(work, start))
        cpsat._hint(model, variables, work, start)
        model.add_hint(last, makespan(work, start))
        solver = cp_model.CpSolver()
        solver.parameters.fix_variables_to_their_hinted_value = True
        assert solver.solve(model) == cp_model.OPTIMAL
        assert solver.objective_value == makespan(work, start)
        hinted = len(model.proto.solution_hint.vars)
        assert hinted == len(model.proto.variables)

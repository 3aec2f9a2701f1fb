"""All plans of tiny cases: their number, their best one, and what cannot be served."""

import functools
import random
from typing import Any

import numpy as np
import pytest

from nco.problems.vrp.case import Case, Depot, Group, Shipment, VehicleType, Window, plain
from nco.problems.vrp.check import check, every_solution
from nco.problems.vrp.explain import impossible, left_out

MOST = 100_000
TIGHT = 30  # seeds of cases of which many are impossible


def tiny(seed: int, tight: float) -> Case:
    """Two depots and up to four clients, with some of all constraints; the tighter the rarer."""
    draw = random.Random(seed)
    n = draw.randint(2, 4)
    places = np.array([[draw.randint(0, 20), draw.randint(0, 20)] for _ in range(n + 2)])
    windows: list[tuple[Window, ...]] = []
    for _ in range(n):
        opens = draw.randint(0, 40)
        width = draw.randint(2, 30)
        windows.append((Window(opens, opens + width),) if draw.random() < tight else ())
    shipped = n >= 3 and draw.random() < 0.3
    required = np.array([draw.random() < 0.7 for _ in range(n)])
    delivery = np.array([[float(draw.randint(1, 4))] for _ in range(n)])
    pickup = np.zeros((n, 1))
    if shipped:
        delivery[0], pickup[0] = 0, delivery[1]
        required[1] = required[0]
    kinds = [
        VehicleType(
            count=1,
            capacity=(float(draw.randint(4, 8)),),
            start=draw.randrange(2),
            end=draw.choice([0, 1, None]),
            shift=Window(0, draw.choice([40, 80, 200])),
            max_duration=draw.choice([30.0, 60.0, 200.0]),
            fixed=float(draw.randint(0, 9)),
            unit_duration=draw.choice([0.0, 0.5]),
            reloads=draw.choice([(), (), (0,)]),
            max_stops=draw.choice([None, 2]) if tight > 0.5 else None,  # PyVRP has no such limit
        )
        for _ in range(draw.randint(1, 2))
    ]
    return plain(
        n,
        depots=(Depot(Window(0, 150)), Depot(service=2.0)),
        coords=places.astype(np.float64),
        delivery=delivery,
        pickup=pickup,
        service=np.array([float(draw.randint(0, 5)) for _ in range(n)]),
        windows=tuple(windows),
        prize=np.array([float(draw.randint(5, 60)) for _ in range(n)]),
        required=required,
        groups=(Group((n, n + 1)),) if n == 4 and not shipped else (),
        shipments=(Shipment(2, 3),) if shipped else (),
        vehicles=tuple(kinds),
    )


@functools.cache
def best_of_all(seed: int, tight: float) -> float | None:
    """The least cost of all plans; None where none is feasible."""
    case = tiny(seed, tight)
    plans = every_solution(case, MOST)
    assert plans is not None
    reports = [check(case, plan) for plan in plans]
    return min((float(r.cost) for r in reports if r.feasible and r.cost is not None), default=None)


def test_the_number_of_plans_is_lahs() -> None:
    """Sets of lists of 1 to 4 clients; with two types and one reload by hand."""
    for size, count in ((1, 1), (2, 3), (3, 13), (4, 73)):
        plans = list(every_solution(plain(size), MOST) or ())
        assert len(plans) == count
        texts = {str(sorted(plan)) for plan in plans}
        assert len(texts) == count
    kinds = (VehicleType(count=1, reloads=(0,)), VehicleType(count=1))
    # one route: two orders of two types, and reloads of the first; two routes: either type first
    plans = list(every_solution(plain(2, vehicles=kinds), MOST) or ())
    assert len(plans) == 2 * 2 + 2 + 2
    assert every_solution(plain(9), MOST) is None


def test_what_may_be_left_out_is_left_out_in_some() -> None:
    """Optional clients, and members of groups; never a required one."""
    case = plain(3, required=np.array([True, True, False]), groups=(Group((1,), required=False),))
    left = {
        frozenset({1, 2, 3} - {stop for route in plan for stop in route.stops})
        for plan in every_solution(case, MOST) or ()
    }
    assert left == {frozenset(), frozenset({1}), frozenset({3}), frozenset({1, 3})}


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_all_is_what_pyvrp_finds(seed: int) -> None:
    """A search on PyVRP's side, priced by the checker, is never better, and as good here."""
    pytest.importorskip("pyvrp")
    from nco.problems.vrp import classical

    case = tiny(seed, tight=0.5)
    best = best_of_all(seed, 0.5)
    solve: Any = classical.solvers()["pyvrp"].solve
    plan = solve(case, time_limit=None, seed=1, iterations=300)
    if best is None:
        assert plan is None or not check(case, plan).feasible
        return
    report = check(case, plan)
    assert report.feasible
    assert report.cost == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("seed", range(TIGHT))
def test_what_is_called_impossible_is(seed: int) -> None:
    """Where a reason is stated, none of all plans is feasible."""
    case = tiny(seed, tight=0.9)
    if impossible(case):
        assert best_of_all(seed, 0.9) is None


@pytest.mark.long
def test_most_impossible_cases_are_explained() -> None:
    """Of the tiny cases without a feasible plan, nine in ten."""
    without = [seed for seed in range(TIGHT) if best_of_all(seed, 0.9) is None]
    told = [bool(impossible(tiny(seed, 0.9))) for seed in without]
    assert len(told) >= 10
    assert sum(told) >= 0.9 * len(told)


@pytest.mark.parametrize("seed", range(20))
def test_each_thing_left_out_has_its_reason(seed: int) -> None:
    """As many reasons as the report has names, and none is empty."""
    case = tiny(seed, tight=0.9)
    report = check(case, [])
    reasons = left_out(case, [])
    assert len(reasons) == len(report.unassigned)
    assert all(reasons)

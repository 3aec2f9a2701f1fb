"""Moments that no whole number meets: what is left of a day whose distances are real numbers."""

from dataclasses import replace

import numpy as np
import pytest

from nco.problems.vrp.case import Case, Depot, Route, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.problems.vrp.classical import ortools, pyvrp
from nco.problems.vrp.replan import again
from nco.problems.vrp.solvers import integers

pytest.importorskip("pyvrp")


def rest_of_a_day(left_out: int) -> Case:
    """Nine clients at random, whose two routes have begun; one of them is new."""
    places = np.random.default_rng(3).uniform(0, 10, (10, 2))
    van = VehicleType(count=3, capacity=(20.0,), name="Van", fixed=5.0, reloads=(0,))
    day = plain(9, coords=places, delivery=np.ones((9, 1)), service=np.full(9, 1 / 3))
    day = replace(day, vehicles=(van,))
    clients = [client for client in range(1, 10) if client != left_out]
    plan = [Route(0, clients[:4]), Route(0, clients[4:])]
    return again(day, plan, day, [2, 1], 0.0).case


@pytest.mark.parametrize("left_out", [3, 7])
def test_pyvrp_plans_what_is_left_of_a_day(left_out: int) -> None:
    """Vehicles go on at moments such as 7.2543216; every client is served, and no rule broken."""
    case = rest_of_a_day(left_out)
    opens = [depot.window.open for depot in case.depots[1:]]
    assert any(time and not (1e4 * time).is_integer() for time in opens)
    found = pyvrp(case, time_limit=None, seed=1, iterations=50)
    assert found is not None
    report = check(case, found)
    assert report.feasible, report.defect


def test_or_tools_serves_a_client_at_a_moment() -> None:
    """A window of a single moment that is not whole in its numbers is no empty one."""
    window = Window(5.00001234, 5.00001234)
    case = plain(
        1,
        coords=np.array([[0.0, 0], [1.0, 1]]),
        windows=((window,),),
        vehicles=(VehicleType(count=1, shift=Window(0.0, 20.0)),),
    )
    found = ortools(case, time_limit=0.5, seed=1)
    assert found is not None
    assert check(case, found).feasible


def test_a_moment_gets_room_and_a_window_does_not() -> None:
    """Whole moments and windows stay what they are."""
    case = plain(1, coords=np.array([[0.0, 0], [1.0, 1]]), depots=(Depot(Window(0, 9)),))
    numbers = integers.Whole(case, 1.0, 1.0)
    assert numbers.span(Window(2.0, 2.0)) == (2, 2)
    assert numbers.span(Window(2.3, 4.7)) == (3, 4)
    low, high = numbers.span(Window(2.3, 2.3))
    assert (low, high) == (3, 3 + integers.MOMENT)

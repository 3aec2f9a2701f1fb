"""Plans at once: they break no rule, and each route is judged as the checker judges it."""

import random
from dataclasses import replace

import numpy as np
import pytest
from rich_rules import ORTOOLS, PYVRP

from nco.problems.vrp.case import Break, Case, Depot, Route, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.problems.vrp.construct import cheapest_insertion
from nco.problems.vrp.solvers.feasible import Judge

EVERY = PYVRP | ORTOOLS


def scattered(clients: int, seed: int = 0, **stated: object) -> Case:
    """Clients with windows around a depot, and vans without number."""
    draw = np.random.default_rng(seed)
    opens = draw.random(clients) * 300
    return plain(
        clients,
        depots=(Depot(Window(0, 1000)),),
        coords=draw.random((clients + 1, 2)) * 100,
        vehicles=(VehicleType(count=None, capacity=(50.0,)),),
        delivery=draw.integers(1, 9, (clients, 1)).astype(np.float64),
        service=np.full(clients, 5.0),
        windows=tuple((Window(each, each + 200),) for each in opens.tolist()),
        **stated,
    )


def random_route(case: Case, draw: random.Random) -> Route:
    """Some clients in any order, with reloads where the vehicle may make them."""
    vehicle = draw.randrange(len(case.vehicles))
    clients = range(case.first_client, case.first_client + case.size)
    stops = draw.sample(clients, draw.randint(1, case.size))
    for depot in case.vehicles[vehicle].reloads:
        stops.insert(draw.randint(0, len(stops)), depot)
    return Route(vehicle, stops)


@pytest.mark.parametrize("rule", EVERY)
def test_a_plan_breaks_no_rule(rule: str) -> None:
    """The construction keeps each rule, whatever it leaves out."""
    case, _ = EVERY[rule]
    report = check(case, cheapest_insertion(case))
    assert not report.violations
    assert report.keeps_rules


@pytest.mark.parametrize("rule", EVERY)
def test_routes_are_judged_as_the_checker_does(rule: str) -> None:
    """Of random routes the judge allows those that the checker allows, at the same cost."""
    case, _ = EVERY[rule]
    alone = replace(
        case, groups=(), prize=np.zeros(case.size), required=np.zeros(case.size, dtype=bool)
    )
    judge, draw = Judge(case), random.Random(1)
    for _ in range(30):
        route = random_route(case, draw)
        track, report = judge.route(*route), check(alone, [route])
        assert (track is None) == bool(report.violations), (route, report.violations)
        if track is not None and not any(len(windows) > 1 for windows in case.windows):
            assert track.cost == pytest.approx(report.cost)


def test_all_are_served_where_that_is_easy() -> None:
    """A hundred clients with windows and vans without number: nobody is left out."""
    case = scattered(100)
    report = check(case, cheapest_insertion(case))
    assert report.feasible


def test_a_client_that_cannot_be_served_is_left_out() -> None:
    """One whose window closes before anybody can be there is missing, all others are not."""
    case = scattered(20)
    late = replace(case, windows=((Window(0, 1),), *case.windows[1:]))
    report = check(late, cheapest_insertion(late))
    assert report.partial
    assert report.unassigned == ["client 1"]


def test_optional_clients_are_served_where_it_pays() -> None:
    """High prizes are collected, low ones are not, and those between pay together."""
    case = scattered(30, required=np.zeros(30, dtype=bool))
    none = cheapest_insertion(replace(case, prize=np.full(30, 0.01)))
    assert none == []
    some = cheapest_insertion(replace(case, prize=np.full(30, 25.0)))
    assert 0 < sum(len(route.stops) for route in some) <= 30
    assert check(replace(case, prize=np.full(30, 25.0)), some).cost < 30 * 25
    everybody = cheapest_insertion(replace(case, prize=np.full(30, 1000.0)))
    assert sum(len(route.stops) for route in everybody) == 30


def test_nobody_is_planned_where_nobody_is() -> None:
    """A case without clients has the empty plan."""
    assert cheapest_insertion(plain(0, coords=np.zeros((1, 2)))) == []


def test_a_break_may_be_avoided_by_leaving_late() -> None:
    """A route that leaves after a break's window needs no break, and is judged so."""
    rest = Break(Window(0, 10), 50.0)
    kind = VehicleType(breaks=(rest,), unit_duration=1.0, shift=Window(0, 100))
    case = plain(1, coords=np.array([[0.0, 0], [20, 0]]), vehicles=(kind,))
    track = Judge(case).route(0, [1])
    assert track is not None
    assert track.duration == 40
    assert check(case, [Route(0, [1])]).cost == pytest.approx(track.cost)


def test_large_cases_need_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of places ways are computed as they are asked for, with the same plan."""
    case = scattered(60)
    from nco.problems.vrp.solvers import feasible

    plan = cheapest_insertion(case)
    monkeypatch.setattr(feasible, "LARGEST_TABLE", 10)
    assert cheapest_insertion(case) == plan

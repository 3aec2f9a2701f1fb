"""Planning again: what is driven stays, loads and limits are what is left, changes have a price."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import nco
from nco.core.errors import NCOError
from nco.problems.vrp.case import (
    Break,
    Case,
    Depot,
    Group,
    Rounding,
    Route,
    Shipment,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.check import check
from nco.problems.vrp.checking.schedule import schedule
from nco.problems.vrp.replan import Again, again

NAMES = ("Hub", "Ann", "Ben", "Cat", "Dan", "Eve")


def a_day(**stated: Any) -> Case:
    """Five clients 10 apart on a line from the depot at 0, with deliveries of 1 to 5."""
    given: dict[str, Any] = {
        "coords": np.array([[10.0 * k, 0] for k in range(6)]),
        "rounding": Rounding.ROUND,
        "names": {"stops": NAMES},
        "delivery": np.array([[1.0], [2], [3], [4], [5]]),
        "service": np.full(5, 2.0),
        "vehicles": (VehicleType(count=3, capacity=(15.0,), name="Van", fixed=7.0),),
    }
    return plain(5, **{**given, **stated})


PLAN = [Route(0, [1, 2, 3, 4]), Route(0, [5])]


def left(case: Case, frozen: Any, stability: float = 0.0, before: Case | None = None) -> Again:
    return again(case, PLAN, before or case, frozen, stability)


def test_without_anything_driven_the_case_stays_itself() -> None:
    """The plan is the start, in the same numbers."""
    case = a_day()
    found = left(case, None)
    assert found.case is case
    assert found.start == PLAN


def test_stops_that_are_reached_or_driven_to_stay() -> None:
    """At 15 route 1 has left Ann at 12 for Ben; route 2 is on its way to Eve."""
    found = left(a_day(), 15.0)
    names = found.case.names["stops"]
    routes = [[names[stop] for stop in route.stops] for route in found.start]
    assert routes == [["Ben", "Cat", "Dan"], ["Eve"]]
    assert check(found.case, found.start).feasible
    drives = schedule(found.case, found.start)
    before = schedule(a_day(), PLAN)
    for drive, old in zip(drives, before, strict=True):
        times = {stop.begin for stop in old.stops if stop.kind == "client"}
        assert {stop.begin for stop in drive.stops if stop.kind == "client"} <= times
        assert drive.stops[-1].departure == old.stops[-1].departure


@pytest.mark.parametrize("counts", [[0, 0], [1, 0], [2, 1], [4, 1]])
def test_the_rest_of_a_plan_costs_the_rest_of_it(counts: list[int]) -> None:
    """Of distances from the last driven stop on; fixed costs of vehicles under way are paid."""
    case = a_day()
    found = left(case, counts)
    driven = [10.0 * stop for stop in (counts[0], 5 * counts[1])]
    paid = 7.0 * sum(count > 0 for count in counts)
    report = check(found.case, found.start)
    assert report.feasible
    assert report.cost == check(case, PLAN).cost - sum(driven) - paid


def test_what_was_picked_up_is_on_board() -> None:
    """The load at the first stop of what is left is that of the whole plan there."""
    case = a_day(pickup=np.array([[2.0], [1], [0], [1], [0]]))
    found = left(case, [2, 0])
    old = {stop.place: stop.load for stop in schedule(case, PLAN)[0].stops[:-1]}
    names = found.case.names["stops"]
    new = schedule(found.case, found.start)[0].stops[1:-1]
    assert [stop.load for stop in new] == [old[NAMES.index(names[stop.place])] for stop in new]


def test_goods_on_board_stay_and_goods_at_the_depot_need_a_trip() -> None:
    """Dan's are in the van of route 1; Eve's, whose van has not left, in none yet."""
    case = a_day()
    found = left(case, [1, 0])
    names = list(found.case.names["stops"])
    place = {name: names.index(name) for name in ("Ann", "Dan", "Eve")}
    van, idle = found.start[0].vehicle, found.start[1].vehicle
    swapped = [Route(van, [place["Ann"], place["Eve"]]), Route(idle, [place["Dan"]])]
    violations = check(found.case, swapped).violations
    assert len([line for line in violations if "which that type may not serve" in line]) == 2
    reloading = replace(case, vehicles=(replace(case.vehicles[0], reloads=(0,)),))
    found = left(reloading, [1, 0])
    ahead = found.start[0].stops[1:]
    with_eve = [Route(van, [place["Ann"], *ahead, 0, place["Eve"]])]
    assert check(found.case, with_eve).feasible
    without_loading = [Route(van, [place["Ann"], place["Eve"], *ahead])]
    assert not check(found.case, without_loading).feasible


def test_the_first_stop_is_where_the_vehicle_is() -> None:
    """Another one before it, or none at all, breaks a rule."""
    found = left(a_day(), [1, 0])
    first, *others = found.start[0].stops
    late = [Route(found.start[0].vehicle, [others[0], first, *others[1:]]), found.start[1]]
    assert "closes" in check(found.case, late).defect
    assert len(check(found.case, found.start[1:]).unassigned) == 4


def test_limits_are_what_is_left_of_them() -> None:
    """Duration from the true departure, distance, stops and trips; held breaks are over."""
    kind = VehicleType(
        count=2,
        max_duration=100.0,
        max_overtime=20.0,
        max_distance=130.0,
        max_stops=5,
        reloads=(0,),
        max_trips=3,
        breaks=(Break(Window(0, 90), 5.0), Break(Window(200, 250), 4.0)),
    )
    case = a_day(vehicles=(kind,))
    plan = [Route(0, [1, 0, 2, 3])]
    drive = schedule(case, plan)[0]
    found = again(case, plan, case, [3], 0.0)
    rest = found.case.vehicles[found.start[0].vehicle]
    stop = next(stop for stop in drive.stops if stop.place == 2)
    before = [each for each in drive.stops if each.place == 0][1]
    elapsed = float(before.departure - drive.stops[0].arrival)
    assert rest.max_duration == 100 - elapsed
    assert rest.max_overtime == 20
    assert rest.max_distance == 130 - float(stop.distance)
    assert (rest.max_stops, rest.max_trips, rest.fixed) == (4, 2, 0)
    assert rest.breaks == kind.breaks[1:]


def test_a_reload_may_be_the_last_that_is_driven() -> None:
    """The vehicle goes on from the depot, with the goods of its next trip."""
    case = a_day(vehicles=(VehicleType(count=2, capacity=(8.0,), reloads=(0,)),))
    plan = [Route(0, [1, 2, 0, 3, 4]), Route(0, [5])]
    found = again(case, plan, case, [3, 0], 0.0)
    assert check(found.case, found.start).feasible
    assert [stop.load for stop in schedule(found.case, found.start)[0].stops][:2] == [(7,), (7,)]


def test_shipments_on_board_and_groups_that_are_served() -> None:
    """What was picked up is delivered by its vehicle; the others of a group are gone."""
    case = a_day(
        delivery=np.array([[0.0], [0], [4], [0], [0]]),
        pickup=np.array([[4.0], [0], [0], [0], [0]]),
        shipments=(Shipment(1, 3),),
        groups=(Group((2, 5), required=False),),
    )
    found = again(case, [Route(0, [1, 2, 3]), Route(0, [4])], case, [2, 0], 0.0)
    assert "Eve" not in found.case.names["stops"]
    assert not found.case.shipments
    report = check(found.case, found.start)
    assert report.feasible
    assert [s.load for s in schedule(found.case, found.start)[0].stops] == [(4,), (4,), (0,), (0,)]


def test_clients_are_matched_by_name() -> None:
    """Ben is dropped, Fay is new and first in the list: numbers differ, names do not."""
    case = a_day()
    new = a_day(
        coords=np.array([[0.0, 0], [25, 0], [10, 0], [30, 0], [40, 0], [50, 0]]),
        names={"stops": ("Hub", "Fay", "Ann", "Cat", "Dan", "Eve")},
    )
    found = again(new, PLAN, case, [1, 0], 0.0)
    names = found.case.names["stops"]
    routes = [[names[stop] for stop in route.stops] for route in found.start]
    assert routes == [["Ann", "Cat", "Dan"], ["Eve"]]
    assert check(found.case, found.start).unassigned == [f"client {names.index('Fay')} (Fay)"]
    with pytest.raises(NCOError, match=r"client 2 \(Ben\).* keep it there"):
        again(new, PLAN, case, [2, 0], 0.0)


RING = 10 * np.array([[0, 0], [1, 1], [1, -1], [-1, 1], [-1, -1], [0, 2]], dtype=np.float64)
CROSSED = [Route(0, [1, 4, 5]), Route(0, [2, 3])]


def a_ring() -> Case:
    """Two tours that cross each other are planned; others are shorter."""
    return a_day(coords=RING, vehicles=(VehicleType(count=2, capacity=(15.0,)),))


@pytest.mark.parametrize(("price", "changed"), [(0.01, 2), (100.0, 0)])
def test_a_price_keeps_clients_where_they_are(price: float, changed: int) -> None:
    """Two change their vehicle where that is cheap; the cost of the plan itself is told without."""
    pytest.importorskip("pyvrp")
    from nco.problems.vrp import classical

    case = a_ring()
    found = again(case, CROSSED, case, None, price)
    solve: Any = classical.solvers()["pyvrp"].solve
    plan = solve(found.priced, time_limit=None, seed=1, start=found.priced_start, iterations=300)
    measures = found.measures(plan)
    assert measures["changed vehicle"] == changed
    assert measures["price of changes"] == pytest.approx(price * changed)
    cost = check(found.case, found.back(plan)).cost
    assert check(found.priced, plan).cost == pytest.approx(cost + price * changed)
    assert cost < check(case, CROSSED).cost


def test_solve_tells_what_changed() -> None:
    """In the numbers of the case, and no worse than the plan with its price."""
    case = a_ring()
    found = nco.solve(case, start=CROSSED, stability=3.0, time_limit=1, model="none")
    assert found.case is case
    assert found.measures["price of changes"] == 3 * found.measures["changed vehicle"]
    assert found.cost + found.measures["price of changes"] <= check(case, CROSSED).cost
    assert check(case, found.solution).cost == found.cost


@pytest.mark.parametrize(
    ("frozen", "words"),
    [
        ([1], "a count for each of the 2 routes"),
        ([5, 0], "route 1 has 4 stops"),
        ("noon", "must be a time such as 10:30"),
    ],
)
def test_what_cannot_be_frozen_is_refused(frozen: Any, words: str) -> None:
    """In one line."""
    with pytest.raises(NCOError, match=words):
        left(a_day(), frozen)


def test_times_of_the_day_are_minutes() -> None:
    """10:30 is 630."""
    assert left(a_day(), "00:15").start == left(a_day(), 15).start


def test_depots_of_their_own_have_windows_of_one_moment() -> None:
    """At the moment at which the vehicle left the stop before."""
    found = left(a_day(), [2, 0])
    assert found.case.depots[1] == Depot(Window(12, 12))


def test_options_of_a_plan_need_one() -> None:
    """And other problems only begin from it."""
    with pytest.raises(NCOError, match="stability is said of a plan"):
        nco.solve(a_day(), stability=3.0)
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    tour = nco.solve(square, start=[0, 2, 1, 3], model="none", time_limit=None)
    assert tour.cost <= 2 + 2 * 2**0.5
    with pytest.raises(NCOError, match=r"tsp: frozen and stability are for routes"):
        nco.solve(square, start=[0, 2, 1, 3], frozen=3.0)

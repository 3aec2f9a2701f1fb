"""The checker: every rule broken by one, costs by hand, and odd objects for plans."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from nco.problems.vrp.case import (
    Backhauls,
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

PLACES = np.array([[0, 0], [30, 0], [3, 4], [6, 8], [9, 12], [12, 16], [30, 40]], dtype=float)


def a_case(**stated: Any) -> Case:
    """Two depots (0, 1) and five clients (2 to 6) on a line, 5 apart but for the last one."""
    fleet = (VehicleType(count=2, capacity=(10.0,)), VehicleType(count=1, capacity=(4.0,)))
    given: dict[str, Any] = {
        "depots": (Depot(), Depot()),
        "coords": PLACES,
        "vehicles": fleet,
        "delivery": np.array([[1.0], [2.0], [3.0], [4.0], [1.0]]),
    }
    return plain(5, **{**given, **stated})


def with_type(case: Case, position: int = 0, **changes: Any) -> Case:
    """The case with one type of vehicles changed."""
    vehicles = list(case.vehicles)
    vehicles[position] = replace(vehicles[position], **changes)
    return replace(case, vehicles=tuple(vehicles))


PLAN = [Route(0, [2, 3, 4, 5]), Route(1, [6])]


def test_a_plan_costs_what_its_routes_cost() -> None:
    """Twice 20 and twice 50 of distance; nothing else costs anything."""
    report = check(a_case(), PLAN)
    assert (report.cost, report.feasible) == (140, True)
    assert report.measures["distance costs"] == 140


def test_all_costs_are_added_exactly() -> None:
    """Fixed, distance, duration and overtime costs in decimals, and the prizes left."""
    case = with_type(
        a_case(
            rounding=Rounding.ROUND,
            service=np.full(5, 0.1),
            required=np.array([True, True, True, True, False]),
            prize=np.array([9.0, 9.0, 9.0, 9.0, 0.7]),
        ),
        fixed=0.1,
        unit_distance=0.2,
        unit_duration=0.01,
        max_duration=40.0,
        max_overtime=1.0,
        unit_overtime=0.3,
    )
    report = check(case, PLAN[:1])
    wanted = Fraction("0.1") + 8 + Fraction("40.4") * Fraction("0.01")
    wanted += Fraction("0.4") * Fraction("0.3") + Fraction("0.7")
    assert report.feasible
    assert report.cost == float(wanted)


Change = Callable[[Case], Case]


def set_row(field: str, row: int, value: Any) -> Change:
    """The case with another value of one client."""

    def change(case: Case) -> Case:
        values = list(getattr(case, field))
        values[row] = value
        array = isinstance(getattr(case, field), np.ndarray)
        return replace(case, **{field: np.array(values) if array else tuple(values)})

    return change


def fleet(position: int, **changes: Any) -> Change:
    """The case with another type of vehicles."""
    return lambda case: with_type(case, position, **changes)


# for each rule what just allows the plan, what is tighter by one, and words of the sentence
TIGHTENED: dict[str, tuple[Change, Change, str]] = {
    "capacity": (fleet(0, capacity=(10.0,)), fleet(0, capacity=(9.0,)), "above its capacity 9"),
    "window": (
        set_row("windows", 1, (Window(0, 10),)),
        set_row("windows", 1, (Window(0, 9),)),
        "reaches client 3 at 10, after its window closes at 9",
    ),
    "two windows": (
        set_row("windows", 1, (Window(0, 2), Window(4, 10))),
        set_row("windows", 1, (Window(0, 2), Window(4, 9))),
        "after its window closes at 9",
    ),
    "shift": (
        fleet(0, shift=Window(0, 40)),
        fleet(0, shift=Window(0, 39)),
        "returns to depot 0 at 40, after its shift ends at 39",
    ),
    "depot": (
        lambda case: replace(case, depots=(Depot(Window(0, 100)), Depot())),
        lambda case: replace(case, depots=(Depot(Window(0, 99)), Depot())),
        "returns to depot 0 at 100, after it closes at 99",
    ),
    "duration": (fleet(0, max_duration=40.0), fleet(0, max_duration=39.0), "maximal duration 39"),
    "overtime": (
        fleet(0, max_duration=30.0, max_overtime=10.0),
        fleet(0, max_duration=30.0, max_overtime=9.0),
        "maximal duration with overtime 39",
    ),
    "distance": (fleet(1, max_distance=100.0), fleet(1, max_distance=99.0), "drives 100, above"),
    "stops": (fleet(0, max_stops=4), fleet(0, max_stops=3), "serves 4 clients, but at most 3"),
    "vehicles": (fleet(1, count=1), fleet(1, count=0), "but there are 0 of that type"),
    "allowed": (
        set_row("allowed", 4, (1,)),
        set_row("allowed", 4, (0,)),
        "serves client 6, which that type may not serve",
    ),
    "release": (
        lambda case: set_row("release", 3, 10.0)(with_type(case, shift=Window(0, 50))),
        lambda case: set_row("release", 3, 11.0)(with_type(case, shift=Window(0, 50))),
        "returns to depot 0 at 51, after its shift ends at 50",
    ),
    "service": (
        lambda case: set_row("service", 1, 3.0)(with_type(case, shift=Window(0, 43))),
        lambda case: set_row("service", 1, 4.0)(with_type(case, shift=Window(0, 43))),
        "returns to depot 0 at 44",
    ),
    "break": (  # not to be evaded by leaving later, as client 2 closes at 9
        lambda case: set_row("windows", 0, (Window(0, 9),))(
            with_type(case, breaks=(Break(Window(0, 5), 30.0),), shift=Window(0, 70))
        ),
        lambda case: set_row("windows", 0, (Window(0, 9),))(
            with_type(case, breaks=(Break(Window(0, 5), 31.0),), shift=Window(0, 70))
        ),
        "cannot hold its break of 31 that begins from 0 to 5",
    ),
    "group": (
        lambda case: replace(case, groups=(Group((6,)),)),
        lambda case: replace(case, groups=(Group((5, 6)),)),
        "group 1 allows one of its clients, but client 5 and client 6 are served",
    ),
    "shipment": (
        lambda case: replace(case, shipments=(Shipment(2, 3),)),
        lambda case: replace(case, shipments=(Shipment(3, 2),)),
        "delivers to client 2 before it picks up at client 3",
    ),
    "backhauls after": (
        lambda case: set_row("pickup", 3, [1.0])(replace(case, backhauls=Backhauls.AFTER)),
        lambda case: set_row("pickup", 2, [1.0])(replace(case, backhauls=Backhauls.AFTER)),
        "delivers to client 5 on trip 1 after its first pickup, at client 4",
    ),
    "pickups": (set_row("pickup", 3, [10.0]), set_row("pickup", 3, [11.0]), "load 11, above"),
}


@pytest.mark.parametrize("rule", TIGHTENED)
def test_every_rule_holds_to_the_last_unit(rule: str) -> None:
    """What just fits is allowed; one unit less is one violation, which says what is wrong."""
    fits, tight, words = TIGHTENED[rule]
    assert check(fits(a_case()), PLAN).feasible
    report = check(tight(a_case()), PLAN)
    assert len(report.violations) == 1
    assert words in report.violations[0]


def test_a_trip_of_pickups_alone_may_be_forbidden() -> None:
    """Goetschalckx and Jacobs-Blecha's rule; with one delivery it is allowed."""
    case = a_case(delivery=np.zeros((5, 1)), pickup=np.ones((5, 1)), backhauls=Backhauls.AFTER_SOME)
    assert "only picks up" in check(case, PLAN).violations[0]
    case = replace(case, delivery=np.array([[1.0], [0], [0], [0], [1.0]]))
    assert check(case, PLAN).feasible


def test_reloads_begin_a_new_load_and_have_limits() -> None:
    """Two trips of 6 and 4 fit into 6; where, and how often, is for the type to say."""
    plan = [Route(0, [2, 3, 4, 1, 5]), Route(1, [6])]
    case = with_type(a_case(), capacity=(6.0,), reloads=(1,), max_trips=2)
    assert check(case, plan).feasible
    assert "makes 2 trips, but at most 1" in check(with_type(case, max_trips=1), plan).defect
    assert "may not reload" in check(with_type(case, reloads=(0,)), plan).defect
    assert "on trip 1" in check(with_type(case, capacity=(5.0,)), plan).defect
    released = set_row("release", 3, 100.0)(case)
    drive = schedule(released, plan)[0]
    assert [stop.trip for stop in drive.stops] == [1, 1, 1, 1, 2, 2, 2]
    assert drive.stops[4].departure == 100
    shipped = replace(case, shipments=(Shipment(2, 5),))
    assert "on different trips" in check(shipped, plan).defect


def test_loads_count_deliveries_ahead_and_pickups_so_far() -> None:
    """A shipment is on board between its ends; a client is delivered to before it is picked up."""
    case = a_case(
        delivery=np.array([[5.0], [0], [0], [2], [0]]),
        pickup=np.array([[6.0], [2], [0], [0], [1]]),
        shipments=(Shipment(3, 5),),
    )
    drive = schedule(case, [(0, [2, 3, 4, 5, 6])])[0]
    assert [stop.load for stop in drive.stops] == [(5,), (6,), (8,), (8,), (6,), (7,), (7,)]


def test_a_shipment_is_for_one_vehicle() -> None:
    """Each of two vehicles is told what it lacks."""
    report = check(a_case(shipments=(Shipment(2, 6),)), PLAN)
    assert "picks up at client 2 but does not deliver to client 6" in report.violations[0]
    assert "delivers to client 6 but does not pick up at client 2" in report.violations[1]


def test_a_route_leaves_as_late_as_its_end_allows() -> None:
    """It waits nowhere, and its rows tell arrival, waiting, service and distance."""
    case = set_row("windows", 2, (Window(100, 110),))(a_case(service=np.full(5, 2.0)))
    stops = schedule(case, PLAN)[0].stops
    assert [stop.begin for stop in stops] == [81, 86, 93, 100, 107, 129]
    assert [stop.waiting for stop in stops] == [0] * 6
    assert [stop.distance for stop in stops] == [0, 5, 10, 15, 20, 40]


def test_an_open_route_ends_at_its_last_client() -> None:
    """No way back is driven or paid, and the shift ends with its service."""
    case = with_type(a_case(), end=None, shift=Window(0, 20))
    report = check(case, PLAN)
    assert (report.cost, report.feasible) == (120, True)
    assert (
        "ends at 20, after its shift closes"
        in check(with_type(case, shift=Window(0, 19)), PLAN).defect
    )


def test_what_is_required_and_left_out_makes_a_plan_partial() -> None:
    """Clients and groups are named; an optional client costs its prize."""
    case = a_case(
        required=np.array([True, True, True, False, False]),
        prize=np.array([0, 0, 0, 7.0, 8.0]),
        groups=(Group((2, 3)), Group((6,), required=False)),
        names={"stops": ("Hub", "Yard", "Ann", "Ben", "Cat", "Dan", "Eve")},
    )
    report = check(case, [])
    assert report.unassigned == [
        "client 4 (Cat)",
        "group 1 (one of client 2 (Ann), client 3 (Ben))",
    ]
    assert (report.cost, report.partial, report.feasible) == (15, True, False)
    assert check(case, [Route(0, [3, 4])]).feasible


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (None, "no list of routes"),
        ([[2, 3]], "the vehicle of route 1 is no number"),
        ([(0, [2, "x"])], "route 1: entry 1"),
        ([(0, [2.5])], "no node number"),
        ([(2, [2])], "has vehicle 2, but the types are 0 to 1"),
        ([(0, [7])], "visits 7, but the places are 0 to 6"),
        ([(True, [2])], "the vehicle of route 1 is no number"),
        (3, "no list of routes"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(plan: object, words: str) -> None:
    """There is no cost then."""
    if plan == [[2, 3]]:
        plan = [["van", [2, 3]]]
    report = check(a_case(), plan)
    assert report.cost is None
    assert words in report.defect


@pytest.mark.parametrize("change", ["drop", "twice", "swap"])
def test_a_plan_that_is_changed_is_flagged_or_costs_more(change: str) -> None:
    """A client dropped is unassigned, one that is served twice is named, a swap costs."""
    case = set_row("windows", 1, (Window(0, 10),))(a_case())
    if change == "drop":
        report = check(case, [Route(0, [2, 3, 4]), PLAN[1]])
        assert report.unassigned == ["client 5"]
    elif change == "twice":
        report = check(case, [PLAN[0], Route(1, [6, 2])])
        assert report.violations == ["client 2 is visited 2 times, in routes 1, 2"]
    else:
        report = check(case, [Route(0, [4, 3, 2, 5]), PLAN[1]])
        assert "reaches client 3 at 20" in report.defect


@pytest.mark.parametrize(
    ("rounding", "wanted"),
    [(Rounding.ROUND, 3), (Rounding.ROUND3, 2.828), (Rounding.TRUNC1, 2.8)],
)
def test_lengths_are_rounded_exactly(rounding: Rounding, wanted: float) -> None:
    """By whole roots, so that sums of them are the decimals that people add up."""
    line = np.array([[0, 0], [2, 2]], dtype=float)
    case = plain(1, coords=line, rounding=rounding)
    assert check(case, [(0, [1])]).cost == float(2 * Fraction(str(wanted)))


def test_halves_are_rounded_up_and_tenths_down() -> None:
    """The distances 2.5, 0.3 and 1.15 at their borders."""
    for rounding, x, wanted in (
        (Rounding.ROUND, 2.5, 6),
        (Rounding.TRUNC1, 0.3, 0.6),
        (Rounding.TRUNC1, 1.1999, 2.2),
        (Rounding.ROUND3, 0.0005, 0.002),
    ):
        case = plain(1, coords=np.array([[0, 0], [x, 0]]), rounding=rounding)
        assert check(case, [(0, [1])]).cost == wanted


def test_speeds_and_matrices_make_times() -> None:
    """Distances divided by a speed are rounded too; stated durations are as they are."""
    line = np.array([[0, 0], [10, 0]], dtype=float)
    slow = VehicleType(speed=3.0)
    case = plain(1, coords=line, rounding=Rounding.TRUNC1, vehicles=(slow,))
    assert schedule(case, [(0, [1])])[0].duration == Fraction("6.6")
    stated = np.array([[0, 4], [7, 0]], dtype=float)
    case = plain(1, coords=line, durations=(stated,), vehicles=(slow,))
    assert schedule(case, [(0, [1])])[0].duration == 11

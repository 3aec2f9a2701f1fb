"""Tiny cases with one rule each, which makes the best plan another one than without it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nco.problems.vrp.case import (
    Backhauls,
    Break,
    Case,
    Depot,
    Group,
    Rounding,
    Shipment,
    VehicleType,
    Window,
    plain,
)

COORDS = np.array([[0, 0], [10, 2], [12, -3], [20, 5], [-8, 4]], dtype=np.float64)
FAR = np.array([[15, 0]], dtype=np.float64)


def base(*vehicles: VehicleType, **stated: Any) -> Case:
    """Four clients around a depot, whole distances, and two vehicles that cost something."""
    fleet = vehicles or (VehicleType(count=2, fixed=5.0),)
    return plain(4, coords=COORDS, rounding=Rounding.ROUND, vehicles=fleet, **stated)


def loads(*values: float) -> np.ndarray:
    """One dimension of a load."""
    return np.array(values, dtype=np.float64)[:, None]


def vehicle(**stated: Any) -> VehicleType:
    """Two of a type."""
    return VehicleType(**{"count": 2, "fixed": 5.0} | stated)


def second(**stated: Any) -> Case:
    """Two depots, the second one on the far side of the clients."""
    coords = np.concatenate([COORDS[:1], FAR, COORDS[1:]])
    depots = (Depot(), Depot())
    return plain(4, coords=coords, rounding=Rounding.ROUND, depots=depots, **stated)


def windows(*stated: tuple[tuple[float, float], ...]) -> tuple[tuple[Window, ...], ...]:
    """Windows of the clients."""
    return tuple(tuple(Window(*each) for each in client) for client in stated)


FULL = loads(2, 2, 2, 2)
NONE = loads(0, 0, 0, 0)
ALL: Any = ((0.0, 99.0),)
OPTIONAL = np.zeros(4, dtype=bool)
PRIZES = np.array([30.0, 4.0, 9.0, 2.0])
WINDOWS = windows(ALL, ((0.0, 15.0),), ((40.0, 50.0),), ((0.0, 12.0),))
SEVERAL = windows(ALL, ((0.0, 5.0), (30.0, 32.0)), ALL, ((20.0, 21.0), (50.0, 60.0)))
MATRIX = np.rint(np.linalg.norm(COORDS[:, None] - COORDS[None], axis=-1))
SLOW = MATRIX * np.array([[1, 3, 1, 1, 1]]).T

Rule = tuple[Case, Callable[[Case], Case]]  # with the rule, and what takes it away


def fleet(case: Case, **changes: Any) -> Case:
    """Other vehicles of the same number."""
    return replace(case, vehicles=tuple(replace(kind, **changes) for kind in case.vehicles))


COMMON: dict[str, Rule] = {
    "capacity": (
        base(vehicle(capacity=(4.0,)), delivery=FULL),
        lambda case: fleet(case, capacity=()),
    ),
    "deliveries and pickups": (
        base(vehicle(capacity=(5.0,)), delivery=loads(4, 0, 0, 1), pickup=loads(0, 4, 4, 0)),
        lambda case: fleet(case, capacity=()),
    ),
    "windows": (base(windows=WINDOWS), lambda case: replace(case, windows=((),) * 4)),
    "several windows": (
        base(windows=SEVERAL),
        lambda case: replace(case, windows=tuple(each[:1] for each in case.windows)),
    ),
    "service": (
        base(vehicle(shift=Window(0, 80)), service=np.full(4, 8.0)),
        lambda case: replace(case, service=np.zeros(4)),
    ),
    "shift": (
        base(vehicle(shift=Window(0, 50))),
        lambda case: fleet(case, shift=Window(0, np.inf)),
    ),
    "depot window": (
        base(depots=(Depot(Window(0, 50)),)),
        lambda case: replace(case, depots=(Depot(),)),
    ),
    "loading": (
        base(depots=(Depot(Window(0, 60), 12.0),), windows=WINDOWS[:1] * 4),
        lambda case: replace(case, depots=(Depot(Window(0, 60)),)),
    ),
    "duration": (
        base(vehicle(max_duration=50.0)),
        lambda case: fleet(case, max_duration=np.inf),
    ),
    "overtime": (
        base(vehicle(max_duration=45.0, max_overtime=30.0, unit_overtime=1.0)),
        lambda case: fleet(case, unit_overtime=0.0),
    ),
    "cost of duration": (
        base(vehicle(unit_duration=2.0), windows=WINDOWS),
        lambda case: fleet(case, unit_duration=0.0),
    ),
    "distance": (
        base(vehicle(max_distance=50.0)),
        lambda case: fleet(case, max_distance=np.inf),
    ),
    "stops": (base(vehicle(max_stops=2)), lambda case: fleet(case, max_stops=None)),
    "open routes": (base(vehicle(end=None)), lambda case: fleet(case, end=0)),
    "fixed costs": (
        base(VehicleType(fixed=40.0), VehicleType(unit_distance=1.5)),
        lambda case: fleet(case, fixed=0.0),
    ),
    "number of vehicles": (
        base(vehicle(count=1, capacity=(4.0,)), delivery=FULL),
        lambda case: fleet(case, count=None),
    ),
    "allowed vehicles": (
        base(VehicleType(), VehicleType(unit_distance=2.0), allowed=(None, (1,), (0, 1), (1,))),
        lambda case: replace(case, allowed=(None,) * 4),
    ),
    "two depots": (
        second(vehicles=(VehicleType(start=0, end=0), VehicleType(start=1, end=1))),
        lambda case: fleet(case, start=0, end=0),
    ),
    "another end": (second(vehicles=(VehicleType(end=1),)), lambda case: fleet(case, end=0)),
    "prizes": (
        base(required=OPTIONAL, prize=PRIZES),
        lambda case: replace(case, required=~OPTIONAL),
    ),
    "groups": (
        base(groups=(Group((1, 2, 4)),)),
        lambda case: replace(case, groups=()),
    ),
    "groups that need not be served": (
        base(groups=(Group((3, 4), required=False),), prize=PRIZES),
        lambda case: replace(case, groups=(Group((3, 4)),)),
    ),
    "shipments": (
        base(
            vehicle(end=None),
            pickup=loads(0, 2, 0, 0),
            delivery=loads(2, 0, 0, 0),
            shipments=(Shipment(2, 1),),
        ),
        lambda case: replace(case, shipments=()),
    ),
    "loads of shipments": (
        base(
            vehicle(capacity=(2.0,)),
            pickup=loads(2, 0, 2, 0),
            delivery=loads(0, 2, 0, 2),
            shipments=(Shipment(1, 2), Shipment(3, 4)),
        ),
        lambda case: fleet(case, capacity=()),
    ),
    "backhauls after": (
        base(delivery=loads(2, 0, 2, 0), pickup=loads(0, 2, 0, 2), backhauls=Backhauls.AFTER),
        lambda case: replace(case, backhauls=Backhauls.MIXED),
    ),
    "no route of backhauls alone": (
        base(
            vehicle(capacity=(4.0,)),
            delivery=loads(0, 0, 2, 0),
            pickup=loads(2, 2, 0, 2),
            backhauls=Backhauls.AFTER_SOME,
        ),
        lambda case: replace(case, backhauls=Backhauls.AFTER),
    ),
    "own matrices": (
        plain(
            4,
            vehicles=(VehicleType(), VehicleType(profile=1, fixed=5.0)),
            metric="EXPLICIT",
            distances=(SLOW, MATRIX),
        ),
        lambda case: fleet(case, profile=1),
    ),
    "speed": (base(vehicle(speed=0.5, shift=Window(0, 60))), lambda case: fleet(case, speed=1.0)),
    "reloads": (
        base(VehicleType(capacity=(4.0,), reloads=(0,)), delivery=FULL),
        lambda case: fleet(case, reloads=()),
    ),
    "trips": (
        base(VehicleType(capacity=(2.0,), reloads=(0,), max_trips=3), delivery=FULL),
        lambda case: fleet(case, max_trips=None),
    ),
}
PYVRP: dict[str, Rule] = COMMON | {
    "releases": (
        base(release=np.array([0.0, 0.0, 15.0, 0.0]), depots=(Depot(Window(0, 60)),)),
        lambda case: replace(case, release=np.zeros(4)),
    ),
    "releases of trips": (
        base(
            VehicleType(capacity=(4.0,), reloads=(0,), shift=Window(0, 120)),
            delivery=FULL,
            release=np.array([0.0, 0.0, 85.0, 0.0]),
        ),
        lambda case: replace(case, release=np.zeros(4)),
    ),
}
ORTOOLS: dict[str, Rule] = COMMON | {
    "breaks": (
        base(vehicle(breaks=(Break(Window(20, 25), 10.0),), shift=Window(0, 60))),
        lambda case: fleet(case, breaks=()),
    ),
    "a break that costs its time": (
        base(
            vehicle(breaks=(Break(Window(20, 25), 10.0),), unit_duration=1.0, shift=Window(0, 75))
        ),
        lambda case: fleet(case, breaks=()),
    ),
}

"""What the tests of rich routing's files share: random cases, and whether two are the same."""

import dataclasses
import random
from typing import Any

import numpy as np

from nco.problems.vrp.case import (
    ALWAYS,
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

PASSED = {"path", "remarks", "source"}  # of these a file says nothing


def assert_same(one: Case, other: Case) -> None:
    """Every attribute is equal, arrays with their types."""
    for item in dataclasses.fields(one):
        if item.name in PASSED:
            continue
        mine, yours = getattr(one, item.name), getattr(other, item.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == yours.dtype, item.name
            np.testing.assert_array_equal(mine, yours, item.name)
        elif item.name in ("distances", "durations"):
            assert len(mine) == len(yours), item.name
            for left, right in zip(mine, yours, strict=True):
                np.testing.assert_array_equal(left, right, item.name)
        else:
            assert mine == yours, item.name


def random_case(seed: int) -> Case:
    """A case in which any of the constraints may be; not all of them can be kept."""
    draw = random.Random(seed)
    depots, clients, dimensions = draw.randint(1, 3), draw.randint(1, 7), draw.randint(1, 2)
    count = depots + clients
    numbers = np.random.default_rng(seed)
    matrices = draw.randint(0, 2)
    squares = [_square(numbers, count) for _ in range(2 * matrices)]
    vehicles = tuple(
        _vehicle(draw, depots, dimensions, matrices) for _ in range(draw.randint(1, 3))
    )
    delivery = numbers.integers(0, 9, (clients, dimensions)) * 1.0
    pickup = numbers.integers(0, 2, (clients, dimensions)) / 4
    some = draw.random() < 0.5
    places = list(range(depots, count))
    draw.shuffle(places)
    shipments: list[Shipment] = []
    groups: list[Group] = []
    if clients >= 4 and some:
        shipments = [Shipment(places[0], places[1])]
        delivery[places[1] - depots] = pickup[places[0] - depots]
        groups = [Group(tuple(places[2:4]), draw.random() < 0.5)]
    prize = numbers.integers(0, 3, clients) * 1.5
    required = prize == 0
    if some:
        required = np.ones(clients, dtype=bool)
    return plain(
        clients,
        name=f"case {seed}",
        names={"stops": [f"place {p}" for p in range(count)]} if some else {},
        depots=tuple(Depot(_window(draw), draw.choice((0.0, 2.5))) for _ in range(depots)),
        vehicles=vehicles,
        coords=None if matrices and some else numbers.random((count, 2)),
        metric="EXPLICIT" if matrices else draw.choice(("EUCLIDEAN", "HAVERSINE")),
        degrees=[[float(p), 2.5] for p in range(count)] if matrices and some else None,
        rounding=Rounding.EXACT if matrices else draw.choice(list(Rounding)),
        distances=tuple(squares[:matrices]),
        durations=tuple(squares[matrices:]) if some else (),
        delivery=delivery,
        pickup=pickup,
        service=numbers.integers(0, 4, clients) / 2,
        windows=tuple(_windows(draw) for _ in range(clients)),
        release=numbers.integers(0, 3, clients) * 1.0,
        prize=prize,
        required=required,
        allowed=tuple(draw.choice((None, (0,))) for _ in range(clients)),
        groups=tuple(groups),
        shipments=tuple(shipments),
        backhauls=draw.choice(list(Backhauls)),
        units=draw.choice(({}, {"time": "min", "clock": "HH:MM"})),
    )


def random_plan(case: Case, seed: int) -> list[Route]:
    """All clients in random order, on no more vehicles of a type than there are."""
    draw = random.Random(seed)
    left = list(range(case.first_client, case.first_client + case.size))
    draw.shuffle(left)
    plan: list[Route] = []
    for number, vehicle in enumerate(case.vehicles):
        for _ in range(vehicle.count or 2):
            some, left = left[:2], left[2:]
            if some:
                stops = [some[0], 0, *some[1:]] if vehicle.reloads and len(some) > 1 else some
                plan.append(Route(number, stops))
    return plan


def with_degrees(case: Case) -> Case:
    """The same as it is read: places on the globe have their degrees."""
    if case.metric != "HAVERSINE" or case.coords is None:
        return case
    return dataclasses.replace(case, degrees=case.coords.tolist())


def _square(numbers: Any, count: int) -> np.ndarray:
    matrix: np.ndarray = numbers.random((count, count))
    np.fill_diagonal(matrix, 0)
    return matrix


def _window(draw: random.Random) -> Window:
    return draw.choice((ALWAYS, Window(1.5, 90.0), Window(3.0, ALWAYS.close)))


def _windows(draw: random.Random) -> tuple[Window, ...]:
    return draw.choice(((), (Window(0.0, 7.0),), (Window(1.0, 2.0), Window(4.25, 9.0))))


def _vehicle(draw: random.Random, depots: int, dimensions: int, profiles: int) -> VehicleType:
    return VehicleType(
        count=draw.choice((None, 1, 4)),
        capacity=draw.choice(((), (9.5, 4.0)[:dimensions])),
        start=draw.randrange(depots),
        end=draw.choice((None, draw.randrange(depots))),
        shift=_window(draw),
        max_duration=draw.choice((ALWAYS.close, 50.0)),
        max_overtime=draw.choice((0.0, 5.0)),
        max_distance=draw.choice((ALWAYS.close, 70.5)),
        max_stops=draw.choice((None, 3)),
        fixed=draw.choice((0.0, 12.5)),
        unit_distance=draw.choice((1.0, 0.25)),
        unit_duration=draw.choice((0.0, 2.0)),
        unit_overtime=draw.choice((0.0, 3.0)),
        breaks=draw.choice(((), (Break(Window(2.0, 5.0), 1.5),))),
        reloads=draw.choice(((), (0,))),
        max_trips=draw.choice((None, 2)),
        speed=draw.choice((1.0, 1.5)),
        profile=draw.randrange(max(1, profiles)),
        name=draw.choice(("", "van")),
    )

"""The checker agrees with PyVRP's own evaluation of random plans, feasible or not."""

import random
from typing import Any

import numpy as np
import pytest

from nco.problems.vrp.case import Case, Depot, Group, Route, Shipment, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.problems.vrp.checking.schedule import Scheduler

pyvrp = pytest.importorskip("pyvrp")

CASES = 200
WHOLE_DAY = 400


def window(draw: random.Random, loose: float = 0.4) -> Window:
    """The whole day, or a part of it."""
    if draw.random() < loose:
        return Window(0, WHOLE_DAY)
    opens = draw.randint(0, 150)
    return Window(opens, opens + draw.randint(40, 200))


def random_case(draw: random.Random) -> Case:
    """Two depots, two to seven clients, of which two may be a shipment and two a group."""
    n, depots, dimensions = draw.randint(2, 7), 2, 2
    size = n + depots
    matrices = [
        np.array([[0 if i == j else draw.randint(1, 30) for j in range(size)] for i in range(size)])
        for _ in range(4)
    ]
    shipment = n >= 4 and draw.random() < 0.5
    group = n >= 6 and draw.random() < 0.5
    delivery = np.array([[draw.randint(0, 4) for _ in range(dimensions)] for _ in range(n)])
    pickup = np.array([[draw.choice([0, 0, 3]) for _ in range(dimensions)] for _ in range(n)])
    release = np.array([draw.choice([0, 0, 40]) for _ in range(n)])
    required = np.array([draw.random() < 0.5 for _ in range(n)])
    prize = np.array([0 if need else draw.randint(1, 50) for need in required])
    if shipment:  # the clients of rows 0 and 1
        delivery[0], pickup[1], delivery[1] = 0, 0, pickup[0]
        required[1] = required[0]
        prize[1], release[:2] = 0, 0
    vehicles = tuple(
        VehicleType(
            count=draw.randint(1, 2),
            capacity=(draw.randint(6, 14), draw.randint(6, 14)),
            start=draw.randrange(depots),
            end=draw.randrange(depots),
            shift=Window(draw.choice([0, 20]), draw.choice([150, WHOLE_DAY])),
            max_duration=draw.choice([100, 200, WHOLE_DAY]),
            max_overtime=draw.choice([0, 40]),
            max_distance=draw.choice([80, 500]),
            fixed=draw.randint(0, 20),
            unit_distance=draw.randint(0, 2),
            unit_duration=draw.randint(0, 2),
            unit_overtime=draw.randint(0, 3),
            reloads=draw.choice([(), (0,), (0, 1)]),
            max_trips=draw.choice([None, 1, 2]),
            profile=profile,
        )
        for profile in range(2)
    )
    windows = [window(draw) for _ in range(n)]
    if shipment:  # PyVRP refuses pairs of windows that cannot be met
        windows[1] = Window(windows[1].open, max(span.close for span in windows[:2]))
    return plain(
        n,
        depots=[Depot(Window(0, draw.choice([100, WHOLE_DAY])), draw.randint(0, 5)) for _ in "ab"],
        vehicles=vehicles,
        dimensions=dimensions,
        metric="EXPLICIT",
        distances=tuple(matrices[:2]),
        durations=tuple(matrices[2:]),
        delivery=delivery.astype(np.float64),
        pickup=pickup.astype(np.float64),
        service=np.array([draw.randint(0, 10) for _ in range(n)], dtype=np.float64),
        windows=tuple((each,) for each in windows),
        release=release.astype(np.float64),
        prize=prize.astype(np.float64),
        required=required,
        shipments=(Shipment(depots, depots + 1),) if shipment else (),
        groups=(Group((size - 2, size - 1), draw.random() < 0.5),) if group else (),
    )


def random_plan(case: Case, draw: random.Random) -> list[Route]:
    """Most clients in random routes, with reloads where they are allowed, shipments whole."""
    routes = [Route(draw.randrange(len(case.vehicles)), []) for _ in range(draw.randint(1, 3))]
    paired = {client for pair in case.shipments for client in pair}
    for client in range(case.first_client, case.first_client + case.size):
        chance = 0.5 if any(client in group.clients for group in case.groups) else 0.9
        if client not in paired and draw.random() < chance:
            route = draw.choice(routes)
            route.stops.insert(draw.randint(0, len(route.stops)), client)
    for pair in case.shipments:
        route = draw.choice(routes)
        place = draw.randint(0, len(route.stops))
        route.stops.insert(place, pair.delivery)
        route.stops.insert(draw.randint(0, place), pair.pickup)
    for route in routes:
        reloads = case.vehicles[route.vehicle].reloads
        places = [0, len(route.stops)]
        for pair in case.shipments:  # PyVRP refuses to build a reload within a shipment
            if pair.pickup in route.stops:
                places = [route.stops.index(pair.pickup), route.stops.index(pair.delivery) + 1]
        if reloads and route.stops and draw.random() < 0.5:
            place = draw.choice([*range(places[0] + 1), *range(places[1], len(route.stops) + 1)])
            route.stops.insert(place, draw.choice(reloads))
    return [route for route in routes if route.stops]


def as_pyvrp(case: Case) -> tuple[Any, dict[int, Any]]:
    """The case in PyVRP's words, and its activity of each place."""
    of, activity = pyvrp.ActivityType, pyvrp.Activity
    activities = {depot: activity(of.DEPOT, depot) for depot in range(len(case.depots))}
    group_of = {client: k for k, group in enumerate(case.groups) for client in group.clients}
    clients: list[Any] = []
    shipments: list[Any] = []
    members: list[list[int]] = [[] for _ in case.groups]
    paired = {client for pair in case.shipments for client in pair}
    for row in range(case.size):
        place = row + case.first_client
        opens, closes = (int(time) for time in case.windows[row][0])
        if place in paired:
            continue
        activities[place] = activity(of.CLIENT, len(clients))
        if place in group_of:
            members[group_of[place]].append(len(clients))
        clients.append(
            pyvrp.Client(
                place,
                delivery=case.delivery[row].astype(int).tolist(),
                pickup=case.pickup[row].astype(int).tolist(),
                service_duration=int(case.service[row]),
                tw_early=opens,
                tw_late=closes,
                release_time=int(case.release[row]),
                prize=int(case.prize[row]),
                required=bool(case.required[row]) and place not in group_of,
                group=group_of.get(place),
            )
        )
    for number, pair in enumerate(case.shipments):
        activities[pair.pickup] = activity(of.PICKUP, number)
        activities[pair.delivery] = activity(of.DELIVERY, number)
        first, second = (case.client(client) for client in pair)
        windows = [tuple(int(t) for t in case.windows[row][0]) for row in (first, second)]
        shipments.append(
            pyvrp.Shipment(
                pair.pickup,
                pair.delivery,
                *windows[0],
                int(case.service[first]),
                *windows[1],
                int(case.service[second]),
                amount=case.pickup[first].astype(int).tolist(),
                prize=int(case.prize[first]),
                required=bool(case.required[first]),
            )
        )
    data = pyvrp.ProblemData(
        [pyvrp.Location(0, 0)] * (case.first_client + case.size),
        clients,
        [
            pyvrp.Depot(k, int(depot.window.open), int(depot.window.close), int(depot.service))
            for k, depot in enumerate(case.depots)
        ],
        [
            pyvrp.VehicleType(
                kind.count,
                list(kind.capacity),
                kind.start,
                kind.end,
                kind.fixed,
                int(kind.shift.open),
                int(kind.shift.close),
                kind.max_duration,
                kind.max_distance,
                kind.unit_distance,
                kind.unit_duration,
                kind.profile,
                reload_depots=list(kind.reloads),
                max_overtime=kind.max_overtime,
                unit_overtime_cost=kind.unit_overtime,
                **({} if kind.max_trips is None else {"max_reloads": kind.max_trips - 1}),
            )
            for kind in case.vehicles
        ],
        list(case.distances),
        list(case.durations),
        [
            pyvrp.ClientGroup(some, group.required)
            for some, group in zip(members, case.groups, strict=True)
        ],
        shipments,
    )
    return data, activities


def refused_by_form(case: Case, plan: list[Route]) -> bool:
    """Whether PyVRP would not build the plan at all."""
    used = [sum(route.vehicle == kind for route in plan) for kind in range(len(case.vehicles))]
    trips = [sum(stop < case.first_client for stop in route.stops) + 1 for route in plan]
    limits = [case.vehicles[route.vehicle].max_trips for route in plan]
    served = {stop for route in plan for stop in route.stops}
    if any(len(served.intersection(group.clients)) > 1 for group in case.groups):
        return True
    return any(
        count > (kind.count or 0) for count, kind in zip(used, case.vehicles, strict=True)
    ) or any(most is not None and trip > most for trip, most in zip(trips, limits, strict=True))


def test_costs_and_feasibility_are_those_of_pyvrp() -> None:
    """200 random plans: the same verdict, and the same cost, time and distance of each route."""
    draw = random.Random(5)
    feasible = compared = 0
    while compared < CASES:
        case = random_case(draw)
        plan = random_plan(case, draw)
        report = check(case, plan)
        if refused_by_form(case, plan):
            assert report.violations
            continue
        data, activities = as_pyvrp(case)
        routes = [
            pyvrp.Route(data, [activities[stop] for stop in route.stops], route.vehicle)
            for route in plan
        ]
        own = pyvrp.Solution(data, routes)
        compared += 1
        for route, made in zip(plan, routes, strict=True):
            drive = Scheduler(case).drive(route)
            assert drive.distance == made.distance()
            if not made.has_time_warp():
                assert not drive.late
                assert drive.duration == made.duration()
                assert drive.stops[-1].departure == made.end_time()
        assert report.feasible == own.is_feasible(), (plan, report)
        if own.is_feasible():
            feasible += 1
            assert report.cost == pyvrp.CostEvaluator([0.0, 0.0], 0, 0).cost(own)
    assert feasible > CASES / 6

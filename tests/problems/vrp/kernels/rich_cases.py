"""Small cases of every kind of rule that the kernel knows, and an obvious account of a search."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from nco.problems._routing.kernels import lists
from nco.problems.vrp.case import (
    Backhauls,
    Case,
    Depot,
    Rounding,
    Route,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.check import check
from nco.problems.vrp.kernels.plan import LEAST_MISSING, MISSING
from nco.problems.vrp.kernels.search import Search

KINDS = (
    "windows",
    "real",
    "depots",
    "tight",
    "durations",
    "overtime",
    "open",
    "matrices",
    "loads",
    "after",
    "after some",
    "prizes",
    "limits",
)


def make(kind: str, size: int = 30, seed: int = 0) -> Case:
    """A case of one kind of rules on a square of side 100."""
    random = np.random.default_rng(seed)
    opening = random.integers(0, 300, size).astype(float)
    vehicle = VehicleType(count=None, capacity=(30.0,), shift=Window(0, 480))
    stated: dict[str, Any] = {
        "depots": (Depot(Window(0, 500)),),
        "vehicles": (vehicle,),
        "delivery": random.integers(1, 10, (size, 1)).astype(float),
        "service": np.full(size, 10.0),
        "windows": tuple((Window(float(o), float(o + 90)),) for o in opening),
        "rounding": Rounding.TRUNC1,
    }
    coords = random.integers(0, 100, (size + 2, 2)).astype(float)
    two = (Depot(Window(0, 500), 5.0), Depot(Window(20, 400)))
    if kind == "real":
        stated["rounding"] = Rounding.EXACT
        stated["service"] = random.random(size) * 10
    elif kind in ("depots", "tight"):
        count = 2 if kind == "tight" else 5
        stated["depots"] = two
        stated["vehicles"] = (
            replace(vehicle, count=count, fixed=20.0, name="a"),
            replace(vehicle, count=count, fixed=20.0, name="b"),
            replace(vehicle, count=count, start=1, end=1, capacity=(45.0,), unit_distance=1.5),
            replace(vehicle, count=count, start=0, end=1, max_stops=4),
        )
        stated["allowed"] = tuple((0, 1, 3) if c % 5 == 0 else None for c in range(size))
    elif kind == "durations":
        stated["vehicles"] = (replace(vehicle, max_duration=200.0, unit_duration=0.5),)
    elif kind == "overtime":
        stated["vehicles"] = (
            replace(vehicle, max_duration=100.0, max_overtime=120.0, unit_overtime=2.0),
        )
    elif kind == "open":
        stated["vehicles"] = (replace(vehicle, end=None, unit_duration=0.1),)
    elif kind == "matrices":
        stated["distances"] = tuple(
            random.integers(5, 60, (size + 1, size + 1)).astype(float) for _ in range(2)
        )
        stated["durations"] = tuple(
            random.integers(5, 60, (size + 1, size + 1)).astype(float) for _ in range(2)
        )
        stated["vehicles"] = (vehicle, replace(vehicle, profile=1, fixed=5.0, count=3))
        coords = None
    elif kind == "loads":
        stated["delivery"] = random.integers(0, 6, (size, 2)).astype(float)
        stated["pickup"] = random.integers(0, 9, (size, 2)).astype(float)
        stated["vehicles"] = (replace(vehicle, capacity=(20.0, 25.0)),)
    elif kind.startswith("after"):
        back = np.arange(size) % 3 == 0
        stated["pickup"] = np.where(back[:, None], stated["delivery"], 0.0)
        stated["delivery"] = np.where(back[:, None], 0.0, stated["delivery"])
        stated["backhauls"] = Backhauls(kind.replace(" ", "_"))
        stated["windows"] = ((),) * size
    elif kind == "prizes":
        stated["prize"] = random.integers(5, 60, size).astype(float)
        stated["required"] = np.arange(size) % 4 == 0
    elif kind == "limits":
        stated["vehicles"] = (replace(vehicle, max_distance=150.0, max_stops=5),)
    if coords is not None:
        stated["coords"] = coords[: size + len(stated["depots"])]
    else:
        stated["metric"] = "EXPLICIT"
    return plain(size, **stated)


def plan_of(search: Search, after: np.ndarray) -> tuple[list[Route], list[int]]:
    """The routes that a list of next nodes holds in the case's numbers, and their slots."""
    routes, slots = [], []
    used = [search.fleet.vehicles(kind) for kind in range(len(search.fleet.types))]
    for slot, kind in enumerate(search.rules.kind.tolist()):
        depot = search.size + 1 + slot
        stops, here = [], int(after[depot])
        while here != depot:
            stops.append(int(search.order[here - 1]) + search.first_client)
            assert len(stops) <= search.size
            here = int(after[here])
        if stops:
            routes.append(Route(next(used[kind]), stops))
            slots.append(slot)
    return routes, slots


def recount(case: Case, search: Search) -> None:
    """Asserts that a search's sums are those of the checker, for its routes and for its best."""
    plan, rules = search.plan, search.rules
    routes, slots = plan_of(search, plan.after)
    for nodes, cost, missing in (
        (plan.after, plan.price[lists.COST], plan.tally[MISSING]),
        (plan.best, plan.price[lists.LEAST], plan.tally[LEAST_MISSING]),
    ):
        there, _ = plan_of(search, nodes)
        report = check(case, there)
        assert not report.violations, report.violations
        assert report.cost is not None
        assert missing == len(report.unassigned)
        dear = rules.prize[rules.required][0] if rules.required.any() else 0.0
        known = cost - (dear * missing if missing else 0.0)
        assert math.isclose(known, report.cost * search.scale, rel_tol=1e-9, abs_tol=1e-6)
    served = set()
    for route, slot in zip(routes, slots, strict=True):
        assert plan.stops[slot] == len(route.stops)
        served |= set(route.stops)
        walk(search, slot)
    nobody = len(plan.empty)
    for node in range(1, search.size + 1):
        place = int(search.order[node - 1]) + search.first_client
        assert (plan.route[node] == nobody + 1) == (place not in served)
    empty = [
        int(route)
        for kind, free in enumerate(plan.free)
        for route in plan.empty[rules.first[kind] : rules.first[kind] + free]
    ]
    assert sorted(empty) == [slot for slot in range(nobody) if slot not in slots]
    assert plan.tally[lists.EMPTY] == len(empty)


def walk(search: Search, slot: int) -> None:
    """Asserts a route's figures, by going along it."""
    plan, rules = search.plan, search.rules
    depot = search.size + 1 + slot
    kind = rules.kind[slot]
    way = rules.way[kind]
    nodes, here = [depot], int(plan.after[depot])
    while here != depot:
        assert plan.before[here] == nodes[-1]
        assert plan.route[here] == slot
        nodes.append(here)
        here = int(plan.after[here])
    assert plan.before[depot] == nodes[-1]
    time, length = plan.ready[depot], 0.0
    for last, here in zip(nodes, [*nodes[1:], depot], strict=True):
        leg = rules.distance[way, rules.origin[last], rules.target[here]]
        assert plan.ahead[last] == leg
        length += leg
        if here != depot:
            time += rules.duration[way, rules.origin[last], here]
            time = max(time, rules.open[here]) + rules.service[here]
            assert math.isclose(plan.ready[here], time, rel_tol=1e-12)
            assert time - rules.service[here] <= plan.late[here] + 1e-9
    assert math.isclose(plan.length[slot], length, rel_tol=1e-12)
    late = plan.late[depot]
    for here, following in zip(nodes[:0:-1], [depot, *nodes[:1:-1]], strict=True):
        ride = rules.duration[way, here, rules.target[following]]
        late = min(rules.close[here], late - ride - rules.service[here])
        assert math.isclose(plan.late[here], late, rel_tol=1e-12)
    for load in range(rules.delivery.shape[1]):
        assert plan.delivered[slot, load] == rules.delivery[nodes[1:], load].sum()
        assert plan.collected[slot, load] == rules.pickup[nodes[1:], load].sum()

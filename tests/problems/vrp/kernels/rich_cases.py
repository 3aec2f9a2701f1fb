"""Small cases of every kind of rule that the kernel knows, and an obvious account of a search."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nco.problems._routing.kernels import lists
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
    "groups",
    "several windows",
    "releases",
    "reloads",
    "shipments",
    "few shipments",
    "breaks",
    "paid breaks",
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
    elif kind in ("breaks", "paid breaks"):
        early, noon = Break(Window(60, 100), 25.0), Break(Window(180, 240), 40.0)
        stated["vehicles"] = (
            replace(vehicle, count=3, breaks=(noon,)),
            replace(vehicle, count=3, end=None, breaks=(early,), fixed=5.0),
            replace(vehicle, count=None, fixed=30.0),
        )
        if kind == "paid breaks":
            paid = {"unit_duration": 0.5, "max_duration": 220.0, "max_overtime": 60.0}
            stated["vehicles"] = tuple(
                replace(each, **paid, unit_overtime=1.0) for each in stated["vehicles"]
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
    elif kind == "groups":
        stated["groups"] = tuple(
            Group(tuple(range(first, first + 3)), required=first % 2 == 0)
            for first in range(1, size - 3, 4)
        )
        stated["prize"] = random.integers(5, 60, size).astype(float)
    elif kind == "several windows":
        stated["windows"] = tuple(
            tuple(Window(float(o), float(o + 30)) for o in sorted(random.integers(0, 400, c % 4)))
            for c in range(size)
        )
        stated["required"] = np.arange(size) % 5 > 0
        stated["prize"] = np.full(size, 15.0)
    elif kind in ("releases", "reloads"):
        stated["release"] = np.maximum(0.0, opening - random.integers(0, 200, size))
        if kind == "reloads":
            stated["depots"] = (Depot(Window(0, 500), 7.0),)
            stated["vehicles"] = (
                replace(vehicle, count=3, reloads=(0,), fixed=30.0, name="a"),
                replace(vehicle, count=2, reloads=(0,), max_trips=2, capacity=(20.0,)),
                replace(vehicle, count=1, fixed=5.0),
            )
    elif kind.endswith("shipments"):
        pairs = [Shipment(1 + c, 2 + c) for c in range(0, size - 4, 2)]
        paired = [place - 1 for pair in pairs for place in pair]
        stated["shipments"] = tuple(pairs)
        stated["pickup"] = np.zeros((size, 1))
        for pair in pairs:
            stated["pickup"][pair.pickup - 1] = stated["delivery"][pair.delivery - 1]
            stated["delivery"][pair.pickup - 1] = 0.0
        stated["windows"] = tuple(
            (Window(float(o), float(o + 250)),) for o in np.where(opening > 200, 200, opening)
        )
        if kind == "few shipments":
            stated["vehicles"] = (
                replace(vehicle, count=2, max_duration=300.0, unit_duration=0.2, max_stops=6),
            )
            stated["required"] = np.isin(np.arange(size), paired[: size // 2], invert=True)
            stated["prize"] = random.integers(5, 60, size).astype(float)
    if coords is not None:
        stated["coords"] = coords[: size + len(stated["depots"])]
    else:
        stated["metric"] = "EXPLICIT"
    return plain(size, **stated)


def recount(case: Case, search: Search) -> None:
    """Asserts that a search's sums are those of the checker, for its routes and for its best."""
    plan, rules = search.plan, search.rules
    for after, later, cost, missing in (
        (plan.after, plan.later, plan.price[lists.COST], plan.tally[MISSING]),
        (plan.best, plan.best_later, plan.price[lists.LEAST], plan.tally[LEAST_MISSING]),
    ):
        report = check(case, search.routes(after, later))
        assert not report.violations, report.violations
        assert report.cost is not None
        assert missing == len(report.unassigned)
        known = cost - search.dear * missing
        assert math.isclose(known, report.cost * search.scale, rel_tol=1e-9, abs_tol=1e-6)
    nobody, served, empty = len(plan.empty), set(), []
    for slot in range(nobody):
        served |= walk(search, slot)
        if plan.stops[slot] == 0:
            empty.append(slot)
    assert all(
        (plan.route[node] < nobody) == (node in served) for node in range(1, search.size + 1)
    )
    assert (plan.route[: search.size + 1] != nobody)[1:].all()
    alone = search.clients.groups + [[node] for node in np.flatnonzero(rules.group == 0)[1:]]
    for nodes in alone:
        left = np.count_nonzero(plan.route[nodes] == nobody + 1)
        asleep = rules.fetches[nodes].any()
        assert left == (0 if asleep or served.intersection(nodes) else 1)
    stacks = [
        int(route)
        for kind, free in enumerate(plan.free)
        for route in plan.empty[rules.first[kind] : rules.first[kind] + free]
    ]
    assert sorted(stacks) == empty
    assert plan.tally[lists.EMPTY] == len(empty)


def rest(search: Search, nodes: list[int]) -> None:
    """Asserts the times of a route whose vehicle may have a break, leg by leg, both ways."""
    plan, rules = search.plan, search.rules
    kind = rules.kind[nodes[0] - search.size - 1]
    ways = rules.duration[rules.way[kind]]
    opens, closes, lasts = rules.rest[kind]

    def drive(time: float, rested: bool, path: list[int]) -> dict[bool, float]:
        """When the last node of a path is left at the earliest, by whether the break is behind."""
        ends = {rested: time}
        for last, here in itertools.pairwise(path):
            reached: dict[bool, float] = {}
            for before, then in ends.items():
                there = then + ways[rules.origin[last], rules.target[here]]
                arrivals = {before: there}
                if not before and then <= closes:  # the break begins on the way or in waiting
                    arrivals[True] = max(there, opens) + lasts
                for state, arrival in arrivals.items():
                    if here > search.size:
                        left = arrival if arrival <= rules.until[kind] else math.inf
                        if not state and arrival > opens:  # it was needed
                            left = math.inf
                    else:
                        left = max(arrival, rules.open[here]) + rules.service[here]
                        if arrival > rules.close[here] or (not state and left > closes):
                            left = math.inf
                    reached[state] = min(reached.get(state, math.inf), left)
            ends = reached
        return ends

    depot = nodes[0]
    for count in range(2, len(nodes) + 1):
        ends = drive(plan.ready[depot], False, nodes[:count])
        assert plan.ready[nodes[count - 1]] == pytest.approx(ends[False])
        assert plan.rested[nodes[count - 1]] == pytest.approx(ends.get(True, math.inf))
        left = [*nodes[count - 1 :], depot]
        here, first = left[0], nodes[count - 1]
        for rested, latest in ((False, plan.late[here]), (True, plan.late_rested[here])):
            for begin in {latest, latest + 0.5, rules.open[here], rules.close[here]}:
                fits = rules.open[here] <= begin <= rules.close[here]
                served = begin + rules.service[here]
                fits = fits and (rested or served <= closes)
                fits = fits and min(drive(served, rested, left).values()) < math.inf
                assert fits == (rules.open[here] <= begin <= latest + 1e-9), (begin, latest)
        assert first == here
    assert min(drive(plan.ready[depot], False, [*nodes, depot]).values()) < math.inf


def walk(search: Search, slot: int) -> set[int]:
    """Asserts a route's figures, by going along it; its clients."""
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
    assert plan.stops[slot] == len(nodes) - 1
    if len(nodes) == 1:
        return set()
    time, length = plan.ready[depot], 0.0
    if rules.resting:
        rest(search, nodes)
    for last, here in zip(nodes, [*nodes[1:], depot], strict=True):
        leg = rules.distance[way, rules.origin[last], rules.target[here]]
        assert plan.ahead[last] == leg
        length += leg
        if here != depot and not rules.resting:
            time += rules.duration[way, rules.origin[last], here]
            time = max(time, rules.open[here]) + rules.service[here]
            assert math.isclose(plan.ready[here], time, rel_tol=1e-12)
            assert time - rules.service[here] <= plan.late[here] + 1e-9
    assert math.isclose(plan.length[slot], length, rel_tol=1e-12)
    late = plan.late[depot]
    for here, following in (
        () if rules.resting else zip(nodes[:0:-1], [depot, *nodes[:1:-1]], strict=True)
    ):
        ride = rules.duration[way, here, rules.target[following]]
        late = min(rules.close[here], late - ride - rules.service[here])
        assert math.isclose(plan.late[here], late, rel_tol=1e-12)
    for load in range(rules.delivery.shape[1]):
        assert plan.delivered[slot, load] == rules.delivery[nodes[1:], load].sum()
        assert plan.collected[slot, load] == rules.pickup[nodes[1:], load].sum()
    return set(nodes[1:])

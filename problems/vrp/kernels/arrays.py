"""From a case to the arrays of the kernel."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from nco.problems._common.decimals import exact
from nco.problems._routing import integers, ordering
from nco.problems._routing.kernels import lists
from nco.problems.vrp.case import ALWAYS, Backhauls, Case, VehicleType
from nco.problems.vrp.kernels.breaks import CHOICES
from nco.problems.vrp.kernels.plan import Plan, Rules
from nco.problems.vrp.ways import ways

DECIMALS = 6  # up to which times and distances are made whole
LARGEST = 2.0**40  # of whole times and distances


class Kinds(NamedTuple):
    """Equal vehicles as one kind.

    Attributes:
        types: the vehicle types of each kind, by their positions in the case.
        counts: how many vehicles of each type, in the same order.
    """

    types: list[list[int]]
    counts: list[list[int]]

    @property
    def sizes(self) -> list[int]:
        """Vehicles of each kind."""
        return [sum(counts) for counts in self.counts]

    def vehicles(self, kind: int) -> Iterator[int]:
        """The type of each vehicle of a kind, one by one."""
        for position, count in zip(self.types[kind], self.counts[kind], strict=True):
            yield from itertools.repeat(position, count)


def kinds(case: Case) -> Kinds:
    """Vehicle types that differ in nothing but their names and numbers are one kind."""
    found: dict[tuple[VehicleType, tuple[bool, ...]], int] = {}
    types: list[list[int]] = []
    counts: list[list[int]] = []
    masks = _allowed(case)
    for position, vehicle in enumerate(case.vehicles):
        alike = replace(vehicle, count=1, name=""), tuple(masks[position].tolist())
        kind = found.setdefault(alike, len(types))
        if kind == len(types):
            types.append([])
            counts.append([])
        count = case.size if vehicle.count is None else min(vehicle.count, case.size)
        types[kind].append(position)
        counts[kind].append(count)
    return Kinds(types, counts)


def _allowed(case: Case) -> np.ndarray:
    """Which type may serve which client, bool [types, n]."""
    table = np.ones((len(case.vehicles), case.size), dtype=bool)
    for client, allowed in enumerate(case.allowed):
        if allowed is not None:
            table[:, client] = False
            table[list(allowed), client] = True
    return table


class Clients(NamedTuple):
    """The clients as the kernel numbers them, from 1: one with several windows is as many.

    Attributes:
        rows: int64 [n], the row of each in the case.
        windows: float64 [n, 2].
        groups: of these numbers, of which one is served.
        needed: of each group whether one must be; worth: the sum of all prizes of its clients, each
            counted once, and what is left of it when one is served: a number for each member.
    """

    rows: np.ndarray
    windows: np.ndarray
    groups: list[list[int]]
    needed: list[bool]
    worth: list[tuple[float, list[float]]]


def clients(case: Case) -> Clients:
    """Clients along a curve where there are coordinates, so that the processor's cache helps."""
    rows: list[int] = []
    windows: list[tuple[float, float]] = []
    copies: dict[int, list[int]] = {}
    for row in _order(case).tolist():
        for window in case.windows[row] or (ALWAYS,):
            rows.append(row)
            windows.append((window.open, window.close))
            copies.setdefault(row, []).append(len(rows))
    groups, needed, worth, grouped = [], [], [], set()
    for group in case.groups:
        own = [case.client(place) for place in group.clients]
        whole = float(case.prize[own].sum())
        groups.append([node for row in own for node in copies[row]])
        needed.append(group.required)
        left = [whole - float(case.prize[row]) for row in own for _ in copies[row]]
        worth.append((whole, left))
        grouped |= set(own)
    for row, nodes in copies.items():
        if len(nodes) > 1 and row not in grouped:
            groups.append(nodes)
            needed.append(bool(case.required[row]))
            whole = 0.0 if needed[-1] else float(case.prize[row])
            worth.append((whole, [0.0] * len(nodes)))
    return Clients(np.array(rows), np.array(windows).reshape(-1, 2), groups, needed, worth)


def prepare(case: Case, fleet: Kinds, who: Clients) -> tuple[Rules, float]:
    """The rules, and the unit of time.

    Times, distances and their limits are multiplied by that unit so that they are whole, where
    they are decimals of few digits: sums are then exact.
    """
    order, size, places = who.rows, len(who.rows), len(case.depots)
    rows = np.concatenate([order + places, np.arange(places)])
    pairs = [_ways_of(case, types[0]) for types in fleet.types]
    distinct = list(dict.fromkeys(pair[0] for pair in pairs))
    tables = {key: ways(case, vehicle) for key, vehicle in pairs}
    unit = _unit(case, [table for key in distinct for table in tables[key]])
    distance = _matrices([tables[key].distance for key in distinct], rows, unit)
    duration = distance  # where they are the same, one memory is read sooner than two
    if any(tables[key].duration is not tables[key].distance for key in distinct):
        duration = _matrices([tables[key].duration for key in distinct], rows, unit)
    vehicles = [case.vehicles[types[0]] for types in fleet.types]
    trips = [min(v.max_trips or size, size) if v.reloads else 1 for v in vehicles]
    sizes = [
        min(most * count, max(size, count)) for most, count in zip(trips, fleet.sizes, strict=True)
    ]
    kind = np.repeat(np.arange(len(sizes)), sizes)
    first = np.concatenate([[0], np.cumsum(sizes)])
    ends = [0 if v.end is None else size + 1 + v.end for v in vehicles]
    nodes = np.arange(size + 1)
    origin = np.concatenate([nodes, np.array([size + 1 + v.start for v in vehicles])[kind]])
    target = np.concatenate([nodes, np.array(ends)[kind]])
    leaves = np.array([_departure(case, v) for v in vehicles])
    opens = np.concatenate([[0.0], who.windows[:, 0], leaves[kind, 0]])
    closes = np.concatenate([[0.0], who.windows[:, 1], leaves[kind, 1]])
    loading = np.array([case.depots[v.start].service for v in vehicles])
    service = np.concatenate([[0.0], case.service[order], loading[kind]])
    delivery, pickup, capacity = _loads(case, order, vehicles)
    allowed = np.zeros((len(vehicles), size + 1), dtype=bool)
    allowed[:, 1:] = _allowed(case)[[types[0] for types in fleet.types]][:, order]
    brings, fetches = _shipments(case, order, delivery, pickup, allowed)

    def of(values: Sequence[float]) -> np.ndarray:
        return np.array(values, dtype=np.float64)

    longest = of([v.max_duration + v.max_overtime for v in vehicles])
    unit_duration = of([v.unit_duration for v in vehicles])
    unit_overtime = of([v.unit_overtime for v in vehicles])
    priced = bool(unit_duration.any() or unit_overtime.any())
    chained = max(trips, default=1) > 1
    waits = bool(case.release.any() or chained)
    rules = Rules(
        symmetric=bool((distance == distance.transpose(0, 2, 1)).all()),
        many=len(distinct) > 1,
        timed=bool((longest < math.inf).any()) or priced or waits,
        priced=priced,
        mixed=bool(pickup.any()),
        paired=bool(case.shipments),
        chained=chained,
        resting=any(v.breaks for v in vehicles),
        after=case.backhauls is not Backhauls.MIXED,
        some=case.backhauls is Backhauls.AFTER_SOME,
        distance=distance,
        duration=duration,
        origin=origin.astype(np.uint32),
        target=target.astype(np.uint32),
        open=_whole(opens, unit),
        close=_whole(closes, unit),
        service=_whole(service, unit),
        release=_whole(np.concatenate([[0.0], case.release[order]]), unit),
        delivery=delivery,
        pickup=pickup,
        **_prices(case, who, brings, unit),
        brings=brings,
        fetches=fetches,
        allowed=allowed,
        alone=np.full((len(vehicles), size + 1), np.inf),
        way=np.array([distinct.index(pair[0]) for pair in pairs], dtype=np.int64),
        capacity=capacity,
        fixed=of([v.fixed for v in vehicles]) * unit,
        unit=of([v.unit_distance for v in vehicles]),
        unit_duration=unit_duration,
        unit_overtime=unit_overtime,
        regular=_whole(of([v.max_duration for v in vehicles]), unit),
        longest=_whole(longest, unit),
        furthest=_whole(of([v.max_distance for v in vehicles]), unit),
        stops=np.array(
            [size if v.max_stops is None else v.max_stops for v in vehicles], dtype=np.int64
        ),
        until=_whole(of([_arrival(case, v)[1] for v in vehicles]), unit),
        rest=np.array([_rest(v, unit) for v in vehicles]),
        first=first.astype(np.int64),
        vehicles=np.array(fleet.sizes, dtype=np.int64),
        trips=np.array(trips, dtype=np.int64),
        kind=kind.astype(np.int64),
    )
    return rules, unit


def _rest(vehicle: VehicleType, unit: float) -> np.ndarray:
    """Beginning and duration of the one break, float64 [3]; without one it begins never."""
    if not vehicle.breaks:
        return np.array([math.inf, math.inf, 0.0])
    (rest,) = vehicle.breaks
    return _whole(np.array([*rest.window, rest.duration]), unit)


def _matrices(tables: list[np.ndarray], rows: np.ndarray, unit: float) -> np.ndarray:
    """Tables between places in the kernel's order, float64 [W, S, S]; nowhere is at no distance."""
    placed = np.zeros((len(tables), len(rows) + 1, len(rows) + 1))
    for way, table in enumerate(tables):
        placed[way, 1:, 1:] = _whole(table[np.ix_(rows, rows)], unit)
    return placed


def _prices(case: Case, who: Clients, brings: np.ndarray, unit: float) -> dict[str, np.ndarray]:
    """What serving clients and leaving them out costs; required ones are counted, not priced."""
    size = len(who.rows)
    needed = np.append(0, case.required[who.rows]).astype(np.int64)
    prize = np.append(0.0, case.prize[who.rows] * ~case.required[who.rows])
    extra = np.zeros(size + 1)
    group = np.zeros(size + 1, dtype=np.int64)
    for number, nodes in enumerate(who.groups):
        whole, left = who.worth[number]
        group[nodes] = number + 1
        needed[nodes] = who.needed[number]
        prize[nodes] = whole
        extra[nodes] = left
    pickups = np.flatnonzero(brings)
    for values in (needed, prize):
        values[pickups] += values[brings[pickups]]
        values[brings[pickups]] = 0
    members = [node for nodes in who.groups for node in nodes]
    begins = np.cumsum([0, 0, *map(len, who.groups)])
    return {
        "needed": needed,
        "prize": prize * unit,
        "extra": extra * unit,
        "group": group,
        "members": np.array(members, dtype=np.uint32),
        "begins": begins.astype(np.int64),
    }


def _shipments(
    case: Case,
    order: np.ndarray,
    delivery: np.ndarray,
    pickup: np.ndarray,
    allowed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Partners; what a shipment's delivery unloads becomes a negative pickup there."""
    node = np.zeros(case.size, dtype=np.uint32)
    node[order] = np.arange(1, len(order) + 1)
    brings, fetches = np.zeros((2, len(order) + 1), dtype=np.uint32)
    for pair in case.shipments:
        start, end = node[case.client(pair.pickup)], node[case.client(pair.delivery)]
        brings[start], fetches[end] = end, start
        delivery[start] = delivery[end] = 0.0
        pickup[end] = -pickup[start]
        allowed[:, start] &= allowed[:, end]
    return brings, fetches


def _ways_of(case: Case, vehicle: int) -> tuple[tuple[int, float], int]:
    """What distinguishes the ways of a vehicle type, and the type."""
    kind = case.vehicles[vehicle]
    return (kind.profile, 1.0 if case.durations else kind.speed), vehicle


def _order(case: Case) -> np.ndarray:
    """Clients along a curve where there are coordinates, so that the processor's cache helps."""
    if case.coords is None:
        return np.arange(case.size)
    curve = np.array(ordering.along_curve(case.coords), dtype=np.int64) - len(case.depots)
    return curve[curve >= 0]


def _departure(case: Case, vehicle: VehicleType) -> tuple[float, float]:
    window = case.depots[vehicle.start].window
    return max(window.open, vehicle.shift.open), min(window.close, vehicle.shift.close)


def _arrival(case: Case, vehicle: VehicleType) -> tuple[float, float]:
    if vehicle.end is None:
        return vehicle.shift.open, vehicle.shift.close
    window = case.depots[vehicle.end].window
    return max(window.open, vehicle.shift.open), min(window.close, vehicle.shift.close)


def _unit(case: Case, tables: list[np.ndarray]) -> float:
    """The least power of ten that makes all times and distances whole; 1 where none does."""
    numbers = [table.ravel() for table in tables]
    numbers += [case.service, case.release, case.prize]
    listed = [end for windows in case.windows for window in windows for end in window]
    listed += [end for depot in case.depots for end in (*depot.window, depot.service)]
    for v in case.vehicles:
        listed += [*v.shift, v.max_duration, v.max_overtime, v.max_distance]
        listed += [value for rest in v.breaks for value in (*rest.window, rest.duration)]
    numbers.append(np.array(listed))
    for digits in range(DECIMALS + 1):
        unit = 10.0**digits
        if all(_is_whole(values, unit) for values in numbers):
            return unit
    return 1.0


def _is_whole(values: np.ndarray, unit: float) -> bool:
    scaled = values[np.isfinite(values)] * unit
    if scaled.size and np.abs(scaled).max() > LARGEST:
        return False
    return bool((np.abs(scaled - np.rint(scaled)) <= 1e-6).all())


def _whole(values: np.ndarray, unit: float) -> np.ndarray:
    """Values in the unit; whole where they are but for rounding."""
    scaled = np.asarray(values, dtype=np.float64) * unit
    nearest = np.where(np.isfinite(scaled), np.rint(scaled), 0.0)
    return np.where(np.abs(scaled - nearest) <= 1e-6, nearest, scaled) if unit > 1 else scaled


def _loads(
    case: Case, order: np.ndarray, vehicles: list[VehicleType]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole deliveries and pickups [n+1, K], and capacities [T, K]."""
    dimensions = case.delivery.shape[1]
    delivery, pickup = np.zeros((2, len(order) + 1, dimensions))
    capacity = np.full((len(vehicles), dimensions), np.inf)
    for load in range(dimensions):
        stated = [v.capacity[load] if v.capacity else math.inf for v in vehicles]
        both = np.concatenate([case.delivery[order, load], case.pickup[order, load]])
        demands = [exact(value) for value in both.tolist()]
        most = sum(demands, Fraction(0))
        limits = [most if math.isinf(value) else min(exact(value), most) for value in stated]
        whole = integers.loads(demands or [Fraction(0)], [max(limits), *limits])
        values = np.array(whole.demands, dtype=np.float64)
        delivery[1:, load], pickup[1:, load] = values[: len(order)], values[len(order) :]
        capacity[:, load] = whole.capacities[1:]
    return delivery, pickup, capacity


def empty_plan(case: Case, fleet: Kinds, rules: Rules, unit: float, opened: int) -> Plan:
    """Empty routes, of which a step may open so many; all clients wait."""
    size, loads = len(rules.needed) - 1, rules.delivery.shape[1]
    routes = len(rules.kind)
    nodes = size + 1 + routes
    itself = np.arange(nodes, dtype=np.uint32)
    ends = np.array([_arrival(case, case.vehicles[types[0]]) for types in fleet.types])
    ends = _whole(ends, unit)[rules.kind]
    tally = np.zeros(8, dtype=np.int64)
    tally[lists.EMPTY], tally[lists.BLINK] = routes, 1
    stacks = [
        np.arange(end - 1, start - 1, -1) for start, end in itertools.pairwise(rules.first.tolist())
    ]
    loaded = [np.zeros((nodes, loads)) for _ in range(4)]
    none = np.zeros(size + 1)
    nobody = np.full(routes, routes, dtype=np.uint32)
    return Plan(
        after=itself,
        before=itself.copy(),
        route=np.append(np.full(size + 1, routes), np.arange(routes)).astype(np.uint32),
        ahead=np.zeros(nodes),
        ready=rules.open + rules.service,
        rested=_departed_later(rules),
        lasted=rules.service.copy(),
        latest=rules.close.copy(),
        late=np.append(none, _ends_before_break(ends, rules.rest[rules.kind, 0])),
        late_rested=np.append(none, ends[:, 1]),
        lasts=np.zeros(nodes),
        soonest=np.append(none, ends[:, 0]),
        choices=np.zeros((CHOICES, 3)),
        picked=loaded[0],
        full=loaded[1],
        given=loaded[2],
        filled=loaded[3],
        stops=np.zeros(routes, dtype=np.int64),
        length=np.zeros(routes),
        period=np.zeros(routes),
        cost=np.zeros(routes),
        delivered=np.zeros((routes, loads)),
        collected=np.zeros((routes, loads)),
        aboard=np.zeros(nodes, dtype=np.int64),
        goods=np.zeros(routes),
        leaves=np.zeros(routes),
        soon=np.zeros(routes),
        by=np.zeros(routes),
        ends=np.zeros(routes),
        earlier=nobody,
        later=nobody.copy(),
        used=np.zeros(len(rules.way), dtype=np.int64),
        opened=np.zeros((opened + 1, 2), dtype=np.int64),
        best_later=nobody.copy(),
        empty=np.concatenate(stacks).astype(np.uint32),
        free=np.diff(rules.first).astype(np.int64),
        price=np.array([0.0, 0.0, 0.0, 1.0]),
        tally=tally,
        best=itself.copy(),
        changed=np.zeros(nodes, dtype=np.uint32),
        marked=np.zeros(nodes, dtype=np.bool_),
    )


def _ends_before_break(ends: np.ndarray, opens: np.ndarray) -> np.ndarray:
    """When routes must be over that hold no break, float64 [R]; -infinity where none can be.

    Args:
        ends: float64 [R, 2], when they may be over; opens: when their breaks may begin.
    """
    return np.where(ends[:, 0] <= opens, np.minimum(ends[:, 1], opens), -np.inf)


def _departed_later(rules: Rules) -> np.ndarray:
    """When a route that departs after its break's window is on its way, float64 [N]."""
    size, closes = len(rules.needed), rules.rest[rules.kind, 1]
    departure = np.maximum(rules.open[size:], closes)
    departure = np.where(departure <= rules.close[size:], departure, np.inf)
    return np.append(np.full(size, np.inf), departure + rules.service[size:])

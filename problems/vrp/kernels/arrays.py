"""From a case to the arrays of the kernel."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from nco.problems._common.decimals import exact
from nco.problems._routing import integers, tsplib
from nco.problems._routing.kernels import lists
from nco.problems.vrp.case import Backhauls, Case, VehicleType
from nco.problems.vrp.kernels.plan import Plan, Rules
from nco.problems.vrp.ways import ways

DECIMALS = 6  # up to which times and distances are made whole
LARGEST = 2.0**40  # of whole times and distances
LEFT_OUT = 4.0  # what a required client costs that is left out, beside its dearest route alone


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


def prepare(case: Case, fleet: Kinds) -> tuple[Rules, np.ndarray, float]:
    """The rules; the clients in the order of their nodes, int64 [n], and the unit of time.

    Times, distances and their limits are multiplied by that unit so that they are whole, where
    they are decimals of few digits: sums are then exact.
    """
    size, places = case.size, len(case.depots)
    order = _order(case)
    rows = np.concatenate([order + places, np.arange(places)])
    pairs = [_ways_of(case, types[0]) for types in fleet.types]
    distinct = list(dict.fromkeys(pair[0] for pair in pairs))
    tables = {key: ways(case, vehicle) for key, vehicle in pairs}
    unit = _unit(case, [table for key in distinct for table in tables[key]])
    shape = len(distinct), size + places + 1, size + places + 1
    distance, duration = np.zeros(shape), np.zeros(shape)
    for way, key in enumerate(distinct):
        distance[way, 1:, 1:] = tables[key].distance[np.ix_(rows, rows)]
        duration[way, 1:, 1:] = tables[key].duration[np.ix_(rows, rows)]
    distance, duration = _whole(distance, unit), _whole(duration, unit)
    vehicles = [case.vehicles[types[0]] for types in fleet.types]
    sizes = fleet.sizes
    kind = np.repeat(np.arange(len(sizes)), sizes)
    first = np.concatenate([[0], np.cumsum(sizes)])
    ends = [0 if v.end is None else size + 1 + v.end for v in vehicles]
    clients = np.arange(size + 1)
    origin = np.concatenate([clients, np.array([size + 1 + v.start for v in vehicles])[kind]])
    target = np.concatenate([clients, np.array(ends)[kind]])
    windows = np.array([case.windows[c][0] if case.windows[c] else (0.0, math.inf) for c in order])
    leaves = np.array([_departure(case, v) for v in vehicles])
    opens = np.concatenate([[0.0], windows.reshape(-1, 2)[:, 0], leaves[kind, 0]])
    closes = np.concatenate([[0.0], windows.reshape(-1, 2)[:, 1], leaves[kind, 1]])
    loading = np.array([case.depots[v.start].service for v in vehicles])
    service = np.concatenate([[0.0], case.service[order], loading[kind]])
    release = np.concatenate([[0.0], case.release[order]])
    delivery, pickup, capacity = _loads(case, order, vehicles)
    required = np.concatenate([[False], case.required[order]])
    allowed = np.zeros((len(vehicles), size + 1), dtype=bool)
    allowed[:, 1:] = _allowed(case)[[types[0] for types in fleet.types]][:, order]

    def of(values: Sequence[float]) -> np.ndarray:
        return np.array(values, dtype=np.float64)

    longest = of([v.max_duration + v.max_overtime for v in vehicles])
    unit_duration = of([v.unit_duration for v in vehicles])
    unit_overtime = of([v.unit_overtime for v in vehicles])
    rules = Rules(
        symmetric=bool((distance == distance.transpose(0, 2, 1)).all()),
        many=len(distinct) > 1,
        timed=bool((longest < math.inf).any() or unit_duration.any() or unit_overtime.any()),
        mixed=bool(pickup.any()),
        after=case.backhauls is not Backhauls.MIXED,
        some=case.backhauls is Backhauls.AFTER_SOME,
        distance=distance,
        duration=duration,
        origin=origin.astype(np.uint32),
        target=target.astype(np.uint32),
        open=_whole(opens, unit),
        close=_whole(closes, unit),
        service=_whole(service, unit),
        release=_whole(release, unit),
        delivery=delivery,
        pickup=pickup,
        required=required,
        prize=np.concatenate([[0.0], case.prize[order]]) * unit,
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
        stops=np.array([v.max_stops or size for v in vehicles], dtype=np.int64),
        first=first.astype(np.int64),
        kind=kind.astype(np.int64),
    )
    return rules, order, unit


def _ways_of(case: Case, vehicle: int) -> tuple[tuple[int, float], int]:
    """What distinguishes the ways of a vehicle type, and the type."""
    kind = case.vehicles[vehicle]
    return (kind.profile, 1.0 if case.durations else kind.speed), vehicle


def _order(case: Case) -> np.ndarray:
    """Clients along a curve where there are coordinates, so that the processor's cache helps."""
    if case.coords is None:
        return np.arange(case.size)
    curve = np.array(tsplib.along_curve(case.coords), dtype=np.int64) - len(case.depots)
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
    delivery, pickup = np.zeros((2, case.size + 1, dimensions))
    capacity = np.full((len(vehicles), dimensions), np.inf)
    for load in range(dimensions):
        stated = [v.capacity[load] if v.capacity else math.inf for v in vehicles]
        both = np.concatenate([case.delivery[order, load], case.pickup[order, load]])
        demands = [exact(value) for value in both.tolist()]
        most = sum(demands, Fraction(0))
        limits = [most if math.isinf(value) else min(exact(value), most) for value in stated]
        whole = integers.loads(demands or [Fraction(0)], [max(limits), *limits])
        values = np.array(whole.demands, dtype=np.float64)
        delivery[1:, load], pickup[1:, load] = values[: case.size], values[case.size :]
        capacity[:, load] = whole.capacities[1:]
    return delivery, pickup, capacity


def empty_plan(case: Case, fleet: Kinds, rules: Rules, unit: float) -> Plan:
    """Empty routes; all clients wait."""
    size, loads = len(rules.delivery) - 1, rules.delivery.shape[1]
    routes = len(rules.kind)
    nodes = size + 1 + routes
    itself = np.arange(nodes, dtype=np.uint32)
    ends = np.array([_arrival(case, case.vehicles[types[0]]) for types in fleet.types])
    ends = _whole(ends, unit)[rules.kind]
    tally = np.zeros(7, dtype=np.int64)
    tally[lists.EMPTY], tally[lists.BLINK] = routes, 1
    stacks = [
        np.arange(end - 1, start - 1, -1) for start, end in itertools.pairwise(rules.first.tolist())
    ]
    loaded = [np.zeros((nodes, loads)) for _ in range(4)]
    clients = np.zeros(size + 1)
    return Plan(
        after=itself,
        before=itself.copy(),
        route=np.append(np.full(size + 1, routes), np.arange(routes)).astype(np.uint32),
        ahead=np.zeros(nodes),
        ready=rules.open + rules.service,
        lasted=rules.service.copy(),
        latest=rules.close.copy(),
        late=np.append(clients, ends[:, 1]),
        lasts=np.zeros(nodes),
        soonest=np.append(clients, ends[:, 0]),
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
        empty=np.concatenate(stacks).astype(np.uint32),
        free=np.diff(rules.first),
        price=np.zeros(3),
        tally=tally,
        best=itself.copy(),
        changed=np.zeros(nodes, dtype=np.uint32),
        marked=np.zeros(nodes, dtype=np.bool_),
    )

"""A rich routing case in whole numbers, for PyVRP and OR-Tools: what fits by them fits in truth.

Distances, times and costs have a factor each. Where the case's decimals are few, all of them are
whole after it and costs come back exactly; elsewhere the longest has `DIGITS` digits, and times
and limits are rounded to the safe side.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from nco.problems._common.decimals import exact
from nco.problems._routing import integers
from nco.problems.vrp.case import Case, Rounding, VehicleType, Window
from nco.problems.vrp.ways import ways

DECIMALS = 4  # of times and distances up to which they become whole exactly
LARGEST = 2**63 - 1  # what stands for no limit
LEEWAY = 1e-6  # of a whole number: what products of decimals may be off
MOST_EXACT = 10**4  # the factor of unit costs up to which they are exact
MOMENT = 2  # whole numbers that a window gets which holds none
UNIT_DIGITS = 10**3  # what the largest unit cost becomes elsewhere
FACTORS = {Rounding.ROUND: 1.0, Rounding.TRUNC1: 10.0, Rounding.ROUND3: 1000.0}


@dataclass(frozen=True, eq=False)
class Whole:
    """The numbers of a case times its factors.

    Attributes:
        case: what they are of.
        distance, time: the factors of ways and of times.
    """

    case: Case
    distance: float
    time: float

    @cached_property
    def _ways(self) -> dict[tuple[int, float], tuple[np.ndarray, np.ndarray]]:
        """Whole distances and durations by profile and speed, int64 ``[D+n, D+n]``."""
        tables = {}
        for number, kind in enumerate(self.case.vehicles):
            if (kind.profile, kind.speed) not in tables:
                way = ways(self.case, number)
                distance = np.rint(way.distance * self.distance).astype(np.int64)
                duration = up(way.duration * self.time)
                tables[kind.profile, kind.speed] = distance, duration
        return tables

    def ways(self, kind: VehicleType) -> tuple[np.ndarray, np.ndarray]:
        """Whole distances, and durations rounded up, of a type; not to be written to."""
        return self._ways[kind.profile, kind.speed]

    @cached_property
    def longest(self) -> int:
        """The longest way, at least 1."""
        return max(1, *(int(distance.max()) for distance, _ in self._ways.values()))

    @cached_property
    def slowest(self) -> int:
        """The longest time that a way takes."""
        return max(int(duration.max()) for _, duration in self._ways.values())

    @cached_property
    def rate(self) -> int:
        """What a whole unit of distance costs where it costs one in the case."""
        costs: list[Fraction] = [
            exact(value)
            for kind in self.case.vehicles
            for value in (
                kind.unit_distance,
                kind.unit_duration * self.distance / self.time,
                kind.unit_overtime * self.distance / self.time,
            )
        ]
        factor = math.lcm(*(cost.denominator for cost in costs))
        if factor * max(Fraction(1), *costs) <= MOST_EXACT:
            return factor
        return max(1, math.floor(UNIT_DIGITS / max(max(costs), Fraction(1, 10**6))))

    def unit_distance(self, kind: VehicleType) -> int:
        """Costs of a whole unit of distance."""
        return round(kind.unit_distance * self.rate)

    def per_time(self, cost: float) -> int:
        """Costs of a whole unit of time, where one of the case costs `cost`."""
        return round(cost * self.rate * self.distance / self.time)

    def cost(self, value: float) -> int:
        """A fixed cost or a prize."""
        return round(min(value * self.distance * self.rate, float(2**50)))

    def earliest(self, value: float) -> int:
        """A time, rounded up."""
        return int(up(np.array(value * self.time)))

    def latest(self, value: float) -> int:
        """A time or a duration that must not be exceeded, rounded down."""
        return down(value * self.time)

    def span(self, window: Window) -> tuple[int, int]:
        """A window from rounded up to rounded down; what falls between two numbers gets `MOMENT`.

        A vehicle that is on its way begins at a moment, which is seldom whole. Ways to it are
        rounded up too, so that a model of it needs the room; checkers count with the true time.
        """
        low, high = self.earliest(window.open), self.latest(window.close)
        return (low, high) if low <= high else (low, low + MOMENT)

    def within(self, value: float) -> int:
        """A distance that must not be exceeded, rounded down."""
        return down(value * self.distance)

    @cached_property
    def loads(self) -> "Loads":
        """Whole deliveries, pickups and capacities."""
        return loads(self.case)


@dataclass(frozen=True)
class Loads:
    """Whole loads, each dimension in a unit of its own.

    Attributes:
        delivery, pickup: for each client K numbers.
        capacity: for each vehicle type K numbers, all of the load where there is no limit.
    """

    delivery: list[list[int]]
    pickup: list[list[int]]
    capacity: list[list[int]]


def whole(case: Case) -> Whole:
    """The whole numbers of a case."""
    distance = _distance_factor(case)
    return Whole(case, distance, _time_factor(case, distance))


def up(values: np.ndarray) -> np.ndarray:
    """Whole numbers that are not less, int64; a millionth above one counts as that one."""
    return np.ceil(np.minimum(values, float(2**61)) - LEEWAY).astype(np.int64)


def down(value: float) -> int:
    """The whole number below; `LARGEST` where there is no limit."""
    return math.floor(value + LEEWAY) if value < 2.0**62 else LARGEST


def loads(case: Case) -> Loads:
    """Whole loads of a case: what fits by them fits in truth.

    Of a shipment only what it moves from the one to the other counts.
    """
    given, taken = np.array(case.delivery), np.array(case.pickup)
    for pair in case.shipments:
        given[case.client(pair.pickup)] = taken[case.client(pair.delivery)] = 0
    delivery: list[list[int]] = [[] for _ in given]
    pickup: list[list[int]] = [[] for _ in given]
    capacity: list[list[int]] = [[] for _ in case.vehicles]
    for column in range(given.shape[1] if given.ndim > 1 else 0):
        amounts = [exact(v) for v in [*given[:, column].tolist(), *taken[:, column].tolist()]]
        total = sum(amounts, Fraction(0))
        limits = [
            min(exact(kind.capacity[column]), total)
            if kind.capacity and math.isfinite(kind.capacity[column])
            else total
            for kind in case.vehicles
        ]
        numbers = integers.loads(amounts, limits)
        for client in range(case.size):
            delivery[client].append(numbers.demands[client])
            pickup[client].append(numbers.demands[case.size + client])
        for kind_number, limit in enumerate(limits):
            # what is rounded up may come to more than the total that stands for no limit
            free = limit >= total
            most = sum(numbers.demands) if free else numbers.capacities[kind_number]
            capacity[kind_number].append(most)
    return Loads(delivery, pickup, capacity)


def _distance_factor(case: Case) -> float:
    """The factor of ways."""
    if not case.distances:
        if case.rounding in FACTORS:
            return FACTORS[case.rounding]
        if case.metric not in ("EUCLIDEAN", "HAVERSINE"):
            return 1.0
        assert case.coords is not None
        span = np.ptp(case.coords, axis=0).tolist()
        return integers.power_of_ten(
            integers.HALF_EARTH / 10 if case.metric == "HAVERSINE" else math.hypot(*span)
        )
    return _decimal([table.ravel() for table in case.distances])


def _time_factor(case: Case, distance: float) -> float:
    """The factor of times."""
    stated = [np.asarray(case.service), np.asarray(case.release)]
    stated.append(np.array([end for each in case.windows for window in each for end in window]))
    limits = [x for k in case.vehicles for x in (k.max_duration, k.max_overtime, *k.shift)]
    limits += [x for depot in case.depots for x in (*depot.window, depot.service)]
    limits += [x for k in case.vehicles for b in k.breaks for x in (*b.window, b.duration)]
    stated.append(np.array(limits, dtype=np.float64))
    if case.durations:
        return _decimal([*(table.ravel() for table in case.durations), *stated])
    own = distance
    if case.rounding is Rounding.EXACT and any(kind.speed != 1.0 for kind in case.vehicles):
        slowest = min(kind.speed for kind in case.vehicles)
        own = distance * 10.0 ** round(math.log10(slowest))
    # times that are stated must not become coarser than they are
    factor = _decimal(stated)
    return max(own, factor) if factor <= 10.0**DECIMALS else own


def _decimal(arrays: Iterable[np.ndarray]) -> float:
    """The power of ten after which numbers are whole, or the longest has `DIGITS` digits."""
    values = np.concatenate([np.asarray(each, dtype=np.float64).ravel() for each in arrays])
    values = values[np.isfinite(values)]
    if not len(values):
        return 1.0
    for power in range(DECIMALS + 1):
        scaled = values * 10.0**power
        if (np.abs(scaled - np.rint(scaled)) <= LEEWAY).all():
            return 10.0**power
    return integers.power_of_ten(float(np.abs(values).max()))

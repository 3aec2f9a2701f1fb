"""The checker's own numbers: decimals as they are written, and distances one pair at a time.

A number is an int or a fraction where it is known exactly, and a float only where it is a real one:
straight lines that no rule rounds, great circles. Nothing of `ways` is used.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from nco.problems._common.decimals import exact, rational
from nco.problems._routing import checking
from nco.problems.vrp.case import Case, Rounding

Number = int | float | Fraction

TOLERANCE = 1e-9  # relative, of real numbers; all others are compared exactly
LARGEST = 10**9  # units in one, up to which numbers are counted in whole units
MOST = 10**6  # numbers of a matrix that are looked at for that
DECIMALS = {Rounding.ROUND: 1, Rounding.ROUND3: 1000, Rounding.TRUNC1: 10}  # units in one


def number(value: float) -> Number:
    """The decimal that a float64 stands for; infinity stays what it is."""
    return rational(value) if math.isfinite(value) else float(value)


def exceeds(value: Number, limit: Number) -> bool:
    """Whether a number is above a limit; a real one by more than the tolerance."""
    if isinstance(value, float) and math.isfinite(value) and math.isfinite(limit):
        return value > limit + TOLERANCE * max(1.0, abs(float(limit)))
    return value > limit


def total(values: Iterable[Number]) -> Number:
    """The sum: exact, or that of floats without loss on the way."""
    listed = list(values)
    if any(isinstance(value, float) for value in listed):
        return math.fsum(listed)
    return sum(listed)


def plain(value: Number) -> float | int:
    """An int where the number is known to be whole, and the nearest float elsewhere."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


class Measure:
    """Distances and travel times of a case, each computed when it is first asked for.

    Attributes:
        units: in which both are counted, so many in one: where all numbers are decimals, enough to
            make them whole, as sums of ints are faster than those of fractions.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.units = _units(case)
        self._points: dict[int, tuple[Number, Number]] = {}
        self._known: dict[tuple[int, int, int], Number] = {}

    def count(self, value: float) -> Number:
        """A distance or a time of the case in `units`."""
        return self.counted(number(value))

    def counted(self, value: Number) -> Number:
        """The same of an exact number."""
        if self.units == 1 or isinstance(value, float):
            return value
        return value * self.units if isinstance(value, int) else _simple(value * self.units)

    def true(self, count: Number) -> Number:
        """A number of units as a distance or a time of the case."""
        if self.units == 1 or isinstance(count, float):
            return count
        return _simple(Fraction(count) / self.units)

    def way(self, vehicle: int, start: int, end: int) -> Number:
        """`distance` in units."""
        key = (self.case.vehicles[vehicle].profile, start, end)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.counted(self.distance(vehicle, start, end))
        return found

    def travel(self, vehicle: int, start: int, end: int) -> Number:
        """`duration` in units."""
        kind = self.case.vehicles[vehicle]
        if kind.speed == 1.0 and not self.case.durations:
            return self.way(vehicle, start, end)
        return self.counted(self.duration(vehicle, start, end))

    def distance(self, vehicle: int, start: int, end: int) -> Number:
        """Of a vehicle type's way between two places; a place's own is 0."""
        if start == end:
            return 0
        case = self.case
        if case.distances:
            stated = case.distances[case.vehicles[vehicle].profile]
            return number(float(stated[start, end]))
        if case.metric == "EUCLIDEAN" and case.rounding is not Rounding.EXACT:
            return self._rounded_line(start, end)
        assert case.coords is not None
        points = (case.coords[place].tolist() for place in (start, end))
        length = checking.metric_distance(case.metric, *points)
        if isinstance(length, int) or case.rounding is Rounding.EXACT:
            return length
        return rounded(Fraction(length), case.rounding)

    def duration(self, vehicle: int, start: int, end: int) -> Number:
        """The time that the way takes."""
        if start == end:
            return 0
        case = self.case
        kind = case.vehicles[vehicle]
        if case.durations:
            return number(float(case.durations[kind.profile][start, end]))
        distance = self.distance(vehicle, start, end)
        if kind.speed == 1.0:
            return distance
        if isinstance(distance, float):
            return distance / kind.speed
        time = Fraction(distance) / Fraction(number(kind.speed))
        return time if case.rounding is Rounding.EXACT else rounded(time, case.rounding)

    def _rounded_line(self, start: int, end: int) -> Number:
        """A straight line, rounded without any error: by the whole root of its square."""
        (x, y), (other_x, other_y) = self._point(start), self._point(end)
        square = (x - other_x) ** 2 + (y - other_y) ** 2
        units = DECIMALS[self.case.rounding]
        if self.case.rounding is Rounding.TRUNC1:
            whole = math.isqrt(math.floor(square * units * units))
        else:  # down to half a unit, and a half upwards
            whole = (math.isqrt(math.floor(4 * square * units * units)) + 1) // 2
        return whole if units == 1 else _simple(Fraction(whole, units))

    def _point(self, place: int) -> tuple[Number, Number]:
        point = self._points.get(place)
        if point is None:
            assert self.case.coords is not None
            x, y = self.case.coords[place].tolist()
            point = self._points[place] = (number(x), number(y))
        return point


def _units(case: Case) -> int:
    """Enough to make times and distances whole; 1 where they are real, or would become huge."""
    if case.rounding is Rounding.EXACT and not case.distances:
        return 1
    values = [*case.service.tolist(), *case.release.tolist()]
    spans = [window for windows in case.windows for window in windows]
    for depot in case.depots:
        spans.append(depot.window)
        values.append(depot.service)
    for kind in case.vehicles:
        spans += [kind.shift, *(rest.window for rest in kind.breaks)]
        values += [rest.duration for rest in kind.breaks]
    values += [time for span in spans for time in span]
    for matrix in (*case.distances, *case.durations):
        values += set(np.unique(matrix).tolist()) if matrix.size <= MOST else [math.pi]
    units = DECIMALS.get(case.rounding, 1)
    for value in {value for value in values if not float(value).is_integer()}:
        if math.isfinite(value):
            units = math.lcm(units, exact(value).denominator)
        if units > LARGEST:
            return 1
    return units


def rounded(value: Fraction, rounding: Rounding) -> Number:
    """A number by the rule of a case."""
    units = DECIMALS[rounding]
    half = Fraction(0) if rounding is Rounding.TRUNC1 else Fraction(1, 2)
    return _simple(Fraction(math.floor(value * units + half), units))


def _simple(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value

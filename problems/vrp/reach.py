"""The least that any route with given clients takes: bounds that hold for every plan.

Whatever a vehicle does on its way from one place to another, it takes no less time, and drives no
less far, than the shortest path over all places, on which nobody is served. A route that visits
some clients in an order is therefore at least as long as these paths, begins service nowhere before
a vehicle that drives nothing but them, and takes at least as long as `timing` says of them.
"""

import itertools
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nco.problems.vrp import timing
from nco.problems.vrp.case import Case, Rounding
from nco.problems.vrp.measure import Number, number
from nco.problems.vrp.timing import Span, Timing, Visit
from nco.problems.vrp.ways import ways

MARGIN = 1e-6  # relative: what is only just impossible in float64 is not called so


class Paths:
    """Lengths of shortest paths in a matrix ``[P, P]``, each row and column when it is needed.

    Args:
        matrix: ways between places.
        direct: no way is longer than one over a third place.
    """

    def __init__(self, matrix: np.ndarray, direct: bool) -> None:
        self.matrix, self.direct = np.array(matrix, dtype=np.float64), direct
        np.fill_diagonal(self.matrix, 0.0)
        self._from: dict[int, np.ndarray] = {}
        self._to: dict[int, np.ndarray] = {}

    def start(self, place: int) -> np.ndarray:
        """From a place to all others, float64 [P]."""
        if place not in self._from:
            self._from[place] = _shortest(self.matrix, place, self.direct)
        return self._from[place]

    def end(self, place: int) -> np.ndarray:
        """From all others to a place, float64 [P]."""
        if place not in self._to:
            self._to[place] = _shortest(self.matrix.T, place, self.direct)
        return self._to[place]

    def between(self, start: int, end: int) -> float:
        """From one place to another one, by what is known of one of them if possible."""
        if end in self._to and start not in self._from:
            return float(self._to[end][start])
        return float(self.start(start)[end])

    def into(self, start: int, end: int) -> float:
        """The same where many ways lead to `end`, a depot."""
        return float(self.end(end)[start])


def _shortest(matrix: np.ndarray, place: int, direct: bool) -> np.ndarray:
    """From a place, by Dijkstra's rule."""
    lengths = matrix[place].copy()
    if direct:
        return lengths
    open_ = np.ones(len(lengths), dtype=bool)
    for _ in range(len(lengths)):
        nearest = int(np.argmin(np.where(open_, lengths, np.inf)))
        open_[nearest] = False
        np.minimum(lengths, lengths[nearest] + matrix[nearest], out=lengths)
    return lengths


class Ways(NamedTuple):
    """Shortest paths of a vehicle type, in distance and in time."""

    distance: Paths
    duration: Paths


class Reach:
    """Bounds of one case.

    Args:
        case: of at most a few thousand places, as its ways are matrices.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self._paths: dict[tuple[int, float], Ways] = {}

    def paths(self, vehicle: int) -> Ways:
        """Shortest paths of a type; types of one profile and speed share them."""
        kind = self.case.vehicles[vehicle]
        key = (kind.profile, kind.speed)
        if key not in self._paths:
            own = ways(self.case, vehicle)
            same = own.distance is own.duration
            lines = self.case.metric == "EUCLIDEAN" and self.case.rounding is Rounding.EXACT
            distance = Paths(own.distance, lines and not self.case.distances)
            duration = Paths(own.duration, distance.direct and not self.case.durations)
            self._paths[key] = Ways(distance, distance if same else duration)
        return self._paths[key]

    @cached_property
    def loads(self) -> tuple[np.ndarray, np.ndarray]:
        """What each client has delivered from, and sends to, a depot; shipments do neither."""
        delivery = np.array(self.case.delivery, dtype=np.float64)
        pickup = np.array(self.case.pickup, dtype=np.float64)
        for pair in self.case.shipments:
            for client in pair:
                delivery[self.case.client(client)] = pickup[self.case.client(client)] = 0
        return delivery, pickup

    def distance(self, vehicle: int, clients: list[int]) -> float:
        """Of the shortest route of a type that visits clients in this order."""
        kind = self.case.vehicles[vehicle]
        paths = self.paths(vehicle).distance
        legs = itertools.pairwise([kind.start, *clients])
        home = 0.0 if kind.end is None else paths.into(clients[-1], kind.end)
        return sum(paths.between(*leg) for leg in legs) + home

    def timing(self, vehicle: int, clients: list[int]) -> Timing:
        """Of a route of a type that visits clients in this order: no route is there earlier.

        Breaks are left out, and goods may be loaded at the nearest depot where it may load.
        """
        case, kind = self.case, self.case.vehicles[vehicle]
        time = self.paths(vehicle).duration
        start, shift = case.depots[kind.start], kind.shift
        opens, closes = max(start.window.open, shift.open), min(start.window.close, shift.close)
        first = Visit(0, number(start.service), (Span(number(opens), number(closes)),))
        visits, before = [first], kind.start
        for client in clients:
            row = case.client(client)
            windows = tuple(Span(number(w.open), number(w.close)) for w in case.windows[row])
            service, ready = number(float(case.service[row])), self._ready(vehicle, client)
            visits.append(Visit(time.between(before, client), service, windows, ready))
            before = client
        if kind.end is None:
            visits.append(Visit(0, 0, (Span(0, number(shift.close)),)))
        else:
            own = case.depots[kind.end].window
            window = Span(number(own.open), number(min(own.close, shift.close)))
            visits.append(Visit(time.into(before, kind.end), 0, (window,)))
        return timing.timing(visits)

    def _ready(self, vehicle: int, client: int) -> Number:
        """Before which no vehicle is there with goods that are released at some time."""
        case, kind = self.case, self.case.vehicles[vehicle]
        released = float(case.release[case.client(client)])
        if released == 0:
            return 0
        time = self.paths(vehicle).duration
        depots = {kind.start, *kind.reloads}
        return released + min(case.depots[d].service + time.between(d, client) for d in depots)


def above(value: float, limit: float) -> bool:
    """Whether a bound is surely above a limit."""
    return value > limit + MARGIN * max(1.0, abs(limit))

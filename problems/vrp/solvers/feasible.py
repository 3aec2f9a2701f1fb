"""What one vehicle's route costs, or that it breaks a rule: for solvers, one route at a time.

Loads are whole numbers (`integers.loads`), in which sums are exact. A route leaves as late as its
earliest end allows: its duration is the least one where no client has several windows, and may be
more elsewhere. Rests are taken in the order of their windows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.problems._routing import metrics
from nco.problems.vrp.case import ALWAYS, INFINITE, Backhauls, Break, Case, VehicleType, Window
from nco.problems.vrp.solvers import integers
from nco.problems.vrp.ways import rounded, ways

LARGEST_TABLE = 3000  # places up to which all ways are computed beforehand


class Track(NamedTuple):
    """A route that a vehicle can drive; of m stops, its path has m + 2 places.

    Attributes:
        cost: with the vehicle's own.
        distance, work, duration: way; driving and service; from the latest departure to the end.
        leave: when it leaves each place but the last, if it leaves as early as it can.
        latest: when it must have arrived at each place but the first, rests not counted.
        before, after: for each leg what deliveries, and pickups, a stop on it may add: K numbers.
    """

    cost: float
    distance: float
    work: float
    duration: float
    leave: list[float]
    latest: list[float]
    before: list[list[int]]
    after: list[list[int]]


class Ways:
    """Distances and durations of a case, by the sort of way that a vehicle type goes.

    After the places comes one to which every way is 0: the end of open routes.

    Attributes:
        of: for each vehicle type the number of its sort.
        nowhere: the number of the place that is no way off.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.nowhere = len(case.depots) + case.size
        sorts: dict[tuple[int, float], int] = {}
        keys = [(kind.profile, kind.speed) for kind in case.vehicles]
        self.of = [sorts.setdefault(key, len(sorts)) for key in keys]
        self._first = [self.of.index(sort) for sort in range(len(sorts))]
        self._tables: list[tuple[np.ndarray, np.ndarray]] = []
        if self.nowhere <= LARGEST_TABLE or case.distances or case.durations:
            for vehicle in self._first:
                distance, duration = (np.pad(table, (0, 1)) for table in ways(case, vehicle))
                self._tables.append((distance, duration))
        else:
            assert case.coords is not None
            self._coords = np.concatenate([case.coords, case.coords[:1]])

    @property
    def sorts(self) -> int:
        """How many sorts of ways there are."""
        return len(self._first)

    def between(
        self,
        sort: int,
        start: int | Sequence[int] | np.ndarray,
        end: int | Sequence[int] | np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances and durations from places to places, float64 of their common shape."""
        if self._tables:
            distance, duration = self._tables[sort]
            return distance[start, end], duration[start, end]
        case, kind = self.case, self.case.vehicles[self._first[sort]]
        plain = metrics.distances(self._coords[start], self._coords[end], case.metric)
        nothing = np.equal(start, end) | np.equal(end, self.nowhere)
        distance = rounded(np.where(nothing, 0.0, plain), case.rounding)
        if kind.speed == 1.0:
            return distance, distance
        return distance, rounded(distance / kind.speed, case.rounding)


class Judge:
    """Judges routes of a case.

    Attributes:
        gives, takes: whether a client counts as a delivery, and as a pickup, where order matters.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.ways = Ways(case)
        self.loads = integers.loads(case)
        self.first = case.first_client
        self._service = [0.0] * self.first + np.asarray(case.service, dtype=np.float64).tolist()
        self._windows: list[tuple[Window, ...]] = [(depot.window,) for depot in case.depots]
        self._windows += [windows or (ALWAYS,) for windows in case.windows]
        self._release = [0.0] * self.first + np.asarray(case.release, dtype=np.float64).tolist()
        self._has_release = bool(np.any(case.release))
        self._partner: dict[int, int] = {}
        for pair in case.shipments:
            self._partner |= {pair.pickup: pair.delivery, pair.delivery: pair.pickup}
        self._unloads = {pair.delivery for pair in case.shipments}
        self._allowed = [None if types is None else frozenset(types) for types in case.allowed]
        # shipments are neither deliveries from the depot nor pickups for it
        shipped = np.array([self.first + client in self._partner for client in range(case.size)])
        self.gives = ((np.asarray(case.delivery) > 0).any(1) & ~shipped).tolist()
        self.takes = ((np.asarray(case.pickup) > 0).any(1) & ~shipped).tolist()

    def route(self, vehicle: int, stops: Sequence[int]) -> Track | None:
        """The track of a route; None where it breaks a rule of its vehicle or of its stops."""
        kind = self.case.vehicles[vehicle]
        if not self._is_permitted(vehicle, kind, stops):
            return None
        loads = self._loads(vehicle, stops)
        if loads is None:
            return None
        distances, durations = self._legs(vehicle, kind, stops)
        distance = sum(distances)
        if distance > kind.max_distance:
            return None
        leave = self._forward(kind, stops, durations)
        if leave is None:
            return None
        end = self._end(kind, leave, durations)
        latest = self._backward(kind, stops, durations, INFINITE)
        duration = 0.0
        counts = kind.max_duration < INFINITE or kind.unit_duration or kind.unit_overtime
        if kind.breaks:
            rests = self._rests(kind, stops, durations)
            if rests is None:
                return None
            end, duration = rests
        elif counts:
            arrival = self._backward(kind, stops, durations, end)[0]
            duration = end - (arrival - durations[0] - self.case.depots[kind.start].service)
        overtime = max(0.0, duration - kind.max_duration)
        if overtime > kind.max_overtime:
            return None
        cost = kind.fixed + kind.unit_distance * distance + kind.unit_duration * duration
        if overtime:
            cost += kind.unit_overtime * overtime
        work = sum(durations) + sum(self._service_at(stop) for stop in [kind.start, *stops])
        return Track(cost, distance, work, duration, leave, latest, *loads)

    def begins(self, vehicle: int, stops: Sequence[int]) -> list[float]:
        """When service begins at each stop, as early as it can; late stops do not wait for it."""
        kind = self.case.vehicles[vehicle]
        _, durations = self._legs(vehicle, kind, stops)
        time, begins = self._departure(kind, stops) + self._service_at(kind.start), []
        for number, stop in enumerate(stops):
            arrival = self._ready(stops, number, time + durations[number])
            begin = _opening(self._windows[stop], arrival)
            begins.append(arrival if begin is None else begin)
            time = begins[-1] + self._service_at(stop)
        return begins

    def _service_at(self, stop: int) -> float:
        return self.case.depots[stop].service if stop < self.first else self._service[stop]

    def _legs(
        self, vehicle: int, kind: VehicleType, stops: Sequence[int]
    ) -> tuple[list[float], list[float]]:
        """Distances and durations of the m + 1 legs; nothing from the last stop of an open one."""
        path = [kind.start, *stops, self.ways.nowhere if kind.end is None else kind.end]
        distance, duration = self.ways.between(self.ways.of[vehicle], path[:-1], path[1:])
        return distance.tolist(), duration.tolist()

    # ---- who may be where

    def _is_permitted(self, vehicle: int, kind: VehicleType, stops: Sequence[int]) -> bool:
        """Allowed vehicles, numbers of stops and trips, shipments, backhauls."""
        first, trips, clients = self.first, 1, 0
        for stop in stops:
            if stop < first:
                if stop not in kind.reloads:
                    return False
                trips += 1
                continue
            clients += 1
            types = self._allowed[stop - first]
            if types is not None and vehicle not in types:
                return False
        if kind.max_stops is not None and clients > kind.max_stops:
            return False
        if kind.max_trips is not None and trips > kind.max_trips:
            return False
        if self._partner and not self._is_paired(stops):
            return False
        return self.case.backhauls is Backhauls.MIXED or self._is_ordered(stops)

    def _is_paired(self, stops: Sequence[int]) -> bool:
        """Whether each shipment is picked up and delivered in one trip."""
        aboard: set[int] = set()
        for stop in stops:
            if stop in self._unloads:
                if self._partner[stop] not in aboard:
                    return False
                aboard.discard(self._partner[stop])
            elif stop in self._partner:
                aboard.add(stop)
            elif stop < self.first and aboard:
                return False
        return not aboard

    def _is_ordered(self, stops: Sequence[int]) -> bool:
        """Whether each trip delivers before it picks up, and delivers at all where it must."""
        needs = self.case.backhauls is Backhauls.AFTER_SOME
        delivered = picked = False
        for stop in stops:
            if stop < self.first:
                if needs and picked and not delivered:
                    return False
                delivered = picked = False
            else:
                if self.gives[stop - self.first]:
                    if picked:
                        return False
                    delivered = True
                picked = picked or self.takes[stop - self.first]
        return not (needs and picked and not delivered)

    def _loads(
        self, vehicle: int, stops: Sequence[int]
    ) -> tuple[list[list[int]], list[list[int]]] | None:
        """Room for deliveries and pickups on each leg; None where a trip holds too much."""
        before: list[list[int]] = []
        after: list[list[int]] = []
        trip: list[int] = []
        for stop in [*stops, -1]:
            if stop >= self.first:
                trip.append(stop)
                continue
            rooms = self._trip(vehicle, trip)
            if rooms is None:
                return None
            before += rooms[0]
            after += rooms[1]
            trip = []
        return before, after

    def _trip(
        self, vehicle: int, trip: Sequence[int]
    ) -> tuple[list[list[int]], list[list[int]]] | None:
        """Room on the legs of one trip."""
        first, legs = self.first, len(trip) + 1
        before: list[list[int]] = [[] for _ in range(legs)]
        after: list[list[int]] = [[] for _ in range(legs)]
        for k, capacity in enumerate(self.loads.capacity[vehicle]):
            load = sum(self.loads.delivery[s - first][k] for s in trip if s not in self._unloads)
            levels = [load]
            for stop in trip:
                load += self.loads.pickup[stop - first][k] - self.loads.delivery[stop - first][k]
                levels.append(load)
            if max(levels) > capacity:
                return None
            most = 0
            for leg, level in enumerate(levels):
                most = max(most, level)
                before[leg].append(capacity - most)
            most = 0
            for leg in range(legs - 1, -1, -1):
                most = max(most, levels[leg])
                after[leg].append(capacity - most)
        return before, after

    # ---- times

    def _released(self, stops: Sequence[int], begin: int) -> float:
        """When the goods of the trip that begins at a stop are there."""
        latest = 0.0
        for stop in stops[begin:] if self._has_release else ():
            if stop < self.first:
                break
            latest = max(latest, self._release[stop])
        return latest

    def _departure(self, kind: VehicleType, stops: Sequence[int]) -> float:
        """The earliest departure; loading comes after it."""
        opening = self.case.depots[kind.start].window.open
        return max(kind.shift.open, opening, self._released(stops, 0))

    def _forward(
        self, kind: VehicleType, stops: Sequence[int], durations: Sequence[float]
    ) -> list[float] | None:
        """When it leaves each place at the earliest; None where it is too late."""
        time = self._departure(kind, stops)
        if time > self._start_close(kind):
            return None
        time += self.case.depots[kind.start].service
        leave = [time]
        for number, stop in enumerate(stops):
            arrival = self._ready(stops, number, time + durations[number])
            begin = _opening(self._windows[stop], arrival)
            if begin is None:
                return None
            time = begin + self._service_at(stop)
            leave.append(time)
        return leave if self._end(kind, leave, durations) <= self._close(kind) else None

    def _ready(self, stops: Sequence[int], number: int, arrival: float) -> float:
        """When service may begin at a stop: at a depot the goods of the next trip must be there."""
        if stops[number] >= self.first:
            return arrival
        return max(arrival, self._released(stops, number + 1))

    def _start_close(self, kind: VehicleType) -> float:
        """When it must have departed."""
        return min(kind.shift.close, self.case.depots[kind.start].window.close)

    def _end(self, kind: VehicleType, leave: Sequence[float], durations: Sequence[float]) -> float:
        """When it has arrived at its end."""
        opening = 0.0 if kind.end is None else self.case.depots[kind.end].window.open
        return max(leave[-1] + durations[-1], opening)

    def _close(self, kind: VehicleType) -> float:
        """When it must have arrived at its end."""
        if kind.end is None:
            return kind.shift.close
        return min(kind.shift.close, self.case.depots[kind.end].window.close)

    def _backward(
        self, kind: VehicleType, stops: Sequence[int], durations: Sequence[float], end: float
    ) -> list[float]:
        """When it must have arrived at each place but the first, to be at its end by a time.

        The first leg ends where the vehicle leaves before the depot closes.
        """
        time = min(end, self._close(kind))
        latest = [time]
        for number in range(len(stops) - 1, -1, -1):
            stop = stops[number]
            time -= durations[number + 1] + self._service_at(stop)
            time = _closing(self._windows[stop], time)
            latest.append(time)
        latest.reverse()
        loaded = self._start_close(kind) + self.case.depots[kind.start].service
        latest[0] = min(latest[0], loaded + durations[0])
        return latest

    def _rests(
        self, kind: VehicleType, stops: Sequence[int], durations: Sequence[float]
    ) -> tuple[float, float] | None:
        """End and duration with all rests that are due; None where they fail.

        A route may leave late enough to do without a rest.
        """
        start = self._departure(kind, stops)
        starts = {start, *(max(start, rest.window.close) for rest in kind.breaks)}
        ways = [self._due(kind, stops, durations, each) for each in starts if each < INFINITE]
        found = [way for way in ways if way is not None]
        return min(found, key=lambda way: way[1], default=None)

    def _due(
        self, kind: VehicleType, stops: Sequence[int], durations: Sequence[float], start: float
    ) -> tuple[float, float] | None:
        """End and duration of a route that leaves at a time or later."""
        rests = sorted(kind.breaks, key=lambda rest: rest.window)
        rests = [rest for rest in rests if rest.window.close > start]
        if start > self._start_close(kind):
            return None
        for taken in range(len(rests) + 1):
            end = self._rested(kind, stops, durations, rests[:taken], start)
            if end <= self._close(kind) and all(r.window.open >= end for r in rests[taken:]):
                return end, end - self._left_latest(kind, stops, durations, rests[:taken], end)
        return None

    def _rested(
        self,
        kind: VehicleType,
        stops: Sequence[int],
        durations: Sequence[float],
        rests: Sequence[Break],
        start: float,
    ) -> float:
        """The earliest end with all of these rests; infinite where there is none."""
        opening = 0.0 if kind.end is None else self.case.depots[kind.end].window.open
        start += self.case.depots[kind.start].service
        times = [start] + [INFINITE] * len(rests)  # by the rests taken so far
        for number, leg in enumerate(durations):
            arrivals = [time + leg for time in times]
            ready = list(times)  # for the next rest: several may be taken on one leg
            for taken, rest in enumerate(rests):
                begin = max(ready[taken], rest.window.open)
                if begin <= rest.window.close:
                    ready[taken + 1] = min(ready[taken + 1], begin + rest.duration)
                    rested = max(arrivals[taken], rest.window.open) + rest.duration
                    arrivals[taken + 1] = min(arrivals[taken + 1], rested)
            if number == len(stops):
                return max(arrivals[-1], opening)
            times = [self._served(stops, number, arrival) for arrival in arrivals]
        raise AssertionError("a route has a leg more than stops")

    def _left_latest(
        self,
        kind: VehicleType,
        stops: Sequence[int],
        durations: Sequence[float],
        rests: Sequence[Break],
        end: float,
    ) -> float:
        """The latest departure of a route with all of these rests that ends by a time."""
        times = [-INFINITE] * len(rests) + [end]  # arrived by then, by the rests taken so far
        for number in range(len(stops), -1, -1):
            leg = durations[number]
            departures = [time - leg for time in times]
            for taken in range(len(rests) - 1, -1, -1):
                rest = rests[taken]
                by = times[taken + 1] - rest.duration
                if by >= rest.window.open:
                    times[taken] = max(times[taken], by)
                    left = min(departures[taken + 1] - rest.duration, rest.window.close)
                    departures[taken] = max(departures[taken], left)
            if number == 0:
                break
            stop = stops[number - 1]
            times = [
                _closing(self._windows[stop], time - self._service_at(stop)) for time in departures
            ]
        service = self.case.depots[kind.start].service
        return min(departures[0] - service, self._start_close(kind))

    def _served(self, stops: Sequence[int], number: int, arrival: float) -> float:
        """When it leaves a stop at the earliest; infinite where it is too late."""
        begin = _opening(self._windows[stops[number]], self._ready(stops, number, arrival))
        return INFINITE if begin is None else begin + self._service_at(stops[number])


def tidy(kind: VehicleType, stops: Sequence[int], first: int) -> list[int]:
    """Stops without reloads at the depot where the vehicle is anyway.

    One at another depot may be worth its way even before the first client: goods are released
    there, and the trip begins there.
    """
    kept: list[int] = []
    for stop in stops:
        if stop >= first or stop != (kept[-1] if kept else kind.start):
            kept.append(stop)
    while kept and kept[-1] < first and (kind.end is None or kept[-1] == kind.end):
        kept.pop()
    return kept if any(stop >= first for stop in kept) else []


def _opening(windows: Sequence[Window], time: float) -> float | None:
    """The earliest time from a time on that lies in a window."""
    for window in windows:
        if time <= window.close:
            return max(time, window.open)
    return None


def _closing(windows: Sequence[Window], time: float) -> float:
    """The latest time up to a time that lies in a window."""
    for window in reversed(windows):
        if time >= window.open:
            return min(time, window.close)
    return -INFINITE

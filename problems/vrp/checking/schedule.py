"""The schedule of a plan: when each vehicle is where, with what it carries and how far it drove.

It is part of the checker, and shares nothing with solvers. Numbers are exact where the case's are:
`measure` says which, `timing` how departures are chosen.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from nco.problems.vrp.case import Case, Route, Window
from nco.problems.vrp.checking import timing
from nco.problems.vrp.checking.measure import Measure, Number, number, plain, total
from nco.problems.vrp.checking.timing import Rest, Span, Timing, Visit

START, CLIENT, RELOAD, BREAK, END = "start", "client", "reload", "break", "end"


@dataclass(frozen=True)
class Stop:
    """A row of a schedule.

    Attributes:
        kind: `START`, `CLIENT`, `RELOAD`, `BREAK` or `END`. An open route has no `END`.
        place: number of the place; None for a break.
        trip: from 1, of the loading before.
        arrival, begin, departure: when the vehicle is there, when service or break begins and when
            it ends.
        load: of each dimension, on departure; distance: driven until here.
        window: the last time at which service may begin; None: always.
    """

    kind: str
    place: int | None
    trip: int
    arrival: Number
    begin: Number
    departure: Number
    load: tuple[Number, ...]
    distance: Number
    window: Number | None = None

    @property
    def waiting(self) -> Number:
        """Time between arrival and service."""
        return self.begin - self.arrival

    @property
    def late(self) -> bool:
        """Whether service begins after the last window."""
        return self.window is not None and self.begin > self.window


@dataclass(frozen=True)
class Drive:
    """One vehicle's schedule, and what it costs.

    Attributes:
        vehicle: the position of its type.
        distance, duration, overtime: of the route.
        costs: by kind, those that are not 0: fixed, distance, duration, overtime.
        late: places that are reached only after their last window, by position on the route: when,
            and when it closed. The position after the last place is the end of an open route.
        missed: positions of the breaks that it cannot hold.
        rows: makes `stops`.
    """

    vehicle: int
    distance: Number
    duration: Number
    overtime: Number
    costs: dict[str, Number]
    late: dict[int, tuple[Number, Number]]
    missed: list[int]
    rows: Callable[[], tuple[Stop, ...]]

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        """All stops, the start first."""
        return self.rows()


class Scheduler:
    """Makes schedules of one case's routes; its numbers are converted once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.measure = Measure(case)
        self.delivery, self.pickup = (_table(values) for values in (case.delivery, case.pickup))
        self.service, self.release = (
            [self.measure.count(value) for value in values.tolist()]
            for values in (case.service, case.release)
        )
        self.pickups = {pair.pickup for pair in case.shipments}
        self.drops = {pair.delivery for pair in case.shipments}

    def drive(self, route: Route) -> Drive:
        """The schedule of a route whose vehicle and stops exist."""
        kind = self.case.vehicles[route.vehicle]
        count, true = self.measure.count, self.measure.true
        rests = [Rest(self._span(each.window), count(each.duration)) for each in kind.breaks]
        times = timing.timing(self.visits(route), rests)
        driven = self._driven(route.vehicle, self.places(route))
        distance, duration = true(driven[-1]), true(times.duration)
        overtime = max(duration - number(kind.max_duration), 0)
        costs = {
            "fixed": number(kind.fixed),
            "distance": number(kind.unit_distance) * distance,
            "duration": number(kind.unit_duration) * duration,
            "overtime": number(kind.unit_overtime) * overtime if overtime else 0,
        }
        return Drive(
            route.vehicle,
            distance,
            duration,
            overtime,
            {name: cost for name, cost in costs.items() if cost},
            {place: (true(times.begins[place]), true(close)) for place, close in times.late},
            times.missed,
            partial(self._stops, route, times, driven),
        )

    def places(self, route: Route) -> list[int]:
        """All places of a route, with its start, and with its end unless it is open."""
        kind = self.case.vehicles[route.vehicle]
        end = [] if kind.end is None else [kind.end]
        return [kind.start, *route.stops, *end]

    def visits(self, route: Route) -> list[Visit]:
        """What timing knows of a route."""
        case, count = self.case, self.measure.count
        kind = case.vehicles[route.vehicle]
        shift = self._span(kind.shift)
        places = self.places(route)
        released = self._released(route.stops)
        start = case.depots[kind.start]
        opens, closes = self._span(start.window)
        within = Span(max(opens, shift.open), min(closes, shift.close))
        visits = [Visit(0, count(start.service), (within,), released[0])]
        trip = 0
        for before, place in itertools.pairwise(places):
            travel = self.measure.travel(route.vehicle, before, place)
            if place >= case.first_client:
                row = case.client(place)
                windows = tuple(self._span(window) for window in case.windows[row])
                visits.append(Visit(travel, self.service[row], windows))
            else:
                depot = case.depots[place]
                trip += 1
                service, ready = count(depot.service), released[min(trip, len(released) - 1)]
                visits.append(Visit(travel, service, (self._span(depot.window),), ready))
        if kind.end is None:
            visits.append(Visit(0, 0, (Span(0, shift.close),)))
        else:
            opens, closes = self._span(case.depots[kind.end].window)
            visits[-1] = Visit(visits[-1].travel, 0, (Span(opens, min(closes, shift.close)),))
        return visits

    def _span(self, window: Window) -> Span:
        return Span(self.measure.count(window[0]), self.measure.count(window[1]))

    def _released(self, stops: Sequence[int]) -> list[Number]:
        """For each trip when all its goods are at the depot."""
        released: list[Number] = [0]
        for stop in stops:
            if stop < self.case.first_client:
                released.append(0)
            else:
                released[-1] = max(released[-1], self.release[self.case.client(stop)])
        return released

    def _driven(self, vehicle: int, places: Sequence[int]) -> list[Number]:
        """The distance until each place, in units."""
        legs: list[Number] = [0]
        for before, place in itertools.pairwise(places):
            legs.append(self.measure.way(vehicle, before, place))
        driven: list[Number] = []
        for leg in legs:
            driven.append(leg + driven[-1] if driven else leg)
        driven[-1] = total(legs)  # without loss where they are floats
        return driven

    def loads(self, stops: Sequence[int]) -> list[tuple[Number, ...]]:
        """What is in the vehicle when it leaves the start, and each stop.

        At the start of a trip that is what it delivers from the depot; a client is delivered to
        before it is picked up from.
        """
        case = self.case
        loads: list[tuple[Number, ...]] = []
        for trip in trips(case, stops):
            load = self._sum([c for c in trip if c not in self.drops], self.delivery)
            loads.append(load)
            for client in trip:
                row = case.client(client)
                less, more = self.delivery[row], self.pickup[row]
                if client in self.pickups:
                    less = [0] * len(less)
                if client in self.drops:
                    more = [0] * len(more)
                load = tuple(x - d + p for x, d, p in zip(load, less, more, strict=True))
                loads.append(load)
        return loads

    def _sum(self, clients: Sequence[int], table: list[list[Number]]) -> tuple[Number, ...]:
        rows = [table[self.case.client(client)] for client in clients if client not in self.pickups]
        return tuple(total(row[k] for row in rows) for k in range(self.case.delivery.shape[1]))

    def _stops(self, route: Route, times: Timing, driven: list[Number]) -> tuple[Stop, ...]:
        case, kind, true = self.case, self.case.vehicles[route.vehicle], self.measure.true
        places, loads = self.places(route), self.loads(route.stops)
        late = dict(times.late)
        rows: list[Stop] = []
        trip = 0
        for k, place in enumerate(places):
            for rest in [rest for rest in times.held if rest.visit == k]:
                begin, end, before = true(rest.begin), true(rest.end), rows[-1]
                rows.append(
                    Stop(BREAK, None, trip, begin, begin, end, before.load, before.distance)
                )
            what = CLIENT if place >= case.first_client else RELOAD
            if k == 0:
                what = START
            elif k == len(places) - 1 and kind.end is not None:
                what = END
            trip += what in (START, RELOAD)
            arrival, begin, end = (
                true(some[k]) for some in (times.arrivals, times.begins, times.leaves)
            )
            load = loads[min(k, len(loads) - 1)]
            close = true(late[k]) if k in late else None
            rows.append(Stop(what, place, trip, arrival, begin, end, load, true(driven[k]), close))
        return tuple(rows)


def trips(case: Case, stops: Sequence[int]) -> list[list[int]]:
    """The clients between the reloads; one list where there is none."""
    parts: list[list[int]] = [[]]
    for stop in stops:
        if stop < case.first_client:
            parts.append([])
        else:
            parts[-1].append(stop)
    return parts


def schedule(case: Case, solution: Sequence[Any]) -> list[Drive]:
    """The schedules of all routes with stops, in the plan's order; the plan must be well formed."""
    scheduler = Scheduler(case)
    return [scheduler.drive(route) for route in case.indexed(solution) if route.stops]


def _table(values: np.ndarray) -> list[list[Number]]:
    return [
        [number(value) for value in row] for row in np.asarray(values, dtype=np.float64).tolist()
    ]


__all__ = ["Drive", "Scheduler", "Stop", "plain", "schedule", "trips"]

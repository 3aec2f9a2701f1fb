"""The schedule of a plan: when each vehicle is where, with what it carries and how far it drove.

It is part of the checker, and shares nothing with solvers. Numbers are exact where the case's are:
`measure` says which, `timing` how departures are chosen.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nco.problems.vrp import timing
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.measure import Measure, Number, number, plain, total
from nco.problems.vrp.timing import Rest, Span, Timing, Visit

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
        vehicle: the position of its type; stops: rows, the start first.
        distance, duration, overtime: of the route.
        timing: of the visits start, stops and end, of which the last one of an open route repeats
            its last stop.
        costs: by kind, those that are not 0: fixed, distance, duration, overtime.
    """

    vehicle: int
    stops: tuple[Stop, ...]
    distance: Number
    duration: Number
    overtime: Number
    timing: Timing
    costs: dict[str, Number]


class Scheduler:
    """Makes schedules of one case's routes; its numbers are converted once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.measure = Measure(case)
        self.delivery, self.pickup = (_table(values) for values in (case.delivery, case.pickup))
        self.service = _row(case.service)
        self.release = _row(case.release)
        self.pickups = {pair.pickup for pair in case.shipments}
        self.drops = {pair.delivery for pair in case.shipments}

    def drive(self, route: Route) -> Drive:
        """The schedule of a route whose vehicle and stops exist."""
        kind = self.case.vehicles[route.vehicle]
        visits = self.visits(route)
        rests = [Rest(_span(rest.window), number(rest.duration)) for rest in kind.breaks]
        times = timing.timing(visits, rests)
        places = self.places(route)
        driven = self._driven(route.vehicle, places)
        stops = self._stops(route, times, driven)
        duration = times.duration
        overtime = max(duration - number(kind.max_duration), 0)
        costs = {
            "fixed": number(kind.fixed),
            "distance": number(kind.unit_distance) * driven[-1],
            "duration": number(kind.unit_duration) * duration,
            "overtime": number(kind.unit_overtime) * overtime,
        }
        costs = {name: cost for name, cost in costs.items() if cost}
        return Drive(route.vehicle, stops, driven[-1], duration, overtime, times, costs)

    def places(self, route: Route) -> list[int]:
        """All places of a route, with its start, and with its end unless it is open."""
        kind = self.case.vehicles[route.vehicle]
        end = [] if kind.end is None else [kind.end]
        return [kind.start, *route.stops, *end]

    def visits(self, route: Route) -> list[Visit]:
        """What timing knows of a route."""
        case = self.case
        kind = case.vehicles[route.vehicle]
        shift = _span(kind.shift)
        places = self.places(route)
        released = self._released(route.stops)
        start = case.depots[kind.start]
        opens, closes = _span(start.window)
        within = Span(max(opens, shift.open), min(closes, shift.close))
        visits = [Visit(0, number(start.service), (within,), released[0])]
        trip = 0
        for before, place in itertools.pairwise(places):
            travel = self.measure.duration(route.vehicle, before, place)
            if place >= case.first_client:
                row = case.client(place)
                windows = tuple(_span(window) for window in case.windows[row])
                visits.append(Visit(travel, self.service[row], windows))
            else:
                depot = case.depots[place]
                trip += 1
                service, ready = number(depot.service), released[min(trip, len(released) - 1)]
                visits.append(Visit(travel, service, (_span(depot.window),), ready))
        if kind.end is None:
            visits.append(Visit(0, 0, (Span(0, shift.close),)))
        else:
            opens, closes = _span(case.depots[kind.end].window)
            visits[-1] = Visit(visits[-1].travel, 0, (Span(opens, min(closes, shift.close)),))
        return visits

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
        """The distance until each place."""
        legs: list[Number] = [0]
        for before, place in itertools.pairwise(places):
            legs.append(self.measure.distance(vehicle, before, place))
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
        case, kind = self.case, self.case.vehicles[route.vehicle]
        places, loads = self.places(route), self.loads(route.stops)
        held = {rest.visit: [h for h in times.held if h.visit == rest.visit] for rest in times.held}
        late = dict(times.late)
        rows: list[Stop] = []
        trip = 0
        for k, place in enumerate(places):
            load = loads[k] if k < len(loads) else loads[-1]
            for rest in held.get(k, ()):
                before = rows[-1]
                rows.append(
                    Stop(
                        BREAK,
                        None,
                        trip,
                        rest.begin,
                        rest.begin,
                        rest.end,
                        before.load,
                        before.distance,
                    )
                )
            what = CLIENT if place >= case.first_client else RELOAD
            if k == 0:
                what = START
            elif k == len(places) - 1 and kind.end is not None:
                what = END
            trip += what in (START, RELOAD)
            rows.append(
                Stop(
                    what,
                    place,
                    trip,
                    times.arrivals[k],
                    times.begins[k],
                    times.leaves[k],
                    load,
                    driven[k],
                    late.get(k),
                )
            )
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


def _span(window: Any) -> Span:
    return Span(number(window[0]), number(window[1]))


def _row(values: np.ndarray) -> list[Number]:
    return [number(value) for value in np.asarray(values, dtype=np.float64).tolist()]


def _table(values: np.ndarray) -> list[list[Number]]:
    return [
        [number(value) for value in row] for row in np.asarray(values, dtype=np.float64).tolist()
    ]


__all__ = ["Drive", "Scheduler", "Stop", "plain", "schedule", "trips"]

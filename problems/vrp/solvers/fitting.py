"""Which clients may be put on which legs of routes, and what they add there, as arrays.

What an array cannot tell exactly (rests, durations, releases that delay a trip) it lets pass:
`feasible.Judge` has the last word on the few that are asked for.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.problems.vrp.case import ALWAYS, INFINITE, Backhauls, Route
from nco.problems.vrp.solvers.feasible import Judge, Track

SLACK = 1e-9  # of limits that sums of floats keep


class Legs(NamedTuple):
    """The legs of one or several routes, arrays ``[S]``; the last two ``[S, K]``.

    Attributes:
        vehicle, sort: of its type and of its ways.
        pred, succ: where it starts and ends; leave, latest: when, as in `Track`.
        distance, duration: of the leg.
        room_time, room_distance, room_stops: what the limits of its route leave.
        picked, gives: whether its trip picks up something before it, and delivers after it.
        before, after: as in `Track`.
    """

    vehicle: np.ndarray
    sort: np.ndarray
    pred: np.ndarray
    succ: np.ndarray
    leave: np.ndarray
    latest: np.ndarray
    distance: np.ndarray
    duration: np.ndarray
    room_time: np.ndarray
    room_distance: np.ndarray
    room_stops: np.ndarray
    picked: np.ndarray
    gives: np.ndarray
    before: np.ndarray
    after: np.ndarray


class Fit(NamedTuple):
    """Of each client on each leg, ``[m, S]``.

    Attributes:
        fits: whether it may fit; added: about what it adds to the cost.
        push: how much later the vehicle is at the end of the leg.
    """

    fits: np.ndarray
    added: np.ndarray
    push: np.ndarray


class Fitting:
    """Fits clients of one case."""

    def __init__(self, judge: Judge) -> None:
        self.judge, case = judge, judge.case
        kinds = case.vehicles
        self._unit = np.array([kind.unit_distance for kind in kinds])
        self._hour = np.array([kind.unit_duration for kind in kinds])
        self._allowed = np.ones((case.size, len(kinds)), dtype=bool)
        for client, types in enumerate(case.allowed):
            if types is not None:
                self._allowed[client] = False
                self._allowed[client, list(types)] = True
        self._delivery = np.array(judge.loads.delivery, dtype=np.int64)
        self._pickup = np.array(judge.loads.pickup, dtype=np.int64)
        shipped = [place - judge.first for pair in case.shipments for place in pair]
        # the judge alone can tell what a shipment weighs on the way
        self._delivery[shipped] = self._pickup[shipped] = 0
        most = max((len(windows) for windows in case.windows), default=0) or 1
        padded = [
            (*windows, *[windows[-1] if windows else ALWAYS] * most) for windows in case.windows
        ]
        table = np.array([windows[:most] for windows in padded], dtype=np.float64)
        self._windows = table.reshape(case.size, most, 2)
        self._service = np.asarray(case.service, dtype=np.float64)
        self._release = np.asarray(case.release, dtype=np.float64)
        self._gives, self._takes = np.array(judge.gives), np.array(judge.takes)
        self._restricted = any(types is not None for types in case.allowed)
        self._limited = any(
            min(kind.max_duration, kind.max_distance) < INFINITE or kind.max_stops is not None
            for kind in kinds
        )
        self._ordered = case.backhauls is not Backhauls.MIXED

    def legs(self, route: Route, track: Track) -> Legs:
        """The legs of a route."""
        vehicle, stops = route
        kind, first = self.judge.case.vehicles[vehicle], self.judge.first
        count = len(stops) + 1
        end = self.judge.ways.nowhere if kind.end is None else kind.end
        path = np.array([kind.start, *stops, end])
        sort = self.judge.ways.of[vehicle]
        distance, duration = self.judge.ways.between(sort, path[:-1], path[1:])
        clients = sum(stop >= first for stop in stops) if kind.max_stops is not None else 0
        most = self.judge.case.size if kind.max_stops is None else kind.max_stops
        picked, gives = self._phases(stops) if self._ordered else ([False], [False])
        dimensions = len(self.judge.loads.capacity[0])
        return Legs(
            np.full(count, vehicle),
            np.full(count, sort),
            path[:-1],
            path[1:],
            np.array(track.leave),
            np.array(track.latest),
            distance,
            duration,
            np.full(count, kind.max_duration + kind.max_overtime - track.work),
            np.full(count, kind.max_distance - track.distance),
            np.full(count, most - clients),
            np.broadcast_to(np.array(picked), (count,)),
            np.broadcast_to(np.array(gives), (count,)),
            np.array(track.before, dtype=np.int64).reshape(count, dimensions),
            np.array(track.after, dtype=np.int64).reshape(count, dimensions),
        )

    def _phases(self, stops: Sequence[int]) -> tuple[list[bool], list[bool]]:
        """For each leg whether its trip has picked up before it, and delivers after it."""
        first, picked, gives = self.judge.first, [False], [False]
        for stop in stops:
            taken = stop >= first and self.judge.takes[stop - first]
            picked.append(taken or (picked[-1] and stop >= first))
        for stop in reversed(stops):
            given = stop >= first and self.judge.gives[stop - first]
            gives.append(given or (gives[-1] and stop >= first))
        return picked, gives[::-1]

    def fit(self, places: np.ndarray, at: Legs) -> Fit:
        """Clients (numbers of places, ``[m]``) on legs."""
        clients = places - self.judge.first
        column = places[:, None]
        to_distance, to_time = self._between(at.sort, at.pred[None], column)
        on_distance, on_time = self._between(at.sort, column, at.succ[None])
        release = self._release[clients, None]
        arrival = np.maximum(at.leave, release) + to_time if release.any() else at.leave + to_time
        service = self._service[clients, None]
        begin = self._begin(clients, arrival)
        then = begin + service + on_time  # at the end of the leg
        fits = then <= at.latest
        added = to_distance + on_distance - at.distance
        time = to_time + on_time - at.duration + service
        self._keep_loads(fits, clients, at)
        if self._restricted:
            fits &= self._allowed[column - self.judge.first, at.vehicle]
        if self._limited:
            fits &= (time <= at.room_time + SLACK) & (at.room_stops > 0)
            fits &= added <= at.room_distance + SLACK
        if self._ordered:
            fits &= ~(self._gives[clients, None] & at.picked)
            fits &= ~(self._takes[clients, None] & at.gives)
        cost = self._unit[at.vehicle] * added + self._hour[at.vehicle] * time
        return Fit(fits, cost, then - (at.leave + at.duration))

    def _begin(self, clients: np.ndarray, arrival: np.ndarray) -> np.ndarray:
        """When service begins; infinite after the last window."""
        begin = np.full(arrival.shape, INFINITE)
        for number in range(self._windows.shape[1] - 1, -1, -1):
            opens, closes = self._windows[clients, number].T[:, :, None]
            begin = np.where(arrival <= closes, np.maximum(arrival, opens), begin)
        return begin

    def _keep_loads(self, fits: np.ndarray, clients: np.ndarray, at: Legs) -> None:
        """Lets nothing fit that is too much for its trip."""
        for k in range(at.before.shape[1]):
            fits &= at.before[:, k] >= self._delivery[clients, k, None]
            fits &= at.after[:, k] >= self._pickup[clients, k, None]

    def _between(
        self, sorts: np.ndarray, start: np.ndarray, end: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances and durations ``[m, S]`` of ways, each leg with its own sort."""
        ways = self.judge.ways
        kinds = np.unique(sorts) if ways.sorts > 1 else sorts[:1]
        if len(kinds) == 1:
            return ways.between(int(kinds[0]), start, end)
        shape = np.broadcast_shapes(start.shape, end.shape)
        start, end = np.broadcast_to(start, shape), np.broadcast_to(end, shape)
        distance, duration = np.empty(shape), np.empty(shape)
        for kind in kinds.tolist():
            here = sorts == kind
            distance[:, here], duration[:, here] = ways.between(kind, start[:, here], end[:, here])
        return distance, duration

"""Where a client may be put between the stops of all routes at once, as arrays over the legs.

What an array cannot tell exactly (rests, durations, releases that delay a trip) it lets pass:
`feasible.Judge` has the last word on the few that are asked for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nco.problems.vrp.case import ALWAYS, INFINITE, Backhauls, Route
from nco.problems.vrp.feasible import Judge, Track

FIELDS: dict[str, Any] = {
    "route": np.int64,
    "place": np.int64,  # of the leg in its route: a stop on it becomes the stop of this number
    "vehicle": np.int64,
    "sort": np.int64,
    "pred": np.int64,
    "succ": np.int64,
    "leave": np.float64,
    "latest": np.float64,
    "distance": np.float64,
    "duration": np.float64,
    "room_time": np.float64,  # of the route: driving and service that its duration leaves room for
    "room_distance": np.float64,
    "room_stops": np.int64,
    "picked": np.bool_,  # whether its trip has picked up something before this leg
    "gives": np.bool_,  # whether it delivers something after it
}


class Slots:
    """The legs of all routes.

    Attributes:
        routes, tracks: what they are of; a route keeps its number.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge, self.case = judge, judge.case
        self.routes: list[Route] = []
        self.tracks: list[Track] = []
        self._legs: list[list[int]] = []  # of each route the positions in the arrays
        self._spare: list[int] = []
        self._used = 0
        room = 2 * self.case.size + 16
        self._at = {name: np.zeros(room, dtype=dtype) for name, dtype in FIELDS.items()}
        dimensions = len(judge.loads.capacity[0])
        self._before = np.zeros((room, dimensions), dtype=np.int64)
        self._after = np.zeros((room, dimensions), dtype=np.int64)
        kinds = self.case.vehicles
        self._unit = np.array([kind.unit_distance for kind in kinds])
        self._hour = np.array([kind.unit_duration for kind in kinds])
        self._allowed = np.ones((self.case.size, len(kinds)), dtype=bool)
        for client, types in enumerate(self.case.allowed):
            if types is not None:
                self._allowed[client] = False
                self._allowed[client, list(types)] = True
        self._delivery = np.array(judge.loads.delivery, dtype=np.int64)
        self._pickup = np.array(judge.loads.pickup, dtype=np.int64)
        self._paired = {place for pair in self.case.shipments for place in pair}
        self._restricted = any(types is not None for types in self.case.allowed)
        self._limited = any(
            min(kind.max_duration, kind.max_distance) < INFINITE or kind.max_stops is not None
            for kind in kinds
        )
        self._ordered = self.case.backhauls is not Backhauls.MIXED

    # ---- routes

    def add(self, route: Route, track: Track) -> None:
        """Adds a route."""
        self.routes.append(route)
        self.tracks.append(track)
        self._legs.append([])
        self._write(len(self.routes) - 1)

    def change(self, number: int, stops: list[int], track: Track) -> None:
        """Gives a route other stops; without any it stays, empty, and holds no legs."""
        self.routes[number] = Route(self.routes[number].vehicle, stops)
        self.tracks[number] = track
        self._write(number)

    def _write(self, number: int) -> None:
        """Writes the legs of a route into the arrays."""
        (vehicle, stops), track = self.routes[number], self.tracks[number]
        kind = self.case.vehicles[vehicle]
        legs, count = self._legs[number], len(stops) + 1 if stops else 0
        while len(legs) < count:
            legs.append(self._fresh())
        while len(legs) > count:
            leg = legs.pop()
            self._at["latest"][leg] = -INFINITE  # nothing fits there
            self._spare.append(leg)
        if not count:
            return
        end = self.judge.ways.nowhere if kind.end is None else kind.end
        path = [kind.start, *stops, end]
        sort = self.judge.ways.of[vehicle]
        distance, duration = self.judge.ways.between(sort, path[:-1], path[1:])
        clients = sum(stop >= self.judge.first for stop in stops)
        most = kind.max_stops
        values: dict[str, Any] = {
            "route": number,
            "place": range(count),
            "vehicle": vehicle,
            "sort": sort,
            "pred": path[:-1],
            "succ": path[1:],
            "leave": track.leave,
            "latest": track.latest,
            "distance": distance,
            "duration": duration,
        }
        if self._limited:
            values["room_time"] = kind.max_duration + kind.max_overtime - track.work
            values["room_distance"] = kind.max_distance - track.distance
            values["room_stops"] = self.case.size if most is None else most - clients
        if self._ordered:
            values["picked"], values["gives"] = self._phases(stops)
        for name, value in values.items():
            self._at[name][legs] = value
        self._before[legs] = track.before
        self._after[legs] = track.after

    def _fresh(self) -> int:
        """A position that no leg holds."""
        if self._spare:
            return self._spare.pop()
        self._used += 1
        if self._used > len(self._before):
            for name, array in self._at.items():
                self._at[name] = np.concatenate([array, np.zeros_like(array)])
            self._before = np.concatenate([self._before, np.zeros_like(self._before)])
            self._after = np.concatenate([self._after, np.zeros_like(self._after)])
        return self._used - 1

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

    # ---- places for a client

    def costs(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The legs on which a client may fit, and about what it adds to the cost there."""
        used, client = self._used, place - self.judge.first
        at = {name: array[:used] for name, array in self._at.items()}
        to_distance, to_time = self._between(at["sort"], at["pred"], place)
        on_distance, on_time = self._between(at["sort"], place, at["succ"])
        release = float(self.case.release[client])
        arrival = np.maximum(at["leave"], release) if release > 0 else at["leave"]
        arrival = arrival + to_time
        begin = np.full(used, INFINITE)
        for window in reversed(self.case.windows[client] or (ALWAYS,)):
            fits = arrival <= window.close
            begin = np.where(fits, np.maximum(arrival, window.open), begin)
        service = float(self.case.service[client])
        fits = begin + (service + on_time) <= at["latest"]
        added = to_distance + on_distance - at["distance"]
        time = to_time + on_time - at["duration"] + service
        fits &= self._has_room(client, place, used)
        if self._restricted:
            fits &= self._allowed[client, at["vehicle"]]
        if self._limited:
            fits &= (time <= at["room_time"] + 1e-9) & (at["room_stops"] > 0)
            fits &= added <= at["room_distance"] + 1e-9
        if self._ordered:
            if self.judge.gives[client]:
                fits &= ~at["picked"]
            if self.judge.takes[client]:
                fits &= ~at["gives"]
        legs = np.flatnonzero(fits)
        vehicle = at["vehicle"][legs]
        return legs, self._unit[vehicle] * added[legs] + self._hour[vehicle] * time[legs]

    def where(self, leg: int) -> tuple[int, int]:
        """The route of a leg, and its place in it."""
        return int(self._at["route"][leg]), int(self._at["place"][leg])

    def routes_of(self, legs: np.ndarray) -> np.ndarray:
        """The routes of legs."""
        return self._at["route"][legs]

    def places_of(self, legs: np.ndarray) -> np.ndarray:
        """The places of legs in their routes."""
        return self._at["place"][legs]

    def _has_room(self, client: int, place: int, used: int) -> np.ndarray:
        """Whether the loads of a client fit on each leg; of shipments the judge can tell."""
        before, after = self._before[:used], self._after[:used]
        fits = np.ones(used, dtype=bool)
        if place in self._paired:
            return fits
        for k in range(before.shape[1]):
            if self._delivery[client, k]:
                fits &= before[:, k] >= self._delivery[client, k]
            if self._pickup[client, k]:
                fits &= after[:, k] >= self._pickup[client, k]
        return fits

    def _between(self, sort: np.ndarray, start: Any, end: Any) -> tuple[np.ndarray, np.ndarray]:
        """Distances and durations of ways of several sorts."""
        ways = self.judge.ways
        if ways.sorts == 1:
            return ways.between(0, start, end)
        distance, duration = np.empty(len(sort)), np.empty(len(sort))
        for number in range(ways.sorts):
            here = sort == number
            ends = (each[here] if isinstance(each, np.ndarray) else each for each in (start, end))
            distance[here], duration[here] = ways.between(number, *ends)
        return distance, duration

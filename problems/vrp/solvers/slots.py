"""All routes of a plan in the making, with their legs as arrays."""

from typing import Any

import numpy as np

from nco.problems.vrp.case import INFINITE, Route
from nco.problems.vrp.solvers.feasible import Judge, Track
from nco.problems.vrp.solvers.fitting import Fitting, Legs


class Slots:
    """The legs of all routes.

    Attributes:
        routes, tracks: what they are of; a route keeps its number.
        fitting: of the case.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge, self.fitting = judge, Fitting(judge)
        self.routes: list[Route] = []
        self.tracks: list[Track] = []
        self._places: list[list[int]] = []  # of each route the positions in the arrays
        self._spare: list[int] = []
        self._used = 0
        room = 2 * judge.case.size + 16
        dimensions = len(judge.loads.capacity[0])
        flags, times = ("picked", "gives"), ("leave", "latest", "distance", "duration")
        types: dict[str, Any] = dict.fromkeys(Legs._fields, np.int64)
        types |= dict.fromkeys(flags, np.bool_)
        types |= dict.fromkeys((*times, "room_time", "room_distance"), np.float64)
        self._at = Legs(
            *(
                np.zeros((room, dimensions) if name in ("before", "after") else room, dtype)
                for name, dtype in types.items()
            )
        )
        self._route = np.zeros(room, dtype=np.int64)
        self._number = np.zeros(room, dtype=np.int64)  # of the leg in its route

    def add(self, route: Route, track: Track) -> None:
        """Adds a route."""
        self.routes.append(route)
        self.tracks.append(track)
        self._places.append([])
        self._write(len(self.routes) - 1)

    def change(self, number: int, stops: list[int], track: Track) -> None:
        """Gives a route other stops; without any it stays, empty, and holds no legs."""
        self.routes[number] = Route(self.routes[number].vehicle, stops)
        self.tracks[number] = track
        self._write(number)

    def _write(self, number: int) -> None:
        """Writes the legs of a route into the arrays."""
        route, places = self.routes[number], self._places[number]
        count = len(route.stops) + 1 if route.stops else 0
        while len(places) < count:
            places.append(self._fresh())
        while len(places) > count:
            place = places.pop()
            self._at.latest[place] = -INFINITE  # nothing fits there
            self._spare.append(place)
        if count:
            for array, values in zip(
                self._at, self.fitting.legs(route, self.tracks[number]), strict=True
            ):
                array[places] = values
            self._route[places] = number
            self._number[places] = range(count)

    def _fresh(self) -> int:
        """A position that no leg holds."""
        if self._spare:
            return self._spare.pop()
        self._used += 1
        if self._used > len(self._route):
            self._at = Legs(*(np.concatenate([array, np.zeros_like(array)]) for array in self._at))
            self._route = np.concatenate([self._route, np.zeros_like(self._route)])
            self._number = np.concatenate([self._number, np.zeros_like(self._number)])
        return self._used - 1

    def costs(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The legs on which a client may fit, and about what it adds to the cost there."""
        legs = Legs(*(array[: self._used] for array in self._at))
        if not self._used:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        fit = self.fitting.fit(np.array([place]), legs)
        chosen = np.flatnonzero(fit.fits[0])
        return chosen, fit.added[0, chosen]

    def where(self, leg: int) -> tuple[int, int]:
        """The route of a leg, and its place in it: a stop there becomes the one of that number."""
        return int(self._route[leg]), int(self._number[leg])

    def routes_of(self, legs: np.ndarray) -> np.ndarray:
        """The routes of legs."""
        return self._route[legs]

    def places_of(self, legs: np.ndarray) -> np.ndarray:
        """The places of legs in their routes."""
        return self._number[legs]

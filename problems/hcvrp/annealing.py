"""Ruin and recreate for the time of the last vehicle: strings of customers are taken out and back.

Christiaens and Vanden Berghe, "Slack Induction by String Removals for Vehicle Routing Problems"
(Transportation Science, 2020), with vehicles that drive several trips one after another.
"""

import itertools
import math
from array import array
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from nco.problems._common.annealing import temperatures

Routes = list[list[int]]

RUINED = 6  # customers that are taken out at once, on average
LONGEST = 10  # string of them that is taken out of one trip
POWER = 16  # of the vehicles' times: their sum moves on where the greatest alone would not
HOT, COLD = 0.02, 0.0001  # temperatures, as shares of the cost at the beginning
BLIND = 0.01  # share of the places that a customer overlooks
STEPS = 3000  # without a time limit
LARGEST = 1500  # customers, whose distances take 20 MB


class Trip(NamedTuple):
    """Some customers between two visits to the depot."""

    stops: list[int]
    load: int
    length: float


class Annealing:
    """Routes as lists of trips, one list a vehicle; node 0 is the depot.

    Args:
        table: distances, float64 [n+1, n+1].
        demand: of all nodes, in whole numbers, as the `capacities` of the vehicles.
        speeds: of the vehicles.
        routes: feasible, zeros between trips.
        random: all that is left to chance.
    """

    def __init__(
        self,
        table: np.ndarray,
        demand: Sequence[int],
        capacities: Sequence[int],
        speeds: Sequence[float],
        routes: Routes,
        random: Random,
    ) -> None:
        self.way = [array("d", row) for row in table.tolist()]
        self.demand, self.capacities, self.speeds = demand, capacities, speeds
        self.random, self.size = random, len(demand) - 1
        near = table[1:, 1:].argsort(1, kind="stable")[:, : 10 * RUINED] + 1
        self.near = [[], *near.tolist()]
        self.now = [
            [self._trip(list(stops)) for zero, stops in itertools.groupby(route, bool) if zero]
            for route in routes
        ]
        self.cost = self._cost(self.now)
        self.unit = self.cost or 1.0  # all may be at one spot
        self.best, self.least = self._copy(self.now), self.last(self.now)

    def _trip(self, stops: list[int]) -> Trip:
        way = self.way
        length = sum(way[u][v] for u, v in itertools.pairwise([0, *stops, 0]))
        return Trip(stops, sum(self.demand[stop] for stop in stops), length)

    @staticmethod
    def _copy(trips: list[list[Trip]]) -> list[list[Trip]]:
        return [list(route) for route in trips]

    def _times(self, trips: list[list[Trip]]) -> list[float]:
        return [
            sum(trip.length for trip in route) / speed
            for route, speed in zip(trips, self.speeds, strict=True)
        ]

    def last(self, trips: list[list[Trip]]) -> float:
        """When the last vehicle is home."""
        return max(self._times(trips))

    def _cost(self, trips: list[list[Trip]]) -> float:
        times = self._times(trips)
        greatest = max(times)
        if greatest == 0:
            return 0.0
        return greatest * math.fsum((t / greatest) ** POWER for t in times) ** (1 / POWER)

    def routes(self) -> Routes:
        """The best so far."""
        return [[node for trip in route for node in (0, *trip.stops)][1:] for route in self.best]

    def step(self, temperature: float) -> bool:
        """Ruins and recreates; whether that is better than all before."""
        trips = self._copy(self.now)
        for customer in self._sorted(self._ruined(trips)):
            self._insert(trips, customer)
        cost = self._cost(trips)
        if cost > self.cost - temperature * self.unit * math.log(1.0 - self.random.random()):
            return False
        self.now, self.cost = trips, cost
        last = self.last(trips)
        if last >= self.least * (1 - 1e-12):
            return False
        self.best, self.least = self._copy(trips), last
        return True

    def _ruined(self, trips: list[list[Trip]]) -> list[int]:
        """Takes strings of neighbouring trips out of `trips`; their customers."""
        random = self.random
        home = {
            stop: (vehicle, place)
            for vehicle, route in enumerate(trips)
            for place, trip in enumerate(route)
            for stop in trip.stops
        }
        mean = self.size / max(1, sum(len(route) for route in trips))
        most = min(LONGEST, mean)
        strings = int(random.uniform(1.0, max(1.0, 4 * RUINED / (1 + most) - 1) + 1))
        seed = random.randint(1, self.size)
        out: list[int] = []
        touched: set[tuple[int, int]] = set()
        for stop in (seed, *self.near[seed]):
            where = home[stop]
            if where in touched:
                continue
            touched.add(where)
            stops = trips[where[0]][where[1]].stops
            length = int(random.uniform(1.0, min(len(stops), most) + 1))
            place = stops.index(stop)
            first = random.randint(max(0, place - length + 1), min(place, len(stops) - length))
            out += stops[first : first + length]
            left = stops[:first] + stops[first + length :]
            trips[where[0]][where[1]] = self._trip(left)
            if len(touched) == strings:
                break
        for vehicle in {vehicle for vehicle, _ in touched}:
            trips[vehicle] = [trip for trip in trips[vehicle] if trip.stops]
        return out

    def _sorted(self, out: list[int]) -> list[int]:
        """The customers in the order in which they are put back; the weights are the paper's."""
        kind, away = self.random.random() * 11, self.way[0]
        if kind < 4:
            self.random.shuffle(out)
        elif kind < 8:
            out.sort(key=self.demand.__getitem__, reverse=True)
        else:
            out.sort(key=away.__getitem__, reverse=kind < 10)
        return out

    def _insert(self, trips: list[list[Trip]], customer: int) -> None:
        """Puts a customer where the sum of the powers of all times grows least."""
        times = self._times(trips)
        best = (math.inf, 0, 0, 0)
        demand = self.demand[customer]
        for vehicle, route in enumerate(trips):
            if demand > self.capacities[vehicle]:
                continue
            added, place, at = self._place(route, customer, self.capacities[vehicle] - demand)
            before, after = times[vehicle], times[vehicle] + added / self.speeds[vehicle]
            grown = (after / self.unit) ** POWER - (before / self.unit) ** POWER
            if grown < best[0]:
                best = (grown, vehicle, place, at)
        _, vehicle, place, at = best
        if place == len(trips[vehicle]):
            trips[vehicle].append(self._trip([customer]))
        else:
            stops = trips[vehicle][place].stops
            trips[vehicle][place] = self._trip([*stops[:at], customer, *stops[at:]])

    def _place(self, route: list[Trip], customer: int, room: int) -> tuple[float, int, int]:
        """The least detour, in which trip, before which stop; behind the last a new trip."""
        way, random = self.way, self.random.random
        to = way[customer]
        best = (2 * to[0], len(route), 0)
        least = best[0]
        for place, trip in enumerate(route):
            if trip.load > room:
                continue
            u, stops = 0, trip.stops
            for at, v in enumerate(stops):
                added = to[u] + to[v] - way[u][v]
                if added < least and random() >= BLIND:
                    least, best = added, (added, place, at)
                u = v
            added = to[u] + to[0] - way[u][0]
            if added < least and random() >= BLIND:
                least, best = added, (added, place, len(stops))
        return best


def improve(
    search: Annealing,
    *,
    time_limit: float | None,
    found: Callable[[Routes], None] | None = None,
    iterations: int = STEPS,
) -> Routes:
    """Routes never worse than those the search began with.

    Args:
        search: not begun.
        time_limit: seconds from here on; None for `iterations` steps.
        found: is called with each better solution on the way.
    """
    for temperature in temperatures(HOT, COLD, time_limit=time_limit, iterations=iterations):
        if search.step(temperature) and found is not None:
            found(search.routes())
    return search.routes()

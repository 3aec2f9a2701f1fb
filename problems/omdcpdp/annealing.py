"""Ruin and recreate: orders are taken out of the routes and put back one by one at their best."""

import itertools
import math
import time
from array import array
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from nco.problems._common.annealing import temperatures

Routes = list[list[int]]

RUINED = 8  # the most orders that are taken out at once
HOT, COLD = 0.003, 0.0001  # temperatures, as shares of the cost at the beginning
BLIND = 0.03  # share of the vehicles that an order overlooks
STEPS = 4000  # without a time limit
LARGEST = 1500  # orders, whose distances take 80 MB


class Route(NamedTuple):
    """The nodes that a vehicle visits, from its depot on, and the figures that insertions need.

    The lists have an entry for the depot and for each stop.
    """

    path: list[int]
    arrival: list[float]
    leg: list[float]  # to the next stop; 0 after the last
    later: list[int]  # deliveries after it
    board: list[int]  # orders on board when it leaves
    cost: float


class Place(NamedTuple):
    """Where an order can go: after which entries of which path."""

    added: float
    vehicle: int
    pickup: int
    delivery: int


def improve(
    depots: np.ndarray,
    pickups: np.ndarray,
    deliveries: np.ndarray,
    capacity: int,
    routes: Routes,
    *,
    time_limit: float | None,
    seed: int,
    found: Callable[[Routes], None] | None = None,
    iterations: int = STEPS,
) -> Routes:
    """Routes never worse than `routes`.

    After Schrimpf et al. (2000), Record Breaking Optimization Results Using the Ruin and Recreate
    Principle, and of Christiaens and Vanden Berghe (2020), Slack Induction by String Removals, the
    blinks: near one another, along one route or anywhere orders are taken out, and go back in a
    random order, or the farthest or the nearest first, each to the vehicle and places that add
    least to the sum of arrivals; simulated annealing says which result is kept.

    Args:
        depots, pickups, deliveries, capacity: as in `insert`; more than `LARGEST` orders are left
            as they are.
        routes: feasible routes.
        time_limit: seconds from here on; None for `iterations` steps.
        seed: of the random numbers.
        found: is called with each better solution on the way.
    """
    begun = time.perf_counter()
    if not 2 <= len(pickups) <= LARGEST:
        return routes
    points = np.concatenate([depots, pickups, deliveries])
    search = Annealing(points, len(depots), capacity, routes, Random(seed))
    if time_limit is not None:
        time_limit -= time.perf_counter() - begun
    for temperature in temperatures(HOT, COLD, time_limit=time_limit, iterations=iterations):
        if search.step(temperature) and found is not None:
            found(search.routes())
    return search.routes()


class Annealing:
    """Depots are nodes 0 to M - 1, then come the pickups, then the deliveries."""

    def __init__(
        self, points: np.ndarray, vehicles: int, capacity: int, routes: Routes, random: Random
    ) -> None:
        gap = points[:, None] - points
        table = np.hypot(gap[..., 0], gap[..., 1])
        self.way = [array("d", row) for row in table.tolist()]
        self.vehicles, self.capacity, self.random = vehicles, capacity, random
        self.count = (len(points) - vehicles) // 2
        pickups = slice(vehicles, vehicles + self.count)
        deliveries = slice(vehicles + self.count, None)
        apart = table[pickups, pickups] + table[deliveries, deliveries]
        self.near = apart.argsort(1, kind="stable")[:, : 3 * RUINED].tolist()
        self.away = table[:vehicles, pickups].min(0).tolist()
        self.now = [
            self._route([vehicle, *(self._node(stop) for stop in route)])
            for vehicle, route in enumerate(routes)
        ]
        self.cost = self.least = math.fsum(route.cost for route in self.now)
        self.unit = self.cost
        self.best = list(self.now)

    def _node(self, stop: int) -> int:
        return self.vehicles - 1 + (stop if stop > 0 else self.count - stop)

    def routes(self) -> Routes:
        """The best so far."""
        first, count = self.vehicles - 1, self.count
        stops = [[node - first for node in route.path[1:]] for route in self.best]
        return [[stop if stop <= count else count - stop for stop in route] for route in stops]

    def _route(self, path: list[int]) -> Route:
        way, brings = self.way, self.vehicles + self.count
        leg = [way[u][v] for u, v in itertools.pairwise(path)]
        arrival = list(itertools.accumulate(leg, initial=0.0))
        leg.append(0.0)
        board, later, cost, load = [0], [0] * len(path), 0.0, 0
        for place in range(1, len(path)):
            if path[place] >= brings:
                load -= 1
                cost += arrival[place]
            else:
                load += 1
            board.append(load)
        for place in range(len(path) - 2, -1, -1):
            later[place] = later[place + 1] + (path[place + 1] >= brings)
        return Route(path, arrival, leg, later, board, cost)

    def step(self, temperature: float) -> bool:
        """Ruins and recreates; whether that is better than all before."""
        out = self._chosen()
        routes = self._without(out)
        for order in self._sorted(out):
            self._insert(routes, order)
        cost = math.fsum(route.cost for route in routes)
        limit = self.cost - temperature * self.unit * math.log(1.0 - self.random.random())
        if cost > limit:
            return False
        self.now, self.cost = routes, cost
        if cost >= self.least * (1 - 1e-12):
            return False
        self.least, self.best = cost, list(routes)
        return True

    def _chosen(self) -> list[int]:
        """Orders that are taken out."""
        random, count = self.random, self.random.randint(1, min(RUINED, self.count))
        kind = random.random()
        if kind < 0.2:
            return random.sample(range(self.count), count)
        if kind < 0.4:  # some that follow one another
            route = random.choice(self.now)
            fetched = [node - self.vehicles for node in route.path[1:]]
            fetched = [order for order in fetched if order < self.count]
            begin = random.randint(0, max(0, len(fetched) - count))
            return fetched[begin : begin + count]
        near = self.near[random.randrange(self.count)]
        kept = near[: random.randint(count, min(len(near), 3 * count))]
        return [kept[0], *random.sample(kept[1:], min(count, len(kept)) - 1)]

    def _without(self, out: Sequence[int]) -> list[Route]:
        first = self.vehicles
        gone = {first + order for order in out} | {first + self.count + order for order in out}
        return [
            route
            if gone.isdisjoint(route.path)
            else self._route([node for node in route.path if node not in gone])
            for route in self.now
        ]

    def _sorted(self, out: list[int]) -> list[int]:
        """The orders in the order in which they are put back."""
        kind = self.random.random()
        if kind < 0.5:
            self.random.shuffle(out)
        else:
            out.sort(key=self.away.__getitem__, reverse=kind < 0.75)
        return out

    def _insert(self, routes: list[Route], order: int) -> None:
        """Puts an order where it adds least."""
        seen = [v for v in range(self.vehicles) if self.random.random() >= BLIND]
        best = Place(math.inf, 0, 0, 0)
        for vehicle in seen or range(self.vehicles):
            best = self._best(routes[vehicle], vehicle, order, best)
        pickup = self.vehicles + order
        path = routes[best.vehicle].path
        head, rest = path[: best.pickup + 1], path[best.delivery + 1 :]
        middle = path[best.pickup + 1 : best.delivery + 1]
        made = [*head, pickup, *middle, pickup + self.count, *rest]
        routes[best.vehicle] = self._route(made)

    def _best(self, route: Route, vehicle: int, order: int, best: Place) -> Place:
        """The better of `best` and of all places on a route.

        An order delays what is delivered later, and is itself delivered no sooner than straight on
        from its pickup: places that are dear by that alone are passed over.
        """
        path, arrival, leg, later, board, _ = route
        capacity, last = self.capacity, len(path) - 1
        start = self.vehicles + order
        end = start + self.count
        to_start, to_end = self.way[start], self.way[end]
        ride, least = to_start[end], best.added
        for first, u in enumerate(path):
            if board[first] >= capacity:
                continue
            there = to_start[u]
            on = path[first + 1] if first < last else -1
            onward = to_start[on] if first < last else 0.0
            detour = there + onward - leg[first]
            delay = detour * later[first]
            if delay + arrival[first] + there + ride >= least:
                continue
            back = to_end[on] if first < last else 0.0
            own = there + ride
            added = arrival[first] + own + (own + back - leg[first]) * later[first]
            if added < least:
                least, best = added, Place(added, vehicle, first, first)
            delay += detour
            for second in range(first + 1, last + 1):
                if board[second] >= capacity:
                    break
                away = to_end[path[second]]
                begun = delay + arrival[second]
                if begun >= least:
                    break
                back = to_end[path[second + 1]] - leg[second] if second < last else 0.0
                # after the last stop nobody is delayed, and `later` is 0
                added = begun + away + (away + back) * later[second]
                if added < least:
                    least, best = added, Place(added, vehicle, first, second)
        return best

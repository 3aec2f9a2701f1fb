"""Ruin and recreate of open pickup and delivery: its arrays and its answers."""

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._routing.kernels.orders_kernel import LEAST, RUINED, Orders, begin, step

RoutesList = list[list[int]]
HOT, COLD, WARM = 0.75, 0.025, 0.25  # temperatures, in mean arrivals of the beginning
MOST_ENTRIES = 10**7  # of a table of paths, of which there are seven
MOST_ORDERS = 10_000  # whose neighbours take a second or two
BLOCK = 1 << 22  # distances of orders that are sorted at once


def fits(vehicles: int, orders: int) -> bool:
    """Whether so many take a reasonable amount of memory and time."""
    return 0 < orders <= MOST_ORDERS and vehicles * (2 * orders + 1) <= MOST_ENTRIES


class Search:
    """The arrays of one search.

    Args:
        depots: float64 [M, 2]; pickups, deliveries: float64 [n, 2], with an order at least.
        capacity: the most orders on board.
        routes: of each vehicle its stops, which keep all rules: order numbers from 1, negative
            where the order is delivered.
        seed: of the random numbers.
    """

    def __init__(
        self,
        depots: np.ndarray,
        pickups: np.ndarray,
        deliveries: np.ndarray,
        capacity: int,
        routes: RoutesList,
        seed: int,
    ) -> None:
        fleet, size = len(depots), len(pickups)
        self.fleet, self.size = fleet, size
        x, y = np.concatenate([depots, pickups, deliveries]).astype(np.float64).T.copy()
        away = np.hypot(pickups[:, None, 0] - depots[:, 0], pickups[:, None, 1] - depots[:, 1]).min(
            1
        )
        shape = fleet, 2 * size + 1
        path, stops = np.zeros(shape, dtype=np.uint32), np.ones(fleet, dtype=np.int64)
        path[:, 0] = np.arange(fleet)
        for vehicle, route in enumerate(routes):
            stops[vehicle] = len(route) + 1
            path[vehicle, 1 : len(route) + 1] = [self._node(stop) for stop in route]
        self.orders = Orders(
            capacity=int(capacity),
            x=x,
            y=y,
            near=_nearest(pickups, deliveries, min(size, 3 * RUINED)),
            away=away.astype(np.float64),
            path=path,
            stops=stops,
            arrival=np.zeros(shape),
            leg=np.zeros(shape),
            later=np.zeros(shape, dtype=np.int64),
            board=np.zeros(shape, dtype=np.int64),
            cost=np.zeros(fleet),
            vehicle=np.zeros(size, dtype=np.int64),
            out=np.zeros(RUINED, dtype=np.int64),
            key=np.zeros(RUINED),
            touched=np.zeros(fleet, dtype=np.int64),
            mark=np.zeros(fleet, dtype=np.bool_),
            kept=np.zeros(shape, dtype=np.uint32),
            kept_stops=np.zeros(fleet, dtype=np.int64),
            kept_cost=np.zeros(fleet),
            best=np.zeros(shape, dtype=np.uint32),
            best_stops=np.zeros(fleet, dtype=np.int64),
            price=np.zeros(2),
            tally=np.zeros(2, dtype=np.int64),
        )
        begin(self.orders)
        self.unit = self.least / size or 1.0  # all may be at one spot
        self.random = chance.start(seed)
        self.stop = np.zeros(1, dtype=np.int64)

    def _node(self, stop: int) -> int:
        return self.fleet - 1 + (stop if stop > 0 else self.size - stop)

    @property
    def least(self) -> float:
        """The cost of the best."""
        return float(self.orders.price[LEAST])

    def step(self, steps: int, temperature: float) -> int:
        """So many steps of the kernel."""
        done: int = step(self.orders, self.random, self.stop, steps, temperature)
        return done

    def best(self) -> RoutesList:
        """The best routes, as `routes` of the beginning."""
        first, size = self.fleet - 1, self.size
        routes = []
        for row, count in zip(self.orders.best, self.orders.best_stops.tolist(), strict=True):
            stops = [node - first for node in row[1:count].tolist()]
            routes.append([stop if stop <= size else size - stop for stop in stops])
        return routes


def _nearest(pickups: np.ndarray, deliveries: np.ndarray, count: int) -> np.ndarray:
    """The orders of the least distances of both ends to each one's, int64 [n, K]; itself first."""
    size = len(pickups)
    near = np.zeros((size, count), dtype=np.int64)
    step = max(1, BLOCK // size)
    for first in range(0, size, step):
        rows = np.arange(first, min(first + step, size))
        apart = np.zeros((len(rows), size))
        for ends in (pickups, deliveries):
            gap = ends[rows, None] - ends
            apart += np.hypot(gap[..., 0], gap[..., 1])
        apart[np.arange(len(rows)), rows] = -1.0
        near[rows] = apart.argsort(1, kind="stable")[:, :count]
    return near

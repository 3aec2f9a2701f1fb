"""A construction: orders are inserted one by one where they add least to the sum of arrivals."""

import math
from collections.abc import Sequence

import numpy as np

MOST_COMPARED = 100  # orders whose insertions are compared at every step; the others wait
MOST_STOPS = 60  # last stops of a route between which orders are inserted
MOST_INSERTED = 200  # orders up to which they are inserted; more take seconds
Routes = list[list[int]]


def insert(
    depots: np.ndarray, pickups: np.ndarray, deliveries: np.ndarray, capacity: int
) -> Routes:
    """Routes of all orders; of more than `MOST_INSERTED` those of `in_turn`.

    At every step the order, vehicle and two places that add least; of an order that shifts later
    deliveries, their delay counts too. Very long routes take orders near their ends only.

    Args:
        depots: ``[M, 2]``; pickups, deliveries: ``[n, 2]``.
        capacity: the most orders on board.

    Returns:
        For each vehicle its stops, as `nco.problems.omdcpdp.files` numbers them.
    """
    if len(pickups) > MOST_INSERTED:
        return in_turn(depots, pickups, deliveries)
    points = {"pickup": pickups, "delivery": deliveries}
    routes: Routes = [[] for _ in depots]
    # the nearest to any vehicle come first, where not all are compared
    near = np.linalg.norm(pickups[:, None] - depots, axis=-1).min(1)
    queue = np.argsort(near, kind="stable").tolist()
    open_orders = queue[:MOST_COMPARED]
    waiting = queue[MOST_COMPARED:]
    added = np.full((len(depots), len(pickups)), np.inf)
    places = np.zeros((len(depots), len(pickups), 2), dtype=np.int64)

    def price(vehicle: int, orders: Sequence[int]) -> None:
        insertions = _insertions(depots[vehicle], routes[vehicle], orders, points, capacity)
        added[vehicle, orders], places[vehicle, orders] = insertions

    for vehicle in range(len(depots)):
        price(vehicle, open_orders)
    while open_orders:
        part = added[:, open_orders]
        chosen, column = divmod(int(part.argmin()), len(open_orders))
        order = open_orders.pop(column)
        first, second = places[chosen, order].tolist()
        route = routes[chosen]
        routes[chosen] = [*route[:first], order + 1, *route[first:second], -order - 1]
        routes[chosen] += route[second:]
        if waiting:
            open_orders.append(waiting.pop(0))
            for other in range(len(depots)):
                price(other, open_orders[-1:])
        if open_orders:
            price(chosen, open_orders)
    return routes


def in_turn(depots: np.ndarray, pickups: np.ndarray, deliveries: np.ndarray) -> Routes:
    """Routes by the nearest order next, one at a time, of the vehicle that is free first."""
    routes: Routes = [[] for _ in depots]
    here, free = depots.copy(), np.zeros(len(depots))
    left = np.arange(len(pickups))
    ride = np.linalg.norm(deliveries - pickups, axis=1)
    while len(left):
        vehicle = int(free.argmin())
        way = np.square(pickups[left] - here[vehicle]).sum(1)
        place = int(way.argmin())
        order = int(left[place])
        free[vehicle] += math.sqrt(way[place]) + ride[order]
        here[vehicle] = deliveries[order]
        routes[vehicle] += [order + 1, -order - 1]
        left[place] = left[-1]
        left = left[:-1]
    return routes


def _insertions(
    depot: np.ndarray,
    route: list[int],
    orders: Sequence[int],
    points: dict[str, np.ndarray],
    capacity: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The least that each of `orders` adds to the sum of arrivals, ``[k]``, and where it does.

    Places ``[k, 2]``: numbers of stops after which the pickup and the delivery come; they may be
    the same.
    """
    skipped = max(0, len(route) - MOST_STOPS)
    stops = np.array([_where(stop, points) for stop in route]).reshape(-1, 2)
    path = np.concatenate([depot[None], stops])  # [L + 1, 2]
    leg = np.linalg.norm(path[1:] - path[:-1], axis=-1)
    arrival = np.concatenate([[0.0], leg.cumsum()])[skipped:]
    later = np.array([0, *(stop < 0 for stop in route)])
    later = (later.sum() - later.cumsum())[skipped:]  # deliveries after each stop, [L + 1]
    board = np.concatenate([[0], np.sign(route)]).cumsum()[skipped:]  # orders on board after it
    leg = np.concatenate([leg, [0.0]])[skipped:]  # to the next stop
    path = path[skipped:]
    start, end = points["pickup"][list(orders)], points["delivery"][list(orders)]
    to_start = np.linalg.norm(path - start[:, None], axis=-1)  # [k, L + 1]
    to_end = np.linalg.norm(path - end[:, None], axis=-1)
    direct = np.linalg.norm(end - start, axis=-1)[:, None]
    next_start, next_end = _shifted(to_start), _shifted(to_end)
    at_once = arrival + to_start + direct + (to_start + direct + next_end - leg) * later
    detour, second = to_start + next_start - leg, to_end + next_end - leg
    apart = (detour * later)[:, :, None] + detour[:, :, None]
    apart = apart + (second * later + arrival + to_end)[:, None]
    total = np.where(_allowed(board, capacity), apart, np.inf)
    diagonal = np.arange(len(path))
    total[:, diagonal, diagonal] = np.where(board < capacity, at_once, np.inf)
    best = total.reshape(len(orders), -1).argmin(1)
    places = np.stack(np.divmod(best, len(path)), -1) + skipped
    return total.reshape(len(orders), -1)[np.arange(len(orders)), best], places


def _where(stop: int, points: dict[str, np.ndarray]) -> np.ndarray:
    """The place of a stop."""
    return points["pickup"][stop - 1] if stop > 0 else points["delivery"][-stop - 1]


def _shifted(distance: np.ndarray) -> np.ndarray:
    """Distances to the next stop; after the last one there is none."""
    return np.concatenate([distance[:, 1:], np.zeros_like(distance[:, :1])], 1)


def _allowed(board: np.ndarray, capacity: int) -> np.ndarray:
    """Whether an order may be on board from after stop i to after stop j > i, bool [L+1, L+1]."""
    full = (board >= capacity).cumsum()
    before = full - (board >= capacity)
    return np.triu(full - before[:, None] == 0, 1)

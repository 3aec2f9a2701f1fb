"""What a schedule's orders come to: times, tails, and the objective.

This is all that knows the objective. What moves operations asks for `end`, `tail` and `cost`, and
another objective (weighted tardiness, total flow time) is another `backwards` and `cost`.
"""

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Orders, Shop


@part
def forwards(orders: Orders, low: Whole) -> None:
    """Computes `end` of all operations at positions from `low` in the order."""
    order, before, end, duration = orders.order, orders.before, orders.end, orders.duration
    i, size = np.uint64(low), np.uint64(len(order))  # an index that numba knows is not negative
    while i < size:
        v = order[i]
        end[v] = max(end[v - ONE], end[before[v]]) + duration[v]
        i += ONE


@part
def backwards(orders: Orders, high: Whole) -> None:
    """Computes `tail` of all operations at positions up to `high` in the order."""
    order, after, tail, duration = orders.order, orders.after, orders.tail, orders.duration
    i = np.uint64(high + 1)
    while i > 0:
        i -= ONE
        v = order[i]
        tail[v] = max(tail[v + ONE], tail[after[v]]) + duration[v]


@part
def cost(shop: Shop, orders: Orders) -> Whole:
    """The makespan, of the present `end`."""
    latest = np.int64(0)
    for last in shop.last:
        latest = max(latest, orders.end[last])
    return latest


@part
def link(shop: Shop, orders: Orders) -> Whole:
    """Computes all of a schedule from its `order` and `choice`; returns its cost."""
    orders.before[:] = 0
    orders.after[:] = 0
    orders.front[:] = 0
    orders.rear[:] = 0
    for i in range(len(orders.order)):
        v = orders.order[i]
        machine = shop.machine[orders.choice[v]]
        u = orders.rear[machine]
        orders.position[v] = i
        orders.duration[v] = shop.length[orders.choice[v]]
        orders.before[v] = u
        if u:
            orders.after[u] = v
        else:
            orders.front[machine] = v
        orders.rear[machine] = v
    forwards(orders, 0)
    backwards(orders, len(orders.order) - 1)
    return cost(shop, orders)

"""First routes in plain Python, there before any solver has been loaded.

Clarke and Wright (1964), "Scheduling of Vehicles from a Central Depot to a Number of Delivery
Points". The compiled search has its own (`kernels.savings`), for any number of customers.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

NEAR = 30  # customers beside which a customer may come
LARGEST = 2000  # customers: all distances are in one table


def savings(
    apart: np.ndarray, demand: Sequence[int | Fraction], capacity: int | Fraction
) -> list[list[int]]:
    """Routes of customers from 1 to n, joined at their ends where that saves most.

    Args:
        apart: [n+1, n+1], symmetric distances, the depot first.
        demand: n+1 numbers, the depot's first; none above the capacity.
        capacity: of a route.
    """
    size = len(apart) - 1
    if size < 2:
        return [[customer] for customer in range(1, size + 1)]
    table = np.array(apart[1:, 1:], dtype=float)
    np.fill_diagonal(table, np.inf)
    near = min(NEAR, size - 1)
    second = np.argpartition(table, near - 1, axis=1)[:, :near].ravel()
    first = np.repeat(np.arange(size), near)
    home = np.asarray(apart[0, 1:], dtype=float)
    saved = home[first] + home[second] - table[first, second]
    order = np.argsort(-saved, kind="stable")
    order = order[saved[order] > 0]
    return _joined((first[order] + 1).tolist(), (second[order] + 1).tolist(), demand, capacity)


def _joined(
    first: list[int],
    second: list[int],
    demand: Sequence[int | Fraction],
    capacity: int | Fraction,
) -> list[list[int]]:
    """Routes that begin as one customer each, joined pair by pair where both are ends."""
    route = {customer: [customer] for customer in range(1, len(demand))}  # that it is in
    load = {customer: demand[customer] for customer in route}  # of a route, by its first customer
    for one, other in zip(first, second, strict=True):
        here, there = route[one], route[other]
        if here is there or one not in (here[0], here[-1]) or other not in (there[0], there[-1]):
            continue
        total = load[here[0]] + load[there[0]]
        if total > capacity:
            continue
        joined = (here if here[-1] == one else here[::-1]) + (
            there if there[0] == other else there[::-1]
        )
        for customer in joined:
            route[customer] = joined
        load[joined[0]] = total
    return list({id(each): each for each in route.values()}.values())

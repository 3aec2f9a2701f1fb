"""The assignment problem of distances: a bound, and cycles that are patched into a tour."""

from typing import NamedTuple

import numpy as np

FORBIDDEN = 2**60  # the distance of a city to itself, far above any sum


class Relaxed(NamedTuple):
    """The assignment problem's solution: a set of cycles, and a bound from below."""

    follower: np.ndarray  # [n] int64, the city that comes after each
    excess: np.ndarray  # [n, n] int64, what a tour with this arc costs at least above the bound


def assign(table: np.ndarray) -> Relaxed:
    """Solves the assignment problem, and finds its dual prices by shortest paths."""
    from ortools.graph.python import linear_sum_assignment

    size = len(table)
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    rows, columns = np.nonzero(table < FORBIDDEN)
    solver.add_arcs_with_cost(rows, columns, table[rows, columns])
    if solver.solve() != solver.OPTIMAL:
        raise RuntimeError("the assignment problem was not solved")
    follower = np.array([solver.right_mate(row) for row in range(size)])
    own = table[np.arange(size), follower]
    detour = np.where(table < FORBIDDEN, table - own[:, None], FORBIDDEN)
    price = np.zeros(size, dtype=np.int64)  # of each column
    while True:  # Bellman and Ford; an optimal assignment has no negative cycle
        lower = np.minimum(price, (detour + price[follower][:, None]).min(0))
        if np.array_equal(lower, price):
            break
        price = lower
    excess = table - (own - price[follower])[:, None] - price[None]
    return Relaxed(follower, np.where(table < FORBIDDEN, excess, FORBIDDEN))


def patch(table: np.ndarray, follower: np.ndarray) -> list[int]:
    """Joins cycles, each time the two for which it costs the least, into a tour of positions."""
    follower = follower.copy()
    size = len(table)
    while True:
        cycle = cycles(follower)
        if not cycle.any():
            return tour(follower)
        crossed = table[:, follower]  # [i, j]: from i to what came after j
        own = crossed.diagonal()
        growth = crossed + crossed.T - own[:, None] - own[None]
        growth[cycle[:, None] == cycle[None]] = FORBIDDEN
        first, second = divmod(int(growth.argmin()), size)
        follower[[first, second]] = follower[[second, first]]


def cycles(follower: np.ndarray) -> np.ndarray:
    """The number, from 0, of the cycle of each position."""
    label = np.full(len(follower), -1)
    count = 0
    for begin in range(len(follower)):
        here = begin
        while label[here] < 0:
            label[here] = count
            here = int(follower[here])
        count = int(label.max()) + 1
    return label


def tour(follower: np.ndarray) -> list[int]:
    """The one cycle from position 0 on."""
    tour = [0]
    while (here := int(follower[tour[-1]])) != 0:
        tour.append(here)
    return tour

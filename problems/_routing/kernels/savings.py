"""A first set of routes: ends of routes are joined where that saves most, among near customers.

Clarke and Wright (1964), "Scheduling of Vehicles from a Central Depot to a Number of Delivery
Points", on the K n pairs of neighbours only: n log n operations.
"""

import math

import numpy as np

from nco.problems._common.kernels.compiling import Whole, compiled

MOST = 40  # neighbours of a customer with which joining is tried


def savings(
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    demand: np.ndarray,
    capacity: int,
    limit: float = math.inf,
) -> np.ndarray:
    """Routes one after another, uint32, each followed by a 0.

    Args:
        near: uint32 [n+1, K], neighbours of each customer.
        apart: float64 [n+1, K], their distances; symmetric.
        home: float64 [n+1], distances from the depot.
        demand: uint32 [n+1], none above the capacity.
        capacity: of a route.
        limit: of a route's length; none of a single customer is longer.
    """
    size = len(home) - 1
    first, rank = np.divmod(pairs(near, min(MOST, near.shape[1])), max(1, near.shape[1]))
    second = near[first, rank]
    first = first.astype(np.uint32)
    saved = home[first] + home[second] - apart[first, rank]
    worth = np.flatnonzero(saved > 0)
    chosen = worth[np.argsort(-saved[worth], kind="stable")]
    ends = np.zeros((size + 1, 2), dtype=np.uint32)
    load = demand.astype(np.int64)
    join(first[chosen], second[chosen], saved[chosen], ends, load, capacity, 2.0 * home, limit)
    return chains(ends)


@compiled
def pairs(near: np.ndarray, count: int) -> np.ndarray:
    """Each pair of a customer and one of its first `count` neighbours once, as places in `near`."""
    listed = np.empty(len(near) * count, dtype=np.int64)
    found = 0
    for customer in range(1, len(near)):
        for rank in range(count):
            other = near[customer, rank]
            mutual = False
            if other < customer:  # is it listed from the other side?
                for place in range(count):
                    if near[other, place] == customer:
                        mutual = True
                        break
            if not mutual:
                listed[found] = customer * near.shape[1] + rank
                found += 1
    return listed[:found]


@compiled
def join(
    first: np.ndarray,
    second: np.ndarray,
    saved: np.ndarray,
    ends: np.ndarray,
    load: np.ndarray,
    capacity: int,
    length: np.ndarray,
    limit: float,
) -> None:
    """Joins routes at their ends, pair by pair, where the joined one is allowed.

    Args:
        first, second: uint32 [P], the customers of each pair, the best pair first.
        saved: float64 [P], what the routes get shorter by.
        ends: uint32 [n+1, 2], each customer's neighbours on its route; 0 is none yet.
        load: int64 [n+1], float64 length [n+1]: of a route, at the place of its root.
        capacity, limit: of a route's load and length.
    """
    root = np.arange(len(ends))
    for pair in range(len(first)):
        one, other = first[pair], second[pair]
        if ends[one, 1] != 0 or ends[other, 1] != 0:  # inside a route
            continue
        r, q = _root(root, one), _root(root, other)
        joined = length[r] + length[q] - saved[pair]
        if r == q or load[r] + load[q] > capacity or joined > limit:
            continue
        root[q] = r
        load[r] += load[q]
        length[r] = joined
        ends[one, 1 if ends[one, 0] != 0 else 0] = other
        ends[other, 1 if ends[other, 0] != 0 else 0] = one


@compiled
def _root(root: np.ndarray, node: Whole) -> Whole:
    """The root of a node's route; ways to it are halved."""
    here = np.int64(node)
    while root[here] != here:
        root[here] = root[root[here]]
        here = root[here]
    return here


@compiled
def chains(ends: np.ndarray) -> np.ndarray:
    """The routes of `join`, uint32, each followed by a 0."""
    size = len(ends) - 1
    seen = np.zeros(size + 1, dtype=np.bool_)
    listed = np.zeros(2 * size, dtype=np.uint32)
    count = 0
    for start in range(1, size + 1):
        if seen[start] or ends[start, 1] != 0:
            continue
        last, here = np.uint32(0), np.uint32(start)
        while here != 0:
            seen[here] = True
            listed[count] = here
            count += 1
            onward = ends[here, 0]
            if onward == last:
                onward = ends[here, 1]
            last, here = here, onward
        count += 1
    return listed[:count]

"""Bounds of tours by spanning trees, in exact integer arithmetic.

A *1-tree* is a spanning tree of all nodes but one and two edges of that one; every tour is one. A
price of each node, added to all of its edges, lengthens every tour by twice the sum of the prices,
but not every 1-tree: the best prices give Held and Karp's bound ("The traveling-salesman problem
and minimum spanning trees: part II", Mathematical Programming 1, 1971). Weights and prices are
integers here, so no rounding can make a bound too large.
"""

import time
from dataclasses import dataclass

import numpy as np

FAR = 2**61  # above any weight
PASS = 2e-8  # seconds a pass for each pair of nodes on one core, at the least
PAIRS = 20_000_000  # pairs of nodes of all passes where there is no time limit
MOST_PASSES = 200
LEAST_RATE = 0.01  # of Polyak's step, below which an ascent has come to its end
REACHES = (0.0, 0.3, 0.1)  # of a target: how far beyond it steps are measured, in one ascent each
KEEP = 0.7  # of a step: the present tree's part; the rest is the step before


def shortest_ways(table: np.ndarray) -> np.ndarray:
    """The shortest way [n] from position 0 to every other (Dijkstra), over any others."""
    way = table[0].copy()
    way[0] = 0
    left = np.ones(len(table), dtype=bool)
    for _ in range(len(table)):
        near = int(np.where(left, way, FAR).argmin())
        left[near] = False
        way = np.minimum(way, way[near] + table[near])
    return way


@dataclass(frozen=True, eq=False)
class Tree:
    """A least spanning tree, rooted at position 0.

    Attributes:
        parent: int64 [n], -1 for the root.
        edge: int64 [n], the weight of the edge to the parent; 0 for the root.
    """

    parent: np.ndarray
    edge: np.ndarray

    def degrees(self) -> np.ndarray:
        """Int64 [n]."""
        size = len(self.parent)
        return np.bincount(self.parent[1:], minlength=size) + (np.arange(size) > 0)


def spanning_tree(weights: np.ndarray) -> Tree:
    """Prim's algorithm on a full symmetric matrix int64 [n, n], n^2 operations."""
    size = len(weights)
    parent, edge = np.full(size, -1), np.zeros(size, dtype=np.int64)
    left = np.arange(1, size)
    near, link = weights[0, 1:].copy(), np.zeros(size - 1, dtype=np.int64)
    for count in range(size - 2, -1, -1):
        pick = int(near[: count + 1].argmin())
        node = int(left[pick])
        parent[node], edge[node] = link[pick], near[pick]
        for row in (left, near, link):
            row[pick] = row[count]
        way = weights[node].take(left[:count])
        closer = way < near[:count]
        np.copyto(near[:count], way, where=closer)
        np.copyto(link[:count], node, where=closer)
    return Tree(parent, edge)


def one_tree(weights: np.ndarray) -> tuple[int, np.ndarray]:
    """Total weight and degrees [n] of the greatest of some least 1-trees, n from 3.

    The node apart is a leaf of the least spanning tree: without it the rest of the tree is still a
    least one, and the leaf's own edge is its cheapest.
    """
    tree = spanning_tree(weights)
    degrees = tree.degrees()
    leaves = np.flatnonzero(degrees == 1)
    leaves = leaves[leaves > 0]
    rows = weights[leaves]
    places = np.arange(len(leaves))
    rows[places, leaves] = rows[places, tree.parent[leaves]] = FAR
    second = rows.min(1)
    best = int(second.argmax())
    degrees[leaves[best]] += 1
    degrees[int(rows[best].argmin())] += 1
    return int(tree.edge.sum()) + int(second[best]), degrees


def tour_bound(table: np.ndarray, target: int, seconds: float | None) -> int | None:
    """A lower bound of all tours by subgradient ascent of the prices.

    Steps that are measured to a near target (Polyak) can go to and fro across a ridge of the bound
    and never along it. Where an ascent has come to its end with passes left, another one goes on
    from its best prices with longer steps (`REACHES`).

    Args:
        table: int64 [n, n], symmetric, n from 3; the diagonal is ignored. Multiplied by a constant,
            or prices would have to be whole distances.
        target: the length of a tour; there the ascent stops.
        seconds: for the passes; None: a fixed number.

    Returns:
        The bound; None where not even one pass fits into the time.
    """
    begun, size = time.perf_counter(), len(table)
    passes = max(1, min(MOST_PASSES, PAIRS // size**2))
    if seconds is not None:
        if PASS * size**2 > seconds:
            return None
        passes = 10 * MOST_PASSES
    prices, step = np.zeros(size, dtype=np.int64), np.zeros(size)
    best, best_prices, rate, idle, ascent = -FAR, prices, 1.0, 0, 0
    for turn in range(passes):
        total, degrees = one_tree(table + prices[:, None] + prices)
        bound = total - 2 * int(prices.sum())
        idle = 0 if bound > best else idle + 1
        if bound > best:
            best, best_prices = bound, prices
        slope = degrees - 2
        spent = time.perf_counter() - begun
        if seconds is not None and turn == 0:
            passes = min(passes, int(seconds / max(spent, 1e-9)))
        if best >= target or not slope.any():
            return min(best, target)
        if seconds is not None and spent * (turn + 2) / (turn + 1) > seconds:
            break
        if rate < LEAST_RATE:
            ascent += 1
            if ascent == len(REACHES):
                break
            rate, idle, prices, step = 1.0, 0, best_prices, np.zeros(size)
        elif idle > max(3, passes // 20):
            rate, idle, prices = rate / 2, 0, best_prices
        reach = target + REACHES[ascent] * abs(target)
        length = rate * max(reach - bound, 1) / float(slope @ slope)
        step = KEEP * length * slope + (1 - KEEP) * step
        prices = prices + np.rint(step).astype(np.int64)
    return best

"""Certified lower bounds of CVRP solutions: by q-routes, and of large cases by forests."""

import math
import time
from fractions import Fraction

import numpy as np

from nco.core.case import Bound
from nco.problems._common.decimals import exact
from nco.problems._routing import one_tree, q_routes
from nco.problems._routing.metrics import distance_matrix, surely
from nco.problems._routing.whole import floored, scale, unscaled
from nco.problems.cvrp.files import Case

LARGEST = 2000  # customers
PAIRS = 10_000_000  # pairs of customers of all passes where there is no time limit
MOST_PASSES = 120
MOST_SETS = 40  # whose capacity is looked at


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The bound by q-routes (`_routing.q_routes`); where that has no time, the one by forests.

    The latter is a Lagrangian bound over forests, as Fisher's (Operations Research 42(4), 1994)
    over K-trees.

    Proof. Let a solution have r routes of n customers, empty ones left out. Then r is at least k =
    ceil(demand / capacity). Its legs between customers form a forest of exactly n - r edges, and
    its 2r legs to and from the depot name each customer at most twice. Every customer has two legs.
    A set S of customers whose demand needs k(S) vehicles holds at most ``|S| - k(S)`` legs of the
    forest. Prices of customers, of any sign, and prices of sets, not negative, are added to the
    legs and taken off again at what the solution must pay: 2 prices a customer, at most
    ``|S| - k(S)`` times a set's. So the solution costs at least

        min over r from k to n of (the cheapest n - r edges of a forest: Kruskal's first ones
        + the cheapest 2r of all depot legs, each counted twice) - what is taken off.

    Distances are integers as for the TSP; prices are integers, so nothing is rounded. Demands are
    exact fractions of what the source states. A limit of the fleet only removes solutions.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed number of passes.
        known: the cost of a solution, where the ascent stops.

    Returns:
        None for less than two customers or more than `LARGEST`, or where there is no time.
    """
    if not 2 <= case.size <= LARGEST:
        return None
    if time_limit is not None and one_tree.PASS * case.size**2 > time_limit:
        return None
    distances = case.distances
    if distances is None:
        assert case.coords is not None
        distances = surely(distance_matrix(case.coords, case.metric), case.metric)
    ways = distances.astype(np.float64)
    legs = q_routes.Legs(ways[1:, 1:], ways[0, 1:], ways[1:, 0], float(case.capacity))
    required = np.full(case.size, np.inf)
    value = q_routes.bound([legs], case.demand[1:].tolist(), required, known, time_limit)
    if value is not None:
        return Bound(value, "q-routes")
    factor = scale(distances)
    if factor is None:
        return None
    table = floored(distances, factor)
    target = 2 * int(table[0].sum()) if known is None else math.ceil(known * factor)
    least = _Ascent(table, *_whole(case)).climb(target, time_limit)
    return Bound(unscaled(min(least, target), factor, distances), "forest")


class _Ascent:
    """Prices, and what they make of the legs.

    Args:
        table: int64 [n+1, n+1], the depot first.
        loads, capacity: whole numbers, by which no set needs more vehicles than in the case.
    """

    def __init__(self, table: np.ndarray, loads: np.ndarray, capacity: int) -> None:
        self.table, self.loads, self.capacity = table, loads, capacity
        self.prices = np.zeros(len(loads), dtype=np.int64)
        self.known: set[bytes] = set()
        self.sets = np.zeros((0, len(loads)), dtype=bool)  # [G, n]
        self.most = np.zeros(0, dtype=np.int64)  # [G] legs that a set may hold
        self.fees = np.zeros(0, dtype=np.int64)  # [G] prices of a leg within

    def climb(self, target: int, seconds: float | None) -> int:
        """The best bound of the table; subgradient steps with Polyak's length."""
        begun, size = time.perf_counter(), len(self.loads)
        passes = max(1, min(MOST_PASSES, PAIRS // size**2))
        best, rate, idle = -one_tree.FAR, 1.0, 0
        step, turn = np.zeros(size), 0
        while True:
            value, tree, kept, slope = self._relaxed()
            idle = 0 if value > best else idle + 1
            best = max(best, value)
            turn += 1
            spent = time.perf_counter() - begun
            if seconds is not None and turn == 1:
                passes = int(seconds / max(spent, 1e-9))
            late = seconds is not None and spent * (turn + 1) / turn > seconds
            if best >= target or late or turn >= passes or rate < one_tree.LEAST_RATE:
                return best
            if idle > max(3, passes // 20):
                rate, idle = rate / 2, 0
            excess = self._excess(tree, kept)
            norm = float(slope @ slope + excess @ excess)
            if norm == 0:
                return best
            length = rate * max(target - value, 1) / norm
            step = one_tree.KEEP * length * slope + (1 - one_tree.KEEP) * step
            self.prices = self.prices + np.rint(step).astype(np.int64)
            self.fees = np.maximum(0, self.fees + np.rint(length * excess).astype(np.int64))

    def _relaxed(self) -> tuple[int, one_tree.Tree, np.ndarray, np.ndarray]:
        """The bound at these prices, its tree, which of its edges are in, and degrees - 2."""
        legs = self.table[1:, 1:] + self.prices[:, None] + self.prices
        for place in np.flatnonzero(self.fees):
            members = np.flatnonzero(self.sets[place])
            legs[np.ix_(members, members)] += self.fees[place]
        off = 2 * int(self.prices.sum()) + int(self.fees @ self.most)
        tree, size = one_tree.spanning_tree(legs), len(legs)
        order = 1 + np.argsort(tree.edge[1:], kind="stable")
        forest = np.concatenate([[0], np.cumsum(tree.edge[order])])  # of 0, 1, ... edges
        ways = np.repeat(self.table[0, 1:] + self.prices, 2)
        nearest = np.argsort(ways, kind="stable")
        depot = np.concatenate([[0], np.cumsum(ways[nearest])])
        routes = np.arange(self._vehicles(int(self.loads.sum())), size + 1)
        totals = forest[size - routes] + depot[2 * routes]
        count = int(routes[int(totals.argmin())])
        kept = order[: size - count]
        ends = np.concatenate([nearest[: 2 * count] // 2, kept, tree.parent[kept]])
        return int(totals.min()) - off, tree, kept, np.bincount(ends, minlength=size) - 2

    def _excess(self, tree: one_tree.Tree, kept: np.ndarray) -> np.ndarray:
        """Legs [G] above the most that a set may hold, 0 where nothing need be said of it.

        Trees of the forest that hold too many are new sets.
        """
        for inside in _components(tree, kept):
            most = int(inside.sum()) - self._vehicles(int(self.loads[inside].sum()))
            key = inside.tobytes()
            if most < inside.sum() - 1 and key not in self.known and len(self.known) < MOST_SETS:
                self.known.add(key)
                self.sets = np.concatenate([self.sets, inside[None]])
                self.most = np.append(self.most, most)
                self.fees = np.append(self.fees, 0)
        within = (self.sets[:, kept] & self.sets[:, tree.parent[kept]]).sum(1) - self.most
        return np.where((self.fees > 0) | (within > 0), within, 0)

    def _vehicles(self, load: int) -> int:
        return max(1, -(-load // self.capacity))


def _components(tree: one_tree.Tree, kept: np.ndarray) -> np.ndarray:
    """The trees of two customers and more of a forest, bool [C, n]."""
    up = np.arange(len(tree.parent))
    up[kept] = tree.parent[kept]
    label = up
    while not np.array_equal(label[label], label):
        label = label[label]
    roots, counts = np.unique(label, return_counts=True)
    return label == roots[counts > 1][:, None]


def _whole(case: Case) -> tuple[np.ndarray, int]:
    """Demands of the customers [n] and capacity in whole numbers.

    Exact where that fits into int64; otherwise demands are rounded down and the capacity up, so
    that nothing needs more vehicles than in the case.
    """
    loads = [exact(load) for load in case.demand[1:]]
    capacity = exact(case.capacity)
    factor = Fraction(math.lcm(capacity.denominator, *(load.denominator for load in loads)))
    total = max(sum(loads, Fraction(0)), capacity)
    factor = min(factor, Fraction(2**53) / total)
    whole = np.array([math.floor(load * factor) for load in loads], dtype=np.int64)
    return whole, math.ceil(capacity * factor)

"""A certified bound of the prize that a route can collect: a knapsack of the visits' shares."""

import math
from fractions import Fraction

import numpy as np

from nco.core.case import Bound
from nco.problems._common.decimals import exact, plain
from nco.problems._routing import metrics
from nco.problems._routing.one_tree import FAR, shortest_ways
from nco.problems._routing.whole import floored, scale
from nco.problems.knapsack.bound import density, most
from nco.problems.op.check import TOLERANCE
from nco.problems.op.files import Case

LARGEST = 2000  # customers
PASS = 1e-7  # seconds for each pair of nodes on one core


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The most prize of customers whose shares of a route fit into the limit.

    Proof. A route of two customers and more is half the sum, over the nodes it visits, of the two
    different legs at each; so it is at least half the sum of their two shortest ones. Its customers
    are thus a choice of a knapsack whose weights are these sums and whose room is twice the limit
    less the depot's sum, and no choice of that has more prize than its optimum. Legs that are in
    no route within the limit, because the shortest ways from the depot to their ends are too long,
    do not count. A route of one customer is looked at by itself. Distances are rounded down to
    integers and the limit up (with the checker's tolerance, where lengths are real numbers).

    Args:
        case: the case.
        time_limit: seconds; None: a fixed effort.
        known: the cost, minus the prize, of a feasible route.

    Returns:
        A bound of the cost: minus that of the prize. None above `LARGEST` customers, or where there
        is no time.
    """
    size = case.size
    if size > LARGEST or (time_limit is not None and PASS * (size + 1) ** 2 > time_limit):
        return None
    every = np.arange(size + 1)
    distances = metrics.surely(case.between(every[:, None], every), case.metric)
    distances = distances.astype(np.int64) if case.whole else distances
    factor = scale(distances)
    if factor is None:
        return None
    table = floored(distances, factor)
    more = 0 if case.whole else Fraction(TOLERANCE) + Fraction(1, 2**40)
    limit = math.ceil(exact(case.limit) * (1 + more) * Fraction(factor))
    prizes = [exact(prize) for prize in case.prizes.tolist()]
    alone, weights = _weights(table, limit)
    grain = math.lcm(*(prize.denominator for prize in prizes))
    room = 2 * limit - weights.get(0, 0)
    items = [
        (int(prizes[place] * grain), weight)
        for place, weight in weights.items()
        if place > 0 and prizes[place] > 0
    ]
    free = sum(value for value, weight in items if weight == 0)
    items = sorted((item for item in items if 0 < item[1] <= room), key=density, reverse=True)
    best, proof = most(items, room, 0, time_limit) if 0 in weights and room >= 0 else (0, "reach")
    single = max((prizes[place] for place in alone), default=Fraction(0))
    value = prizes[0] + max(single, Fraction(free + best, grain), Fraction(0))
    return Bound(plain(-value), f"shares of legs, {proof}")


def _weights(table: np.ndarray, limit: int) -> tuple[list[int], dict[int, int]]:
    """Customers that a route may visit alone, and each node's two shortest legs together.

    Nodes without two legs are left out of the second.
    """
    way = shortest_ways(table)
    legs = np.where(way[:, None] + table + way <= limit, table, FAR)
    np.fill_diagonal(legs, FAR)
    alone = [place for place in range(1, len(table)) if 2 * int(table[0, place]) <= limit]
    if len(table) < 3:
        return alone, {}
    two = np.partition(legs, 1)[:, :2]
    places = np.flatnonzero(two[:, 1] < FAR).tolist()
    return alone, {place: int(two[place].sum()) for place in places}

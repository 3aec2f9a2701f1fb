"""A certified lower bound of an ATSP's tours: assignment, then 1-trees on what it leaves over."""

import math

import numpy as np

from nco.core.case import Bound
from nco.problems._routing import one_tree
from nco.problems._routing.whole import floored, scale, unscaled
from nco.problems.atsp.assignment import FORBIDDEN, assign
from nco.problems.atsp.files import Case

LARGEST = 1000  # cities
PASS = 1e-6  # seconds of an assignment for each pair of cities on one core


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The assignment problem's value and a 1-tree bound of what is left (Fischetti & Toth 1992).

    Proof. With prices of rows and columns that leave no reduced cost negative, every tour costs the
    prices' sum and its reduced costs. The latter are at least those of the symmetric TSP in which
    an edge costs the lesser of its two arcs' reduced costs, and so at least its 1-tree bound. That
    no reduced cost is negative is looked at here, not taken on trust: then what any permutation
    costs above its reduced costs is the prices' sum. The arithmetic is that of integers, as for
    the TSP.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed effort.
        known: the cost of a tour, where the ascent stops.

    Returns:
        None beyond `LARGEST` cities, or where the time does not allow for it.
    """
    size = case.size
    if size < 3 or size > LARGEST or (time_limit is not None and time_limit < PASS * size**2):
        return None
    distances = case.matrix()
    factor = scale(distances)
    if factor is None:
        return None
    table = floored(distances, factor)
    np.fill_diagonal(table, FORBIDDEN)
    relaxed = assign(table)
    followed = (np.arange(size), relaxed.follower)
    if sorted(relaxed.follower.tolist()) != list(range(size)) or int(relaxed.excess.min()) < 0:
        return None
    # the prices' sum: what any permutation costs above its reduced costs
    base = int(table[followed].sum()) - int(relaxed.excess[followed].sum())
    left = np.minimum(relaxed.excess, relaxed.excess.T)
    if known is None:
        tour = np.array(case.indexed(case.construct()))
        known = float(distances[tour, np.roll(tour, -1)].sum())
    target = math.ceil(known * factor) - base
    more = one_tree.tour_bound(left, target, time_limit)
    value = unscaled(base + max(more or 0, 0), factor, distances)
    return Bound(value, "assignment" if not more or more < 0 else "assignment and 1-tree")

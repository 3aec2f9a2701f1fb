"""A certified lower bound of a TSP's tours: Held and Karp's, in integers."""

import math

import numpy as np

from nco.core.case import Bound
from nco.problems._routing import metrics, one_tree
from nco.problems._routing.whole import floored, scale, unscaled
from nco.problems.tsp.files import Case

LARGEST = 3000  # nodes: 72 MB of distances, and two copies
SMALL = 50  # nodes up to which a second ascent is nothing; few nodes can hold up the first


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """Held and Karp's 1-tree bound (`_routing.one_tree`), valid in the case's own metric.

    Proof. Distances are multiplied by a factor and rounded down (whole ones by a whole factor, so
    without loss; others are first made smaller by the error of floating point), so no tour of the
    integer table is longer than the factor times the tour's length in the case. The 1-tree bound
    of the table is exact in int64. Where distances are whole, so are tours, and the bound is
    rounded up.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed number of passes, about a quarter of a second.
        known: the cost of a tour, where the ascent stops. On small cases an ascent to the
            constructed tour follows, so that the bound is no weaker than without it.

    Returns:
        None beyond `LARGEST` nodes, or where the time allows no pass.
    """
    if case.size < 3 or case.size > LARGEST:
        return None
    distances = metrics.surely(case.matrix(), case.metric)
    factor = scale(distances)
    if factor is None:
        return None
    table = floored(distances, factor)
    targets = [] if known is None else [math.ceil(known * factor)]
    if known is None or case.size <= SMALL:
        tour = np.array(case.indexed(case.construct()))
        targets.append(math.ceil(float(distances[tour, np.roll(tour, -1)].sum()) * factor))
    least = None
    for target in targets:
        share = None if time_limit is None else time_limit / len(targets)
        found = one_tree.tour_bound(table, target, share)
        if found is not None:
            least = found if least is None else max(least, found)
        if least is not None and least >= targets[0]:
            break
    return None if least is None else Bound(unscaled(least, factor, distances), "1-tree")

"""The neighbours of each client by distance and time.

As in Vidal et al. (2013), section 4.4, those are near that are reached soon, without much waiting;
whoever cannot be reached in time is no neighbour.
"""

import numpy as np

from nco.problems.vrp.kernels.plan import Near, Rules

WAITING = 0.2  # what a unit of unavoidable waiting counts, beside one of the ride
AROUND = 100  # nearest clients, among which strings are taken out
BLOCK = 1 << 22  # pairs that are sorted at once


def near(rules: Rules, count: int) -> Near:
    """The neighbours and the keys of all clients; `count` of them on either side, at most."""
    size = len(rules.needed) - 1
    count, around = min(count, size - 1), min(AROUND, size - 1)
    distance, duration = rules.distance.min(0), rules.duration.min(0)
    inner = slice(1, size + 1)
    apart, ride = distance[inner, inner], duration[inner, inner]
    opens, closes, service = (values[inner] for values in (rules.open, rules.close, rules.service))
    total = float(ride.sum())
    ratio = float(apart.sum()) / total if total > 0 else 0.0
    beside = np.zeros((size + 1, count, 2), dtype=np.uint32)
    legs = np.zeros((size + 1, count, 2))
    circle = np.zeros((size + 1, around), dtype=np.uint32)
    step = max(1, BLOCK // max(1, size))
    for first in range(0, size, step):
        rows = np.arange(first, min(first + step, size))
        to, back = apart[rows], apart[:, rows].T
        # from all others to each of these rows
        ready = opens + service + ride[:, rows].T
        wait = opens[rows, None] - (closes + service + ride[:, rows].T)
        before = _select(
            rows, back, ready > closes[rows, None], np.maximum(0.0, wait) * ratio, count
        )
        # from each of these rows to all others
        ready = opens[rows, None] + service[rows, None] + ride[rows]
        wait = opens - (closes[rows, None] + service[rows, None] + ride[rows])
        behind = _select(rows, to, ready > closes, np.maximum(0.0, wait) * ratio, count)
        for side, (chosen, distances) in enumerate((before, behind)):
            beside[rows + 1, :, side] = chosen
            legs[rows + 1, :, side] = distances
        both = to + back
        both[np.arange(len(rows)), rows] = np.inf
        circle[rows + 1] = both.argsort(1, kind="stable")[:, :around] + 1
    keys, weights = _keys(rules, distance)
    return Near(circle, beside, legs, keys, weights)


def _select(
    rows: np.ndarray, legs: np.ndarray, impossible: np.ndarray, wait: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of some rows, the nearest first, and their distances.

    Where there are fewer, the rest is 0, which is no client.
    """
    cost = legs + WAITING * wait
    cost = np.where(impossible, np.inf, cost)
    cost[np.arange(len(rows)), rows] = np.inf
    best = cost.argsort(1, kind="stable")[:, :count]
    known = np.isfinite(np.take_along_axis(cost, best, 1))
    distances = np.where(known, np.take_along_axis(legs, best, 1), np.inf)
    order = distances.argsort(1, kind="stable")
    chosen = np.take_along_axis(np.where(known, best + 1, 0), order, 1)
    return chosen, np.take_along_axis(distances, order, 1)


def _keys(rules: Rules, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What clients that wait are sorted by, the least first, and how often; chance comes last.

    The weights are those of Christiaens and Vanden Berghe (2020).
    """
    size = len(rules.needed) - 1
    load = np.abs(rules.delivery + rules.pickup)
    share = (load / np.maximum(rules.capacity.max(0), 1e-300)).max(1)
    starts = np.unique(rules.origin[size + 1 :])
    home = distance[starts].min(0)[: size + 1]
    opens, closes = rules.open[: size + 1], rules.close[: size + 1]
    keys, weights = [-share, -home, home], [4, 2, 1]
    if np.isfinite(closes[1:]).any() or opens.any():
        late = np.where(np.isfinite(closes), closes, np.finfo(float).max)
        keys += [late - opens, opens, -late]
        weights += [2, 2, 2]
    return np.array(keys), np.array([*weights, 4], dtype=np.int64)

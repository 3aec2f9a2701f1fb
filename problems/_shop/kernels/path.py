"""One longest path of a schedule, with the times next to it in arrays of their own."""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Orders, Shop


class Path(NamedTuple):
    """A longest path at indices from `first`, which `trace` returns, to n - 1."""

    operation: np.ndarray  # [n] uint32
    begin: np.ndarray  # [n + 1] int64, when each begins; begin[n] is the makespan
    length: np.ndarray  # [n] int64, its duration
    ready: np.ndarray  # [n] int64, the end of the operation before it in its job
    rest: np.ndarray  # [n] int64, the tail of the operation after it in its job
    head: np.ndarray  # [n] int64, room for estimates


def empty_path(size: int) -> Path:
    """Room for a path of at most `size` operations."""
    return Path(
        np.zeros(size, dtype=np.uint32),
        np.zeros(size + 1, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
    )


@part
def trace(shop: Shop, orders: Orders, cost: Whole, path: Path, random: np.ndarray) -> Whole:
    """Follows a longest path from its end, by random turns; returns its first index.

    The path ends at one of the operations that end last and begins with an operation that begins at
    time 0.
    """
    end, tail, duration, before = orders.end, orders.tail, orders.duration, orders.before
    ends = 0
    v = np.uint64(0)
    for last in shop.last:
        if end[last] == cost:
            ends += 1
            if ends == 1 or below(random, ends) == 0:
                v = np.uint64(last)
    i = len(orders.order)
    path.begin[i] = cost
    while True:
        i -= 1
        length = duration[v]
        begin = end[v] - length
        ready = end[v - ONE]
        path.operation[i] = v
        path.begin[i] = begin
        path.length[i] = length
        path.ready[i] = ready
        path.rest[i] = tail[v + ONE]
        if begin == 0:
            return i
        u = before[v]
        if end[u] == begin and (ready != begin or below(random, 2) == 0):
            v = np.uint64(u)
        else:
            v = v - ONE

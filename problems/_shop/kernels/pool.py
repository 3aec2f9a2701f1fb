"""Elite schedules, how far they are from one another, and new ones between two of them."""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import Shop

SIZE = 0  # what `Pool.counters` holds: how many schedules there are


class Pool(NamedTuple):
    """Up to E schedules, each an order of all operations and their choices."""

    order: np.ndarray  # [E, n] uint32
    choice: np.ndarray  # [E, V] uint32
    cost: np.ndarray  # [E] int64
    counters: np.ndarray  # [1] int64
    rank: np.ndarray  # [V] int64, room
    sequence: np.ndarray  # [n] uint32, room
    begin: np.ndarray  # [M + 1] int64, room


def empty_pool(shop: Shop, operations: int, capacity: int) -> Pool:
    """Room for `capacity` schedules."""
    numbers = len(shop.job)
    return Pool(
        order=np.zeros((capacity, operations), dtype=np.uint32),
        choice=np.zeros((capacity, numbers), dtype=np.uint32),
        cost=np.zeros(capacity, dtype=np.int64),
        counters=np.zeros(1, dtype=np.int64),
        rank=np.zeros(numbers, dtype=np.int64),
        sequence=np.zeros(operations, dtype=np.uint32),
        begin=np.zeros(shop.machines + 1, dtype=np.int64),
    )


@part
def copy(source: np.ndarray, target: np.ndarray) -> None:
    """Copies a row; numba's own way makes an array in between."""
    for i in range(len(source)):
        target[i] = source[i]


@part
def put(pool: Pool, index: Whole, order: np.ndarray, choice: np.ndarray, cost: Whole) -> None:
    """Writes a schedule into a pool."""
    copy(order, pool.order[index])
    copy(choice, pool.choice[index])
    pool.cost[index] = cost


@part
def drop(pool: Pool, index: Whole) -> None:
    """Takes a schedule out of a pool; the last one takes its place."""
    pool.counters[SIZE] -= 1
    last = pool.counters[SIZE]
    if index < last:
        put(pool, index, pool.order[last], pool.choice[last], pool.cost[last])


@part
def extreme(pool: Pool, worst: bool) -> Whole:
    """The index of the first schedule of least, or of most, cost."""
    chosen = np.int64(0)
    for k in range(1, pool.counters[SIZE]):
        cost, other = pool.cost[k], pool.cost[chosen]
        if cost > other if worst else cost < other:
            chosen = np.int64(k)
    return chosen


@part
def list_machines(shop: Shop, pool: Pool, order: np.ndarray, choice: np.ndarray) -> None:
    """Lists operations machine after machine; `begin` becomes where each machine's list ends."""
    sequence, begin = pool.sequence, pool.begin
    begin[:] = 0
    for i in range(len(order)):
        begin[shop.machine[choice[order[i]]] + 1] += 1
    for m in range(shop.machines):
        begin[m + 1] += begin[m]
    for i in range(len(order)):
        m = shop.machine[choice[order[i]]]
        sequence[begin[m]] = order[i]
        begin[m] += 1


@part
def distance(shop: Shop, pool: Pool, index: Whole, order: np.ndarray, choice: np.ndarray) -> Whole:
    """Pairs on one machine in both schedules, but in another order, and operations elsewhere.

    Args:
        shop: the work list.
        pool: elites; its room is overwritten.
        index: of one schedule in the pool.
        order, choice: ``[n]`` and ``[V]`` uint32, the other schedule.
    """
    for i in range(len(order)):
        pool.rank[order[i]] = i
    first = pool.choice[index]
    list_machines(shop, pool, pool.order[index], first)
    different, begin = np.int64(0), np.int64(0)
    for m in range(shop.machines):
        end = pool.begin[m]
        for i in range(begin, end):
            v = pool.sequence[i]
            if first[v] != choice[v]:
                different += 1
                continue
            for k in range(i + 1, end):
                w = pool.sequence[k]
                if first[w] == choice[w] and pool.rank[w] < pool.rank[v]:
                    different += 1
        begin = end
    return different


@part
def sort(order: np.ndarray, rank: np.ndarray) -> None:
    """Sorts operations by unequal ranks (Shell, Communications of the ACM 2, 1959)."""
    gap = len(order) // 2
    while gap > 0:
        for i in range(gap, len(order)):
            v = order[i]
            k = i
            while k >= gap and rank[order[k - gap]] > rank[v]:
                order[k] = order[k - gap]
                k -= gap
            order[k] = v
        gap = gap * 5 // 11 if gap > 2 else gap - 1


@part
def blend(
    pool: Pool,
    one: Whole,
    other: Whole,
    share: Whole,
    order: np.ndarray,
    choice: np.ndarray,
    random: np.ndarray,
) -> None:
    """A schedule between two: near the one for a small share, near the other for a large one.

    Operations are sorted by increasing functions of their places in the two orders, added. So what
    comes before another in both does in the new one, and no operations wait in a circle. The steps
    of the functions are random: here the one order is followed, there the other.

    Args:
        pool: the schedules; its room is overwritten.
        one: the index of one schedule.
        other: that of the other.
        share: of the other, in thousandths; so much of the alternatives are its too.
        order: ``[n]`` uint32, is overwritten.
        choice: ``[V]`` uint32, is overwritten.
        random: the state of the random numbers.
    """
    size = len(order)
    sum_one, sum_other = np.int64(0), np.int64(0)
    for i in range(size):
        sum_one += 1 + (1000 - share) * below(random, 1000)
        pool.rank[pool.order[one, i]] = sum_one
    for i in range(size):
        sum_other += 1 + share * below(random, 1000)
        pool.rank[pool.order[other, i]] += sum_other
    for i in range(size):
        v = pool.order[one, i]
        pool.rank[v] = pool.rank[v] * size + i  # no two are equal
        choice[v] = pool.choice[other if below(random, 1000) < share else one, v]
        order[i] = v
    sort(order, pool.rank)

"""The move of one step: the best that is not forbidden, among block moves and machine moves.

A move is stated as an operation, the one that it goes behind, and the alternative that it takes.
"""

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Orders, Shop
from nco.problems._shop.kernels.blocks import BlockMoves, earlier_estimate, later_estimate
from nco.problems._shop.kernels.path import Path

LARGE = 1 << 62  # more than any estimate


@part
def slot(u: Whole, v: Whole, size: Whole) -> Whole:
    """Where a list of `size` entries, a power of 2, keeps what is told of a pair.

    Pairs may share an entry, and then the one is forbidden as long as the other. With some fifty
    pairs at a time among thousands of entries that is rare, and costs nothing but that one move.
    """
    mixed = np.uint64(u) * np.uint64(0x9E3779B1) ^ np.uint64(v) * np.uint64(0x85EBCA77)
    return np.int64((mixed >> np.uint64(13)) & np.uint64(size - 1))


@part
def best_block_move(
    orders: Orders,
    path: Path,
    moves: BlockMoves,
    count: Whole,
    forbidden: np.ndarray,
    now: Whole,
    best: Whole,
    random: np.ndarray,
) -> tuple[Whole, Whole, Whole]:
    """The block move of the least estimate that is allowed; ties are drawn.

    A move is forbidden if it would put two operations, of which it is the farthest pair, back into
    an order that a recent move ended; it is allowed all the same if its estimate is below `best`.

    Args:
        orders: the schedule.
        path: its longest path.
        moves: the moves on it.
        count: how many they are.
        forbidden: ``[F]`` int64, until which step each pair is.
        now: the number of this step.
        best: the least cost so far.
        random: the state of the random numbers.

    Returns:
        The estimate, the index of the move (-1: none) and how many of equal estimate there were.
    """
    least: Whole = LARGE
    chosen, ties = -1, 0
    for c in range(count):
        early, late, later = moves.early[c], moves.late[c], moves.later[c]
        u, v = path.operation[early], path.operation[late]
        head, tail = orders.end[orders.before[u]], orders.tail[orders.after[v]]
        limit = least
        if forbidden[slot(v, u, len(forbidden))] > now:
            limit = min(least, best - 1)
        # all between their neighbours, in whatever order
        between = path.begin[late] + path.length[late] - path.begin[early]
        if later:
            if head + between + max(path.rest[early], tail) > limit:
                continue
            estimate = later_estimate(path, early, late, head, tail, limit)
        else:
            if max(head, path.ready[late]) + between + tail > limit:
                continue
            estimate = earlier_estimate(path, early, late, head, tail, limit)
        if estimate > limit:
            continue
        ties = ties + 1 if estimate == least else 1
        if ties == 1 or below(random, ties) == 0:
            least, chosen = estimate, c
    return least, chosen, ties


@part
def first_place(shop: Shop, orders: Orders, v: Whole, machine: Whole, ready: Whole) -> Whole:
    """Behind which operation of another machine `v` goes if all that ends by `ready` is before.

    0: it comes first. Farther to the front it would begin no earlier.
    """
    u = np.uint32(0)
    w = orders.front[machine]
    while w and orders.end[w] <= ready:
        u, w = w, orders.after[w]
    return u


@part
def may_follow(shop: Shop, orders: Orders, v: Whole, u: Whole) -> bool:
    """Whether `v` may go behind `u` of another machine: a sufficient condition.

    The job must not lead from `v` to `u`. It does if its next operation is `u`, and otherwise only
    if that one ends before `u` begins, and comes before it in the order of all.
    """
    following = v + ONE
    if u == 0 or shop.job[following] < 0:
        return True
    if orders.position[u] < orders.position[following]:
        return True
    return u != following and orders.end[u] - orders.duration[u] < orders.end[following]


@part
def best_machine_move(
    shop: Shop,
    orders: Orders,
    path: Path,
    first: Whole,
    forbidden: np.ndarray,
    now: Whole,
    best: Whole,
    least: Whole,
    ties: Whole,
    random: np.ndarray,
) -> tuple[Whole, Whole, Whole, Whole, Whole]:
    """The best move of an operation of a path to another machine, if it is as good as `least`.

    After Mastrolilli and Gambardella ("Effective neighbourhood functions for the flexible job shop
    problem", Journal of Scheduling 3, 2000): on another machine, only places count between the last
    operation that ends before the job is there, and the first whose tail is no longer than that of
    the job's next operation. The estimate is the longest path through the operation at its new
    place, or through the gap that it leaves. The makespan is never less than the latter. The former
    is exact if the operation does not lead to the one before that place nor follow the one behind
    it, otherwise it may be less than that: never more.

    Args:
        shop: the work list.
        orders: the schedule.
        path: its longest path.
        first: the index at which that begins.
        forbidden: ``[F]`` int64, until which step an operation may not come back to a machine.
        now: the number of this step.
        best: the least cost so far.
        least: only moves of at most this estimate count.
        ties: how many of that estimate there are already.
        random: the state of the random numbers.

    Returns:
        Estimate, operation (0: none), the one that it goes behind, alternative, and ties.
    """
    chosen: Whole = np.uint32(0)
    behind: Whole = np.uint32(0)
    taken: Whole = np.uint32(0)
    for i in range(first, len(path.operation)):
        v = path.operation[i]
        if shop.pointer[v] + ONE == shop.pointer[v + ONE]:
            continue
        gap = orders.end[orders.before[v]] + orders.tail[orders.after[v]]
        ready, rest = path.ready[i], path.rest[i]
        for choice in range(shop.pointer[v], shop.pointer[v + ONE]):
            if choice == orders.choice[v]:
                continue
            length, machine = shop.length[choice], shop.machine[choice]
            limit = least
            if forbidden[slot(v, len(shop.job) + machine, len(forbidden))] > now:
                limit = min(least, best - 1)
            if max(gap, ready + length + rest) > limit:
                continue
            u = first_place(shop, orders, v, machine, ready)
            while may_follow(shop, orders, v, u):
                w = orders.after[u] if u else orders.front[machine]
                through = max(ready, orders.end[u]) + length + max(rest, orders.tail[w])
                estimate = max(gap, through)
                if estimate <= limit:
                    ties = ties + 1 if estimate == least else 1
                    if ties == 1 or below(random, ties) == 0:
                        least, chosen, behind, taken = estimate, v, u, np.uint32(choice)
                    limit = min(limit, least)
                if w == 0 or orders.tail[w] <= rest or orders.end[w] + length + rest > limit:
                    break
                u = w
    return least, chosen, behind, taken, ties

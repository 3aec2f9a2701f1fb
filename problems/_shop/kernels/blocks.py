"""Moves of operations within a block: N7, and what each of them comes to.

A block is a longest row of operations of a longest path on one machine, one right behind another.
N7 (Zhang, Li, Guan & Rao, "A tabu search algorithm with a new neighborhood structure for the job
shop scheduling problem", Computers & Operations Research 34, 2007) moves any operation of a block
to its front or its end, and the first and the last one into it. In the first block of a path
nothing is gained by another front, in the last by another end.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Orders
from nco.problems._shop.kernels.path import Path


class BlockMoves(NamedTuple):
    """Moves by indices of a path: `early` goes right behind `late`, or `late` before `early`."""

    early: np.ndarray  # [4n] int64
    late: np.ndarray  # [4n] int64
    later: np.ndarray  # [4n] bool, whether it is `early` that moves


def empty_moves(size: int) -> BlockMoves:
    """Room for the moves of a path of `size` operations."""
    return BlockMoves(
        np.zeros(4 * size, dtype=np.int64),
        np.zeros(4 * size, dtype=np.int64),
        np.zeros(4 * size, dtype=np.bool_),
    )


@part
def may_go_later(orders: Orders, path: Path, early: Whole, late: Whole) -> bool:
    """Whether ``early`` may go right behind ``late``: a sufficient condition.

    Its job must not lead from it to `late`, so the tail of its next operation must not be longer
    than that of `late` (Balas & Vazacopoulos, Management Science 44, 1998, Proposition 2.2). An
    operation without duration has the tail of what it leads to, and must have a shorter one.
    """
    rest, tail = path.rest[early], path.begin[len(path.operation)] - path.begin[late]
    if rest != tail:
        return rest < tail
    following = path.operation[early] + ONE
    return orders.duration[following] > 0 and following != path.operation[late]


@part
def may_go_earlier(orders: Orders, path: Path, early: Whole, late: Whole) -> bool:
    """Whether ``late`` may go right before ``early``: the same in mirrored time."""
    ready, end = path.ready[late], path.begin[early] + path.length[early]
    if ready != end:
        return ready < end
    preceding = path.operation[late] - ONE
    return orders.duration[preceding] > 0 and preceding != path.operation[early]


@part
def collect(orders: Orders, path: Path, first: Whole, moves: BlockMoves) -> tuple[Whole, bool]:
    """The moves of N7 on a path that begins at index `first`.

    Returns:
        How many there are; and whether there is a block that is neither front nor end of the path
        throughout. If not, one machine or one job is busy all the time, and as long as no operation
        can go to another machine, no schedule is shorter.
    """
    operation, after = path.operation, orders.after
    size = len(operation)
    count, helps = 0, False
    start = first
    while start < size:
        end = start
        while end + 1 < size and after[operation[end]] == operation[end + 1]:
            end += 1
        if end > start:
            at_front, at_end = start == first, end == size - 1
            helps = helps or not (at_front and at_end)
            if not at_end:
                for k in range(start, end):
                    if may_go_later(orders, path, k, end):
                        moves.early[count], moves.late[count], moves.later[count] = k, end, True
                        count += 1
                # the last into the block; right before its neighbour is a move of above
                for k in range(start if at_front else start + 1, end - 1):
                    if may_go_earlier(orders, path, k, end):
                        moves.early[count], moves.late[count], moves.later[count] = k, end, False
                        count += 1
            if not at_front:
                # a block of two has one move, which is counted above unless it is at the end
                for k in range(start + 1 if at_end or end > start + 1 else end + 1, end + 1):
                    if may_go_earlier(orders, path, start, k):
                        moves.early[count], moves.late[count], moves.later[count] = start, k, False
                        count += 1
                for k in range(start + 2, end + 1 if at_end else end):
                    if may_go_later(orders, path, start, k):
                        moves.early[count], moves.late[count], moves.later[count] = start, k, True
                        count += 1
        start = end + 1
    return count, helps


@part
def later_estimate(
    path: Path, early: Whole, late: Whole, head: Whole, tail: Whole, limit: Whole
) -> Whole:
    """The longest path through what moves if `early` goes right behind `late`.

    By Balas and Vazacopoulos: with the present ends of the operations before, and tails of those
    after them in their jobs. That is exact for neighbours, and for others unless a job leads from
    one of the operations in between to another by other machines.

    Args:
        path: the path; its `head` is overwritten.
        early: the index of the operation that moves.
        late: the index of the one that it goes behind.
        head: the end of the operation before `early` on the machine.
        tail: the tail of the operation after `late` on the machine.
        limit: a value of more than this may be stated too small, but never as small as this.
    """
    ready, rest, length, heads = path.ready, path.rest, path.length, path.head
    reached: Whole = head
    for i in range(early + 1, late + 1):
        reached = max(reached, ready[i])
        heads[i] = reached
        reached += length[i]
    needed: Whole = max(rest[early], tail) + length[early]
    value: Whole = max(ready[early], reached) + needed
    k = late
    while k > early and value <= limit:
        needed = max(needed, rest[k]) + length[k]
        value = max(value, np.int64(heads[k] + needed))
        k -= 1
    return value


@part
def earlier_estimate(
    path: Path, early: Whole, late: Whole, head: Whole, tail: Whole, limit: Whole
) -> Whole:
    """The longest path through what moves if `late` goes right before `early`; see above."""
    ready, rest, length, heads = path.ready, path.rest, path.length, path.head
    own: Whole = max(ready[late], head)
    reached: Whole = own + length[late]
    for i in range(early, late):
        reached = max(reached, ready[i])
        heads[i] = reached
        reached += length[i]
    needed = np.int64(tail)
    value: Whole = own + length[late] + rest[late]
    k = late - 1
    while k >= early and value <= limit:
        needed = np.int64(max(needed, rest[k]) + length[k])
        value = max(value, np.int64(heads[k] + needed))
        k -= 1
    return max(value, own + length[late] + needed)

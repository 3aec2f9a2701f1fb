"""A certified bound of a knapsack's value: the optimum where that is cheap, or Dantzig's."""

import math
import time
from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate

import numpy as np

from nco.core.case import Bound
from nco.problems._common.decimals import plain
from nco.problems.knapsack.files import Case
from nco.problems.knapsack.integers import Integers

LARGEST = 100_000  # items
MOST_NODES = 50_000  # of the branch and bound where there is no time limit: a quarter of a second
ROOM = 4_000_000  # units of capacity in a table
CELLS = 50_000_000  # items times capacity that dynamic programming fills in a second at most
LOOK = 500  # nodes between two looks at the clock


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The optimal value where that is cheap, otherwise Dantzig's bound (1957).

    Proof. All numbers are whole multiples of the decimals that the source states, in integers of
    any length. Dynamic programming over the room left is exact (Bellman 1957). In a branch and
    bound over items in the order of value per weight, the linear relaxation of what is left at a
    node, rounded down, is above whatever the node holds (Horowitz & Sahni 1974; Martello & Toth
    1990, section 2.5); nodes at or below a value that is reached already are left out. Where it
    takes too long, the relaxation at its root is the bound.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed number of nodes.
        known: the cost, minus the value, of a feasible choice.

    Returns:
        A bound of the cost: minus that of the value. None above `LARGEST` items.
    """
    if case.size > LARGEST:
        return None
    whole = Integers.of(case)
    items = sorted(zip(whole.values, whole.weights, strict=True), key=density, reverse=True)
    reached = 0 if known is None else max(0, math.floor(_reached(known) * whole.grain) - whole.gift)
    best, proof = most(items, whole.room, reached, time_limit)
    return Bound(plain(-Fraction(whole.gift + best, whole.grain)), proof)


def most(
    items: list[tuple[int, int]], room: int, reached: int, seconds: float | None
) -> tuple[int, str]:
    """The greatest value of items that fit, or a bound of it, and how that is known.

    Args:
        items: (value, weight), both positive, no weight above `room`; the most value per weight
            first.
        room: the capacity.
        reached: a value that is known to be possible.
        seconds: None for a fixed effort.
    """
    cells = CELLS * (1 if seconds is None else min(1, seconds))
    if room <= ROOM and len(items) * room <= cells and sum(value for value, _ in items) < 2**62:
        return _table(items, room), "dynamic programming"
    deadline = None if seconds is None else time.perf_counter() + seconds
    tree = _Tree([value for value, _ in items], [weight for _, weight in items])
    best, proven = tree.search(room, reached, deadline)
    return best, "branch and bound" if proven else "linear relaxation"


def density(item: tuple[int, int]) -> Fraction:
    """Value per weight."""
    return Fraction(*item)


def _table(items: list[tuple[int, int]], room: int) -> int:
    """The greatest value by dynamic programming over the room."""
    most = np.zeros(room + 1, dtype=np.int64)
    for value, weight in items:
        most[weight:] = np.maximum(most[weight:], most[: room + 1 - weight] + value)
    return int(most[room])


class _Tree:
    """Branch and bound over items of least value per weight last."""

    def __init__(self, values: list[int], weights: list[int]) -> None:
        self.values, self.weights = values, weights
        self.worth = [0, *accumulate(values)]
        self.load = [0, *accumulate(weights)]

    def relaxed(self, item: int, room: int) -> tuple[int, int]:
        """The first item from `item` on that does not fit after all before it, and the bound."""
        stop = bisect_right(self.load, self.load[item] + room) - 1
        value = self.worth[stop] - self.worth[item]
        if stop < len(self.values):
            rest = room - (self.load[stop] - self.load[item])
            value += rest * self.values[stop] // self.weights[stop]
        return stop, value

    def search(self, room: int, reached: int, deadline: float | None) -> tuple[int, bool]:
        """The greatest value, and True; or an upper bound of it, and False where it takes too long.

        Args:
            room: the capacity.
            reached: a value that some choice has.
            deadline: of `time.perf_counter`; None: `MOST_NODES`.
        """
        top = self.relaxed(0, room)[1]
        nodes = [(0, room, 0)]  # what is decided: items before the first, room, value
        count = 0
        while nodes:
            item, left, value = nodes.pop()
            stop, more = self.relaxed(item, left)
            count += 1
            if deadline is None and count > MOST_NODES:
                return max(top, reached), False
            if deadline is not None and count % LOOK == 0 and time.perf_counter() > deadline:
                return max(top, reached), False
            if value + more <= reached:
                continue
            reached = max(reached, value + self.worth[stop] - self.worth[item])
            if stop < len(self.values):
                # all up to `stop` are taken and that one is left out; or one before it is left out
                for out in range(item, stop + 1):
                    taken = self.load[out] - self.load[item]
                    gained = self.worth[out] - self.worth[item]
                    hope = self.relaxed(out + 1, left - taken)[1]
                    if value + gained + hope > reached:
                        nodes.append((out + 1, left - taken, value + gained))
        return reached, True


def _reached(cost: float | int) -> Fraction:
    """A value that is reached for sure: a float may have been rounded up."""
    return Fraction(-cost) if isinstance(cost, int) else Fraction(-cost) * (1 - Fraction(1, 2**50))

"""The optimal choice of a knapsack by dynamic programming, where its table is small."""

import math
from collections.abc import Sequence

import numpy as np

from nco.problems.knapsack.files import Case
from nco.problems.knapsack.integers import Integers
from nco.registry.interface import Optimum

LARGEST = 1000  # items, whose numbers are made integers in some milliseconds
CELLS = 2_000_000  # of a table: items times capacity, or items times value; some milliseconds
NEVER = 2**62  # more than any total; the sum of two such numbers does not overflow
PROOF = "dynamic programming"


def optimum(case: Case) -> Optimum | None:
    """The most valuable choice, over the room left or over the value reached.

    Proof. All numbers are whole multiples of the decimals that the source states. The greatest
    value for each capacity up to the case's own, and the least weight for each value, follow from
    those without the last item (Bellman 1957; Kellerer, Pferschy & Pisinger 2004, section 2.3).

    Returns:
        None where both tables would have more than `CELLS`, as with numbers of many digits.
    """
    if case.size > LARGEST:
        return None
    whole = Integers.of(case)
    if sum(whole.weights) <= whole.room:
        return Optimum(sorted(whole.free + whole.items), PROOF)
    unit, step = math.gcd(*whole.weights), math.gcd(*whole.values)
    weights = [weight // unit for weight in whole.weights]
    values = [value // step for value in whole.values]
    room, total, count = whole.room // unit, sum(values), len(values)
    if count * room <= CELLS and total <= np.iinfo(np.int64).max:
        chosen = _over_room(values, weights, room)
    elif count * total <= CELLS and sum(weights) < NEVER:
        chosen = _over_value(values, weights, room)
    else:
        return None
    return Optimum(sorted(whole.free + [whole.items[place] for place in chosen]), PROOF)


def _over_room(values: Sequence[int], weights: Sequence[int], room: int) -> list[int]:
    """Places of the items of the greatest value that weigh at most `room` together."""
    most = np.zeros(room + 1, dtype=np.int64)  # value, by the room that there is
    taken = np.zeros((len(values), room + 1), dtype=bool)
    for place, (value, weight) in enumerate(zip(values, weights, strict=True)):
        with_it = most[: room + 1 - weight] + value
        taken[place, weight:] = with_it > most[weight:]
        np.maximum(most[weight:], with_it, out=most[weight:])
    return _traced(taken, weights, room)


def _over_value(values: Sequence[int], weights: Sequence[int], room: int) -> list[int]:
    """The same, by the least weight of each value."""
    total = sum(values)
    least = np.full(total + 1, NEVER, dtype=np.int64)  # weight, by the value that is reached
    least[0] = 0
    taken = np.zeros((len(values), total + 1), dtype=bool)
    for place, (value, weight) in enumerate(zip(values, weights, strict=True)):
        with_it = least[: total + 1 - value] + weight
        taken[place, value:] = with_it < least[value:]
        np.minimum(least[value:], with_it, out=least[value:])
    return _traced(taken, values, int(np.flatnonzero(least <= room)[-1]))


def _traced(taken: np.ndarray, steps: Sequence[int], end: int) -> list[int]:
    """Places of the items that lead to a column of the table, from its last row back."""
    chosen = []
    for place in reversed(range(len(steps))):
        if taken[place, end]:
            chosen.append(place)
            end -= steps[place]
    return chosen

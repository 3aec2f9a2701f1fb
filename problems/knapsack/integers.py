"""A knapsack's numbers as integers, without rounding."""

import math
from dataclasses import dataclass

from nco.problems._common.decimals import exact
from nco.problems.knapsack.files import Case


@dataclass(frozen=True)
class Integers:
    """A case in whole multiples of the decimals that its source states, of any length.

    Items that are worth nothing or weigh more than the capacity are left out.

    Attributes:
        free: numbers of the items that weigh nothing, which are in some optimal choice.
        items: numbers of the others; values, weights: theirs, all positive.
        room: the capacity.
        grain: so many units of value are one of the case.
        gift: value of the `free` items.
    """

    free: list[int]
    items: list[int]
    values: list[int]
    weights: list[int]
    room: int
    grain: int
    gift: int

    @classmethod
    def of(cls, case: Case) -> "Integers":
        """The case's numbers."""
        values = [exact(value) for value in case.values.tolist()]
        weights = [exact(weight) for weight in case.weights.tolist()]
        capacity = exact(case.capacity)
        grain = math.lcm(*(value.denominator for value in values))
        scale = math.lcm(capacity.denominator, *(weight.denominator for weight in weights))
        worth = [int(value * grain) for value in values]
        load = [int(weight * scale) for weight in weights]
        room = int(capacity * scale)
        free = [item for item in range(case.size) if worth[item] > 0 and load[item] == 0]
        items = [item for item in range(case.size) if worth[item] > 0 and 0 < load[item] <= room]
        return cls(
            free,
            items,
            [worth[item] for item in items],
            [load[item] for item in items],
            room,
            grain,
            sum(worth[item] for item in free),
        )

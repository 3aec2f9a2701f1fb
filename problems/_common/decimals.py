"""Numbers as their source wrote them: ``repr`` of a float64 gives the shortest decimal back.

In these decimals sums and comparisons are exact: 0.1 + 0.2 fits into 0.3.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

EXACT = 2**53  # up to here each whole number is a float64


def exact(value: float) -> Fraction:
    """The decimal that a float64 stands for."""
    return Fraction(rational(value))


def rational(value: float) -> Fraction | int:
    """As `exact`, but an int where that is whole: sums of ints are ten times as fast."""
    value = float(value)
    if value.is_integer() and abs(value) <= EXACT:
        return int(value)
    return Fraction(repr(value))


def plain(value: Fraction) -> float | int:
    """An int where the fraction is whole, and the nearest float elsewhere."""
    return int(value) if value.denominator == 1 else float(value)


def scale(values: Iterable[float], largest: int) -> int:
    """The least factor that makes all values whole; or one that makes none of them `largest`.

    Args:
        values: at least 0, as decimals.
        largest: above it no value times the factor may come.
    """
    numbers = [exact(value) for value in values]
    factor = math.lcm(*(number.denominator for number in numbers))
    most = max(*numbers, Fraction(1))
    return factor if factor * most <= largest else int(largest // most)

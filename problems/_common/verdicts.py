"""The sentences that checkers of all kinds are made of. Solvers and readers use none of this."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any


def shown(value: object, most: int = 60) -> str:
    """Whatever it is, on one line of at most so many characters."""
    return " ".join(repr(value).split())[:most]


def titled(word: str, number: int, names: Sequence[str], position: int | None = None) -> str:
    """``customer 5 (Bakery)``: a thing by its number, and by its name where it has one.

    Args:
        word: what it is.
        number: in the case's own numbers.
        names: of all such things by position; empty where they have none.
        position: of this one; by default its number.
    """
    position = number if position is None else position
    name = names[position] if 0 <= position < len(names) else ""
    return f"{word} {number} ({name})" if name else f"{word} {number}"


def names_of(case: object, kind: str) -> Sequence[str]:
    """The names of a case's things of a kind; nothing where it has none."""
    names: Sequence[str] = getattr(case, "names", {}).get(kind, ())
    return names


def shortened(sentences: Sequence[str], most: int, kind: str = "of this kind") -> list[str]:
    """The first `most` sentences, and a count of the others: there may be 10,000 alike."""
    more = len(sentences) - most
    return [*sentences[:most], *([f"and {more} more {kind}"] if more > 0 else [])]


def is_integer(value: Any) -> bool:
    """Whether it is a whole number of any integer type; truth values are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_amount(value: Any) -> bool:
    """Whether it is a finite number from 0 on; truth values are none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0

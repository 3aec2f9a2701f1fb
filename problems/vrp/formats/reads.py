"""Values of a user's arrays and of JSON: read one by one, refused in one line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nco.core.errors import InstanceError, did_you_mean
from nco.problems._routing import depots as shared
from nco.problems.vrp.case import INFINITE, Rounding, Window


def listed(value: Any, field: str) -> list[Any]:
    """A list, of an array or a tuple too."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InstanceError("must be a list", field=field, value=type(value).__name__)
    return list(value)


def number(value: Any, field: str) -> float:
    """A number; None is infinity."""
    if value is None:
        return INFINITE
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InstanceError("a number belongs here", field=field, value=repr(value)[:60])
    try:
        return float(value)
    except OverflowError:
        raise InstanceError("the number is too large", field=field) from None


def whole(value: Any, field: str) -> int:
    read = number(value, field)
    if not read.is_integer():
        raise InstanceError("a whole number belongs here", field=field, value=value)
    return int(read)


def mapping(value: object, field: str) -> Sequence[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        raise InstanceError("must be a mapping", field=field, value=type(value).__name__)
    return list(value.items())


def word(data: Mapping[str, Any], key: str, choices: Sequence[str], default: str) -> str:
    """One of some words."""
    value = data.get(key, default)
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(str(choice) for choice in choices)
        raise InstanceError(f"must be one of {words}", field=key, value=value)
    return value


def known(items: Mapping[str, Any], names: set[str], field: str) -> None:
    for key in items:
        if key not in names:
            near = did_you_mean(str(key), names) or f" there are {', '.join(sorted(names))}"
            raise InstanceError(f"no such key;{near}", field=field, value=str(key))


def window(value: Any, field: str) -> Window:
    """``[open, close]``; a close of None is never."""
    pair = listed(value, field)
    if len(pair) != 2:
        raise InstanceError("a window is [open, close]", field=field, value=str(pair))
    begin = 0.0 if pair[0] is None else number(pair[0], field)
    return Window(begin, number(pair[1], field))


def rounding_of(word: object) -> Rounding:
    """The rule of a word.

    Raises:
        InstanceError: where there is no such rule.
    """
    if word not in list(Rounding):
        reason = f"must be one of {', '.join(Rounding)}"
        raise InstanceError(reason, field="rounding", value=str(word))
    return Rounding(str(word))


class Rows:
    """How many places there are, and arrays with a row for each.

    Attributes:
        places: D+n; depots: D; clients: n.
    """

    def __init__(self, places: int, depots: int) -> None:
        self.places, self.depots, self.clients = places, depots, places - depots

    def listed(self, value: Any, field: str) -> list[Any]:
        """A list with an entry for each place; None for depots that were left out."""
        entries = listed(value, field)
        if len(entries) == self.clients:
            return [*[None] * self.depots, *entries]
        if len(entries) != self.places:
            raise InstanceError(self.expected, field=field, value=f"{len(entries)} rows")
        return entries

    @property
    def expected(self) -> str:
        """How many rows an array must have."""
        return f"must have {self.places} rows, depots first, or {self.clients} without depots"

    def array(self, value: Any, field: str, any_depot: bool = False) -> np.ndarray:
        """Numbers ``[D+n, ...]``; those of depots are 0."""
        numbers = shared.array(value, field, decimal=True)
        if numbers.ndim not in (1, 2) or len(numbers) not in (self.clients, self.places):
            raise InstanceError(self.expected, field=field, value=str(numbers.shape))
        if len(numbers) == self.clients:
            filler = np.zeros((self.depots, *numbers.shape[1:]))
            numbers = np.concatenate([filler, numbers])
        if not any_depot and numbers[: self.depots].any():
            place = int((numbers[: self.depots] != 0).reshape(self.depots, -1).any(1).argmax())
            reason = f"place {place} is a depot: the number must be 0"
            raise InstanceError(reason, field=field, value=str(numbers[place].tolist()))
        return numbers

    def numbers(self, data: Mapping[str, Any], key: str, any_depot: bool = False) -> np.ndarray:
        """A number for each place: 0 without the key; one number is that of all clients."""
        if key not in data:
            return np.zeros(self.places)
        value = data[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return np.where(np.arange(self.places) < self.depots, 0.0, number(value, key))
        numbers = self.array(value, key, any_depot)
        if numbers.ndim != 1:
            raise InstanceError("must be one number a place", field=key, value=str(numbers.shape))
        return numbers

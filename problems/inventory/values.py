"""Values of a file, each with the field that an error names."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from nco.core.errors import InstanceError


def mapping(value: Any, field: str, most: int, empty: bool = False) -> dict[str, Any]:
    """A mapping of at most `most` names."""
    if not isinstance(value, dict) or not (value or empty):
        shown = None if value is None else value
        raise InstanceError("must be a mapping of names to values", field=field, value=shown)
    if len(value) > most:
        raise InstanceError(f"at most {most} entries", field=field, value=len(value))
    return {str(key): item for key, item in value.items()}


def only(given: Iterable[str], allowed: set[str], field: str) -> None:
    """Refuses keys that are not allowed."""
    for key in given:
        if key not in allowed:
            known = ", ".join(sorted(allowed))
            raise InstanceError(f"an unknown key; there are {known}", field=field, value=key)


def number(value: Any, field: str, least: float | None = 0.0) -> float:
    """A finite number, not below `least`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InstanceError("must be a number", field=field, value=value)
    found = float(value)
    if not math.isfinite(found):
        raise InstanceError("must be a finite number", field=field, value=value)
    if least is not None and found < least:
        raise InstanceError(f"must not be below {least:g}", field=field, value=value)
    if abs(found) > 1e9:
        raise InstanceError("beyond 1e9: choose a larger unit", field=field, value=value)
    return found


def whole(value: Any, field: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    found = number(value, field, least)
    if not found.is_integer() or found > most:
        reason = f"must be a whole number from {least} to {most}"
        raise InstanceError(reason, field=field, value=value)
    return int(found)


def truth(value: Any, field: str) -> bool:
    """True or false."""
    if not isinstance(value, bool | np.bool_):
        raise InstanceError("must be true or false", field=field, value=value)
    return bool(value)

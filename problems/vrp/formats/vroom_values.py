"""Values of VROOM's JSON, read one by one, refused in one line."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nco.core.errors import InstanceError, did_you_mean
from nco.problems._routing import metrics
from nco.problems.vrp.case import Window


def listed(data: Mapping[str, Any], key: str, where: str = "") -> list[Any]:
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        field = f"{where} {key}".strip()
        raise InstanceError("must be a list", field=field, value=type(value).__name__)
    return value


def object_of(value: Any, where: str, keys: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InstanceError("must be an object", field=where, value=type(value).__name__)
    known(value, keys, where)
    return value


def known(data: Mapping[str, Any], keys: set[str], where: str) -> None:
    for key in data:
        if key not in keys:
            near = did_you_mean(key, keys) or f" there are {', '.join(sorted(keys))}"
            raise InstanceError(f"no such key;{near}", field=where or None, value=key)


def whole(value: Any, field: str) -> int:
    if value is None:
        raise InstanceError("is missing", field=field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InstanceError("a whole number belongs here", field=field, value=repr(value))
    return value


def positive(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InstanceError("a number belongs here", field=field, value=repr(value))
    if not 0 <= value <= metrics.EXACT:
        raise InstanceError("must be 0 or a positive number", field=field, value=value)
    return float(value)


def numbers(value: Any, field: str) -> list[float]:
    if not isinstance(value, list):
        raise InstanceError("must be a list of numbers", field=field, value=repr(value))
    return [positive(one, field) for one in value]


def window(value: Any, field: str) -> Window:
    ends = numbers(value, field)
    if len(ends) != 2:
        raise InstanceError("a window is [start, end]", field=field, value=str(value))
    return Window(*ends)


def windows(data: Mapping[str, Any], where: str) -> tuple[Window, ...]:
    field = f"{where} time_windows"
    return tuple(window(one, field) for one in listed(data, "time_windows", where))


def coordinates(value: Any, field: str) -> tuple[float, float]:
    """Longitude and latitude."""
    if not isinstance(value, list) or len(value) != 2:
        raise InstanceError("must be [lon, lat]", field=field, value=repr(value))
    for one, most in zip(value, (180, 90), strict=True):
        if isinstance(one, bool) or not isinstance(one, int | float) or not -most <= one <= most:
            reason = "must be [lon, lat], degrees within 180 and 90"
            raise InstanceError(reason, field=field, value=str(value))
    return float(value[0]), float(value[1])


def square(value: Any, field: str) -> np.ndarray:
    rows = value if isinstance(value, list) else []
    if not rows or any(not isinstance(row, list) or len(row) != len(rows) for row in rows):
        raise InstanceError("must be a square of numbers", field=field, value=f"{len(rows)} rows")
    for row in rows:
        for one in row:
            positive(one, field)
    matrix = np.array(rows, dtype=np.float64)
    np.fill_diagonal(matrix, 0)
    return matrix

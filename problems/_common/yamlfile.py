"""Reading case files that are YAML (or JSON, which is YAML): the defects that all of them share.

Such a file says ``problem: NAME`` on a line of its own, and names its fields.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nco.core.errors import InstanceError

HEAD = 4096  # characters in which ``problem: NAME`` must stand to be recognised
LARGEST = 2.0**53  # up to here whole numbers are exact in float64
MOST = 1_000_000  # of anything that is counted


def says(text: str, problem: str) -> bool:
    """Whether the beginning of a text says ``problem: NAME``."""
    head = text[:HEAD]
    pattern = rf"""(^|[{{,\n])\s*["']?problem["']?\s*:\s*["']?{problem}["']?\s*([,}}#\r\n]|$)"""
    return "\0" not in head and re.search(pattern, head) is not None


def parse(text: str, problem: str, known: Iterable[str], path: str | None) -> dict[str, Any]:
    """The fields of a file, of which all are `known`.

    Raises:
        InstanceError: for what is no YAML, another problem, or an unknown field.
    """
    import yaml

    if "\0" in text or "\ufffd" in text:
        raise InstanceError("this is a binary file, not YAML", path=path)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        line = None if mark is None else mark.line + 1
        raise InstanceError(f"not valid YAML: {reason}", path=path, line=line) from error
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"not valid YAML: {error}", path=path) from error
    if not isinstance(data, dict) or data.get("problem") != problem:
        raise InstanceError(f"the file must say problem: {problem}", field="problem", path=path)
    names = sorted(known)
    for name in data:
        if name not in names:
            reason = f"no such field; there are {', '.join(names)}"
            raise InstanceError(reason, field=str(name), path=path)
    return data


def required(data: Mapping[str, Any], field: str, path: str | None) -> Any:
    if field not in data:
        raise InstanceError("is missing", field=field, path=path)
    return data[field]


def mapping(data: Any, field: str, path: str | None, most: int = 1000) -> dict[str, Any]:
    """A mapping of 1 to `most` names."""
    if not isinstance(data, dict) or not 1 <= len(data) <= most:
        reason = f"must name 1 to {most} of them, as {{name: ...}}"
        raise InstanceError(reason, field=field, value=data, path=path)
    return {str(name): value for name, value in data.items()}


def number(value: Any, field: str, path: str | None) -> float:
    """A finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InstanceError("must be a number", field=field, value=value, path=path)
    if not 0 <= value <= LARGEST:  # not a number is in no range, either
        reason = "must be finite, not negative and at most 2^53"
        raise InstanceError(reason, field=field, value=value, path=path)
    return float(value)


def whole(value: Any, field: str, path: str | None, least: int = 1, most: int = MOST) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        reason = f"must be a whole number from {least} to {most}"
        raise InstanceError(reason, field=field, value=value, path=path)
    return value


def array(field: str, data: Any) -> np.ndarray:
    """A user's array as float64."""
    try:
        found = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged
        raise InstanceError("must be numbers only", field=field, value=data) from error
    if found.dtype.kind not in "iuf":
        raise InstanceError("must be numbers only", field=field, value=data)
    return found.astype(np.float64)


def check_array(
    field: str,
    found: np.ndarray,
    shape: Iterable[int],
    letters: str,
    path: str | None,
    positive: bool = False,
) -> None:
    """Shape, finite, and not negative (or positive)."""
    wanted = list(shape)
    if list(found.shape) != wanted or not found.size:
        reason = f"must be [{letters}] = {wanted}; this is its shape"
        raise InstanceError(reason, field=field, value=list(found.shape), path=path)
    low = found > 0 if positive else found >= 0
    wrong = np.argwhere(~(np.isfinite(found) & low & (found <= LARGEST)))
    if wrong.size:
        place = wrong[0].tolist()
        sense = "positive" if positive else "not negative"
        reason = f"entry {place}: must be finite, {sense} and at most 2^53"
        raise InstanceError(reason, field=field, value=float(found[tuple(place)]), path=path)


def numbers(solution: Any, field: str = "solution") -> list[Any]:
    """The list in a solution file's text: JSON, or a JSON object with it under ``solution``."""
    import json

    try:
        data = json.loads(solution)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"not valid JSON: {error}", field=field) from error
    data = data.get("solution") if isinstance(data, dict) else data
    if not isinstance(data, list):
        reason = 'must be a list, or an object with one under "solution"'
        raise InstanceError(reason, field=field, value=solution)
    return data

"""Case files in YAML (or JSON, which is YAML), arrays, and solution files in JSON.

A case file says ``problem: NAME`` on a line of its own, and names its fields. Each function here
reads one kind of field, and raises an `InstanceError` that names the field and its value.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from nco.core.errors import InstanceError

HEAD = 4096  # characters in which ``problem: NAME`` must stand to be recognised
LARGEST = 2.0**53  # up to here whole numbers are exact in float64
MOST = 1_000_000  # of anything that is counted
_BARE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffd-\uffff]")


def states_problem(text: str, problem: str) -> bool:
    """Whether a text says ``problem: NAME`` within its first 4096 characters."""
    head = text[:HEAD]
    pattern = rf"""(^|[{{,\n])\s*["']?problem["']?\s*:\s*["']?{problem}["']?\s*([,}}#\r\n]|$)"""
    return "\0" not in head and re.search(pattern, head) is not None


@cache
def loader() -> Any:
    """PyYAML's safe loader, which also reads JSON's ``1e-05`` and refuses a key stated twice.

    YAML 1.1 takes a number without a point, or without a sign behind its e, for a word; Python
    writes such numbers. Of two equal keys PyYAML would silently keep the second.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    reason = f"the key {key.value!r} is there twice"
                    raise yaml.constructor.ConstructorError(None, None, reason, key.start_mark)
                seen.add(str(key.value))
            return super().construct_mapping(node, deep)

    form = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", form, list("-+.0123456789"))
    return Loader


def parse(text: str, problem: str, known: Iterable[str], path: str | None) -> dict[str, Any]:
    """The fields of a file, of which all are `known`.

    Raises:
        InstanceError: for what is no YAML, another problem, or a field that is unknown or doubled.
    """
    import yaml

    if "\0" in text or "\ufffd" in text:
        raise InstanceError("this is a binary file, not YAML", path=path)
    try:
        data = yaml.load(text, Loader=loader())
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
    """The value of a field that must be there."""
    if field not in data:
        raise InstanceError("is missing", field=field, path=path)
    return data[field]


def check_present(data: Mapping[str, Any], needed: Collection[str], beside: str) -> None:
    """Refuses a user's dict without one of the arrays that go with `beside`."""
    for field in sorted(needed):
        if field not in data:
            raise InstanceError(f"needed beside {beside}", field=field)


def exactly(
    item: Any, fields: Collection[str], place: str, path: str | None, form: str | None = None
) -> dict[str, Any]:
    """A mapping of exactly these fields; `form` shows in an error what it must look like."""
    if not isinstance(item, dict) or set(item) != set(fields):
        reason = f"must be {form}" if form else f"must hold exactly {', '.join(sorted(fields))}"
        raise InstanceError(reason, field=place, value=item, path=path)
    return item


def trace(data: Any, periods: int, entry: str, path: str | None) -> list[Any] | None:
    """What happens in each period (an `entry`), as a list; None where there is no trace."""
    if data is None:
        return None
    if not isinstance(data, list) or len(data) != periods:
        value = len(data) if isinstance(data, list) else data
        reason = f"must list {entry} for each of the {periods} periods"
        raise InstanceError(reason, field="trace", value=value, path=path)
    return data


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


def array(field: str, data: Any, path: str | None = None) -> np.ndarray:
    """A user's array as float64."""
    try:
        values = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged, or a tensor of another device
        raise InstanceError("must be numbers only", field=field, value=data, path=path) from error
    if values.dtype.kind not in "iuf":
        raise InstanceError("must be numbers only", field=field, value=data, path=path)
    return values.astype(np.float64)


def check_array(
    field: str,
    values: np.ndarray,
    shape: Iterable[int],
    letters: str,
    path: str | None,
    positive: bool = False,
) -> None:
    """Refuses another shape, and numbers that are not finite, or negative (or not positive)."""
    wanted = list(shape)
    if list(values.shape) != wanted or not values.size:
        reason = f"must be [{letters}] = {wanted}; this is its shape"
        raise InstanceError(reason, field=field, value=list(values.shape), path=path)
    low = values > 0 if positive else values >= 0
    wrong = np.argwhere(~(np.isfinite(values) & low & (values <= LARGEST)))
    if wrong.size:
        place = wrong[0].tolist()
        sense = "positive" if positive else "not negative"
        reason = f"entry {place}: must be finite, {sense} and at most 2^53"
        raise InstanceError(reason, field=field, value=float(values[tuple(place)]), path=path)


def check_whole(field: str, values: np.ndarray, path: str | None) -> None:
    """Refuses numbers that are not whole, and those beyond 2^53, of which that cannot be said."""
    broken = np.argwhere(~(np.abs(values) <= LARGEST) | (values != np.floor(values)))
    if len(broken):
        value = float(values[tuple(broken[0])])
        reason = f"entry {broken[0].tolist()}: must be a whole number"
        raise InstanceError(reason, field=field, value=value, path=path)


def check_numbers(given: Iterable[int], count: int, field: str, path: str | None) -> None:
    """Refuses numbers of a `field` (a period, an item) that do not exist: they count from 0."""
    for number in given:
        if not 0 <= number < count:
            reason = f"the numbers go from 0 to {count - 1}"
            raise InstanceError(reason, field=field, value=number, path=path)


def head(problem: str, name: str) -> list[str]:
    """The first lines of a case's file."""
    return [f"problem: {problem}", f"name: {quoted(name)}"]


def quoted(data: Any) -> str:
    """Names, numbers, lists and dicts as JSON that YAML reads alike.

    YAML knows no pairs of surrogates, and folds or refuses some characters that JSON leaves bare.
    """
    return _BARE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data, ensure_ascii=False))


# --------------------------------------------------------------------------------------------------
# Solutions


def read_list(text: str, field: str = "solution") -> list[Any]:
    """The list in a solution file's text: JSON, or a JSON object with it under ``solution``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"not valid JSON: {error}", field=field) from error
    data = data.get("solution") if isinstance(data, dict) else data
    if not isinstance(data, list):
        reason = 'must be a list, or an object with one under "solution"'
        raise InstanceError(reason, field=field, value=text)
    return data


def write_list(name: str, cost: float | int | None, solution: list[Any]) -> str:
    """A solution file's text, from which `read_list` reads the list: one JSON object on a line."""
    return json.dumps({"name": name, "cost": cost, "solution": solution}) + "\n"

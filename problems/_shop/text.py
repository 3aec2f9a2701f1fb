"""Whole numbers in the text of scheduling files, each defect named by its line and field."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from nco.core.errors import InstanceError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MAX_OPERATIONS = 1_000_000
MAX_TOTAL = 2**53  # of all durations: up to here float64 counts exactly
Row = tuple[int, list[str]]  # the line's number from 1, and its words


def rows(text: str, path: str | None = None) -> Iterator[Row]:
    """The words of every line that is neither empty nor a comment (``#``)."""
    if "\0" in text or "\ufffd" in text:
        raise InstanceError("this is a binary file, not the text of a shop", path=path)
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        words = line.split("#", 1)[0].split()
        if words:
            yield number, words


def numeric(word: str) -> bool:
    """Whether a word is a number."""
    return NUMBER.fullmatch(word) is not None


def whole(word: str, field: str, path: str | None, line: int) -> int:
    """The whole number that `word` stands for."""
    if not numeric(word):
        raise InstanceError("must be a number", field=field, value=word, path=path, line=line)
    number = float(word)
    if not (abs(number) <= MAX_TOTAL and number == int(number)):
        reason = f"must be a whole number of at most {MAX_TOTAL}; use a smaller unit of time"
        raise InstanceError(reason, field=field, value=word, path=path, line=line)
    return int(number)


def duration(word: str, field: str, path: str | None, line: int) -> int:
    """A whole number from 0 on."""
    number = whole(word, field, path, line)
    if number < 0:
        reason = "a duration must not be negative"
        raise InstanceError(reason, field=field, value=word, path=path, line=line)
    return number


def count(word: str, field: str, path: str | None, line: int) -> int:
    """How many there are of something: one at least."""
    number = whole(word, field, path, line)
    if not 1 <= number <= MAX_OPERATIONS:
        reason = f"must be from 1 to {MAX_OPERATIONS}"
        raise InstanceError(reason, field=field, value=word, path=path, line=line)
    return number


def array(field: str, data: Any, dimensions: int, least: int) -> np.ndarray:
    """Whole numbers of a user as int64, none below `least`."""
    reason = f"must be whole numbers in {dimensions} dimensions"
    try:
        numbers = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged, or not for numpy to see
        raise InstanceError(reason, field=field, value=data) from error
    if numbers.dtype.kind not in "iuf" or numbers.ndim != dimensions or numbers.size == 0:
        shape = data if numbers.dtype.kind not in "iuf" else list(numbers.shape)
        raise InstanceError(reason, field=field, value=shape)
    if numbers.size > MAX_OPERATIONS:
        raise InstanceError(f"at most {MAX_OPERATIONS} entries", field=field, value=numbers.size)
    good = np.isfinite(numbers) & (np.abs(numbers) <= MAX_TOTAL) & (numbers == np.round(numbers))
    good &= numbers >= least
    if not good.all():
        place = tuple(int(i) for i in np.argwhere(~good)[0])
        reason = f"entry {list(place)} must be a whole number of at least {least}"
        raise InstanceError(reason, field=field, value=numbers[place].item())
    return numbers.astype(np.int64)


def check_total(total: int, path: str | None) -> None:
    """Refuses durations whose sum would not be exact."""
    if total > MAX_TOTAL:
        reason = "the sum of all durations is beyond 2^53 and would not be exact; use a larger unit"
        raise InstanceError(reason, field="durations", value=total, path=path)


def json_solution(text: str) -> Any:
    """What a JSON object holds under ``solution``, or other JSON itself."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"not valid JSON: {error}", field="solution") from error
    if isinstance(data, dict) and "solution" in data:
        data = data["solution"]
    return data


def table(data: Any, field: str) -> list[list[int]]:
    """`data` if it is one list of whole numbers a job."""
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        reason = "must hold one list of whole numbers for each job"
        raise InstanceError(reason, field=field, value=repr(data))
    for row in data:
        for value in row:
            if isinstance(value, bool) or not isinstance(value, int):
                raise InstanceError("must be a whole number", field=field, value=repr(value))
    return data


def plain(value: Any) -> Any:
    """Nested lists of Python's own numbers from lists, tuples or arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value

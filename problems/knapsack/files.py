"""Knapsack instances as their source states them: Pisinger's text form and a user's own arrays.

A file holds ``n capacity`` and then n lines ``value weight``. Pisinger's large files end with the
optimal choice, n numbers 0 or 1; it is accepted and ignored. A solution is the sorted list of the
chosen items' numbers, from 0 in the order of the file.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._common.decimals import exact
from nco.problems._common.yamlfile import array, check_numbers, read_list, write_list

MAX_ITEMS = 1_000_000
MAX_TOTAL = 2.0**53  # up to here a sum of whole numbers is exact in float64
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
SHOWN = 10  # items that a note names
Row = tuple[int, list[str]]  # the line's number from 1, and its words

ARRAYS = {"values", "weights", "capacity", "name", "names"}
SUFFIX = ".txt"  # of the files that `write` makes


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One 0-1 knapsack: take the most valuable items whose weights sum to at most the capacity.

    An item heavier than the capacity is no defect: it can never be chosen.

    Attributes:
        values: ``[n]`` float64, each finite and not negative.
        weights: ``[n]`` float64, in the capacity's unit, each finite and not negative.
        capacity: finite and positive.

    Raises:
        InstanceError: where an array or the capacity breaks these rules.
    """

    problem: ClassVar[str] = "knapsack"
    view: ClassVar[str] = "items"
    values: np.ndarray  # [n]
    weights: np.ndarray  # [n]
    capacity: float

    def __post_init__(self) -> None:
        _check_capacity(self.capacity, self.path, None)
        for field, numbers in (("values", self.values), ("weights", self.weights)):
            _check_array(field, numbers, self.path)
        if len(self.values) != len(self.weights):
            raise InstanceError(
                f"there must be as many weights as values, which are {len(self.values)}",
                field="weights",
                value=len(self.weights),
                path=self.path,
            )

    @property
    def size(self) -> int:
        return len(self.values)

    def construct(self) -> list[int]:
        """Items by value per weight, as long as they fit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            order = np.argsort(-np.nan_to_num(self.values / self.weights, posinf=np.inf))
        room = exact(self.capacity)
        chosen = []
        for item in order.tolist():
            weight = exact(self.weights[item])
            if weight <= room:
                chosen.append(item)
                room -= weight
        return sorted(chosen)

    def notes(self) -> list[str]:
        """Items that are heavier than the capacity."""
        heavy = np.flatnonzero(self.weights > self.capacity).tolist()
        if not heavy:
            return [*self.remarks]
        shown = ", ".join(map(str, heavy[:SHOWN])) + (", ..." if len(heavy) > SHOWN else "")
        return [
            *self.remarks,
            f"{len(heavy)} of {self.size} items weigh more than the capacity and can never be "
            f"chosen: {shown}",
        ]

    def numbered(self, solution: Iterable[int]) -> list[int]:
        """Positions are item numbers here: both count from 0."""
        return sorted(int(item) for item in solution)

    def indexed(self, solution: Iterable[int]) -> list[int]:
        items = self.numbered(solution)
        check_numbers(items, self.size, "item", self.path)
        return items


def recognise(text: str) -> bool:
    """Whether the text starts like a knapsack: ``n capacity``, then rows of two numbers.

    Job-shop files start with two numbers as well, but their rows are longer. Only the first 4096
    characters are read; a defect in a minority of those rows does not hide the form.
    """
    head = text[:4096].lstrip("\ufeff")
    if "\0" in head:
        return False
    lines = head.replace("\r", "\n").split("\n")
    lines = lines[:-1] if len(text) > 4096 else lines  # the last line may be cut
    rows = [words for words in (line.split() for line in lines) if words]
    if len(rows) < 2 or len(rows[0]) != 2 or not all(map(_looks_numeric, rows[0])):
        return False
    count = float(rows[0][0])
    if not (count >= 1 and count.is_integer()):
        return False
    seen = rows[1 : 1 + int(min(count, 8))]
    pairs = [row for row in seen if len(row) == 2 and any(map(_looks_numeric, row))]
    return 2 * len(pairs) > len(seen)


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text; its name is the file's stem.

    Raises:
        InstanceError: for every defect, naming the field, the value and the line.
    """
    if "\0" in text or "\ufffd" in text:
        raise InstanceError("this is a binary file, not a knapsack's text", path=path)
    rows = _rows(text)
    number, words = next(rows, (0, []))
    if not words:
        raise InstanceError("the file is empty; its first line must be: n capacity", path=path)
    if len(words) != 2:
        reason = "the first line must hold two numbers: n capacity"
        raise InstanceError(
            reason, field="header", value=" ".join(words[:9]), path=path, line=number
        )
    count = _count(words[0], path, number)
    capacity = _number(words[1], "capacity", path, number)
    _check_capacity(capacity, path, number)
    values, weights = _items(rows, count, path)
    _skip_choice(rows, count, path)
    return Case(
        name=Path(path).stem if path else "unnamed",
        path=path,
        values=np.array(values, dtype=np.float64),
        weights=np.array(weights, dtype=np.float64),
        capacity=capacity,
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with ``values [n]``, ``weights [n]``, ``capacity``, and perhaps ``name``
    and ``names [n]``.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one of the three is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS:
        return None
    if "values" not in data or not {"weights", "capacity"} & set(data):
        return None
    for field in ("weights", "capacity"):
        if field not in data:
            raise InstanceError("a knapsack needs values, weights and capacity", field=field)
    name = data.get("name", "unnamed")
    if not isinstance(name, str):
        raise InstanceError("the name must be a string", field="name", value=name)
    capacity = array("capacity", data["capacity"])
    if capacity.ndim != 0:
        shape = list(capacity.shape)
        raise InstanceError("must be one number, not an array", field="capacity", value=shape)
    values = array("values", data["values"])
    return Case(
        name=name,
        names=names.named(data, "items", values.size),
        values=values,
        weights=array("weights", data["weights"]),
        capacity=float(capacity),
    )


def write(case: Case) -> str:
    """The text of a file from which `read` makes the same numbers, to the last bit."""
    lines = [f"{case.size} {_shown(case.capacity)}"]
    pairs = zip(case.values.tolist(), case.weights.tolist(), strict=True)
    lines += [f"{_shown(value)} {_shown(weight)}" for value, weight in pairs]
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> list[int]:
    """The chosen items in a solution's text, sorted.

    Item numbers from 0 parted by blanks or line ends, a JSON list of them, or a JSON object with
    the key ``solution``. Whether they exist, repeat or fit is the checker's to say.

    Raises:
        InstanceError: where the text is none of these.
    """
    text = text.strip().lstrip("\ufeff")
    if not text:
        reason = "the solution is empty; no item at all is written as []"
        raise InstanceError(reason, field="solution")
    if text[0] in "[{":
        items = read_list(text)
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int):
                raise InstanceError("must be an item number from 0", field="item", value=repr(item))
        return sorted(items)
    items = []
    for number, words in _rows(text):
        for word in words:
            if not re.fullmatch(r"[+-]?\d{1,18}", word, re.ASCII):
                reason = "a solution holds item numbers from 0, parted by blanks"
                raise InstanceError(reason, field="item", value=word, line=number)
            items.append(int(word))
    return sorted(items)


def write_solution(case: Case, solution: Iterable[int], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` (minus the value) and ``solution``."""
    items = sorted(int(item) for item in solution)
    return write_list(case.name, cost, items)


def _rows(text: str) -> Iterator[Row]:
    """The lines that are not empty."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            yield number, words


def _looks_numeric(word: str) -> bool:
    """Whether a word is a number, finite or not."""
    return bool(NUMBER.fullmatch(word) or NOT_FINITE.fullmatch(word))


def _number(word: str, field: str, path: str | None, line: int) -> float:
    """A finite number."""
    if not _looks_numeric(word):
        raise InstanceError("must be a number", field=field, value=word, path=path, line=line)
    number = float(word)
    if not math.isfinite(number):
        raise InstanceError("must be finite", field=field, value=word, path=path, line=line)
    return number


def _count(word: str, path: str | None, line: int) -> int:
    """The number of items."""
    count = _number(word, "n", path, line)
    if not (count.is_integer() and 1 <= count <= MAX_ITEMS):
        reason = f"must be a whole number of items from 1 to {MAX_ITEMS}"
        raise InstanceError(reason, field="n", value=word, path=path, line=line)
    return int(count)


def _items(rows: Iterator[Row], count: int, path: str | None) -> tuple[list[float], list[float]]:
    """The first `count` rows as values and weights."""
    values: list[float] = []
    weights: list[float] = []
    while len(values) < count:
        number, words = next(rows, (0, []))
        if not words or (_is_choice(words, count) and len(words) != 2):
            reason = f"the file holds {len(values)} items only; complete it or correct n"
            raise InstanceError(reason, field="n", value=count, path=path)
        if len(words) != 2:
            reason = f"item {len(values)} must be two numbers: value weight"
            shown = " ".join(words[:9])
            raise InstanceError(reason, field="item", value=shown, path=path, line=number)
        for field, word, column in zip(("value", "weight"), words, (values, weights), strict=True):
            column.append(_number(word, field, path, number))
            if column[-1] < 0:
                reason = f"item {len(column) - 1}: must not be negative"
                raise InstanceError(reason, field=field, value=word, path=path, line=number)
    return values, weights


def _is_choice(words: list[str], count: int) -> bool:
    """Whether a line says 0 or 1 of each item."""
    return len(words) == count and set(words) <= {"0", "1"}


def _skip_choice(rows: Iterator[Row], count: int, path: str | None) -> None:
    """Accepts nothing, or one line of n numbers 0 or 1, after the items."""
    number, words = next(rows, (0, []))
    if not words:
        return
    if not _is_choice(words, count):
        reason = f"after {count} items only one line of {count} numbers 0 or 1 may follow"
        if len(words) == 2:
            reason = f"more than the {count} items announced; remove the row or correct n"
        shown = " ".join(words[:9])
        raise InstanceError(reason, field="item", value=shown, path=path, line=number)
    number, words = next(rows, (0, []))
    if words:
        reason = "nothing may follow the line of the optimal choice"
        shown = " ".join(words[:9])
        raise InstanceError(reason, field="end", value=shown, path=path, line=number)


def _check_capacity(capacity: float, path: str | None, line: int | None) -> None:
    """Refuses a capacity that is not finite and positive."""
    if not (math.isfinite(capacity) and capacity > 0):
        reason = "must be finite and positive"
        raise InstanceError(reason, field="capacity", value=capacity, path=path, line=line)


def _check_array(field: str, numbers: np.ndarray, path: str | None) -> None:
    """Refuses what is no row of numbers from 0 on whose sum is exact."""
    if numbers.ndim != 1 or not 1 <= len(numbers) <= MAX_ITEMS:
        reason = f"must be one row of 1 to {MAX_ITEMS} numbers; this is its shape"
        raise InstanceError(reason, field=field, value=list(numbers.shape), path=path)
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if wrong.size:
        item = int(wrong[0])
        reason = f"item {item}: must be finite and not negative"
        raise InstanceError(reason, field=field, value=float(numbers[item]), path=path)
    total = math.fsum(numbers.tolist()) if numbers.max() < MAX_TOTAL else math.inf
    if total > MAX_TOTAL:
        reason = "their sum is beyond 2^53 and would not be exact; use a larger unit"
        raise InstanceError(reason, field=field, path=path)


def _shown(number: float) -> str:
    """A number without loss, whole ones without a point."""
    return str(int(number)) if number.is_integer() else repr(number)

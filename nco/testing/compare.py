"""What the checks share: a failure in a sentence, and what differs between two batches."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.defaults import has_size, resize
from nco.core.problem import Problem

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # what rounding to float32 may change


class NotApplicable(Exception):
    """A check asks about something that the problem does not have."""


def require(condition: bool | Tensor, sentence: str) -> None:
    """Not `assert`, which ``python -O`` leaves out."""
    if not bool(condition):
        raise AssertionError(sentence)


def nowhere(wrong: Tensor, sentence: str) -> None:
    """Fails where `wrong` ``[B, S, ...]`` is true, and puts the first such place for ``{}``."""
    if wrong.any():
        raise AssertionError(sentence.format(place(wrong)))


def place(where: Tensor) -> str:
    """The first True of ``[B]``, ``[B, S]`` or ``[B, S, ...]`` in words."""
    first = where.nonzero()[0].tolist()
    found = zip(("instance", "rollout"), first, strict=False)
    return ", ".join(f"{name} {number}" for name, number in found)


def index(where: Tensor) -> str:
    """The first True of a tensor as an index, such as ``[0, 2, 1]``."""
    return str(where.nonzero()[0].tolist()) if where.any() else ""


def sized(problem: Problem[Any, Any], size: int) -> Problem[Any, Any]:
    """The problem at that size; as it is where it has none."""
    return resize(problem, size) if has_size(problem) else problem


def tensors(value: Batch, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a batch with their names."""
    for item in fields(value):  # type: ignore[arg-type]
        part = getattr(value, item.name)
        if isinstance(part, Batch):
            yield from tensors(part, f"{prefix}{item.name}.")
        elif part is not None:
            yield f"{prefix}{item.name}", part


def same(first: Tensor, second: Tensor) -> Tensor:
    """Where two tensors of one shape are equal, up to rounding."""
    if first.is_floating_point():
        return torch.isclose(first, second, rtol=RELATIVE, atol=ABSOLUTE)
    return first == second


def difference(first: Batch, second: Batch) -> str | None:
    """What differs between two batches of one kind, in words; None where nothing does."""
    left, right = dict(tensors(first)), dict(tensors(second))
    for name in [*left, *right]:
        if name not in left or name not in right:
            return f"`{name}` is None in only one of the two"
        one, other = left[name], right[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            return f"`{name}` is {described(one)} here and {described(other)} there"
        differs = ~same(one, other)
        if differs.any():
            values = f"{one[differs][0].item():g} and {other[differs][0].item():g}"
            return f"`{name}`{index(differs)} is {values}"
    return None


def described(tensor: Tensor) -> str:
    """Its type and shape, for messages."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def equal(first: Batch, second: Batch, sentence: str) -> None:
    """Raises AssertionError with `sentence` and the first difference, where there is one."""
    found = difference(first, second)
    require(found is None, f"{sentence}: {found}")


def equal_costs(wanted: Tensor, found: Tensor, sentence: str) -> None:
    """Of the same shape, in whatever precision."""
    wanted, found = wanted.double(), found.double()
    differs = ~same(wanted, found)
    if differs.any():
        values = f"{found[differs][0].item():g} instead of {wanted[differs][0].item():g}"
        raise AssertionError(f"{sentence}: {values} in {place(differs)}")


def finite(tensor: Tensor, name: str) -> None:
    """Raises AssertionError at the first number that is not finite."""
    if tensor.is_floating_point():
        wrong = ~tensor.isfinite()
        require(~wrong.any(), f"{name}{index(wrong)} is not a finite number")

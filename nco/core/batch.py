"""The mixin of every dataclass of tensors that this package passes around.

Instances are ``[B, ...]``; states, observations and rollouts are ``[B, S, ...]``. Every tensor
field of one object shares those leading axes, a field may be None, and nothing is ever changed in
place.

Plain frozen dataclasses rather than tensordict's `TensorClass`: they are constructed faster,
`torch.compile` accepts them, and `nco solve` need not wait for ``import tensordict``.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Self, TypeVar

import torch
from torch import Tensor

T = TypeVar("T", bound="Batch")


class Batch:
    """Mixin of frozen dataclasses whose fields are tensors, other batches, or None."""

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same dataclass with `function` applied to every tensor."""
        changed = {}
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, Batch):
                value = value.map(function)
            elif value is not None:
                value = function(value)
            changed[item.name] = value
        return type(self)(**changed)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        return self.map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        return self.map(Tensor.pin_memory)

    def __getitem__(self, index: slice | Tensor | Sequence[int]) -> Self:
        """Rows of the first axis; slices, masks and index tensors keep the axis."""
        return self.map(lambda tensor: tensor[index])

    @property
    def device(self) -> torch.device:
        return self._first().device

    def __len__(self) -> int:
        return self._first().shape[0]

    def _first(self) -> Tensor:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                return value
            if isinstance(value, Batch):
                return value._first()
        raise TypeError(f"{type(self).__name__} holds no tensor")

    def take(self, parents: Tensor) -> Self:
        """Rollouts ``[B, S', ...]`` picked from ``[B, S, ...]`` by `parents` ``[B, S']``."""

        def pick(tensor: Tensor) -> Tensor:
            rows = torch.arange(len(tensor), device=tensor.device)[:, None]
            return tensor[rows, parents]

        return self.map(pick)

    def where(self, condition: Tensor, other: Self) -> Self:
        """This where `condition` ``[B, S]`` holds, `other`, of equal shapes, elsewhere."""

        def join(pair: list[Tensor]) -> Tensor:
            shape = condition.shape + (1,) * (pair[0].ndim - condition.ndim)
            return torch.where(condition.view(shape), pair[0], pair[1])

        return _combine([self, other], join)

    def fold(self) -> Self:
        """Merges the second and third axes: ``[B, S, P, ...]`` to ``[B, S * P, ...]``."""
        return self.map(lambda tensor: tensor.flatten(1, 2))


def _combine(items: Sequence[T], join: Callable[[list[Tensor]], Tensor]) -> T:
    changed = {}
    for item in fields(items[0]):  # type: ignore[arg-type]
        values = [getattr(part, item.name) for part in items]
        if isinstance(values[0], Batch):
            changed[item.name] = _combine(values, join)
        else:
            changed[item.name] = None if values[0] is None else join(values)
    return type(items[0])(**changed)


def stack(items: Sequence[T], dim: int) -> T:
    """Objects of equal shapes stacked along a new axis `dim`."""
    return _combine(items, lambda tensors: torch.stack(tensors, dim))


def cat(items: Sequence[T], dim: int = 0) -> T:
    """Objects joined along the existing axis `dim`."""
    return _combine(items, lambda tensors: torch.cat(tensors, dim))

"""The mixin of every dataclass of tensors that this package passes around.

Instances are ``[B, ...]``; states, observations and rollouts are ``[B, S, ...]``. Every tensor
field of one object shares those leading axes, a field may be None, and nothing is ever changed in
place.

Plain frozen dataclasses rather than tensordict's `TensorClass`: they take less time to construct,
`torch.compile` accepts them, and `nco solve` need not import tensordict. What is
stored, replayed or sent to another process becomes a tensordict on the way
(`Batch.to_tensordict`): memory-mapped on disk, one buffer on the wire.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args, get_type_hints

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tensordict import TensorDict, TensorDictBase

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
        """The same on a device, as `torch.Tensor.to` moves each tensor."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same in page-locked memory, from which a GPU copies faster."""
        return self.map(Tensor.pin_memory)

    def __getitem__(self, index: slice | Tensor | Sequence[int]) -> Self:
        """Rows of the first axis; slices, masks and index tensors keep the axis."""
        return self.map(lambda tensor: tensor[index])

    @property
    def device(self) -> torch.device:
        """That of the tensors."""
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

    def to_tensordict(self) -> "TensorDict":
        """The same tensors by name, of batch size ``[B]``; what is None is left out."""
        from tensordict import TensorDict

        values = {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]
        tensors = {
            name: value.to_tensordict() if isinstance(value, Batch) else value
            for name, value in values.items()
            if value is not None
        }
        return TensorDict(tensors, batch_size=[len(self)], device=self.device)

    @classmethod
    def from_tensordict(
        cls, data: "TensorDictBase", parts: Mapping[str, type["Batch"]] | None = None
    ) -> Self:
        """The inverse of `to_tensordict`; memory-mapped tensors stay so.

        Args:
            data: what is missing in it is None.
            parts: the classes of those fields that hold batches and whose annotation does not name
                their class.

        Raises:
            ValueError: where `data` is not one of this class, naming the field.
        """
        names = {item.name for item in fields(cls)}  # type: ignore[arg-type]
        for name in data.keys():  # noqa: SIM118 - iterating a tensordict gives its rows
            if name not in names:
                raise ValueError(f"{cls.__name__} has no field {name}")
        kinds = {**_parts(cls), **(parts or {})}
        values: dict[str, Any] = dict.fromkeys(names)
        part: Any  # a tensor or a tensordict
        for name, part in data.items():
            if not isinstance(part, Tensor):
                if name not in kinds:
                    raise ValueError(f"{cls.__name__}.{name}: say in `parts` which Batch it is")
                part = kinds[name].from_tensordict(part)
            values[name] = part
        if missing := _required(cls) - set(data.keys()):
            raise ValueError(f"{cls.__name__} needs a field {min(missing)}")
        return cls(**values)


def _parts(kind: type[Batch]) -> dict[str, type[Batch]]:
    """The classes of the fields that hold batches, as far as their annotations name them."""
    parts = {}
    for name, annotation in get_type_hints(kind).items():
        for part in get_args(annotation) or (annotation,):
            if isinstance(part, type) and issubclass(part, Batch):
                parts[name] = part
    return parts


def _required(kind: type[Batch]) -> set[str]:
    """The fields that cannot be None, as far as their annotations say so."""
    hints = get_type_hints(kind).items()
    return {name for name, hint in hints if hint is not Any and type(None) not in get_args(hint)}


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

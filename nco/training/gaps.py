"""Gaps to the references of labelled sets, instance by instance, and what they come to."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mean:
    """The mean gap of a set.

    Attributes:
        percent: mean of the gaps; standard_error: of it, in percent, None for one instance.
        instances: how many.
    """

    percent: float
    standard_error: float | None
    instances: int

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3f}"
        return f"{self.percent:.3f}{error}"


@dataclass
class Gaps:
    """The gaps of one validation or test, by set and by name of the gap, in percent."""

    values: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)

    def clear(self) -> None:
        """Before the next validation."""
        self.values.clear()

    def add(self, name: str, key: str, gaps: Tensor) -> None:
        """The gaps ``[B]`` of a batch of set `name`."""
        self.values.setdefault(name, {}).setdefault(key, []).append(gaps.detach().double().cpu())

    def means(self, name: str) -> dict[str, Mean]:
        """What the set's gaps come to, by name of the gap."""
        return {key: mean(torch.cat(parts)) for key, parts in self.values.get(name, {}).items()}


def mean(gaps: Tensor) -> Mean:
    """The mean of gaps ``[I]`` and its standard error."""
    count = len(gaps)
    error = float(gaps.std()) / math.sqrt(count) if count > 1 else None
    return Mean(float(gaps.mean()), error, count)

"""The travelling salesman problem with two lengths of each way."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from nco.core.capabilities import Windows
from nco.core.geometry import check_size, draw_size, lengths
from nco.core.problem import Features
from nco.core.schema import Schema, Unit, columns
from nco.problems.tsp import problem
from nco.problems.tsp.problem import Tours


@dataclass(frozen=True, eq=False)
class Instance(problem.Instance):
    """A batch of tours with two objectives: each node has a place on two maps."""

    other: Tensor = field(kw_only=True)  # [B, N, 2] float, places on the second map


class BiTSP(Tours):
    """One tour that is to be short on two maps: Lust & Teghem (2010), Lin et al. (2022).

    - instance: `coords` and `other`, the places on either map;
    - nodes: ``x, y``, ``other_x, other_y``; focus: ``first, current``;
    - action, mask, end: as in `Tours`;
    - cost: the sum of both lengths; `objectives` names each of them, ``first`` and ``second``, for
      `nco.models.policy_gradient.costs.Scalarised`;
    - generator: uniform in two unit squares, as in Lin, Yang & Zhang (2022), "Pareto set learning
      for neural multi-objective combinatorial optimization".

    It has no files: `nco solve` answers one objective.

    Args:
        size: number of nodes, or ``[low, high]`` drawn for each batch.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *columns("x", "y", unit=Unit.LENGTH),
            *columns("other_x", "other_y"),
        ),
        focus=("first", "current"),
    )

    def __init__(self, size: int | list[int] = 20) -> None:
        self.size = check_size(size)

    def generate(self, batch: int, generator: Generator) -> Instance:
        shape = (2, batch, draw_size(self.size, generator), 2)
        first, second = torch.rand(shape, generator=generator, device=generator.device)
        return Instance(first, other=second)

    def features(self, instance: Any) -> Features:
        nodes = torch.cat([instance.coords, instance.other], -1)
        return Features(nodes, instance.exists, instance.coords)

    def cost(self, instance: Any, actions: Tensor) -> Tensor:
        return torch.stack(list(self.objectives(instance, actions).values())).sum(0)

    def objectives(self, instance: Any, actions: Tensor) -> dict[str, Tensor]:
        """Both lengths ``[B, S]`` of complete tours, by name."""
        closed = torch.cat([actions, actions[:, :, :1]], 2)
        maps = {"first": instance.coords, "second": instance.other}
        return {name: lengths(places, closed).sum(-1) for name, places in maps.items()}

    def windows(
        self, instance: Any, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        found = super().windows(instance, actions, length, generator)
        if found is None:
            return None
        owner, _, node = found.places
        small = Instance(found.instance.coords, other=instance.other[owner[:, None], node])
        return replace(found, instance=small)


def weighted(instance: Any, weights: Sequence[float]) -> Tensor:
    """Distances ``[B, N, N]``: the weighted sum of those on both maps."""
    maps = (instance.coords, instance.other)
    parts = [w * torch.cdist(m, m) for w, m in zip(weights, maps, strict=True)]
    return torch.stack(parts).sum(0)

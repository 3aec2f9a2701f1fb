"""The 0-1 knapsack problem with two values of each item."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from nco.core.geometry import check_size, draw_size
from nco.core.problem import Features
from nco.core.schema import Schema, columns
from nco.problems.knapsack import problem
from nco.problems.knapsack.problem import Knapsack, Packings, described


@dataclass(frozen=True, eq=False)
class Instance(problem.Instance):
    """A batch of knapsacks with two objectives."""

    other: Tensor = field(kw_only=True)  # [B, N] double, the second value of each item


class BiKnapsack(Packings):
    """One choice of items that is to be worth much by two values.

    Bazgan, Hugot & Vanderpooten (2009), "Solving efficiently the 0-1 multi-objective knapsack
    problem", Computers & Operations Research 36(1).

    - instance: that of `Knapsack` and `other`, the second values;
    - nodes: those of `Knapsack` by the first value; ``other_value``, ``other_denser`` and
      ``other_overfull`` by the second; context, action, mask, end: as in `Knapsack`;
    - cost: minus the sum of both values packed; `objectives` names each of them, ``first`` and
      ``second``, negative, for `nco.models.policy_gradient.costs.Scalarised`;
    - generator: weights and both values uniform in (0, 1), capacity a quarter of the number of
      items.

    It has no files: `nco solve` answers one objective.

    Args:
        size: number of items, or ``[low, high]`` drawn for each batch.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *Knapsack.schema.nodes,
            *columns("other_value", "other_denser", "other_overfull"),
        ),
        context=Knapsack.schema.context,
    )

    def __init__(self, size: int | list[int] = 50) -> None:
        self.size = check_size(size)

    def generate(self, batch: int, generator: Generator) -> Instance:
        count = draw_size(self.size, generator)
        device = generator.device
        drawn = torch.rand(3, batch, count, generator=generator, device=device).double()
        capacity = torch.full((batch,), count / 4, dtype=torch.double, device=device)
        return Instance(drawn[0], drawn[1] / (count / 4), capacity, other=drawn[2])

    def features(self, instance: Any) -> Features:
        value, _, _, denser, overfull = described(by_second(instance)).unbind(-1)
        others = torch.stack([value, denser, overfull], -1)
        return Features(torch.cat([described(instance), others], -1).float(), instance.exists)

    @staticmethod
    def worth(instance: Any) -> Tensor:
        both: Tensor = instance.values + instance.other
        return both

    def objectives(self, instance: Any, actions: Tensor) -> dict[str, Tensor]:
        """Minus what is packed by either value ``[B, S]``, by name."""
        values = {"first": instance.values, "second": instance.other}
        return {name: -self.packed_value(instance, actions, of) for name, of in values.items()}


def by_second(instance: Any) -> Any:
    """The instance as it is by its second values alone."""
    return replace(instance, values=instance.other)

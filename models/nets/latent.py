"""An attention model whose one decoder plays many strategies, each named by a learned vector."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from nco.core.schema import Schema
from nco.models.nets.encoder import Encoder
from nco.models.nets.pointer import AttentionPolicy


class LatentPolicy(AttentionPolicy):
    """The attention model with a residual layer that a latent vector steers.

    As in PolyNet (Hottung, Mahajan & Tierney, "PolyNet: Learning Diverse Solution Strategies for
    Neural Combinatorial Optimization", ICLR 2025, section 4.2), the glimpse g becomes
    ``g + W_2 relu(W_1 g + z)`` before it points, z the vector of the strategy that plays the
    rollout. Memory does not grow with the number of strategies: what is computed of an instance is
    the same for all of them. W_2 begins at zero, so a clone of a single policy begins as that one.

    Args:
        encoder, heads, clip, distance: as in `AttentionPolicy`.
        agents: K, strategies.
        hidden: width of z and of the layer.
        ignore: as in `Policy`.
    """

    def __init__(
        self,
        encoder: Encoder | None = None,
        heads: int = 8,
        clip: float = 10.0,
        distance: bool = True,
        agents: int = 16,
        hidden: int = 256,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(encoder, heads, clip, distance, ignore=ignore)
        self.agents, self.hidden = agents, hidden

    def make_layers(self, schema: Schema) -> None:
        super().make_layers(schema)
        width = self.encoder.width
        self.strategies = nn.Parameter(torch.randn(self.agents, self.hidden))
        self.enter = nn.Linear(width, self.hidden)
        self.leave = nn.Linear(self.hidden, width)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def take_agents(self, other: Self, agents: Sequence[int]) -> None:
        state = other.state_dict()
        state["strategies"] = state["strategies"][list(agents)]
        self.load_state_dict(state)

    def refined(self, glimpse: Tensor, condition: Tensor | None) -> Tensor:
        chosen = self.strategies[0] if condition is None else self.strategies[condition]
        return glimpse + self.leave((self.enter(glimpse) + chosen).relu())

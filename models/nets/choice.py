"""A multilayer perceptron that scores the choices of small problems."""

from typing import Self

import torch
from torch import Tensor, nn

from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Sizes
from nco.core.searches import SearchName


class ChoicePolicy(Policy):
    """Scores each choice by what is known of its node and of the state, one MLP for all.

    Where nodes have features that change (`Observation.nodes`), every node is scored, and the
    network fits any number of them. Otherwise the decision is about the node in focus: one score
    for each kind of action there; where there is no focus, about the state alone.

    Args:
        width: of the hidden layers; layers: how many of them.
    """

    searches = (SearchName.SAMPLING,)

    def __init__(self, width: int = 64, layers: int = 2) -> None:
        super().__init__()
        self.width, self.layers = width, layers

    def build(self, sizes: Sizes) -> Self:
        self.sizes = sizes
        entry = sizes.node + sizes.context + sizes.dynamic
        parts: list[nn.Module] = []
        for layer in range(self.layers):
            parts += [nn.Linear(self.width if layer else entry, self.width), nn.ReLU()]
        parts.append(nn.Linear(self.width if self.layers else entry, sizes.kinds))
        self.network = nn.Sequential(*parts)
        return self

    def encode(self, features: Features) -> Tensor:
        """The node features ``[B, N, F]`` themselves."""
        return features.nodes

    def decide(
        self, memory: Tensor, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        if observation.nodes is not None:
            scores = self._all(memory, observation)
        else:
            scores = self._focus(memory, observation)
        return Categorical(scores, observation.mask)

    def _all(self, memory: Tensor, observation: Observation) -> Tensor:
        """``[B, S, kinds * N]``; only nodes with an allowed action are computed."""
        assert observation.nodes is not None
        nodes, context = observation.nodes, observation.context
        count = nodes.shape[2]
        allowed = observation.mask.unflatten(-1, (-1, count))  # [B, S, kinds, N]
        b, s, n = allowed.any(2).nonzero(as_tuple=True)
        rows = torch.cat([memory[b, n], context[b, s], nodes[b, s, n]], -1)
        scores = rows.new_zeros(*nodes.shape[:3], self.sizes.kinds)
        scores = scores.index_put((b, s, n), self.network(rows).to(scores.dtype))
        return scores.transpose(2, 3).flatten(2)

    def _focus(self, memory: Tensor, observation: Observation) -> Tensor:
        """``[B, S, kinds * N]``: the same score wherever, as the mask leaves only the focus."""
        rows = torch.arange(len(memory), device=memory.device)[:, None]
        at = observation.focus[..., 0] if self.sizes.focus else observation.mask.new_zeros(1).long()
        here = memory[rows, at.clamp_min(0)].expand(*observation.context.shape[:2], -1)
        scores = self.network(torch.cat([here, observation.context], -1))
        return scores.repeat_interleave(memory.shape[1], -1)

"""A multilayer perceptron that scores the choices of small problems."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Channel, Schema
from nco.core.searches import SearchName


class ChoicePolicy(Policy):
    """Scores each choice by what is known of its node and of the state, one MLP for all.

    Where a node is in focus, the decision is about that one: a score for each kind of action there.
    Otherwise every node is scored, by its own features and those that change, so that the network
    fits any number of nodes.

    Args:
        width: of the hidden layers; layers: how many of them.
        ignore: as in `Policy`.
    """

    searches = (SearchName.SAMPLING,)
    reads = frozenset({Channel.NODES, Channel.DYNAMIC, Channel.CONTEXT, Channel.FOCUS})

    def __init__(self, width: int = 64, layers: int = 2, ignore: Sequence[str] = ()) -> None:
        super().__init__(ignore)
        self.width, self.layers = width, layers

    def make_layers(self, schema: Schema) -> None:
        if len(schema.focus) > 1 or (schema.focus and schema.dynamic):
            raise NCOError("ChoicePolicy scores all nodes, or the only node in focus, not several")
        entry = len(schema.nodes) + len(schema.context) + len(schema.dynamic)
        parts: list[nn.Module] = []
        for layer in range(self.layers):
            parts += [nn.Linear(self.width if layer else entry, self.width), nn.ReLU()]
        parts.append(nn.Linear(self.width if self.layers else entry, schema.kinds))
        self.network = nn.Sequential(*parts)

    def encode(self, features: Features) -> Tensor:
        """The node features ``[B, N, F]`` themselves."""
        return features.nodes

    def decide(
        self, memory: Tensor, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        if self.schema.focus:
            scores = self._focus(memory, observation)
        else:
            scores = self._all(memory, observation)
        return Categorical(scores, observation.mask)

    def _all(self, memory: Tensor, observation: Observation) -> Tensor:
        """``[B, S, kinds * N]``; only nodes with an allowed action are computed."""
        batch, rollouts = observation.mask.shape[:2]
        count, kinds = memory.shape[1], self.schema.kinds
        allowed = observation.mask.unflatten(-1, (kinds, count))
        b, s, n = allowed.any(2).nonzero(as_tuple=True)
        parts = [memory[b, n], observation.context[b, s]]
        if self.schema.dynamic:
            assert observation.nodes is not None
            parts.append(observation.nodes[b, s, n])
        rows = torch.cat(parts, -1)
        scores = rows.new_zeros(batch, rollouts, count, kinds)
        scores = scores.index_put((b, s, n), self.network(rows).to(scores.dtype))
        return scores.transpose(2, 3).flatten(2)

    def _focus(self, memory: Tensor, observation: Observation) -> Tensor:
        """``[B, S, kinds * N]``: the same score at every node: the mask leaves the one in focus."""
        rows = torch.arange(len(memory), device=memory.device)[:, None]
        here = memory[rows, observation.focus[..., 0].clamp_min(0)]
        scores = self.network(torch.cat([here, observation.context], -1))
        return scores.repeat_interleave(memory.shape[1], -1)

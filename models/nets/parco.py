"""Many agents at once: they exchange what they know, and each points at its next node."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from nco.core.batch import Batch
from nco.core.conflicts import Handler, HighestProbability
from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Sizes
from nco.models.nets.attention import attend
from nco.models.nets.transformer import Block, TransformerEncoder


@dataclass(frozen=True, eq=False)
class Memory(Batch):
    """All that a step needs, computed once an instance and shared by its S rollouts."""

    places: Tensor  # [B, N, K, D] what a node adds to a query in focus slot k
    keys: Tensor  # [B, H, N, D/H]
    values: Tensor  # [B, H, N, D/H]
    pointers: Tensor  # [B, N, D]
    exists: Tensor | None  # [B, N] bool


class ParcoPolicy(Policy):
    """All agents decide in every step: Berto et al., "Parallel AutoRegressive Models" (2024).

    Section 4: the nodes are encoded once. In every step each agent's query is made of the nodes
    that it is tied to and of its context; one transformer block over the M agents lets them
    communicate; a multi-head glimpse at the nodes and a clipped pointer follow, for all agents
    together. Agents pick independently, and `conflicts` decides who keeps what several picked.
    Any number of agents and nodes; an agent exists if the first node in its focus does.

    What the problem says of moves (`Observation.moves`) is added to the pointer with weights that
    the query decides on, and after the clipping once more with weights that are the same for all,
    beside a number for actions that are not shared, such as to wait. Pointer and queries begin
    without a say, so an untrained policy is the rule that `prefer` and `idle` describe, and what is
    learned are corrections (residual policies, Silver et al. 2018).

    Args:
        encoder: what makes node embeddings of width D; a `TransformerEncoder` of three blocks with
            a gated MLP by default, as in the paper.
        heads: of the glimpse and of the agents' attention.
        hidden: width of the MLP in the agents' block.
        clip: logits lie within this of zero before the distance term.
        communicate: let agents attend to one another.
        prefer: what the numbers of a move weigh before training; the first is the distance.
        idle: before training, what is taken off the logit of an action that is not shared.
        conflicts: who keeps what several agents picked; the surest by default.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        heads: int = 8,
        hidden: int = 512,
        clip: float = 10.0,
        communicate: bool = True,
        prefer: list[float] | None = None,
        idle: float = 3.0,
        conflicts: Handler | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder or TransformerEncoder(layers=3, mlp="swiglu")
        width = self.encoder.width
        if not isinstance(width, int) or width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        self.width, self.heads, self.hidden, self.clip = width, heads, hidden, clip
        self.communicate, self.prefer, self.idle = communicate, prefer, idle
        self.conflicts = conflicts or HighestProbability()

    def build(self, sizes: Sizes) -> Self:
        if sizes.kinds != 1:
            raise ValueError(f"agents point at nodes, not at {sizes.kinds} kinds of actions")
        width = self.width
        self.encoder.build(sizes)  # type: ignore[operator]
        self.place = nn.Linear(width, sizes.focus * width, bias=False)
        self.context = nn.Linear(sizes.context, width)
        self.block = Block(width, self.heads, self.hidden, mlp="swiglu")
        self.norm = nn.RMSNorm(width)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.point = nn.Linear(width, width, bias=False)
        self.glimpse = nn.Linear(width, width, bias=False)
        self.waits = nn.Parameter(torch.tensor(-float(self.idle)))
        nn.init.zeros_(self.point.weight)
        if sizes.move:
            prefer = self.prefer or [-1.0, *[0.0] * (sizes.move - 1)]
            if len(prefer) != sizes.move:
                raise ValueError(
                    f"prefer {prefer} is not one number each of {sizes.move} of a move"
                )
            self.weights = nn.Parameter(torch.tensor([float(weight) for weight in prefer]))
            self.move = nn.Linear(width, sizes.move)
            nn.init.zeros_(self.move.weight)
            nn.init.zeros_(self.move.bias)
        return self

    def encode(self, features: Features) -> Memory:
        nodes = self.encoder(features)
        keys, values = self.key_value(nodes).unflatten(-1, (2, self.heads, -1)).unbind(2)
        return Memory(
            self.place(nodes).unflatten(-1, (-1, self.width)),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            self.point(nodes),
            features.exists,
        )

    def decide(
        self, memory: Memory, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        """A decision ``[B, S, M]`` of every agent."""
        query = self._query(memory, observation)  # [B, S, M, D]
        shape = query.shape[1:3]
        flat = query.flatten(1, 2)
        heads = flat.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        hidden = torch.zeros_like(observation.mask, dtype=flat.dtype)
        hidden = hidden.masked_fill(~observation.mask, -torch.inf).flatten(1, 2)
        scaled = heads / math.sqrt(heads.shape[-1])
        seen = attend(scaled, memory.keys, memory.values, hidden).transpose(1, 2).flatten(2)
        logits = self.glimpse(seen) @ memory.pointers.transpose(1, 2) / math.sqrt(self.width)
        logits = logits.unflatten(1, shape)
        if observation.moves is not None:
            logits = logits + (observation.moves @ self.move(query)[..., None])[..., 0]
        logits = self.clip * torch.tanh(logits)
        if observation.moves is not None:
            logits = logits + observation.moves @ self.weights
        if observation.shared is not None:
            logits = logits + self.waits * ~observation.shared[:, :, None]
        return Categorical(logits, observation.mask)

    def _query(self, memory: Memory, observation: Observation) -> Tensor:
        """``[B, S, M, D]``, after communication."""
        batch, rollouts, agents, slots = observation.focus.shape
        rows = torch.arange(batch, device=observation.focus.device)[:, None, None, None]
        slot = torch.arange(slots, device=rows.device)
        query = memory.places[rows, observation.focus, slot].sum(3)
        query = query + self.context(observation.context)
        if self.communicate:
            exists = None
            if memory.exists is not None:
                homes = observation.focus[..., 0].flatten(1)
                exists = memory.exists.gather(1, homes).view(-1, agents)
            query = self.block(query.flatten(0, 1), None, exists).unflatten(0, (batch, rollouts))
        found: Tensor = self.norm(query)
        return found

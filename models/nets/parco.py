"""Many agents at once: they exchange what they know, and each points at its next node."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nco.core.batch import Batch
from nco.core.conflicts import Handler, HighestProbability
from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Channel, Schema
from nco.models.nets.attention import attend, attend_changing
from nco.models.nets.encoder import Encoder
from nco.models.nets.transformer import Block, TransformerEncoder


@dataclass(frozen=True, eq=False)
class Memory(Batch):
    """All that a step needs, computed once an instance and shared by its S rollouts."""

    places: Tensor  # [B, N, K, D] what a node adds to a query in focus slot k
    keys: Tensor  # [B, H, N, D/H]
    values: Tensor  # [B, H, N, D/H]
    pointers: Tensor  # [B, N, D]
    exists: Tensor | None  # [B, N] bool


class PARCOPolicy(Policy):
    """All agents decide in every step: Berto et al., "Parallel AutoRegressive Models" (2024).

    Section 4: the nodes are encoded once. In every step each agent's query is made of the nodes
    that it is tied to and of its context; one transformer block over the M agents lets them
    communicate; a multi-head glimpse at the nodes and a clipped pointer follow, for all agents
    together. Agents pick independently, and `conflicts` decides who keeps what several picked.
    Any number of agents and nodes; an agent exists if the first node in its focus does.

    Features of nodes that change (`Channel.DYNAMIC`) add a linear function of theirs to the node's
    key and value of the glimpse and to its pointer key at every step.

    What the problem says of moves (`Observation.moves`) is added to the pointer with weights that
    the query decides on, and after the clipping once more with weights that are the same for all,
    beside a number for actions that are not shared, such as to wait. The pointer begins at zero, so
    that an untrained policy is the rule that `prefer` and `idle` describe, and training learns
    corrections to it (residual policies, Silver et al. 2018).

    Args:
        encoder: what makes node embeddings of width D; a `TransformerEncoder` of three blocks with
            a gated MLP by default, as in the paper.
        heads: of the glimpse and of the agents' attention.
        hidden: width of the MLP in the agents' block.
        clip: logits lie within this of zero before the distance term.
        communicate: let agents attend to one another.
        prefer: what the columns of a move (`Channel.MOVES`) weigh before training, by name, 0 where
            it is not named; by default the first, the distance, weighs -1.
        idle: before training, what is taken off the logit of an action that is not shared.
        conflicts: who keeps what several agents picked; the surest by default.
        ignore: as in `Policy`.
    """

    def __init__(
        self,
        encoder: Encoder | None = None,
        heads: int = 8,
        hidden: int = 512,
        clip: float = 10.0,
        communicate: bool = True,
        prefer: Mapping[str, float] | None = None,
        idle: float = 3.0,
        conflicts: Handler | None = None,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        self.encoder: Encoder = encoder or TransformerEncoder(layers=3, mlp="swiglu")
        width = self.encoder.width
        if width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        self.width, self.heads, self.hidden, self.clip = width, heads, hidden, clip
        self.communicate, self.prefer, self.idle = communicate, prefer, idle
        self.conflicts = conflicts or HighestProbability()

    @property
    def reads(self) -> frozenset[Channel]:
        own = {Channel.DYNAMIC, Channel.CONTEXT, Channel.FOCUS, Channel.MOVES}
        return self.encoder.reads | own

    def make_layers(self, schema: Schema) -> None:
        if schema.kinds != 1:
            raise NCOError(f"agents point at nodes, not at {schema.kinds} kinds of actions")
        if not schema.focus:
            raise NCOError("this policy needs a problem whose agents have nodes in focus")
        width = self.width
        self.encoder.build(schema)
        self.place = nn.Linear(width, len(schema.focus) * width, bias=False)
        self.context = nn.Linear(len(schema.context), width) if schema.context else None
        self.block = Block(width, self.heads, self.hidden, mlp="swiglu")
        self.norm = nn.RMSNorm(width)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.point = nn.Linear(width, width, bias=False)
        self.glimpse = nn.Linear(width, width, bias=False)
        self.waits = nn.Parameter(torch.tensor(-float(self.idle)))
        nn.init.zeros_(self.point.weight)
        if schema.moves:
            self.weights = nn.Parameter(self._preferences(schema))
            self.move = nn.Linear(width, len(schema.moves))
            nn.init.zeros_(self.move.weight)
            nn.init.zeros_(self.move.bias)
        if schema.dynamic:
            self.changing = nn.Linear(len(schema.dynamic), 3 * width, bias=False)
            nn.init.zeros_(self.changing.weight[2 * width :])

    def _preferences(self, schema: Schema) -> Tensor:
        """What each column of a move weighs before training."""
        prefer = {schema.moves[0].name: -1.0} if self.prefer is None else self.prefer
        weights = torch.zeros(len(schema.moves))
        for name, weight in prefer.items():
            weights[schema.index(Channel.MOVES, name)] = float(weight)
        return weights

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
        logits = self._pointed(memory, observation, scaled, hidden) / math.sqrt(self.width)
        logits = logits.unflatten(1, shape)
        moves = observation.moves if self.schema.moves else None
        if moves is not None:
            logits = logits + (moves @ self.move(query)[..., None])[..., 0]
        logits = self.clip * torch.tanh(logits)
        if moves is not None:
            logits = logits + moves @ self.weights
        if observation.shared is not None:
            logits = logits + self.waits * ~observation.shared[:, :, None]
        return Categorical(logits, observation.mask)

    def _pointed(
        self, memory: Memory, observation: Observation, q: Tensor, hidden: Tensor
    ) -> Tensor:
        """Scores ``[B, S * M, N]`` by a glimpse with queries ``[B, H, S * M, D/H]``."""
        if not self.schema.dynamic:
            seen = attend(q, memory.keys, memory.values, hidden).transpose(1, 2).flatten(2)
            return self.glimpse(seen) @ memory.pointers.transpose(1, 2)
        assert observation.nodes is not None
        changing = observation.nodes.repeat_interleave(observation.mask.shape[2], 1)
        key, value, pointer = self.changing.weight.split(self.width)
        parts = [part.unflatten(0, (self.heads, -1))[None] for part in (key, value)]
        seen = attend_changing(q, memory.keys, memory.values, hidden, changing, *parts)
        glimpse = self.glimpse(seen.transpose(1, 2).flatten(2))
        scores = glimpse @ memory.pointers.transpose(1, 2)
        return scores + torch.einsum("bsc,bsnc->bsn", glimpse @ pointer, changing)

    def _query(self, memory: Memory, observation: Observation) -> Tensor:
        """``[B, S, M, D]``, after communication."""
        batch, rollouts, agents, slots = observation.focus.shape
        rows = torch.arange(batch, device=observation.focus.device)[:, None, None, None]
        slot = torch.arange(slots, device=rows.device)
        here = observation.focus >= 0
        query = (memory.places[rows, observation.focus, slot] * here[..., None]).sum(3)
        if self.context is not None:
            query = query + self.context(observation.context)
        if self.communicate:
            exists = None
            if memory.exists is not None:
                homes = observation.focus[..., 0].flatten(1)
                exists = memory.exists.gather(1, homes.clamp_min(0)).view(-1, agents)
            query = self.block(query.flatten(0, 1), None, exists).unflatten(0, (batch, rollouts))
        normed: Tensor = self.norm(query)
        return normed

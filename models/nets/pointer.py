"""The attention model: encode the nodes once, then point at the next one at every step."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.describe import arguments_of
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Part, Policy, Population
from nco.core.schema import Channel, Schema
from nco.core.searches import SearchName
from nco.models.nets.attention import attend, attend_changing
from nco.models.nets.encoder import Encoder
from nco.models.nets.transformer import TransformerEncoder

TABLE = 1024  # nodes up to which all distances are computed at once
EXACT = "donot_use_mm_for_euclid_dist"  # products cancel: equal points would lie apart


@dataclass(frozen=True, eq=False)
class Memory(Batch):
    """All that a decoding step needs, computed once an instance and shared by its S rollouts."""

    queries: Tensor  # [B, K (N + 1), D] what node n adds in slot k; the last of each: no node
    keys: Tensor  # [B, H, N, D/H]
    values: Tensor  # [B, H, N, D/H]
    pointers: Tensor  # [B, kinds * N, D] pointer keys, the glimpse's projection folded in
    places: Tensor | None  # [B, N, 2] positions in units of the mean spacing
    edges: Tensor | None  # [B, N + 1, N] distances, 0 from nowhere; up to TABLE nodes
    agent: Tensor  # [B] long, whose memory it is
    layer: "Residual | None" = None  # of each instance, on the glimpse


@dataclass(frozen=True, eq=False)
class Residual(Batch):
    """``g + relu(g W + b) V + c`` with weights of each instance; V and c begin at zero."""

    enter: Tensor  # [B, D, D]
    bend: Tensor  # [B, 1, D]
    leave: Tensor  # [B, D, D]
    shift: Tensor  # [B, 1, D]

    def __call__(self, glimpse: Tensor) -> Tensor:
        """The glimpses ``[B, S, D]``, refined."""
        return glimpse + (glimpse @ self.enter + self.bend).relu() @ self.leave + self.shift


class Decoder(nn.Module):
    """The weights with which one agent reads the nodes' embeddings and points at the next."""

    def __init__(self, schema: Schema, width: int, distance: bool) -> None:
        super().__init__()
        slots = len(schema.focus)
        self.query = nn.Linear(width, slots * width, bias=False) if slots else None
        self.nowhere = nn.Parameter(torch.zeros(slots, width))
        self.context = nn.Linear(len(schema.context), width) if schema.context else None
        self.graph = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.point = nn.Linear(width, schema.kinds * width, bias=False)
        self.glimpse = nn.Linear(width, width, bias=False)
        self.nearness = nn.Parameter(torch.zeros(schema.kinds)) if slots and distance else None
        self.changing = None
        if schema.dynamic:  # keys and values of the glimpse, and pointer keys of each kind
            parts = (2 + schema.kinds) * width
            self.changing = nn.Linear(len(schema.dynamic), parts, bias=False)


class AttentionPolicy(Population):
    """Attention encoder-decoder with a multi-head glimpse and a clipped pointer.

    Kool, van Hoof & Welling (2019) as trained by POMO (Kwon et al. 2020), with exact algebra that
    leaves the function as it is: the query projection of a node is a table over nodes, made once,
    and the glimpse's output projection W_o is folded into the pointer's,
    ``(g W_o) (h W_p)^T = g (h W_p W_o^T)^T``.

    Where nodes have positions, ``-softplus(b) d`` is added to the logits, d the distance from the
    node in focus in units of the mean spacing, and b learned: an untrained policy already prefers
    what is near, and the preference means the same at every size.

    Features of nodes that change (`Channel.DYNAMIC`) add a linear function of theirs to the node's
    key and value of the glimpse and to its pointer key at every step, as Kool et al. have it for
    split deliveries.

    With several `agents` it is the population of Poppy (Grinsztajn et al., "Winner Takes It All",
    NeurIPS 2023, section 4): one encoder, a decoder for each agent, all of them applied in one
    product. The condition says which agent plays a rollout; without one it is the first.

    Args:
        encoder: what makes node embeddings of width D; a `TransformerEncoder` by default.
        heads: of the glimpse.
        clip: logits lie within this of zero before the distance term.
        distance: add the distance term.
        agents: K, decoders.
        ignore: as in `Policy`.
    """

    def __init__(
        self,
        encoder: Encoder | None = None,
        heads: int = 8,
        clip: float = 10.0,
        distance: bool = True,
        agents: int = 1,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if agents < 1:
            raise ValueError(f"agents must be at least 1, not {agents}")
        self.encoder: Encoder = encoder if encoder is not None else TransformerEncoder()
        self.heads, self.clip, self.distance = heads, clip, distance
        self.agents = self.decoder_count = agents

    @property
    def reads(self) -> frozenset[Channel]:
        return self.encoder.reads | {Channel.DYNAMIC, Channel.CONTEXT, Channel.FOCUS}

    @property
    def searches(self) -> tuple[SearchName, ...]:
        if self.agents > 1:
            return (SearchName.POPULATION,)
        # samples where gradients would not fit
        return (SearchName.MULTISTART, SearchName.ACTIVE, SearchName.SAMPLING)

    def make_layers(self, schema: Schema) -> None:
        self.encoder.build(schema)
        width = self.encoder.width
        self.decoders = nn.ModuleList(
            Decoder(schema, width, self.distance) for _ in range(self.decoder_count)
        )

    def begin_as(self, other: Policy) -> None:
        """Takes over a policy's encoder and decoders, each of which is cloned as often as needed.

        Raises:
            NCOError: where it is another network, or its decoders cannot be shared out evenly.
        """
        if not isinstance(other, AttentionPolicy):
            raise NCOError(f"{type(other).__name__} has no decoder that could be cloned")
        try:
            self.encoder.load_state_dict(other.encoder.state_dict(), strict=True)
            self.clone_decoders(other)
        except RuntimeError as error:
            raise NCOError(f"another network: {' '.join(str(error).split())}") from error

    def keep(self, agents: Sequence[int]) -> "AttentionPolicy":
        """The same policy with some of its agents only."""
        arguments = {**arguments_of(self), "agents": len(agents)}
        arguments["encoder"] = copy.deepcopy(self.encoder)
        kept = type(self)(**arguments).build(self.schema)
        kept.encoder.load_state_dict(self.encoder.state_dict())
        kept.take_agents(self, agents)
        return kept

    def freeze(self) -> None:
        self.encoder.requires_grad_(False)

    def encode(self, features: Features) -> Memory:
        """Memories ``[B * K, ...]``: of every agent of the first instance, then of the second."""
        h = self.encoder(features)
        count, width = h.shape[1:]
        if features.exists is None:
            mean = h.mean(1)
        else:
            real = features.exists[..., None]
            mean = (h * real).sum(1) / real.sum(1)
        # the share of the whole graph is added to the last slot, or is the whole query
        queries = self._project(mean[:, None], "graph")[:, None]
        if self.schema.focus:
            table = self._project(h, "query").unflatten(-1, (len(self.schema.focus), width))
            nowhere = self._weights("nowhere").repeat(len(h), 1, 1)[:, :, None]
            table = torch.cat([table.transpose(1, 2), nowhere], 2)
            queries = torch.cat([table[:, :-1], table[:, -1:] + queries], 1)
        queries = queries.flatten(1, 2)
        parts = self._project(h, "key_value").unflatten(-1, (2, self.heads, -1))
        keys, values = parts.unbind(2)
        # kinds stand one after the other along the actions
        pointers = self._through(h, self._pointer_weight() / math.sqrt(width))
        pointers = pointers.unflatten(-1, (self.schema.kinds, width)).transpose(1, 2).flatten(1, 2)
        places = edges = None
        if self.decoders[0].nearness is not None and features.xy is not None:
            spacing = count if features.exists is None else features.exists.sum(-1)
            root = torch.as_tensor(spacing, device=h.device, dtype=h.dtype).sqrt()
            places = features.xy * root.reshape(-1, 1, 1)
            if features.edges is not None:
                edges = features.edges[..., 0] * root.reshape(-1, 1, 1)
            elif count <= TABLE:
                edges = torch.cdist(places, places, compute_mode=EXACT)
            if edges is not None:
                edges = self._shared(functional.pad(edges, (0, 0, 0, 1)))
            places = self._shared(places)
        agent = torch.arange(len(self.decoders), device=h.device).repeat(len(h))
        scale = 1 / math.sqrt(width // self.heads)
        return Memory(
            queries,
            (keys * scale).transpose(1, 2).contiguous(),
            values.transpose(1, 2).contiguous(),
            pointers,
            places,
            edges,
            agent,
        )

    def adaptable(
        self, memory: Memory, part: Part, random: Generator
    ) -> tuple[Memory, list[Tensor]]:
        """Pointer keys, keys and values of the glimpse; or a residual layer on the glimpse."""
        if part == "embeddings":
            own = (memory.keys, memory.values, memory.pointers)
            keys, values, pointers = (tensor.clone().requires_grad_() for tensor in own)
            changed = replace(memory, keys=keys, values=values, pointers=pointers)
            return changed, [keys, values, pointers]
        heads, _, wide = memory.values.shape[1:]
        shape = (len(memory), heads * wide, heads * wide)
        enter = torch.rand(shape, generator=random, device=random.device).to(memory.keys.device)
        enter = (2 * enter - 1) / math.sqrt(shape[1])
        layer = Residual(
            enter, enter.new_zeros(len(memory), 1, shape[2]), torch.zeros_like(enter),
            enter.new_zeros(len(memory), 1, shape[2]),
        )  # fmt: skip
        tensors = [layer.enter, layer.bend, layer.leave, layer.shift]
        return replace(memory, layer=layer), [tensor.requires_grad_() for tensor in tensors]

    def decide(
        self, memory: Memory, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        batch, rollouts = observation.mask.shape[:2]
        if len(memory) > batch:  # a memory for each agent
            memory, block = self._addressed(memory, batch, rollouts, condition)
            rows = len(memory)
            observation = observation.map(lambda part: part.reshape(rows, block, *part.shape[2:]))
        # 0 where allowed, minus infinity elsewhere: 1 - 1/1 and 1 - 1/0. Filling by a mask is
        # slow on a CPU
        hidden = observation.mask.view(torch.uint8).float().reciprocal_().neg_().add_(1.0)
        logits = self.logits(memory, observation, hidden, condition)
        return Hidden(logits.reshape(batch, rollouts, -1))

    def logits(
        self,
        memory: Memory,
        observation: Observation,
        hidden: Tensor,
        condition: Tensor | None = None,
    ) -> Tensor:
        """``[B, S, A]``, minus infinity where not allowed."""
        query = self._query(memory, observation)
        q = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, H, S, D/H]
        nodes = hidden
        if self.schema.kinds > 1:
            nodes = hidden.unflatten(-1, (self.schema.kinds, -1)).amax(2)
        changing = self._changing(memory, observation) if self.schema.dynamic else None
        if changing is None:
            seen = attend(q, memory.keys, memory.values, nodes)
        else:
            seen = attend_changing(q, memory.keys, memory.values, nodes, *changing[:3])
        glimpse = self.refined(seen.transpose(1, 2).flatten(2), condition)
        if memory.layer is not None:
            glimpse = memory.layer(glimpse)
        scores = glimpse @ memory.pointers.transpose(-1, -2)
        if changing is not None:
            features, pointers = changing[0], changing[3]
            asked = torch.einsum(
                "bsd,bkdc->bskc", glimpse, pointers.expand(len(glimpse), -1, -1, -1)
            )
            scores = scores + torch.einsum("bskc,bsnc->bskn", asked, features).flatten(2)
        # clip * tanh(x), in the form that is faster on a CPU
        logits = 2 * self.clip * torch.sigmoid(2 * scores) - self.clip
        if self.decoders[0].nearness is not None:
            near = self._distances(memory, observation.focus[..., -1])
            if near is not None:
                rates = functional.softplus(self._weights("nearness"))
                rates = rates if len(rates) == 1 else rates[memory.agent]
                kinds = [rate[:, None, None] * near for rate in rates.unbind(1)]
                logits = logits - (kinds[0] if len(kinds) == 1 else torch.cat(kinds, -1))
        return logits + hidden

    def refined(self, glimpse: Tensor, condition: Tensor | None) -> Tensor:
        """The glimpse ``[B, S, D]`` before it points; a network may let the condition change it."""
        return glimpse

    def _query(self, memory: Memory, observation: Observation) -> Tensor:
        focus = observation.focus
        if self.schema.focus:
            query = lookup(memory.queries, focus, memory.keys.shape[2] + 1)
        else:
            query = memory.queries.expand(-1, focus.shape[1], -1)
        if self.schema.context:
            decoders = cast("list[Decoder]", list(self.decoders))
            contexts = [decoder.context for decoder in decoders if decoder.context is not None]
            if len(contexts) == 1:
                return query + contexts[0](observation.context)
            weight = torch.stack([layer.weight for layer in contexts])[memory.agent]
            bias = torch.stack([layer.bias for layer in contexts])[memory.agent]
            query = query + bias[:, None] + observation.context @ weight.transpose(1, 2)
        return query

    def _changing(
        self, memory: Memory, observation: Observation
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features that change ``[B, S, N, C]`` and the weights by which they are read.

        Those of keys and values ``[B or 1, H, D/H, C]``, of pointer keys ``[B or 1, kinds, D, C]``.
        """
        assert observation.nodes is not None
        weights = self._weights("changing")  # [K, (2 + kinds) D, C]
        weights = weights if len(weights) == 1 else weights[memory.agent]
        width = self.encoder.width
        key, value, pointers = weights.split([width, width, self.schema.kinds * width], 1)
        key = key.unflatten(1, (self.heads, -1)) / math.sqrt(width // self.heads)
        pointers = pointers.unflatten(1, (-1, width)) / math.sqrt(width)
        return observation.nodes, key, value.unflatten(1, (self.heads, -1)), pointers

    def _addressed(
        self, memory: Memory, batch: int, rollouts: int, condition: Tensor | None
    ) -> tuple[Memory, int]:
        """A memory for every block of rollouts that one agent plays, and the blocks' length."""
        count = len(memory) // batch
        if condition is None:
            return memory[::count], rollouts
        turns = (condition[:, 1:] != condition[:, :-1]).any(0).nonzero()[:, 0] + 1
        block = math.gcd(rollouts, *turns.tolist())
        agents = condition[:, ::block]
        every = torch.arange(count, device=agents.device)
        if agents.shape[1] == count and bool((agents == every).all()):
            return memory, block
        first = torch.arange(0, len(memory), count, device=agents.device)
        return memory[(first[:, None] + agents).flatten()], block

    def _weights(self, name: str) -> Tensor:
        """``[K, ...]``: the agents' weights of one kind."""
        layers = [getattr(decoder, name) for decoder in self.decoders]
        tensors = [part.weight if isinstance(part, nn.Linear) else part for part in layers]
        return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)

    def _pointer_weight(self) -> Tensor:
        """``[K, kinds * D, D]``: pointer keys, seen from before the glimpse's projection."""
        width = self.encoder.width
        point = self._weights("point").unflatten(1, (self.schema.kinds, width))
        folded = self._weights("glimpse").transpose(1, 2)[:, None] @ point
        return folded.flatten(1, 2)

    def _project(self, h: Tensor, name: str) -> Tensor:
        return self._through(h, self._weights(name))

    def _through(self, h: Tensor, weights: Tensor) -> Tensor:
        """``[B * K, N, E]``: `h` ``[B, N, D]`` through the weights ``[K, E, D]`` in one product."""
        projected = functional.linear(h, weights.flatten(0, 1)).unflatten(-1, weights.shape[:2])
        return projected.transpose(1, 2).flatten(0, 1)

    def _shared(self, tensor: Tensor) -> Tensor:
        """Rows ``[B, ...]``, once for each agent."""
        count = len(self.decoders)
        return tensor if count == 1 else tensor.repeat_interleave(count, 0)

    @staticmethod
    def _distances(memory: Memory, at: Tensor) -> Tensor | None:
        """Distances ``[B, S, N]`` from the nodes `at` ``[B, S]``; 0 from nowhere."""
        if memory.edges is not None:
            return lookup(memory.edges, at[..., None], memory.edges.shape[1])
        if memory.places is None:
            return None
        places = lookup(memory.places, at.clamp_min(0)[..., None], memory.places.shape[1])
        distances = torch.cdist(places, memory.places, compute_mode=EXACT)
        return distances.masked_fill((at < 0)[..., None], 0.0)


class Hidden(Categorical):
    """Logits that are minus infinity already where they must be."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits.float()
        self._log = None


def lookup(tables: Tensor, index: Tensor, count: int) -> Tensor:
    """Sums ``[B, S, D]`` of one row from each of K tables ``[B, K * count, D]``.

    `index` ``[B, S, K]`` says which, -1 being the last. Faster on a CPU than indexing by two
    tensors, above all backwards.
    """
    batch, rows, width = tables.shape
    flat = index % count
    if batch > 1:
        flat = flat + torch.arange(0, batch * rows, rows, device=index.device)[:, None, None]
    if index.shape[2] > 1:
        flat = flat + torch.arange(0, rows, count, device=index.device)
    flat = flat.flatten(0, 1)
    table = tables.reshape(-1, width)
    # the way through autograd takes longer than the sums where a single rollout looks up a row
    sums: Tensor = _Lookup.apply(table, flat) if torch.is_grad_enabled() else _sums(table, flat)
    return sums.view(*index.shape[:2], width)


def _sums(table: Tensor, index: Tensor) -> Tensor:
    """Sums ``[M, D]`` of the rows `index` ``[M, K]`` of a table."""
    sums = table.index_select(0, index[:, 0])
    for slot in range(1, index.shape[1]):
        sums += table.index_select(0, index[:, slot])
    return sums


class _Lookup(torch.autograd.Function):
    """Sums ``[M, D]`` of the rows `index` ``[M, K]`` of a table, with one table of gradients."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = len(table)
        return _sums(table, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        total = grad.new_zeros(ctx.rows, grad.shape[1])
        for slot in range(index.shape[1]):
            total.index_add_(0, index[:, slot], grad)
        return total, None

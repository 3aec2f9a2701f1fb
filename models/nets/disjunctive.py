"""A graph network over what remains to be scheduled, run again at every step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.describe import arguments_of
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy, Population
from nco.core.schema import Channel, Schema
from nco.core.searches import SearchName

STEEP = 4.0  # bound on the scores by which the members of a set are weighted


@dataclass(frozen=True, eq=False)
class Graph(Batch):
    """R remaining sub-problems of L nodes in Q sets."""

    nodes: Tensor  # [R, L] long, which node of the instance stands here
    exists: Tensor  # [R, L] bool, False is padding
    members: Tensor  # [R, Q, L] float, 1 where a set holds a node
    kinds: Tensor  # [Q] long, the kind of each set
    after: Tensor  # [R, L, K] long, places of the nodes right after; L: none
    before: Tensor  # [R, L, K] long, of those right before

    def at(self, places: Tensor) -> "Graph":
        """The same sub-problems, but only the nodes at `places` ``[R, C]``."""
        return Graph(
            self.nodes.gather(1, places),
            self.exists.gather(1, places),
            self.members.gather(2, places[:, None].expand(-1, self.members.shape[1], -1)),
            self.kinds,
            picked(self.after, places),
            picked(self.before, places),
        )


class DisjunctivePolicy(Population):
    """Messages along the disjunctive graph of the nodes that are left, without looking back.

    A disjunctive graph (Roy and Sussmann 1964) has an arc from each operation to the next of its
    job and an edge between any two on one machine; L2D (Zhang et al., NeurIPS 2020) learns to
    dispatch on it. Here the many edges of a machine are one set whose node all its operations talk
    to, so that cost grows with operations and not with their pairs, and weights know no size. Each
    layer

    - collects every set (jobs, machines): a mean of its members, weighted by what each says of
      itself, which all sets of an instance then exchange by attention;
    - tells every node what its sets and its neighbours in the job have to say.

    As in BQ-NCO (Drakulic et al. 2023) nothing is encoded beforehand: what is left, with the times
    at which jobs and machines are free, is a shop of its own. Nodes that are allowed are scored.

    With `lookahead` only the next operations of each job are looked at. Their features say of the
    rest how long it takes and what its machines have to do, which means the same in a shop of any
    length: networks trained on small shops then do better on large ones.

    Args:
        width: D.
        layers: rounds of messages.
        heads: of the attention between sets, and of the weights within them.
        hidden: width of the MLPs, in widths.
        agents: K, each of which scores for itself what all of them see.
        lookahead: next operations of each job that are looked at; 0 is all.
        ignore: as in `Policy`.
    """

    reads = frozenset(
        {Channel.NODES, Channel.DYNAMIC, Channel.CONTEXT, Channel.GROUPS, Channel.FOLLOWS}
    )

    def __init__(
        self,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        hidden: int = 2,
        agents: int = 1,
        lookahead: int = 0,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if agents < 1:
            raise ValueError(f"agents must be at least 1, not {agents}")
        if width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        self.width, self.layers, self.heads, self.hidden = width, layers, heads, hidden
        self.agents, self.lookahead = agents, lookahead

    @property
    def searches(self) -> tuple[SearchName, ...]:
        return (SearchName.POPULATION if self.agents > 1 else SearchName.DISPATCH,)

    def make_layers(self, schema: Schema) -> None:
        if not (schema.groups and schema.follows):
            raise NCOError("this policy needs a problem whose nodes lie in sets and follow others")
        told = len(schema.nodes) + len(schema.dynamic) + len(schema.context)
        self.enter = nn.Linear(told, self.width)
        self.kind = nn.Parameter(torch.zeros(len(schema.groups), self.width))
        self.blocks = nn.ModuleList(
            [
                Round(self.width, self.heads, self.hidden * self.width, len(schema.groups))
                for _ in range(self.layers)
            ]
        )
        self.leave = nn.RMSNorm(self.width)
        self.decoders = nn.ModuleList(
            nn.Sequential(nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, 1))
            for _ in range(self.agents)
        )

    def begin_as(self, other: Policy) -> None:
        if not isinstance(other, DisjunctivePolicy):
            raise NCOError(f"{type(other).__name__} has no decoder that could be cloned")
        try:
            for name, module in self.named_children():
                if module is not self.decoders:
                    module.load_state_dict(getattr(other, name).state_dict())
            with torch.no_grad():
                self.kind.copy_(other.kind)
            self.clone_decoders(other)
        except RuntimeError as error:
            raise NCOError(f"another network: {' '.join(str(error).split())}") from error

    def freeze(self) -> None:
        self.requires_grad_(False)
        self.decoders.requires_grad_(True)

    def keep(self, agents: Sequence[int]) -> "DisjunctivePolicy":
        arguments = {**arguments_of(self), "agents": len(agents)}
        kept = DisjunctivePolicy(**arguments).build(self.schema)
        shared = {k: v for k, v in self.state_dict().items() if not k.startswith("decoders.")}
        kept.load_state_dict({**kept.state_dict(), **shared})
        kept.take_agents(self, agents)
        return kept

    def encode(self, features: Features) -> Features:
        """The instance as it is: everything else depends on what remains."""
        return features

    def decide(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        graph = remaining(memory, observation, self.lookahead)
        rows = torch.arange(len(graph.nodes), device=graph.nodes.device)
        parts = [memory.nodes[rows[:, None] // observation.mask.shape[1], graph.nodes]]
        if self.schema.dynamic:
            assert observation.nodes is not None
            parts.append(observation.nodes.flatten(0, 1)[rows[:, None], graph.nodes])
        if self.schema.context:
            context = observation.context.flatten(0, 1)[:, None]
            parts.append(context.expand(-1, graph.nodes.shape[1], -1))
        h = self.enter(torch.cat(parts, -1))
        sets = self.kind[graph.kinds].expand(len(h), -1, -1)
        for block in self.blocks[:-1]:
            h, sets = block(h, sets, graph)
        # only what is allowed is scored, so the last round tells nobody else
        asked = allowed(graph, observation)
        h, sets = self.blocks[-1](h, sets, graph, asked)
        part = graph.at(asked)
        scores = self._scored(self.leave(h), condition).masked_fill(~part.exists, -torch.inf)
        logits = scores.new_full((len(h), memory.nodes.shape[1]), -torch.inf)
        # padding is node 0 again, so it must not overwrite: the greater of two survives
        logits = logits.scatter_reduce(1, part.nodes, scores, "amax")
        logits = logits.view(observation.mask.shape)
        # a finished row has nothing left, but an action all the same
        blind = ~((logits > -torch.inf) & observation.mask).any(-1, keepdim=True)
        return Categorical(logits.masked_fill(blind, 0.0), observation.mask)

    def _scored(self, h: Tensor, condition: Tensor | None) -> Tensor:
        """Scores ``[R, C]`` by the agents that `condition` ``[B, S]`` names, or the first."""
        if condition is None or self.agents == 1:
            scores: Tensor = self.decoders[0](h)[..., 0]
            return scores
        every = torch.cat([decoder(h) for decoder in self.decoders], -1)  # [R, C, K]
        agent = condition.flatten()[:, None, None].expand(-1, h.shape[1], 1)
        return every.gather(2, agent)[..., 0]


class Round(nn.Module):
    """One round of messages: nodes to sets, among sets, and back to nodes."""

    def __init__(self, width: int, heads: int, hidden: int, kinds: int) -> None:
        super().__init__()
        self.heads, self.kinds = heads, kinds
        self.norm_nodes, self.norm_sets = nn.RMSNorm(width), nn.RMSNorm(width)
        self.norm_mixed = nn.RMSNorm(width)
        self.weigh = nn.Linear(width, heads)
        self.value = nn.Linear(width, width, bias=False)
        self.collect = nn.Linear(width, width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.mix = nn.Linear(width, width, bias=False)
        self.think = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width, bias=False)
        )
        self.tell = nn.Linear(width, kinds * hidden, bias=False)
        self.up = nn.Linear(3 * width, hidden)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(
        self, h: Tensor, sets: Tensor, graph: Graph, asked: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Nodes ``[R, L, D]`` and sets ``[R, Q, D]`` after the round.

        With `asked`, only the nodes at those places ``[R, C]``.
        """
        normed = self.norm_nodes(h)
        sets = sets + self.collect(self._collected(normed, graph))
        sets = sets + self._exchanged(self.norm_sets(sets), graph)
        sets = sets + self.think(self.norm_mixed(sets))
        told = self.tell(self.norm_sets(sets)).unflatten(-1, (self.kinds, -1))
        index = graph.kinds[None, :, None, None].expand(len(h), -1, 1, told.shape[-1])
        part, own = graph, normed
        if asked is not None:
            part, own, h = graph.at(asked), picked(normed, asked), picked(h, asked)
        heard = part.members.transpose(1, 2) @ told.gather(2, index)[:, :, 0]
        beside = [along(normed, part.after), along(normed, part.before)]
        inner = self.up(torch.cat([own, *beside], -1)) + heard
        return h + self.down(functional.relu(inner)), sets

    def _collected(self, h: Tensor, graph: Graph) -> Tensor:
        """The weighted mean ``[R, Q, D]`` of every set's members; 0 of none."""
        weight = (STEEP * torch.tanh(self.weigh(h) / STEEP)).exp()
        value = self.value(h).unflatten(-1, (self.heads, -1)) * weight[..., None]
        total = graph.members @ torch.cat([value.flatten(2), weight], -1)
        width = value.shape[-1] * self.heads
        summed = total[..., :width].unflatten(-1, (self.heads, -1))
        means: Tensor = (summed / total[..., width:, None].clamp_min(1e-6)).flatten(2)
        return means

    def _exchanged(self, sets: Tensor, graph: Graph) -> Tensor:
        """Attention among the sets that hold something."""
        q, k, v = self.qkv(sets).unflatten(-1, (3, self.heads, -1)).unbind(2)
        scores = torch.einsum("rqhd,rshd->rhqs", q, k) / q.shape[-1] ** 0.5
        empty = ~(graph.members > 0).any(-1)
        scores = scores.masked_fill(empty[:, None, None], -1e9)
        exchanged: Tensor = self.mix(
            torch.einsum("rhqs,rshd->rqhd", scores.softmax(-1), v).flatten(2)
        )
        return exchanged


def picked(values: Tensor, places: Tensor) -> Tensor:
    """``[R, C, ...]`` of `values` ``[R, L, ...]``."""
    return values[torch.arange(len(values), device=values.device)[:, None], places]


def allowed(graph: Graph, observation: Observation) -> Tensor:
    """Places ``[R, C]`` of the nodes that may come next; others fill up short rows."""
    mask = observation.mask.flatten(0, 1).gather(1, graph.nodes) & graph.exists
    most = max(int(mask.sum(-1).max()), 1)
    return mask.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :most]


def along(h: Tensor, places: Tensor) -> Tensor:
    """The mean ``[R, L, D]`` of `h` over `places` ``[R, L, K]``, L being none of them."""
    rows, length, width = h.shape
    padded = functional.pad(h, (0, 0, 0, 1)).flatten(0, 1)
    first = torch.arange(0, rows * (length + 1), length + 1, device=h.device)
    flat = (places + first[:, None, None]).flatten()
    beside = padded.index_select(0, flat).view(*places.shape, width)
    if places.shape[2] == 1:
        return beside[:, :, 0]
    count = (places < length).sum(-1, keepdim=True).clamp_min(1)
    return beside.sum(2) / count


def soon(alive: Tensor, before: Tensor, count: int) -> Tensor:
    """Of the nodes `alive` ``[B, S, N]`` those that fewer than `count` others must come before.

    `before` ``[B, N, K]``: the nodes right before each, alternatives of one another; -1: none.
    """
    batch, rollouts, nodes = alive.shape
    index = before.flatten(1)[:, None].expand(-1, rollouts, -1)

    def is_after(some: Tensor) -> Tensor:
        later = some.gather(2, index.clamp_min(0)) & (index >= 0)
        return later.view(batch, rollouts, nodes, -1).any(-1)

    near = alive & ~is_after(alive)
    for _ in range(count - 1):
        near = near | (alive & is_after(near))
    return near


def remaining(memory: Features, observation: Observation, lookahead: int = 0) -> Graph:
    """The sub-problem of every state, R = B * S, on its own nodes alone."""
    assert observation.alive is not None
    assert memory.groups is not None
    assert memory.follows is not None
    alive = observation.alive
    if lookahead:
        alive = soon(alive, memory.follows[..., 1], lookahead)
    alive = alive.flatten(0, 1)
    counts = alive.sum(-1)
    length = max(int(counts.max()), 1)
    rows, nodes = alive.nonzero(as_tuple=True)
    place = alive.cumsum(-1) - 1
    tokens = nodes.new_zeros(len(alive), length)
    tokens[rows, place[rows, nodes]] = nodes
    exists = torch.arange(length, device=alive.device) < counts[:, None]
    source = torch.arange(len(alive), device=alive.device)[:, None] // observation.mask.shape[1]
    groups = memory.groups[source, tokens].masked_fill(~exists[..., None], -1)
    members, kinds = [], []
    for kind in range(groups.shape[-1]):
        number = torch.arange(int(memory.groups[..., kind].max()) + 1, device=alive.device)
        members.append(groups[:, None, :, kind] == number[:, None])
        kinds.append(torch.full_like(number, kind))
    place = functional.pad(place.masked_fill(~alive, length), (0, 1), value=length)
    links = memory.follows[source, tokens]  # [R, L, K, 2]
    links = place.gather(1, links.flatten(1) % place.shape[1]).view_as(links)
    links = links.masked_fill(~exists[..., None, None], length)
    return Graph(
        tokens,
        exists,
        torch.cat(members, 1).float(),
        torch.cat(kinds),
        links[..., 0],
        links[..., 1],
    )

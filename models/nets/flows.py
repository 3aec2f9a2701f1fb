"""Networks that decide on amounts along the links of a graph, for any number of nodes and links.

All put out a mean for every link, positive by a softplus: in a problem that rations in proportion
what a node does not have, every output is feasible. They see `Features.nodes` and `Features.link`
once and `Observation.nodes` at every step, whose column ``gap`` is what a newsvendor would order: a
network learns what to add to it (its last layer begins at zero), which takes a small part of the
training that learning from nothing takes. Where that rule is the best one, as for one store with
backlog, there is nothing to learn.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.decisions import Decision, Exact, Normal
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Amounts, Channel, Schema
from nco.core.searches import SearchName

GAP = "gap"  # what the node's echelon lacks to a newsvendor's level
SHARPNESS = 4.0  # of the softplus: its corner is a quarter of a unit wide


def mlp(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """ELU between linear layers, as in HDPO (Alvo et al. 2023)."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ELU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def correcting(body: nn.Sequential) -> nn.Sequential:
    """The same MLP with an output of zero to begin with."""
    last = body[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return body


def positive(raw: Tensor) -> Tensor:
    """Any number made positive, smoothly: a softplus that bends within 1 / `SHARPNESS`."""
    return functional.softplus(raw, beta=SHARPNESS)


class FlowPolicy(Policy):
    """What the networks share: a deterministic decision, or a normal one around it for REINFORCE.

    Args:
        noise: standard deviation at the beginning, in units, then learned; 0: no chance, for the
            pathwise gradient.
        ignore: as in `Policy`.
    """

    searches = (SearchName.MULTISTART,)
    reads = frozenset({Channel.NODES, Channel.LINKS, Channel.DYNAMIC})

    def __init__(self, noise: float = 0.0, ignore: Sequence[str] = ()) -> None:
        super().__init__(ignore)
        if noise < 0:
            raise ValueError(f"noise must not be negative, not {noise}")
        self.noise = noise

    def make_layers(self, schema: Schema) -> None:
        if schema.amounts != (Amounts.LINKS,):
            raise NCOError("this network needs a problem that decides on an amount along each link")
        self.gap = schema.index(Channel.DYNAMIC, GAP)
        self.make_body(schema)
        if self.noise:
            self.log_noise = nn.Parameter(torch.tensor(math.log(self.noise)))

    @abstractmethod
    def make_body(self, schema: Schema) -> None:
        """Creates the layers that the network has for itself."""

    def _lacking(self, shares: Tensor, observation: Observation) -> Tensor:
        """What a newsvendor would order on each link, ``[B, S, L]``; negative: too much is there.

        `shares` ``[B, L, N]``: of what each node lacks, the share of each link to it.
        """
        assert observation.nodes is not None
        return observation.nodes[..., self.gap] @ shares.transpose(1, 2)

    def _decision(self, raw: Tensor, mask: Tensor) -> Decision:
        """From raw outputs ``[B, S, L]``."""
        mean = positive(raw).masked_fill(~mask, 0.0)
        if not self.noise:
            return Exact(mean)
        return Normal(mean, self.log_noise.exp().expand_as(mean), mask)


class VanillaFlow(FlowPolicy):
    """One MLP on everything, for networks of one number of nodes and links.

    Args:
        nodes, links: of the networks.
        hidden: widths of the hidden layers.
        noise, ignore: as in `FlowPolicy`.
    """

    symmetric = False

    def __init__(
        self,
        nodes: int = 1,
        links: int = 1,
        hidden: Sequence[int] = (32, 32, 32),
        noise: float = 0.0,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(noise, ignore)
        self.nodes, self.links, self.hidden = nodes, links, list(hidden)

    def make_body(self, schema: Schema) -> None:
        inputs = self.nodes * (len(schema.nodes) + len(schema.dynamic))
        inputs += self.links * len(schema.links)
        self.body = correcting(mlp(inputs, self.hidden, self.links))

    def encode(self, features: Features) -> tuple[Tensor, Tensor]:
        """All that does not change, ``[B, F]``, and the shares ``[B, L, N]`` of `_lacking`."""
        assert features.link is not None
        counts = features.nodes.shape[1], features.link.shape[1]
        if counts != (self.nodes, self.links):
            raise NCOError(
                f"this network is for {self.nodes} nodes and {self.links} links, not {counts[0]} "
                f"and {counts[1]}"
            )
        static = features.nodes.flatten(1)
        if self.schema.links:
            static = torch.cat([static, features.link.flatten(1)], -1)
        return static, wire(features).shares

    def decide(
        self,
        memory: tuple[Tensor, Tensor],
        observation: Observation,
        condition: Tensor | None = None,
    ) -> Decision:
        assert observation.nodes is not None
        static, shares = memory
        seen = observation.nodes.flatten(2)
        seen = torch.cat([static[:, None].expand(-1, seen.shape[1], -1), seen], -1)
        raw = self.body(seen) + self._lacking(shares, observation)
        return self._decision(raw, observation.mask)


@dataclass(frozen=True, eq=False)
class Wiring(Batch):
    """A batch of graphs as dense incidence: links to the nodes that they leave and enter.

    Dense and not by index: with tens of nodes, products of small matrices are faster than
    scattering on a CPU, and give the same sums every time.
    """

    static: Tensor  # [B, N, F]
    link: Tensor  # [B, L, K]
    leaves: Tensor  # [B, L, N] 1 where the link leaves the node; the world outside is none
    enters: Tensor  # [B, L, N]
    out_scale: Tensor  # [B, N, 1] 1 / degree: means, so that nothing grows with the network
    in_scale: Tensor  # [B, N, 1]
    exists: Tensor  # [B, N, 1] float
    shares: Tensor  # [B, L, N] of what a node lacks, each link's to it


def wire(features: Features) -> Wiring:
    """The links of a network as matrices, from what the problem says of them."""
    assert features.links is not None
    assert features.link is not None
    nodes = features.nodes
    numbers = torch.arange(nodes.shape[1], device=nodes.device)
    leaves = (features.links[..., :1] == numbers).to(nodes.dtype)
    enters = (features.links[..., 1:] == numbers).to(nodes.dtype)
    if features.exists is None:
        exists = torch.ones_like(nodes[..., :1])
    else:
        exists = features.exists[..., None].to(nodes.dtype)
    if features.linked is not None:  # padded links point at nodes all the same
        linked = features.linked[..., None].to(nodes.dtype)
        leaves, enters = leaves * linked, enters * linked
    coming = enters.sum(1, keepdim=True).clamp_min(1.0)
    return Wiring(
        nodes,
        features.link,
        leaves,
        enters,
        leaves.sum(1)[..., None].clamp_min(1.0).reciprocal(),
        coming.transpose(1, 2).reciprocal(),
        exists,
        enters / coming,
    )


def along(incidence: Tensor, nodes: Tensor) -> Tensor:
    """Node values ``[B, S, N, D]`` at the links' ends ``[B, S, L, D]``; zero for the outside."""
    return torch.einsum("bln,bsnd->bsld", incidence, nodes)


def gathered(incidence: Tensor, links: Tensor) -> Tensor:
    """The sums ``[B, S, N, D]`` of link values ``[B, S, L, D]`` at nodes."""
    return torch.einsum("bln,bsld->bsnd", incidence, links)


def sighted(wiring: Wiring, observation: Observation) -> Tensor:
    """All that is seen of a node, ``[B, S, N, F + F']``."""
    assert observation.nodes is not None
    static = wiring.static[:, None].expand(-1, observation.nodes.shape[1], -1, -1)
    return torch.cat([static, observation.nodes], -1)


class SymmetricFlow(FlowPolicy):
    """One small MLP for every link, with a context of the whole network; symmetric in nodes.

    The symmetry-aware policy of HDPO: the context is a mean over embedded nodes here, so that it
    does not depend on their number.

    Args:
        width: of the context; hidden: of the links' MLP.
        noise, ignore: as in `FlowPolicy`.
    """

    def __init__(
        self,
        width: int = 32,
        hidden: Sequence[int] = (32, 32),
        noise: float = 0.0,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(noise, ignore)
        self.width, self.hidden = width, list(hidden)

    def make_body(self, schema: Schema) -> None:
        seen = len(schema.nodes) + len(schema.dynamic)
        self.whole = mlp(seen, [self.width], self.width)
        inputs = 2 * seen + len(schema.links) + self.width
        self.body = correcting(mlp(inputs, self.hidden, 1))

    def encode(self, features: Features) -> Wiring:
        return wire(features)

    def decide(
        self, memory: Wiring, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        seen = sighted(memory, observation)
        exists = memory.exists[:, None]
        context = (self.whole(seen) * exists).sum(2, keepdim=True) / exists.sum(2, keepdim=True)
        ends = along(memory.leaves, seen), along(memory.enters, seen)
        link = memory.link[:, None].expand(-1, seen.shape[1], -1, -1)
        wide = context.expand(-1, -1, link.shape[2], -1)
        inputs = torch.cat([*ends, link, wide], -1)
        raw = self.body(inputs)[..., 0] + self._lacking(memory.shares, observation)
        return self._decision(raw, observation.mask)


class GraphFlow(FlowPolicy):
    """Message passing over nodes and links; parameters fit any number of both.

    The graph network of HDPO (Alvo et al. 2023, version 3): embedded nodes and links; in each round
    a node hears the means of its incoming and outgoing links (in the paper sums over roots of their
    numbers, which grow with the network), and a link hears its two ends; both add what they make of
    it. One round serves warehouses with stores, a serial system needs as many as it has echelons.

    Args:
        width: D; rounds: of messages.
        noise, ignore: as in `FlowPolicy`.
    """

    def __init__(
        self, width: int = 32, rounds: int = 1, noise: float = 0.0, ignore: Sequence[str] = ()
    ) -> None:
        super().__init__(noise, ignore)
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, not {rounds}")
        self.width, self.rounds = width, rounds

    def make_body(self, schema: Schema) -> None:
        seen, width = len(schema.nodes) + len(schema.dynamic), self.width
        self.node_in = mlp(seen, [width], width)
        self.link_in = mlp(2 * seen + len(schema.links), [width], width)
        self.node_update = mlp(3 * width, [width], width)
        self.link_update = mlp(3 * width, [width], width)
        self.body = correcting(mlp(width, [width], 1))

    def encode(self, features: Features) -> Wiring:
        return wire(features)

    def decide(
        self, memory: Wiring, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        seen = sighted(memory, observation)
        link = memory.link[:, None].expand(-1, seen.shape[1], -1, -1)
        ends = torch.cat([along(memory.leaves, seen), along(memory.enters, seen), link], -1)
        h, e = self.node_in(seen), self.link_in(ends)
        for _ in range(self.rounds):
            coming = gathered(memory.enters, e) * memory.in_scale[:, None]
            going = gathered(memory.leaves, e) * memory.out_scale[:, None]
            h = h + self.node_update(torch.cat([h, coming, going], -1))
            both = [along(memory.leaves, h), along(memory.enters, h)]
            e = e + self.link_update(torch.cat([e, *both], -1))
        raw = self.body(e)[..., 0] + self._lacking(memory.shares, observation)
        return self._decision(raw, observation.mask)

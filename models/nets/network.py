"""Graph networks over the links of a problem, for decisions about flows."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.decisions import Decision, Dirichlet, Joint, Normal
from nco.core.describe import Described
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Amounts, Channel, Schema
from nco.core.searches import SearchName

LEAST = 0.3  # least concentration: the densities of smaller ones have unbounded gradients
# Decisions stay random: where they hardly are, densities are so steep that one step of an optimiser
# can ruin a good policy.
NARROWEST = 0.05  # least standard deviation
SUREST = 2.0  # most that training may add to the logarithm of the concentration
STEEP, FAINT = 5.0, 1e-3  # slope and least value of the weights that become shares
REST = 0.002  # weight of a node that lacks nothing, before the network changes it
SLOW = 0.1  # factor of what is learned in addition to a known need
PADDED = 1e-4  # concentration of a node that does not exist
ZOOM = 10.0  # factor in the logarithmic copy of features that change: it shows small differences


class Memory(NamedTuple):
    """What of an instance does not change."""

    nodes: Tensor  # [B, N, F]
    source: Tensor  # [B, L] long; the world outside is node 0 as well
    target: Tensor  # [B, L] long
    link: Tensor  # [B, L, K]
    inside: Tensor  # [B, 1, L, 1] float, 0 where the source is the world outside
    real: Tensor  # [B, 1, L, 1] float, 0 for padding and where the target is the world outside
    exists: Tensor | None  # [B, N]


def zoomed(features: Tensor) -> Tensor:
    """A logarithmic copy, odd in its argument."""
    return features.sign() * (features.abs() * ZOOM).log1p()


class GraphBody(Described, nn.Module):
    """Rounds of messages along the links, summed at each node (EdgeConv, Wang et al. 2019).

    As in Gammelli et al. (2023): a message is an MLP of both ends and the link's features; what a
    node knows in the end is its own features beside the sum of its messages. The same parameters
    serve any number of nodes and links.

    Args:
        width: D of the messages; rounds: of them.
    """

    def __init__(self, width: int = 64, rounds: int = 1) -> None:
        super().__init__()
        if width < 1 or rounds < 1:
            raise ValueError(f"width {width} and rounds {rounds} must be at least 1")
        self.width, self.rounds = width, rounds

    def build(self, schema: Schema) -> Self:
        """Creates the layers for the columns of a problem and returns self."""
        entry = len(schema.nodes) + 2 * (len(schema.dynamic) + len(schema.context))
        messages, wide = [], entry
        for _ in range(self.rounds):
            messages.append(
                nn.Sequential(
                    nn.Linear(2 * wide + len(schema.links), self.width),
                    nn.ReLU(),
                    nn.Linear(self.width, self.width),
                )
            )
            wide = entry + self.width
        self.messages = nn.ModuleList(messages)
        self.leave = nn.Sequential(nn.Linear(wide, self.width), nn.ReLU())
        return self

    def encode(self, features: Features) -> Memory:
        """What is the same in every state: nodes ``[B, N, F]``, links, and what exists."""
        if features.links is None or features.link is None:
            raise NCOError("a graph network needs a problem whose features have links")
        source, target = features.links.unbind(-1)
        real = target >= 0
        if features.linked is not None:
            real = real & features.linked
        return Memory(
            features.nodes,
            source.clamp_min(0),
            target.clamp_min(0),
            features.link,
            (source >= 0).float()[:, None, :, None],
            real.float()[:, None, :, None],
            features.exists,
        )

    def forward(self, memory: Memory, observation: Observation) -> Tensor:
        """Node embeddings ``[B, S, N, D]``."""
        assert observation.nodes is not None
        batch, rollouts, count, _ = observation.nodes.shape
        whole = observation.context[:, :, None].expand(-1, -1, count, -1)
        changing = torch.cat([observation.nodes, whole], -1)
        still = memory.nodes[:, None].expand(-1, rollouts, -1, -1)
        entry = torch.cat([still, changing, zoomed(changing)], -1)
        rows = torch.arange(batch, device=entry.device)[:, None]
        link = memory.link[:, None].expand(-1, rollouts, -1, -1)
        h = entry
        for message in self.messages:
            source = h[rows, :, memory.source].transpose(1, 2) * memory.inside
            here = h[rows, :, memory.target].transpose(1, 2)
            sent = message(torch.cat([source, here, link], -1)) * memory.real
            target = memory.target[:, None, :, None].expand_as(sent)
            heard = torch.zeros_like(sent[:, :, :1]).expand(-1, -1, count, -1)
            heard = heard.scatter_add(2, target, sent)
            h = torch.cat([entry, heard], -1)
        embeddings: Tensor = self.leave(h)
        return embeddings

    def pooled(self, memory: Memory, nodes: Tensor) -> Tensor:
        """The sum over nodes ``[B, S, D]``."""
        if memory.exists is not None:
            nodes = nodes * memory.exists[:, None, :, None]
        return nodes.sum(2)


class SharesPolicy(Policy):
    """Names a desired next state: shares of what there is, one a node, and amounts beside them.

    Dirichlet over the nodes, Normal amounts (Gammelli et al. 2023). The concentrations are the
    wished shares times how sure the network is, so that both are learned apart. For actions of N
    shares followed by amounts.

    Args:
        width, rounds: of the graph network.
        amounts: numbers in the action after the N shares.
        sure: total concentration before training.
        spread: standard deviation of amounts before training.
        lack: column of `Observation.nodes` that says what a node lacks; shares then begin in
            proportion to it, and what is learned are corrections (residual policies, Silver et al.
            2018). None: shares begin equal.
        need: column of the context that says what amount is needed; likewise.
        ignore: as in `Policy`.
    """

    searches = (SearchName.SAMPLING,)
    reads = frozenset({Channel.NODES, Channel.LINKS, Channel.DYNAMIC, Channel.CONTEXT})

    def __init__(
        self,
        width: int = 64,
        rounds: int = 1,
        amounts: int = 1,
        sure: float = 100.0,
        spread: float = 0.15,
        lack: str | None = None,
        need: str | None = None,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if sure <= 0 or spread <= 0:
            raise ValueError(f"sure {sure} and spread {spread} must be positive")
        self.width, self.rounds, self.amounts = width, rounds, amounts
        self.sure, self.spread = sure, spread
        self.lack, self.need = lack, need

    def make_layers(self, schema: Schema) -> None:
        if schema.amounts != (Amounts.NODES, *[Amounts.ONE] * self.amounts):
            raise NCOError(
                "this network needs a problem that decides on a share of each node and beside them "
                f"on as many amounts as it is told, {self.amounts}"
            )
        self.lack_column = None if self.lack is None else schema.index(Channel.DYNAMIC, self.lack)
        self.need_column = None if self.need is None else schema.index(Channel.CONTEXT, self.need)
        self.body = GraphBody(self.width, self.rounds).build(schema)
        self.share, last = nn.Linear(self.width, 1), nn.Linear(self.width, 2 * self.amounts + 1)
        self.whole = nn.Sequential(
            nn.Linear(self.width + 2 * len(schema.context), self.width),
            nn.ReLU(),
            last,
        )
        if self.lack is not None:  # begin with the wish itself
            for head in (self.share, last):
                nn.init.zeros_(head.weight)
                nn.init.zeros_(head.bias)

    def encode(self, features: Features) -> Memory:
        return self.body.encode(features)

    def decide(
        self, memory: Memory, observation: Observation, condition: Tensor | None = None
    ) -> Joint:
        nodes = self.body(memory, observation)
        # softplus and not softmax: what nodes lack is additive, and so should be their weights
        score = self.share(nodes)[..., 0]
        if self.lack_column is None:
            weight = functional.softplus(STEEP * score) + FAINT
        else:
            assert observation.nodes is not None
            lacked = observation.nodes[..., self.lack_column].clamp_min(0) + REST
            weight = lacked * score.clamp(-3, 3).exp()
        if memory.exists is not None:
            weight = weight * memory.exists[:, None]
        context = observation.context
        pooled = [self.body.pooled(memory, nodes), context, zoomed(context)]
        whole = self.whole(torch.cat(pooled, -1))
        mean, spread, sure = whole.split([self.amounts, self.amounts, 1], -1)
        weight = weight / weight.sum(-1, keepdim=True)
        concentration = self.sure * sure.clamp(-3, SUREST).exp() * weight + LEAST
        if memory.exists is not None:
            concentration = concentration.where(memory.exists[:, None], PADDED)
        if self.need_column is None:
            mean = functional.softplus(mean + 0.5)
        else:
            mean = context[..., self.need_column, None].clamp_min(0) + SLOW * mean
        std = self.spread * spread.clamp(-3, 1).exp() + NARROWEST
        decisions: list[Decision] = [
            Dirichlet(concentration),
            Normal(mean, std),
        ]
        return Joint(decisions, [weight.shape[-1], self.amounts])


class GraphValue(Described, nn.Module):
    """What a state is worth: the sum of node embeddings through an MLP.

    Args:
        width, rounds: of the graph network.
    """

    def __init__(self, width: int = 64, rounds: int = 1) -> None:
        super().__init__()
        self.width, self.rounds = width, rounds

    def build(self, schema: Schema) -> Self:
        """Creates the layers for the columns of a problem and returns self."""
        self.body = GraphBody(self.width, self.rounds).build(schema)
        self.head = nn.Sequential(
            nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, 1)
        )
        return self

    def encode(self, features: Features) -> Any:
        """What is the same in every state, as `GraphBody.encode`."""
        return self.body.encode(features)

    def forward(self, memory: Any, observation: Observation) -> Tensor:
        """``[B, S]``."""
        pooled = self.body.pooled(memory, self.body(memory, observation))
        value: Tensor = self.head(pooled)[..., 0]
        return value

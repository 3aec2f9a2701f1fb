"""A graph network encoder over the k nearest neighbours of every node."""

import math
import warnings
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.features import Features
from nco.core.schema import Channel, Schema
from nco.models.nets.encoder import Encoder

with warnings.catch_warnings():
    # torch-geometric 2.8 scripts some of its classes, which torch 2.13 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import TransformerConv

QUERY_CHUNK = 1024  # nodes at a time whose distances to all others are held: 10,000 would be 400 MB
EXACT = "donot_use_mm_for_euclid_dist"  # products cancel: equal points would lie apart


class GraphEncoder(Encoder):
    """Pre-norm message passing on the k-nearest-neighbour graph, with distances as edge features.

    Attention over neighbours (torch-geometric's `TransformerConv`, Shi et al. 2021) instead of over
    all nodes: memory grows with ``N k``, not ``N^2``. Neighbours are the nearest by the problem's
    own distances (`Features.edges`) where it has them, else by position, else by node features
    (knapsack items that are alike). A node also hears the mean over all nodes in every round (a
    virtual node, Gilmer et al. 2017), because a depot, say, is seldom among its nearest.

    In a module of its own, so that nobody who does not
    use it pays the seconds that torch-geometric takes to import.

    Args:
        width: D.
        heads: of the attention over neighbours.
        layers: rounds of messages.
        hidden: width of the MLP.
        neighbours: k, the node itself not counted; all others where there are fewer.
    """

    reads = frozenset({Channel.NODES, Channel.EDGES})

    def __init__(
        self,
        width: int = 128,
        heads: int = 8,
        layers: int = 6,
        hidden: int = 512,
        neighbours: int = 15,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        if neighbours < 1:
            raise ValueError(f"neighbours must be at least 1, not {neighbours}")
        self.width, self.heads, self.layers, self.hidden = width, heads, layers, hidden
        self.neighbours = neighbours

    def build(self, schema: Schema) -> Self:
        self.enter = nn.Linear(len(schema.nodes), self.width)
        # the length of a link, and what else a problem says of pairs of nodes
        told = max(1, len(schema.edges))
        self.blocks = nn.ModuleList(
            [GraphBlock(self.width, self.heads, self.hidden, told) for _ in range(self.layers)]
        )
        self.leave = nn.RMSNorm(self.width)
        self.further = slice(1, told)
        return self

    def forward(self, features: Features) -> Tensor:
        """Node embeddings ``[B, N, D]``."""
        links, told = neighbour_graph(features, self.neighbours)
        if self.further.stop > 1:
            assert features.edges is not None
            count = features.nodes.shape[1]
            pairs = features.edges.flatten(0, 1)[links[1], links[0] % count]
            told = torch.cat([told, pairs[:, self.further]], -1)
        h = self.enter(features.nodes)
        for block in self.blocks:
            h = block(h, links, told, features.exists)
        return self.leave(h)


class GraphBlock(nn.Module):
    """One round of messages and an MLP."""

    def __init__(self, width: int, heads: int, hidden: int, told: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.messages = TransformerConv(width, width // heads, heads, edge_dim=told)
        self.whole = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, h: Tensor, links: Tensor, told: Tensor, exists: Tensor | None) -> Tensor:
        normed = self.norm1(h)
        heard = self.messages(normed.flatten(0, 1), links, told).view_as(h)
        if exists is None:
            mean = normed.mean(1)
        else:
            mean = (normed * exists[..., None]).sum(1) / exists.sum(1, keepdim=True)
        h = h + heard + self.whole(mean)[:, None]
        return h + self.down(functional.relu(self.up(self.norm2(h))))


def neighbour_graph(features: Features, neighbours: int) -> tuple[Tensor, Tensor]:
    """One graph of the whole batch, nodes numbered ``b N + n``.

    Returns:
        Links ``[2, L]`` from each neighbour to its node, and their lengths ``[L, 1]`` in units of
        the mean spacing ``n^(-1/2)``. Padding has no links, and a single node has none.
    """
    batch, count = features.nodes.shape[:2]
    parts = [
        _nearest(features, slice(first, min(first + QUERY_CHUNK, count)), neighbours)
        for first in range(0, count, QUERY_CHUNK)
    ]
    lengths, nearest = (torch.cat(part, 1) for part in zip(*parts, strict=True))
    spacing: float | Tensor = math.sqrt(count)
    if features.exists is not None:
        spacing = features.exists.sum(1).sqrt()[:, None, None]
    lengths = (lengths * spacing).flatten()
    offset = torch.arange(0, batch * count, count, device=nearest.device)[:, None, None]
    target = torch.arange(count, device=nearest.device)[:, None] + offset
    links = torch.stack([nearest + offset, target.expand_as(nearest)]).flatten(1)
    if features.exists is not None:
        real = lengths.isfinite()
        links, lengths = links[:, real], lengths[real]
    return links, lengths[:, None]


def _nearest(features: Features, rows: slice, neighbours: int) -> tuple[Tensor, Tensor]:
    """Distances ``[B, R, k]``, ascending, from the nodes `rows` to the nearest others; and these.

    Infinite where an instance has fewer than k others, and from padding.
    """
    if features.edges is not None:
        distances = features.edges[:, rows, :, 0]
    else:
        places = features.nodes if features.xy is None else features.xy
        distances = torch.cdist(places[:, rows], places, compute_mode=EXACT)
    count = distances.shape[2]
    number = torch.arange(count, device=distances.device)
    none = number[rows, None] == number
    if features.exists is not None:
        none = none | ~(features.exists[:, rows, None] & features.exists[:, None])
    distances = distances.masked_fill(none, torch.inf)
    nearest = distances.topk(min(neighbours, count - 1), largest=False)
    return nearest.values, nearest.indices

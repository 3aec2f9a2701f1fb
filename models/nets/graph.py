"""A graph network encoder over the k nearest neighbours of every node."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import TransformerConv

from nco.describe import Described
from nco.problem import Features, Sizes


class GraphEncoder(Described, nn.Module):
    """Pre-norm message passing on the k-nearest-neighbour graph, with distances as edge features.

    Attention over neighbours (torch-geometric's `TransformerConv`, Shi et al. 2021) instead of over
    all nodes: time and memory grow with ``N k``, not ``N^2``. Neighbours are the nearest by the
    problem's own distances (`Features.edges`) where it has them, else by position, else by node
    features (knapsack items that are alike).

    The same interface as `TransformerEncoder`. In a module of its own, so that nobody who does not
    use it pays the seconds that torch-geometric takes to import.

    Args:
        width: D. heads: of the attention over neighbours. layers: rounds of messages.
        hidden: width of the MLP. neighbours: k, the node itself not counted.
    """

    def __init__(
        self,
        width: int = 128,
        heads: int = 8,
        layers: int = 6,
        hidden: int = 512,
        neighbours: int = 15,
    ) -> None:
        super().__init__()
        if width % heads or neighbours < 1:
            raise ValueError(f"width {width}, heads {heads}, neighbours {neighbours}")
        self.width, self.heads, self.layers, self.hidden = width, heads, layers, hidden
        self.neighbours = neighbours

    def build(self, sizes: Sizes) -> Self:
        self.enter = nn.Linear(sizes.node, self.width)
        self.blocks = nn.ModuleList(
            [GraphBlock(self.width, self.heads, self.hidden) for _ in range(self.layers)]
        )
        self.leave = nn.RMSNorm(self.width)
        return self

    def forward(self, features: Features) -> Tensor:
        """Node embeddings ``[B, N, D]``."""
        links, lengths = neighbour_graph(features, self.neighbours)
        h = self.enter(features.nodes).flatten(0, 1)
        for block in self.blocks:
            h = block(h, links, lengths)
        return self.leave(h).unflatten(0, features.nodes.shape[:2])


class GraphBlock(nn.Module):
    """One round of messages and an MLP."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.messages = TransformerConv(width, width // heads, heads, edge_dim=1, root_weight=False)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, h: Tensor, links: Tensor, lengths: Tensor) -> Tensor:
        h = h + self.messages(self.norm1(h), links, lengths)
        return h + self.down(functional.relu(self.up(self.norm2(h))))


def neighbour_graph(features: Features, neighbours: int) -> tuple[Tensor, Tensor]:
    """One graph of the whole batch, nodes numbered ``b N + n``.

    Returns:
        Links ``[2, L]`` from each neighbour to its node, and their lengths ``[L, 1]`` in units of
        the mean spacing ``n^(-1/2)``. Padding has no links.
    """
    batch, count = features.nodes.shape[:2]
    if features.edges is not None:
        distances = features.edges[..., 0].clone()
    else:
        places = features.nodes if features.xy is None else features.xy
        distances = torch.cdist(places, places)
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    sizes = distances.new_full((batch,), count)
    if features.exists is not None:
        pairs = features.exists[:, :, None] & features.exists[:, None]
        distances = distances.masked_fill(~pairs, torch.inf)
        sizes = features.exists.sum(1).to(distances.dtype)
    lengths, nearest = distances.topk(min(neighbours, count - 1), largest=False)
    lengths = lengths * sizes.sqrt()[:, None, None]
    offset = torch.arange(0, batch * count, count, device=nearest.device)[:, None, None]
    target = torch.arange(count, device=nearest.device)[None, :, None] + offset
    links = torch.stack([nearest + offset, target.expand_as(nearest)]).flatten(1)
    real = lengths.flatten().isfinite()
    return links[:, real], lengths.flatten()[real, None]

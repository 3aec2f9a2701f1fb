"""A graph network on the k-nearest-neighbour graph of the nodes, with torch-geometric.

Not imported by `nco.models.nets` until it is asked for: torch-geometric takes seconds to import.
"""

import math
import warnings
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.describe import Described
from nco.problem import Features, Sizes

with warnings.catch_warnings():
    # torch-geometric 2.8 scripts some of its classes, which torch 2.13 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import MessagePassing

QUERY_CHUNK = 1024  # nodes at a time whose distances to all others are held: 10,000 would be 400 MB


class GraphEncoder(Described, nn.Module):
    """Residual gated graph convolutions: Bresson & Laurent (2017), for the TSP Joshi et al. (2019).

    Each node hears its `k` nearest: by the problem's own distances ``edges[..., 0]`` where it gives
    them, else by position, else (knapsack) by node features. Distances are in units of the mean
    spacing ``n^(-1/2)``, so that the same weights mean the same neighbourhood at every size. So that
    a message need not hop across the whole graph, every layer also tells each node the mean over all
    nodes (a virtual node, Gilmer et al. 2017). Normalised by RMS for each node alone: instances of a
    batch do not see each other, and neither do they see padding.

    Args:
        width: D.
        layers: convolutions.
        hidden: width of the MLP after each of them.
        k: neighbours; all others where there are fewer.
    """

    def __init__(self, width: int = 128, layers: int = 6, hidden: int = 256, k: int = 10) -> None:
        super().__init__()
        if min(width, layers, hidden, k) < 1:
            raise ValueError(f"width {width}, layers {layers}, hidden {hidden}, k {k}: at least 1")
        self.width, self.layers, self.hidden, self.k = width, layers, hidden, k

    def build(self, sizes: Sizes) -> Self:
        self.enter = nn.Linear(sizes.node, self.width)
        # a distance, and whatever the problem says of a pair of nodes
        self.enter_edge = nn.Linear(1 + sizes.edge, self.width)
        self.columns = sizes.edge
        self.blocks = nn.ModuleList(
            [GraphBlock(self.width, self.hidden) for _ in range(self.layers)]
        )
        self.leave = nn.RMSNorm(self.width)
        return self

    def forward(self, features: Features) -> Tensor:
        """Node embeddings ``[B, N, D]``."""
        batch, count, _ = features.nodes.shape
        near, distance = neighbours(features, self.k)
        k = near.shape[2]
        edge = distance[..., None].nan_to_num(posinf=0.0)
        if self.columns:
            assert features.edges is not None
            rows = torch.arange(batch, device=near.device)[:, None, None]
            columns = torch.arange(count, device=near.device)[:, None]
            edge = torch.cat([edge, features.edges[rows, columns, near]], -1)
        edge = self.enter_edge(edge).flatten(0, 2)
        # one graph of B N nodes; the k edges of a node stand together, the sender first
        first = torch.arange(0, batch * count, count, device=near.device)[:, None, None]
        sender = (near + first).flatten()
        receiver = torch.arange(batch * count, device=near.device).repeat_interleave(k)
        graph = torch.stack([sender, receiver])
        heard = distance.isfinite().flatten()[:, None].to(edge.dtype)
        h = self.enter(features.nodes).flatten(0, 1)
        for block in self.blocks:
            h, edge = block(h, edge, graph, heard, features.exists, batch)
        return self.leave(h).unflatten(0, (batch, count))


class GraphBlock(nn.Module):
    """One pre-norm block: messages along edges and from the mean, then an MLP."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.norm_edge = nn.RMSNorm(width)
        self.convolution = GatedConvolution(width)
        self.whole = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(
        self,
        h: Tensor,
        edge: Tensor,
        graph: Tensor,
        heard: Tensor,
        exists: Tensor | None,
        batch: int,
    ) -> tuple[Tensor, Tensor]:
        """Nodes ``[B N, D]`` and edges ``[B N k, D]`` after the block."""
        normed = self.norm1(h)
        messages, pre = self.convolution(normed, self.norm_edge(edge), graph, heard)
        whole = self.whole(mean(normed.unflatten(0, (batch, -1)), exists))
        h = h + messages + whole[:, None].expand(-1, len(h) // batch, -1).flatten(0, 1)
        edge = edge + functional.relu(pre)
        return h + self.down(functional.relu(self.up(self.norm2(h)))), edge


class GatedConvolution(MessagePassing):
    """Sum over neighbours j of ``gate_ij * (V h_j)``, gates being normalised sigmoids.

    The gates are ``sigmoid(e_ij)`` with ``e_ij = A h_i + B h_j + C edge_ij``, divided by their sum
    over j.
    """

    def __init__(self, width: int) -> None:
        super().__init__(aggr="sum")
        self.sender = nn.Linear(width, 2 * width, bias=False)  # B and V at once
        self.receiver = nn.Linear(width, width)
        self.pair = nn.Linear(width, width, bias=False)

    def forward(
        self, h: Tensor, edge: Tensor, graph: Tensor, heard: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Messages ``[nodes, D]`` and gates before the sigmoid ``[edges, D]``.

        Args:
            h: ``[nodes, D]``; edge: ``[edges, D]``.
            graph: ``[2, edges]``, sender and receiver; every node receives equally many, in order.
            heard: ``[edges, 1]``, 0 where a neighbour is none.
        """
        sent, value = self.sender(h).chunk(2, -1)
        pre: Tensor = self.edge_updater(
            graph, sent=sent, received=self.receiver(h), edge=self.pair(edge)
        )
        both = self.propagate(graph, value=value, gate=torch.sigmoid(pre) * heard)
        total, gates = both.chunk(2, -1)
        return total / (gates + 1e-6), pre

    def edge_update(self, sent_j: Tensor, received_i: Tensor, edge: Tensor) -> Tensor:
        """``e_ij`` of every edge."""
        return received_i + sent_j + edge

    def message(self, value_j: Tensor, gate: Tensor) -> Tensor:
        """A gated value, and the gate itself, whose sum divides that of the values."""
        return torch.cat([gate * value_j, gate], -1)

    def aggregate(self, inputs: Tensor, index: Tensor, dim_size: int) -> Tensor:
        """Sums over each receiver's edges, which stand together: faster than scattering them.

        And the same, bit for bit, at every run on a GPU.
        """
        return inputs.reshape(dim_size, -1, inputs.shape[-1]).sum(1)


def mean(h: Tensor, exists: Tensor | None) -> Tensor:
    """The mean ``[B, D]`` over the real nodes of ``[B, N, D]``."""
    if exists is None:
        return h.mean(1)
    real = exists[..., None]
    return (h * real).sum(1) / real.sum(1)


def neighbours(features: Features, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest other nodes ``[B, N, K]`` of each node, and their distances.

    K is the smaller of `k` and N - 1. Distances are in units of the mean spacing, infinite where an
    instance has fewer nodes than that.
    """
    batch, count, _ = features.nodes.shape
    k = min(k, count - 1)
    exists = features.exists
    if k == 0:
        none = torch.zeros(batch, count, 0, dtype=torch.long, device=features.nodes.device)
        return none, features.nodes.new_zeros(batch, count, 0)
    nodes = features.nodes if features.xy is None else features.xy
    found, distances = [], []
    for first in range(0, count, QUERY_CHUNK):
        rows = slice(first, min(first + QUERY_CHUNK, count))
        if features.edges is not None:
            apart = features.edges[:, rows, :, 0].detach()
        else:
            apart = torch.cdist(nodes[:, rows], nodes, compute_mode="donot_use_mm_for_euclid_dist")
        itself = torch.arange(count, device=nodes.device)
        apart = apart.masked_fill(itself[rows, None] == itself, torch.inf)
        if exists is not None:
            apart = apart.masked_fill(~exists[:, None], torch.inf)
        distance, near = apart.topk(k, -1, largest=False)
        found.append(near)
        distances.append(distance)
    spacing: float | Tensor = math.sqrt(count)
    if exists is not None:
        spacing = exists.sum(-1).sqrt()[:, None, None]
    return torch.cat(found, 1), torch.cat(distances, 1) * spacing

"""The attention model: encode the nodes once, then point at the next one at every step."""

import math
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nco.batch import Batch
from nco.models.nets.attention import attend
from nco.models.nets.transformer import TransformerEncoder
from nco.policy import Categorical, Policy
from nco.problem import Features, Observation, Sizes

TABLE = 1024  # nodes up to which all distances are computed at once
EXACT = "donot_use_mm_for_euclid_dist"  # products cancel: equal points would lie apart


@dataclass(frozen=True, eq=False)
class Memory(Batch):
    """All that a decoding step needs, computed once an instance and shared by its S rollouts."""

    queries: Tensor  # [B, K (N + 1), D] what node n adds in focus slot k; each last: nowhere
    keys: Tensor  # [B, H, N, D/H]
    values: Tensor  # [B, H, N, D/H]
    pointers: Tensor  # [B, kinds * N, D] pointer keys, the glimpse's projection folded in
    places: Tensor | None  # [B, N, 2] positions in units of the mean spacing
    edges: Tensor | None  # [B, N + 1, N] distances, 0 from nowhere; up to TABLE nodes


class AttentionPolicy(Policy):
    """Attention encoder-decoder with a multi-head glimpse and a clipped pointer.

    Kool, van Hoof & Welling (2019) as trained by POMO (Kwon et al. 2020), with exact algebra that
    leaves the function as it is: the query projection of a node is a table over nodes, made once,
    and the glimpse's output projection W_o is folded into the pointer keys,
    ``(g W_o) (h W_p)^T = g (h W_p W_o^T)^T``.

    Where nodes have positions, ``-softplus(b) d`` is added to the logits, d the distance from the
    node in focus in units of the mean spacing, and b learned: an untrained policy already prefers
    what is near, and the preference means the same at every size.

    Args:
        encoder: what makes node embeddings of width D; a `TransformerEncoder` by default.
        heads: of the glimpse.
        clip: logits lie within this of zero before the distance term.
        distance: add the distance term.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        heads: int = 8,
        clip: float = 10.0,
        distance: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = encoder if encoder is not None else TransformerEncoder()
        self.heads, self.clip, self.distance = heads, clip, distance

    def build(self, sizes: Sizes) -> Self:
        width = int(self.encoder.width)  # type: ignore[arg-type]
        self.encoder.build(sizes)  # type: ignore[operator]
        self.sizes = sizes
        focus = sizes.focus * width
        self.query = nn.Linear(width, focus, bias=False) if focus else None
        self.nowhere = nn.Parameter(torch.zeros(sizes.focus, width))
        self.context = nn.Linear(sizes.context, width) if sizes.context else None
        self.graph = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.point = nn.Linear(width, sizes.kinds * width, bias=False)
        self.glimpse = nn.Linear(width, width, bias=False)
        near = sizes.focus > 0 and self.distance
        self.nearness = nn.Parameter(torch.zeros(sizes.kinds)) if near else None
        return self

    def encode(self, features: Features) -> Memory:
        h = self.encoder(features)
        batch, count, width = h.shape
        if features.exists is None:
            mean = h.mean(1)
        else:
            real = features.exists[..., None]
            mean = (h * real).sum(1) / real.sum(1)
        # the graph's own share of the query rides on the last focus slot, or stands alone
        queries = self.graph(mean)[:, None, None]
        if self.query is not None:
            table = self.query(h).unflatten(-1, (self.sizes.focus, width)).transpose(1, 2)
            nowhere = self.nowhere.expand(batch, -1, -1)[:, :, None]
            table = torch.cat([table, nowhere], 2)
            queries = torch.cat([table[:, :-1], table[:, -1:] + queries], 1)
        queries = queries.flatten(1, 2)
        keys, values = self.key_value(h).unflatten(-1, (2, self.heads, -1)).unbind(2)
        # W_o^T applied to every pointer key; kinds stand one after the other along the actions
        kinds = self.point(h).unflatten(-1, (self.sizes.kinds, width)).transpose(1, 2).flatten(1, 2)
        pointers = kinds @ self.glimpse.weight / math.sqrt(width)
        places = edges = None
        if self.nearness is not None and features.xy is not None:
            spacing = count if features.exists is None else features.exists.sum(-1)
            root = torch.as_tensor(spacing, device=h.device, dtype=h.dtype).sqrt()
            places = features.xy * root.reshape(-1, 1, 1)
            if features.edges is not None:
                edges = features.edges[..., 0] * root.reshape(-1, 1, 1)
            elif count <= TABLE:
                edges = torch.cdist(places, places, compute_mode=EXACT)
            if edges is not None:
                edges = functional.pad(edges, (0, 0, 0, 1))
        scale = 1 / math.sqrt(width // self.heads)
        return Memory(
            queries,
            (keys * scale).transpose(1, 2).contiguous(),
            values.transpose(1, 2).contiguous(),
            pointers,
            places,
            edges,
        )

    def decide(
        self, memory: Memory, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        # 0 where allowed, minus infinity elsewhere: 1 - 1/1 and 1 - 1/0. Filling by a mask takes
        # ten times as long on a CPU
        hidden = observation.mask.view(torch.uint8).float().reciprocal_().neg_().add_(1.0)
        return Hidden(self.logits(memory, observation, hidden))

    def logits(self, memory: Memory, observation: Observation, hidden: Tensor) -> Tensor:
        """``[B, S, A]``, minus infinity where not allowed."""
        query = self._query(memory, observation)
        q = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, H, S, D/H]
        nodes = hidden
        if self.sizes.kinds > 1:
            nodes = hidden.unflatten(-1, (self.sizes.kinds, -1)).amax(2)
        glimpse = attend(q, memory.keys, memory.values, nodes).transpose(1, 2).flatten(2)
        # clip * tanh(x), in the form that is five times as fast on a CPU
        scores = glimpse @ memory.pointers.transpose(-1, -2)
        logits = 2 * self.clip * torch.sigmoid(2 * scores) - self.clip
        if self.nearness is not None:
            near = self._distances(memory, observation.focus[..., -1])
            if near is not None:
                rates = functional.softplus(self.nearness)
                kinds = [rate * near for rate in rates]
                logits = logits - (kinds[0] if len(kinds) == 1 else torch.cat(kinds, -1))
        return logits + hidden

    def _query(self, memory: Memory, observation: Observation) -> Tensor:
        focus = observation.focus
        if self.sizes.focus:
            query = lookup(memory.queries, focus, memory.keys.shape[2] + 1)
        else:
            query = memory.queries.expand(-1, focus.shape[1], -1)
        if self.context is not None:
            query = query + self.context(observation.context)
        return query

    @staticmethod
    def _distances(memory: Memory, at: Tensor) -> Tensor | None:
        """Distances ``[B, S, N]`` from the nodes `at` ``[B, S]``; 0 from nowhere."""
        if memory.edges is not None:
            return lookup(memory.edges, at[..., None], memory.edges.shape[1])
        if memory.places is None:
            return None
        places = lookup(memory.places, at.clamp_min(0)[..., None], memory.places.shape[1])
        found = torch.cdist(places, memory.places, compute_mode=EXACT)
        return found.masked_fill((at < 0)[..., None], 0.0)


class Hidden(Categorical):
    """Logits that are minus infinity already where they must be."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits.float()
        self._log = None


def lookup(tables: Tensor, index: Tensor, count: int) -> Tensor:
    """Sums ``[B, S, D]`` of one row from each of K tables ``[B, K * count, D]``.

    `index` ``[B, S, K]`` says which, -1 being the last. Several times as fast on a CPU as indexing
    by two tensors, above all backwards.
    """
    batch, rows, width = tables.shape
    first = torch.arange(0, batch * rows, rows, device=index.device)[:, None, None]
    slot = torch.arange(0, rows, count, device=index.device)
    flat = (index % count + (first + slot)).flatten(0, 1)
    found: Tensor = _Lookup.apply(tables.reshape(-1, width), flat)
    return found.view(*index.shape[:2], width)


class _Lookup(torch.autograd.Function):
    """Sums ``[M, D]`` of the rows `index` ``[M, K]`` of a table, with one table of gradients."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = len(table)
        found = table.index_select(0, index[:, 0])
        for slot in range(1, index.shape[1]):
            found += table.index_select(0, index[:, slot])
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        total = grad.new_zeros(ctx.rows, grad.shape[1])
        for slot in range(index.shape[1]):
            total.index_add_(0, index[:, slot], grad)
        return total, None

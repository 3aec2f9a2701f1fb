"""A transformer encoder over a set of nodes, with a sense of distance where there are positions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from nco.core import precision
from nco.core.errors import NCOError
from nco.core.features import Features
from nco.core.schema import Channel, Schema
from nco.models.nets.encoder import NEW, Encoder

# queries at a time where no gradient is kept: [B, H, N, N] of 10,000 nodes is 3 GB
QUERY_CHUNK = 512
# Tokens at a time where no gradient is kept: the intermediate results of a block then stay in the
# caches of a CPU, which halves the time.
TOKENS = 512
# the first that the GPU has; not cuDNN's, which is prepared anew for every shape
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
HIDDEN = -1e4  # score of a node that does not exist, where a kernel takes no mask
EDGE = 16  # hidden width of the network over features of pairs
SHAPE = ("width", "heads", "layers", "hidden", "norm", "mlp")


class TransformerEncoder(Encoder):
    """Transformer blocks with full attention over ``[B, N, F]`` features.

    Where nodes have positions, head h adds ``-a_h n |x_i - x_j|^2`` to its attention scores, with
    ``a_h`` learned: distances in units of the mean spacing ``n^(-1/2)``, so that the same weights
    mean the same neighbourhood at every size. The term is folded into the dot product by three more
    components of query and key, so no ``[N, N]`` matrix is held for it.

    Where a problem gives features of pairs of nodes (`Channel.EDGES`), a small network of each
    block turns them into one more term of every head's scores, the mixed scores of MatNet (Kwon et
    al. 2021) in additive form.

    Args:
        width: D.
        heads: H.
        layers: blocks.
        hidden: width of the MLP.
        bf16: compute products in bfloat16 on CPUs and GPUs that have instructions for it; sums
            along the depth and the softmax stay in float32.
        norm: "rms", pre-norm by the root mean square; or "rezero" (Bachlechner et al. 2020), no
            norm, and every branch times a scalar that begins at zero.
        mlp: "relu", or "swiglu" (Shazeer 2020) of two thirds the hidden width: as many parameters.
    """

    reads = frozenset({Channel.NODES, Channel.EDGES})

    def __init__(
        self,
        width: int = 128,
        heads: int = 8,
        layers: int = 6,
        hidden: int = 512,
        bf16: bool = False,
        norm: Literal["rms", "rezero"] = "rms",
        mlp: Literal["relu", "swiglu"] = "relu",
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        self.norm, self.mlp = norm, mlp
        self.width, self.heads, self.layers, self.hidden = width, heads, layers, hidden
        self.bf16 = bf16

    def build(self, schema: Schema) -> Self:
        self.enter = Linear(len(schema.nodes), self.width, bf16=self.bf16)
        self.blocks = nn.ModuleList(
            [
                Block(
                    self.width,
                    self.heads,
                    self.hidden,
                    self.norm,
                    self.mlp,
                    len(schema.edges),
                    self.bf16,
                )
                for _ in range(self.layers)
            ]
        )
        self.leave = nn.RMSNorm(self.width)
        self.edge = bool(schema.edges)
        return self

    def take_over(
        self, other: Encoder, sources: Sequence[int | None], moved: Tensor, new: float = NEW
    ) -> None:
        """As `TakesOver` says."""
        for name in SHAPE:
            theirs = getattr(other, name, None)
            if theirs != getattr(self, name):
                raise NCOError(f"encoder: its {name} is {theirs}, not {getattr(self, name)}")
        assert isinstance(other, TransformerEncoder)
        self.blocks.load_state_dict(other.blocks.state_dict())
        self.leave.load_state_dict(other.leave.state_dict())
        weight = other.enter.weight
        with torch.no_grad():
            self.enter.weight.mul_(new)
            for column, source in enumerate(sources):
                if source is not None:
                    self.enter.weight[:, column] = weight[:, source]
            self.enter.bias.copy_(other.enter.bias + (weight * moved).sum(1))

    def forward(self, features: Features) -> Tensor:
        """Node embeddings ``[B, N, D]`` in float32."""
        nodes = features.nodes
        rows = max(1, TOKENS // nodes.shape[1])
        if torch.is_grad_enabled() or nodes.device.type != "cpu" or len(nodes) <= rows:
            return self._embed(features)
        parts = [self._embed(features[at : at + rows]) for at in range(0, len(nodes), rows)]
        return torch.cat(parts)

    def _embed(self, features: Features) -> Tensor:
        keys = None if features.exists is None else features.exists
        squares = None
        if features.xy is not None:
            kind = precision.for_products(features.xy.device) if self.bf16 else features.xy.dtype
            squares = Squares.of(spaced(features.xy, features.exists), kind)
        edges = features.edges if self.edge else None
        h = self.enter(features.nodes).float()
        for block in self.blocks:
            h = block(h, squares, keys, edges)
        return self.leave(h)


class Linear(nn.Linear):
    """In bfloat16 where that is wanted and the device has it, or not; so is what it returns.

    Autocast would cast the weights again in every call: a policy that encodes 40 nodes before each
    decision would spend much of its time on that.
    """

    def __init__(self, wide: int, out: int, bias: bool = True, bf16: bool = False) -> None:
        super().__init__(wide, out, bias)
        self.bf16 = bf16
        self._kept: tuple[Any, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        if not self.bf16 or precision.for_products(input.device) != torch.bfloat16:
            return super().forward(input)
        parts = [self.weight] if self.bias is None else [self.weight, self.bias]
        return functional.linear(input.bfloat16(), *self._cast(parts))

    def _cast(self, parts: list[Tensor]) -> list[Tensor]:
        """`parts` in bfloat16, kept until they change where no gradient is asked for."""
        if torch.is_grad_enabled() or self.weight.is_inference():  # its changes are not counted
            return [part.bfloat16() for part in parts]
        state = [(part.data_ptr(), part._version) for part in parts]
        if not self._kept or self._kept[0] != state:
            self._kept = state, [part.detach().bfloat16() for part in parts]
        cast: list[Tensor] = self._kept[1]
        return cast


class Block(nn.Module):
    """One transformer block."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        norm: str = "rms",
        mlp: str = "relu",
        edge: int = 0,
        bf16: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.bf16 = heads, bf16
        self.norm1, self.norm2 = _norm(norm, width), _norm(norm, width)
        self.scale = nn.Parameter(torch.zeros(2)) if norm == "rezero" else None
        self.qkv = Linear(width, 3 * width, bias=False, bf16=bf16)
        self.out = Linear(width, width, bias=False, bf16=bf16)
        self.gated = mlp == "swiglu"
        inner = 8 * round(hidden / 12) if self.gated else hidden
        self.up = Linear(width, 2 * inner if self.gated else inner, bf16=bf16)
        self.down = Linear(inner, width, bf16=bf16)
        # from nearly blind to distance to a neighbourhood of about one spacing
        self.log_range = nn.Parameter(torch.linspace(-6.0, 0.0, heads))
        self.bias = None
        if edge:
            self.bias = nn.Sequential(
                Linear(edge, EDGE, bf16=bf16), nn.ReLU(), Linear(EDGE, heads, bf16=bf16)
            )

    def forward(
        self,
        h: Tensor,
        squares: "Squares | None",
        exists: Tensor | None,
        edges: Tensor | None = None,
    ) -> Tensor:
        mixed = self._mix(self.norm1(h), squares, exists, edges)
        h = h + (mixed if self.scale is None else self.scale[0] * mixed)
        up = self.up(self.norm2(h))
        if self.gated:
            left, right = up.chunk(2, -1)
            up = functional.silu(left) * right
        else:
            up = functional.relu(up)
        up = self.down(up).float()
        return h + (up if self.scale is None else self.scale[1] * up)

    def _mix(
        self, h: Tensor, squares: "Squares | None", exists: Tensor | None, edges: Tensor | None
    ) -> Tensor:
        q, k, v = self.qkv(h).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # [B, H, N, D/H]
        q = q / math.sqrt(q.shape[-1])
        if squares is not None:
            q, k = squares.added(q, k, self.log_range.exp())
        bias = None
        if self.bias is not None:
            assert edges is not None
            bias = self.bias(edges).float().permute(0, 3, 1, 2)
        mixed = attend(q, k, v, exists, bias).transpose(1, 2).flatten(2)
        return self.out(mixed).float()


def _norm(name: str, width: int) -> nn.Module:
    return nn.Identity() if name == "rezero" else nn.RMSNorm(width)


def spaced(xy: Tensor, exists: Tensor | None) -> Tensor:
    """Positions ``[B, N, 2]`` around the centre of the square in units of the mean spacing."""
    if exists is None:
        return (xy - 0.5) * math.sqrt(xy.shape[1])
    return (xy - 0.5) * exists.sum(-1).sqrt()[:, None, None]


@dataclass(frozen=True, eq=False)
class Squares:
    """Vectors whose products are negative squared distances: ``asks_i . tells_j``.

    Up to ``-|x_i|^2``, which is the same for all keys of a query and cancels in the softmax.
    """

    asks: Tensor  # [B, 1, N, 3]
    tells: Tensor  # [B, 1, N, 3]

    @classmethod
    def of(cls, places: Tensor, kind: torch.dtype) -> "Squares":
        """Of positions ``[B, N, 2]``; `kind`: of the keys' part."""
        asks = functional.pad(2 * places, (0, 1), value=-1.0)
        tells = torch.cat([places, places.square().sum(-1, keepdim=True)], -1)
        return cls(asks[:, None], tells[:, None].to(kind))

    def added(self, q: Tensor, k: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys ``[B, H, N, D/H + 3]``; head h weighs squared distances by `rate` h."""
        asks = (rate[:, None, None] * self.asks).to(q.dtype)
        tells = self.tells.expand(-1, q.shape[1], -1, -1)
        return torch.cat([q, asks], -1), torch.cat([k, tells], -1)


def attend(
    q: Tensor, k: Tensor, v: Tensor, exists: Tensor | None, bias: Tensor | None = None
) -> Tensor:
    """Softmax attention ``[B, H, N, D/H]``; `q` is already scaled; padding is never looked at.

    `bias` ``[B, H, N, N]`` is added to the scores. Written out: on CPUs it is faster than the fused
    kernel at these head widths, most of all backwards.
    """
    if q.is_cuda and q.dtype == torch.bfloat16 and bias is None:
        with sdpa_kernel(KERNELS):
            return fused(q, k, v, exists)
    if torch.is_grad_enabled() or q.shape[2] <= QUERY_CHUNK or bias is not None:
        return _attend(q, k, v, exists, bias)
    parts = [_attend(part, k, v, exists, None) for part in q.split(QUERY_CHUNK, 2)]
    return torch.cat(parts, 2)


def fused(q: Tensor, k: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
    """The same in one kernel, which takes no mask: one more component of the keys hides padding."""
    width, wide = v.shape[-1], -(-(q.shape[-1] + 1) // 8) * 8  # kernels need a multiple of 16 bytes
    if exists is not None:
        hidden = HIDDEN * (~exists).to(k.dtype)[:, None, :, None].expand(-1, k.shape[1], -1, -1)
        q, k = torch.cat([q, torch.ones_like(hidden)], -1), torch.cat([k, hidden], -1)
    q, k, v = (functional.pad(part, (0, wide - part.shape[-1])) for part in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v, scale=1.0)[..., :width]


def _attend(q: Tensor, k: Tensor, v: Tensor, exists: Tensor | None, bias: Tensor | None) -> Tensor:
    scores = (q @ k.transpose(-1, -2)).float()
    if bias is not None:
        scores = scores + bias
    if exists is not None:
        scores = scores.masked_fill(~exists[:, None, None], -torch.inf)
    return scores.softmax(-1).to(v.dtype) @ v

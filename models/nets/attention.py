"""Softmax attention in blocks that stay in a processor's cache.

With the narrow heads of these networks, arithmetic is cheap and moving the weights ``[B, H, S, N]``
is not: written as one expression over the whole batch, half of the time is spent waiting for memory,
and the fused kernel of PyTorch is slow backwards. So on a CPU a few instances are taken through all
of the operations before the next ones are touched.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 2**18  # weights at a time, a megabyte: about a core's second cache


def attend(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Attention ``[B, H, S, D/H]``, laid out so that its heads join without a copy.

    Args:
        q: queries ``[B, H, S, E]``, already scaled; any strides.
        k: keys ``[B, H, N, E]``; v: values ``[B, H, N, D/H]``.
        hidden: added to the scores, ``[B, S, N]`` or ``[B, 1, N]``: 0 or minus infinity.
    """
    if q.device.type != "cpu":
        scores = q @ k.transpose(-1, -2)
        if hidden is not None:
            scores = scores + hidden[:, None]
        return (scores.softmax(-1) @ v).transpose(1, 2).contiguous().transpose(1, 2)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (q, k, v))
    found: Tensor = _Attend.apply(q, k, v, hidden, keep)
    return found


def _blocks(q: Tensor, k: Tensor) -> Iterator[tuple[slice, slice]]:
    """Blocks of instances and of queries; all queries, unless a single instance is too large."""
    batch, heads, queries, _ = q.shape
    row = heads * k.shape[2]
    rows = min(queries, max(1, BLOCK // row))
    instances = max(1, BLOCK // (row * queries))
    for b in range(0, batch, instances):
        for s in range(0, queries, rows):
            yield slice(b, min(b + instances, batch)), slice(s, min(s + rows, queries))


def _flat(tensor: Tensor) -> Tensor:
    """``[b, H, s, E]`` as contiguous ``[b * H, s, E]``."""
    return tensor.reshape(-1, *tensor.shape[2:])


class _Attend(torch.autograd.Function):
    """`attend`, differentiable once; keeps the weights for the way back if told to."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None, keep: bool
    ) -> Tensor:
        batch, heads, queries, _ = q.shape
        out = q.new_empty(batch, queries, heads, v.shape[3]).transpose(1, 2)
        kept = q.new_empty(batch, heads, queries, k.shape[2]) if keep else None
        for b, s in _blocks(q, k):
            part = q[b, :, s]
            scores = _flat(part) @ _flat(k[b]).transpose(1, 2)
            scores = scores.view(*part.shape[:3], -1)
            if hidden is not None:
                scores += hidden[b, None, s if hidden.shape[1] > 1 else slice(None)]
            weights = scores.softmax(-1)
            out[b, :, s] = (_flat(weights) @ _flat(v[b])).view(*part.shape[:3], -1)
            if kept is not None:
                kept[b, :, s] = weights
        if kept is not None:
            ctx.save_for_backward(q, k, v, out, kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        q, k, v, out, kept = ctx.saved_tensors
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for b, s in _blocks(q, k):
            weights, above, part = _flat(kept[b, :, s]), _flat(grad[b, :, s]), _flat(q[b, :, s])
            dv[b] += (weights.transpose(1, 2) @ above).view_as(dv[b])
            # back through the softmax: w (g - sum w g), and sum w g = <grad, out> for each query
            inner = (above * _flat(out[b, :, s])).sum(-1, keepdim=True)
            slopes = above @ _flat(v[b]).transpose(1, 2)
            slopes = slopes.sub_(inner).mul_(weights)
            dq[b, :, s] = (slopes @ _flat(k[b])).view_as(dq[b, :, s])
            dk[b] += (slopes.transpose(1, 2) @ part).view_as(dk[b])
        return dq, dk, dv, None, None

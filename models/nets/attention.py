"""Softmax attention in blocks that stay in a processor's cache.

With the narrow heads of these networks, moving the weights ``[B, H, S, N]`` costs as much as the
arithmetic when all of them are taken through one operation after the other, and the fused kernel of
PyTorch is slow backwards. So on a CPU one head of some instances is taken through all of the
operations before the next is touched, and heads are never copied apart.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 2**18  # weights at a time: a megabyte, about a core's second cache


def attend(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Attention ``[B, H, S, D/H]``, laid out so that its heads join without a copy.

    Args:
        q: queries ``[B, H, S, E]``, already scaled; any strides.
        k: keys ``[B, H, N, E]``; v: values ``[B, H, N, D/H]``.
        hidden: added to the scores, ``[B, S, N]`` or ``[B, 1, N]``: 0, or minus infinity for a node
            that is not looked at.
    """
    batch, heads, queries, _ = q.shape
    small = batch * heads * queries * k.shape[2] <= BLOCK
    if small or q.device.type != "cpu":
        scores = q @ k.transpose(-1, -2)
        if hidden is not None:
            scores = scores + hidden[:, None]
        return (scores.softmax(-1) @ v).transpose(1, 2).contiguous().transpose(1, 2)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (q, k, v))
    mixed: Tensor = _Attend.apply(q, k, v, hidden, keep)
    return mixed


def attend_changing(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    hidden: Tensor,
    changing: Tensor,
    key: Tensor,
    value: Tensor,
) -> Tensor:
    """`attend` where each query has keys ``k + key c`` and values ``v + value c`` of its own.

    They are never formed: ``q (key c)`` is ``(q key) c``, and values are summed before `value`.

    Args:
        q, k, v, hidden: as in `attend`.
        changing: c, ``[B, S, N, C]``: what each query sees of each node.
        key, value: ``[B or 1, H, D/H, C]``.
    """
    scores = q @ k.transpose(-1, -2) + hidden[:, None]
    scores = scores + torch.einsum("bhsc,bsnc->bhsn", q @ key, changing)
    weights = scores.softmax(-1)
    seen = torch.einsum("bhsn,bsnc->bhsc", weights, changing)
    return weights @ v + seen @ value.transpose(-1, -2)


def _blocks(q: Tensor, k: Tensor) -> Iterator[tuple[slice, int, slice]]:
    """Instances, head and queries of each block; all queries unless one instance is too large."""
    batch, heads, queries, _ = q.shape
    keys = k.shape[2]
    rows = min(queries, max(1, BLOCK // keys))
    instances = max(1, BLOCK // (keys * rows))
    for b in range(0, batch, instances):
        for h in range(heads):
            for s in range(0, queries, rows):
                yield slice(b, min(b + instances, batch)), h, slice(s, min(s + rows, queries))


class _Attend(torch.autograd.Function):
    """`attend`, differentiable once; with `keep` the weights are stored for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None, keep: bool
    ) -> Tensor:
        batch, heads, queries, _ = q.shape
        out = q.new_empty(batch, queries, heads, v.shape[3]).transpose(1, 2)
        kept = q.new_empty(heads, batch, queries, k.shape[2]) if keep else None
        for b, h, s in _blocks(q, k):
            keys = k[b, h].transpose(1, 2)
            if hidden is None:
                scores = torch.bmm(q[b, h, s], keys)
            else:
                above = hidden[b, s] if hidden.shape[1] > 1 else hidden[b]
                scores = torch.baddbmm(above, q[b, h, s], keys)
            if kept is None:
                weights = torch.softmax(scores, -1)
            else:
                weights = torch.softmax(scores, -1, out=kept[h, b, s])
            out[b, h, s] = torch.bmm(weights, v[b, h])
        if kept is not None:
            ctx.save_for_backward(q, k, v, out, kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        q, k, v, out, kept = ctx.saved_tensors
        dq = torch.empty_like(q)
        dk, dv = (x.new_empty(x.transpose(0, 1).shape).transpose(0, 1) for x in (k, v))
        # back through the softmax: w (g - sum w g), and sum w g = <grad, out> for each query
        inner = (grad * out).sum(-1, keepdim=True)
        for b, h, s in _blocks(q, k):
            weights, above = kept[h, b, s], grad[b, h, s]
            slopes = torch.bmm(above, v[b, h].transpose(1, 2))
            slopes = slopes.sub_(inner[b, h, s]).mul_(weights)
            dq[b, h, s] = torch.bmm(slopes, k[b, h])
            again = float(s.start > 0)  # with beta = 0, what memory held before is ignored
            dv[b, h].baddbmm_(weights.transpose(1, 2), above, beta=again)
            dk[b, h].baddbmm_(slopes.transpose(1, 2), q[b, h, s], beta=again)
        return dq, dk, dv, None, None

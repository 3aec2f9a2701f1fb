"""Parameters and gradients of a network as vectors."""

from collections.abc import Sequence

import torch
from torch import Tensor


def copied(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Their values as they are now."""
    return [parameter.detach().clone() for parameter in parameters]


def restore(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Sets parameters to values."""
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)


def gradients_of(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Copies; zero where a parameter has none."""
    return [torch.zeros_like(p) if p.grad is None else p.grad.detach().clone() for p in parameters]


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """Of all of them together."""
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt()


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """One vector of all numbers."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def split(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """The inverse of `flat`, in the shapes of `like`."""
    sizes = [tensor.numel() for tensor in like]
    return [part.view_as(tensor) for part, tensor in zip(vector.split(sizes), like, strict=True)]

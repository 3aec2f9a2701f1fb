"""The optimiser of searches that must begin at once."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Kingma & Ba (ICLR 2015), algorithm 1, without decay.

    PyTorch's own imports its compiler when it is made, which takes more than a second of a search
    that is to answer within one.
    """

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, parameters: Sequence[Tensor], rate: float) -> None:
        self.parameters, self.rate, self.steps = list(parameters), rate, 0
        self.means = [torch.zeros_like(parameter) for parameter in parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Changes the parameters in place."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in self.BETAS)
        parts = zip(self.parameters, self.means, self.squares, gradients, strict=True)
        for parameter, mean, square, gradient in parts:
            mean.lerp_(gradient, 1 - self.BETAS[0])
            square.mul_(self.BETAS[1]).addcmul_(gradient, gradient, value=1 - self.BETAS[1])
            size = (square / second).sqrt_().add_(self.EPSILON)
            parameter.addcdiv_(mean, size, value=-self.rate / first)

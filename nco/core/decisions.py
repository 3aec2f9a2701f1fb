"""What a policy returns: distributions over the next actions of all rollouts."""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Generator, Tensor


class Decision(Protocol):
    """A distribution over the next actions of all rollouts, ``[B, S, *M]``.

    Of a continuous problem an action is ``[B, S, A]`` float. `sample` carries no gradient: the
    pathwise gradient of a cost is that of `mode`.
    """

    def mode(self) -> Tensor:
        """The most probable actions ``[B, S, *M]``; the mean where there is no single one."""

    def sample(self, generator: Generator | None = None) -> Tensor:
        """Random actions ``[B, S, *M]``, without a gradient."""

    def log_prob(self, action: Tensor) -> Tensor:
        """Log-probabilities ``[B, S, *M]`` of actions; of continuous ones densities ``[B, S]``."""

    def entropy(self) -> Tensor:
        """In nats: ``[B, S, *M]``, or ``[B, S]`` of a continuous action."""


class Categorical:
    """One of A actions; `logits` ``[B, S, *M, A]`` are masked here, so a policy need not."""

    def __init__(self, logits: Tensor, mask: Tensor) -> None:
        # float32 whatever the network ran in: log-probabilities in bf16 are too coarse
        self.logits = logits.float().masked_fill(~mask, -torch.inf)
        self._log: Tensor | None = None

    @property
    def log_probs(self) -> Tensor:
        """``[B, S, *M, A]``, computed when first asked for."""
        if self._log is None:
            self._log = self.logits.log_softmax(-1)
        return self._log

    def mode(self) -> Tensor:
        return self.logits.argmax(-1)

    def sample(self, generator: Generator | None = None) -> Tensor:
        """By inversion: one uniform number a decision instead of one an action.

        Strictly beyond the threshold, so that an action of probability zero is never taken.
        """
        cumulative = self.logits.detach().softmax(-1).cumsum(-1)
        total = cumulative[..., -1:]
        uniform = torch.rand(total.shape, generator=generator, device=total.device)
        threshold = torch.minimum(uniform * total, total.nextafter(total.new_zeros(())))
        return (cumulative <= threshold).sum(-1)

    def log_prob(self, action: Tensor) -> Tensor:
        return self.log_probs.gather(-1, action[..., None])[..., 0]

    def entropy(self) -> Tensor:
        log = self.log_probs
        return -(log.exp() * log.masked_fill(log == -torch.inf, 0.0)).sum(-1)


class Exact:
    """A deterministic continuous action ``[B, S, A]`` with its gradient."""

    def __init__(self, action: Tensor) -> None:
        self.action = action

    def mode(self) -> Tensor:
        return self.action

    def sample(self, generator: Generator | None = None) -> Tensor:
        return self.action.detach()

    def log_prob(self, action: Tensor) -> Tensor:
        """``[B, S]`` zeros, the logarithm of 1; `action` is not compared with the only one."""
        return action.new_zeros(action.shape[:-1])

    def entropy(self) -> Tensor:
        return self.action.new_zeros(self.action.shape[:-1])


class Normal:
    """Independent normal numbers; `mean` and `std` are ``[B, S, A]``, `exists` too (bool).

    Samples may be negative, which a problem takes for zero: densities are those of the unbounded
    distribution, as a score-function gradient needs them.
    """

    def __init__(self, mean: Tensor, std: Tensor, exists: Tensor | None = None) -> None:
        self.mean, self.std, self.exists = mean, std, exists

    def mode(self) -> Tensor:
        return self.mean

    def sample(self, generator: Generator | None = None) -> Tensor:
        mean = self.mean.detach()
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + self.std.detach() * noise

    def log_prob(self, action: Tensor) -> Tensor:
        """``[B, S]``: of all parts together."""
        away = (action - self.mean) / self.std
        return self._total(-0.5 * away.square() - self.std.log() - 0.5 * math.log(2 * math.pi))

    def entropy(self) -> Tensor:
        return self._total(self.std.log() + 0.5 + 0.5 * math.log(2 * math.pi))

    def _total(self, parts: Tensor) -> Tensor:
        if self.exists is not None:
            parts = parts.masked_fill(~self.exists, 0.0)
        return parts.sum(-1)


class Dirichlet:
    """Shares that sum to one; `concentration` ``[B, S, A]`` is positive.

    `mode` is the mean, which exists for every concentration and is what policies over shares are
    tested with.
    """

    def __init__(self, concentration: Tensor) -> None:
        self.concentration = concentration

    def mode(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    def sample(self, generator: Generator | None = None) -> Tensor:
        gamma = torch._standard_gamma(self.concentration.detach(), generator=generator)
        gamma = gamma.clamp_min(torch.finfo(gamma.dtype).tiny)  # a tiny concentration underflows
        return gamma / gamma.sum(-1, keepdim=True)

    def log_prob(self, action: Tensor) -> Tensor:
        """``[B, S]``: the density of the shares together."""
        small = torch.finfo(action.dtype).tiny
        weighed = ((self.concentration - 1) * action.clamp_min(small).log()).sum(-1)
        return weighed - self._log_norm()

    def entropy(self) -> Tensor:
        alpha = self.concentration
        total, count = alpha.sum(-1), alpha.shape[-1]
        inner = ((alpha - 1) * torch.digamma(alpha)).sum(-1)
        return self._log_norm() + (total - count) * torch.digamma(total) - inner

    def _log_norm(self) -> Tensor:
        alpha = self.concentration
        return torch.lgamma(alpha).sum(-1) - torch.lgamma(alpha.sum(-1))


class Joint:
    """Independent decisions side by side: their actions are joined along the last axis.

    Args:
        parts: continuous decisions.
        widths: the last axis of each one's actions.
    """

    def __init__(self, parts: Sequence[Decision], widths: Sequence[int]) -> None:
        self.parts, self.widths = list(parts), list(widths)

    def mode(self) -> Tensor:
        return torch.cat([part.mode() for part in self.parts], -1)

    def sample(self, generator: Generator | None = None) -> Tensor:
        return torch.cat([part.sample(generator) for part in self.parts], -1)

    def log_prob(self, action: Tensor) -> Tensor:
        actions = action.split(self.widths, -1)
        logs = [part.log_prob(own) for part, own in zip(self.parts, actions, strict=True)]
        return torch.stack(logs).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)

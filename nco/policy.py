"""A policy: encode an instance once, decide at every state; and the decisions it can hand over."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, Self

import torch
from torch import Generator, Tensor, nn

from nco.describe import Described
from nco.problem import Features, Observation, Sizes


class Decision(Protocol):
    """A distribution over the next actions of all rollouts, ``[B, S, *M]``."""

    def mode(self) -> Tensor: ...
    def sample(self, generator: Generator | None = None) -> Tensor: ...
    def log_prob(self, action: Tensor) -> Tensor: ...
    def entropy(self) -> Tensor: ...


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


class Policy(Described, nn.Module, ABC):
    """A network that decides; it never learns a problem's name.

    `__init__` holds hyper-parameters only and `build` makes the layers, because the widths come
    from the problem. Subclasses call ``super().__init__()`` first.

    Attributes:
        agents: how many different policies it can play: the conditions 0 to `agents` - 1.
    """

    agents: int = 1

    @property
    def searches(self) -> tuple[str, ...]:
        """Names of `nco.search` that suit the network.

        The first is the deterministic pass of `nco.solve`; all of them follow one another under a
        time limit.
        """
        return ("multistart", "sampling")

    @abstractmethod
    def build(self, sizes: Sizes) -> Self:
        """Creates the layers for a problem's widths and returns self."""

    def keep(self, agents: Sequence[int]) -> "Policy":
        """The same policy with some of its agents only."""
        raise NotImplementedError(f"{type(self).__name__} has one agent")

    @abstractmethod
    def encode(self, features: Features) -> Any:
        """Whatever of an instance need be computed only once, tensors ``[B, ...]``."""

    @abstractmethod
    def decide(
        self, memory: Any, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        """The decision at every state.

        `condition` ``[B, S]`` long or ``[B, S, Z]`` float: which head or latent plays a rollout.
        """

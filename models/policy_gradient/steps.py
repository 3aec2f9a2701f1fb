"""Steps: how a loss that can be asked for again and again moves the weights.

A step wraps the optimiser of the training (AdamW or Muon). In the `closure` that Lightning gives it
gradients are set to zero, the loss of the same rollouts is computed and differentiated, and
gradients are clipped; it may be called as often as a step needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from nco.core.describe import Described
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.surrogates import Surrogate

Closure = Callable[[], Any]


class Learner(Protocol):
    """What a step may ask of the method."""

    problem: Problem[Any, Any]
    policy: Policy

    def objective(self) -> Tensor:
        """The loss of the groups at hand."""

    def groups(self) -> list[Rollouts]:
        """The groups at hand."""


class Step(Described, ABC):
    """How weights move."""

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        """Why it cannot work with these; None: it can."""
        return None

    @abstractmethod
    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        """The optimiser that Lightning is given; it shares the groups of `optimizer`."""


class Descent(Step):
    """One step of the optimiser: nothing is added."""

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return optimizer

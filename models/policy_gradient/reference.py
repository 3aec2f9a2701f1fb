"""The frozen copy of the policy that some objectives measure against."""

import copy

import torch
from torch import Tensor, nn

from nco.core.describe import Described
from nco.core.policy import Policy


class Reference(Described, nn.Module):
    """A frozen copy of the policy as it was at the beginning, or at the last refreshment.

    Args:
        every: steps of the optimiser between two refreshments; None: never.
    """

    refreshed: Tensor

    def __init__(self, every: int | None = None) -> None:
        super().__init__()
        if every is not None and every < 1:
            raise ValueError(f"Reference: every must be at least 1 or null, not {every}")
        self.every = every
        self.register_buffer("refreshed", torch.zeros((), dtype=torch.long))

    def attach(self, policy: Policy) -> None:
        """Called once, with the policy that is to be trained."""
        self.policy = copy.deepcopy(policy).requires_grad_(False)

    def prepare(self, policy: Policy, step: int) -> None:
        """Called before rollouts are collected: takes the policy's weights when it is time."""
        if self.every is not None and step - int(self.refreshed) >= self.every:
            self.policy.load_state_dict(policy.state_dict())
            self.refreshed = torch.full_like(self.refreshed, step)

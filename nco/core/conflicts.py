"""Conflicts between agents: who keeps an action that only one of them may take.

A handler is called with picks ``[B, S, M]``, their log-probabilities and the observation, and gives
the actions that are executed: an agent that loses does what `Observation.stay` says. After Berto et
al., "Parallel AutoRegressive Models for Multi-Agent Combinatorial Optimization" (2024), section 4.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from nco.core.describe import Described
from nco.core.features import Observation
from nco.core.seeds import generator


def settle(picks: Tensor, priority: Tensor, observation: Observation) -> Tensor:
    """Actions ``[B, S, M]``: of the agents that picked one shared action, the first keeps it.

    Args:
        picks: ``[B, S, M]``.
        priority: ``[B, S, M]`` float, greater comes first; of equals the lower number does.
        observation: its `shared` says for which actions there are conflicts.
    """
    assert observation.stay is not None
    assert observation.shared is not None
    contested = observation.shared.gather(-1, picks)
    most = torch.full_like(observation.shared, -torch.inf, dtype=priority.dtype)
    most = most.scatter_reduce(-1, picks, priority, "amax").gather(-1, picks)
    count = picks.shape[-1]
    number = torch.arange(count, device=picks.device).expand_as(picks)
    number = number.where(priority == most, count)
    first = torch.full_like(observation.shared, count, dtype=torch.long)
    first = first.scatter_reduce(-1, picks, number, "amin").gather(-1, picks)
    return torch.where(contested & (first != number), observation.stay, picks)


class Handler(Described, ABC):
    """A way to settle conflicts; deterministic, so that forced picks are settled alike."""

    @abstractmethod
    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        """Actions ``[B, S, M]`` instead of `picks` ``[B, S, M]`` of log-probabilities `logp`."""


class HighestProbability(Handler):
    """The agent whose pick had the highest probability."""

    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        return settle(picks, logp.detach(), observation)


class FirstAgent(Handler):
    """The agent of the lowest number."""

    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        return settle(picks, torch.zeros_like(logp), observation)


class RandomAgent(Handler):
    """A random agent; the same picks of the same batch are always settled in the same way.

    Args:
        seed: of the choice.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        weights = torch.arange(1, picks.numel() + 1, device=picks.device)
        where = int((weights * picks.flatten()).sum())
        random = generator(self.seed, "conflicts", where, device=picks.device)
        priority = torch.rand(picks.shape, generator=random, device=picks.device)
        return settle(picks, priority, observation)


class Closest(Handler):
    """The nearest agent, by the first of `Observation.moves`."""

    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        if observation.moves is None:
            raise ValueError("Closest needs a problem whose observations have moves")
        away = observation.moves[..., 0].gather(-1, picks[..., None])[..., 0]
        return settle(picks, -away, observation)


class OneAtATime(Handler):
    """One agent a step, for comparison: of those that want to move, the one that was surest."""

    def __call__(self, picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        assert observation.stay is not None
        sure = logp.detach().masked_fill(picks == observation.stay, -torch.inf)
        mover = sure.argmax(-1, keepdim=True)
        number = torch.arange(picks.shape[-1], device=picks.device)
        return torch.where(number == mover, picks, observation.stay)

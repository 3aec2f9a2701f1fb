"""What a search hands over: the best solutions so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from nco.core.defaults import pad_actions
from nco.core.problem import Problem


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The best actions so far of every instance of a batch.

    Attributes:
        actions: ``[B, T, *M]`` long; cost: ``[B]``, by `Problem.cost`.
        source: what found them, in a word.
    """

    actions: Tensor
    cost: Tensor
    source: str

    @classmethod
    def of(
        cls, problem: Problem[Any, Any], instance: Any, solutions: Sequence[Any], source: str
    ) -> Self:
        """Solutions in positions, one of each instance, as actions with their costs."""
        actions = problem.actions(instance, solutions)
        return cls(actions, problem.cost(instance, actions[:, None])[:, 0], source)


def best_of(actions: Tensor, cost: Tensor, source: str) -> Incumbent:
    """The cheapest of the S rollouts ``[B, S, T, *M]`` of each instance."""
    least = cost.argmin(1)
    rows = torch.arange(len(cost), device=cost.device)
    return Incumbent(actions[rows, least], cost[rows, least], source)


def better(
    problem: Problem[Any, Any], instance: Any, old: Incumbent | None, new: Incumbent
) -> Incumbent:
    """Instance by instance the cheaper of two."""
    if old is None:
        return new
    wins = new.cost < old.cost
    total = max(old.actions.shape[1], new.actions.shape[1])
    ours = pad_actions(problem, instance, new.actions[:, None], total)[:, 0]
    theirs = pad_actions(problem, instance, old.actions[:, None], total)[:, 0]
    actions = torch.where(wins.reshape(-1, *[1] * (ours.ndim - 1)), ours, theirs)
    return Incumbent(actions, torch.minimum(old.cost, new.cost), new.source)


def improved(old: Incumbent | None, new: Incumbent) -> bool:
    """Whether any instance of `new` costs less than in `old`."""
    return old is None or bool((new.cost < old.cost).any())

"""Greedy rollouts from many starts and in all symmetric images of an instance (POMO, x8)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from nco.core.batch import cat
from nco.core.defaults import count_starts, pad_actions, starts_of, symmetries_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted, greedy, rollout
from nco.search.budget import Budget, Incumbent

WORK = 3e7  # rollouts x nodes^2 for each instance: about a second on one core
AT_ONCE = 4e6  # rollouts x nodes in memory at a time


def multistart(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    budget: Budget,
    start: Incumbent | None = None,
) -> Iterator[Incumbent]:
    """Yields one greedy rollout first, then the best over starts x images.

    Where all of them would take too long (WORK), images come first and starts are thinned out.
    """
    nodes = problem.features(instance).nodes.shape[1]
    most = budget.rollouts or max(1, int(WORK / max(nodes, 1) ** 2))
    images = symmetries_of(problem, instance)[:most]
    starts = max(1, min(count_starts(problem, instance), most // len(images)))
    best = start
    if budget.deadline is not None or starts * len(images) == 1:
        one = greedily(problem, policy, instance, budget)
        if one is None:
            return
        best = better(problem, instance, best, one)
        yield best
        if starts * len(images) == 1:
            return
    # image by image under a deadline, which throws away what is not complete
    together = 1
    if budget.deadline is None:
        fits = int(AT_ONCE / max(starts * nodes * len(instance), 1))
        together = max(1, min(len(images), fits))
    for first in range(0, len(images), together):
        part = images[first : first + together]
        found = _play(problem, policy, cat(part), starts, budget, "multistart", len(part))
        if found is None:
            return
        best = better(problem, instance, best, found)
        yield best


def _play(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    starts: int,
    budget: Budget,
    source: str,
    images: int = 1,
) -> Incumbent | None:
    """The best of `starts` greedy rollouts in each of `images` images ``[images * B, ...]``."""
    prefix = starts_of(problem, instance, starts)
    try:
        found = rollout(
            problem, policy, instance, starts, greedy, prefix=prefix, logp=False, stop=budget.over
        )
    except Interrupted:
        return None
    # [images * B, S] -> [B, images * S]
    cost = found.cost.unflatten(0, (images, -1)).transpose(0, 1).flatten(1)
    actions = found.actions.unflatten(0, (images, -1)).transpose(0, 1).flatten(1, 2)
    return best_of(actions, cost, source)


def greedily(
    problem: Problem[Any, Any], policy: Policy, instance: Any, budget: Budget
) -> Incumbent | None:
    """One greedy rollout of each instance; None if interrupted."""
    return _play(problem, policy, instance, 1, budget, "greedy")


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

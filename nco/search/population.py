"""Every agent of a population from every start, then samples of the pairs that did best."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from nco.core.defaults import count_starts, starts_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted, Rollout, Select, greedy, rollout, sample
from nco.core.seeds import generator
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import best_of, better

AT_ONCE = 2e6  # rollouts x nodes in memory at a time
TURN = 16  # samples of each pair in a round


def population(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    budget: Budget,
    start: Incumbent | None = None,
) -> Iterator[Incumbent]:
    """Yields after the first agent, whenever another finds better, then whenever a sample does.

    Grinsztajn et al., "Winner Takes It All" (NeurIPS 2023), section 5: greedy rollouts of every
    agent from every start first. Where the budget has a limit, the K pairs of agent and start that
    were best on an instance, K the number of agents, go on with random rollouts until it is spent.

    `budget.rollouts` counts all rollouts of an instance; those of the greedy pass are always made.
    """
    memory = policy.encode(problem.features(instance))
    starts = count_starts(problem, instance)
    best = start
    costs: list[Tensor] = []
    for agent in range(policy.agents):
        found = play(problem, policy, instance, memory, [agent], starts, budget)
        if found is None:
            return
        costs.append(found.cost)
        new = better(problem, instance, best, best_of(found.actions, found.cost, "population"))
        if best is None or bool((new.cost < best.cost).any()):
            yield new
        best = new
    assert best is not None
    if budget.deadline is None and budget.rollouts is None:
        return
    cost = torch.cat(costs, 1)  # [B, K * starts]
    pairs = cost.topk(min(policy.agents, cost.shape[1]), largest=False).indices
    pairs = pairs.sort().values  # rollouts of one agent stand together
    nodes = problem.features(instance).nodes.shape[1]
    at_once = max(1, int(AT_ONCE / (nodes * len(instance) * pairs.shape[1])))
    spent = cost.shape[1]
    for turn in itertools.count():
        count = min(TURN, at_once)
        if budget.rollouts is not None:
            count = min(count, (budget.rollouts - spent) // pairs.shape[1])
        if count < 1 or budget.over():
            return
        random = generator(budget.seed, "population", turn, device=instance.device)
        chosen = pairs.repeat_interleave(count, 1)
        prefix = starts_of(problem, instance, starts)
        if prefix is not None:
            rows = torch.arange(len(instance), device=instance.device)[:, None]
            prefix = prefix[rows, chosen % starts]
        again = _rollouts(
            problem, policy, instance, memory, chosen // starts, prefix, sample(random), budget
        )
        if again is None:
            return
        spent += chosen.shape[1]
        new = better(problem, instance, best, best_of(again.actions, again.cost, "population"))
        if bool((new.cost < best.cost).any()):
            yield new
        best = new


def play(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    memory: Any,
    agents: list[int],
    starts: int,
    budget: Budget,
    select: Select = greedy,
) -> Rollout | None:
    """Rollouts ``[B, K * starts]`` of the agents, each from every start; None if interrupted."""
    batch, device = len(instance), instance.device
    prefix = starts_of(problem, instance, starts)
    if prefix is not None:
        prefix = prefix.repeat(1, len(agents), 1)
    condition = torch.tensor(agents, device=device).repeat_interleave(starts).expand(batch, -1)
    return _rollouts(problem, policy, instance, memory, condition, prefix, select, budget)


def _rollouts(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    memory: Any,
    condition: Tensor,
    prefix: Tensor | None,
    select: Select,
    budget: Budget,
) -> Rollout | None:
    try:
        return rollout(
            problem,
            policy,
            instance,
            condition.shape[1],
            select,
            prefix=prefix,
            condition=condition,
            logp=False,
            memory=memory,
            stop=budget.over,
        )
    except Interrupted:
        return None

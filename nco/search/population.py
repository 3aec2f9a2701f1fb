"""Every agent of a population from every start, then samples of the pairs that did best."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from nco.core.defaults import count_starts, starts_of
from nco.core.rollout import Interrupted, Rollout, Select, greedy, rollout, sample
from nco.core.seeds import generator
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

AT_ONCE = 2e6  # rollouts x nodes in memory at a time
ROUND = 16  # samples of each pair in a round


def population(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields after the first agent, whenever another finds better, then whenever a sample does.

    Grinsztajn et al., "Winner Takes It All" (NeurIPS 2023), section 5: greedy rollouts of every
    agent from every start first. Where the budget has a limit, the K pairs of agent and start that
    were best on an instance, K the number of agents, go on with random rollouts until it is spent.

    `budget.samples` counts all rollouts of an instance; those of the greedy pass are always made.
    `budget.patience` counts rounds of samples.
    """
    starts = count_starts(task.problem, task.instance)
    best = start
    costs: list[Tensor] = []
    for agent in range(task.policy.agents):
        played = play(task, [agent], starts, budget)
        if played is None:
            return
        costs.append(played.cost)
        new = task.better(best, best_of(played.actions, played.cost, "population"))
        if improved(best, new):
            yield new
        best = new
    assert best is not None
    if budget.deadline is None and budget.samples is None and budget.rounds is None:
        return
    cost = torch.cat(costs, 1)  # [B, K * starts]
    pairs = cost.topk(min(task.policy.agents, cost.shape[1]), largest=False).indices
    yield from _sampled(task, budget, best, pairs.sort().values, starts, cost.shape[1])


def _sampled(
    task: Task, budget: Budget, best: Incumbent, pairs: Tensor, starts: int, spent: int
) -> Iterator[Incumbent]:
    """Samples of `pairs` ``[B, K]``, agent * starts + start, those of one agent side by side."""
    device, count = task.instance.device, pairs.shape[1]
    at_once = max(1, int(AT_ONCE / (task.nodes * len(task.instance) * count)))
    idle = 0
    for turn in budget.turns():
        samples = budget.among(min(ROUND, at_once) * count, spent) // count
        if samples == 0:
            return
        chosen = pairs.repeat_interleave(samples, 1)
        prefix = starts_of(task.problem, task.instance, starts)
        if prefix is not None:
            rows = torch.arange(len(chosen), device=device)[:, None]
            prefix = prefix[rows, chosen % starts]
        random = generator(budget.seed, "population", turn, device=device)
        played = _rollouts(task, chosen // starts, prefix, sample(random), budget)
        if played is None:
            return
        spent += chosen.shape[1]
        new = task.better(best, best_of(played.actions, played.cost, "population"))
        idle += 1
        if improved(best, new):
            idle = 0
            yield new
        best = new
        if budget.patience is not None and idle >= budget.patience:
            return


def play(
    task: Task, agents: Sequence[int], starts: int, budget: Budget, select: Select = greedy
) -> Rollout | None:
    """Rollouts ``[B, K * starts]`` of the agents, each from every start; None if interrupted."""
    prefix = starts_of(task.problem, task.instance, starts)
    if prefix is not None:
        prefix = prefix.repeat(1, len(agents), 1)
    condition = torch.tensor(agents, device=task.instance.device).repeat_interleave(starts)
    return _rollouts(task, condition.expand(len(task.instance), -1), prefix, select, budget)


def _rollouts(
    task: Task, condition: Tensor, prefix: Tensor | None, select: Select, budget: Budget
) -> Rollout | None:
    try:
        return rollout(
            task.problem,
            task.policy,
            task.instance,
            condition.shape[1],
            select,
            prefix=prefix,
            condition=condition,
            logp=False,
            memory=task.memory,
            stop=budget.over,
        )
    except Interrupted:
        return None

"""Random rollouts from all starts until the budget is spent."""

import itertools
from collections.abc import Iterator
from typing import Any

from nco.core.defaults import count_starts, mask_of, starts_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted, rollout, sample
from nco.core.seeds import generator
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import best_of, better

AT_ONCE = 2e6  # rollouts x agents x nodes in memory at a time
ROUND = 128  # rollouts of a round where a deadline throws away what is not complete


def sampling(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    budget: Budget,
    start: Incumbent | None = None,
) -> Iterator[Incumbent]:
    """Yields whenever a round of samples improves any instance; endless without a limit."""
    nodes = problem.features(instance).nodes.shape[1]
    starts = count_starts(problem, instance)
    agents = mask_of(problem, instance, problem.reset(instance, 1)).shape[2:-1].numel()
    at_once = max(1, int(AT_ONCE / max(nodes * agents * len(instance), 1)))
    if budget.deadline is not None and starts <= 1:
        at_once = min(at_once, ROUND)
    memory = policy.encode(problem.features(instance))
    best = start
    spent = 0
    for turn in itertools.count():
        left = at_once if budget.rollouts is None else min(at_once, budget.rollouts - spent)
        if left <= 0 or budget.over():
            return
        count = min(left, starts) if starts > 1 else left
        prefix = starts_of(problem, instance, count)
        random = generator(budget.seed, "sampling", turn, device=instance.device)
        try:
            found = rollout(
                problem,
                policy,
                instance,
                count,
                sample(random),
                prefix=prefix,
                logp=False,
                memory=memory,
                stop=budget.over,
            )
        except Interrupted:
            return
        spent += count
        round_best = best_of(found.actions, found.cost, "sampling")
        new = better(problem, instance, best, round_best)
        if best is None or bool((new.cost < best.cost).any()):
            yield new
        best = new

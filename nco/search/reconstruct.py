"""Random re-construction: take the incumbent's end away, build it anew, keep what is better."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator

from nco.policy import Policy
from nco.problem import Problem
from nco.rollout import Interrupted
from nco.search.beam import search
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import best_of, better
from nco.seeds import generator

SHORTEST, LONGEST = 4, 100  # steps that are built anew
TOGETHER = 8  # windows of each instance in a pass, where there are few instances
AT_ONCE = 128  # windows in a pass


def reconstruct(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    budget: Budget,
    start: Incumbent | None = None,
) -> Iterator[Incumbent]:
    """Yields whenever a round improves any instance; endless without a limit.

    The random re-construct of LEHD (Luo et al., NeurIPS 2023, section 4.3), for every problem: a
    random equivalent of the incumbent (`Problem.equivalent`: another rotation, direction, order of
    routes) is replayed but for its last steps, and the policy takes those again, greedily. For a
    tour that is any window of it; for routes, the end of one and others beside it.

    `budget.rollouts` is the number of windows of each instance. Begins at `start`, or at the
    policy's own greedy solution.
    """
    if start is None:
        try:
            actions, cost = search(problem, policy, instance, 1, budget)
        except Interrupted:
            return
        start = best_of(actions, cost, "greedy")
        yield start
    memory = policy.encode(problem.features(instance))
    together = max(1, min(TOGETHER, AT_ONCE // len(instance)))
    spent = 0
    best = start
    for turn in itertools.count():
        windows = together if budget.rollouts is None else min(together, budget.rollouts - spent)
        if windows <= 0 or budget.over():
            return
        random = generator(budget.seed, "reconstruct", turn, device=instance.device)
        try:
            found = _rebuilt(problem, policy, memory, instance, best, windows, random, budget)
        except Interrupted:
            return
        spent += windows
        new = better(problem, instance, best, found)
        if bool((new.cost < best.cost).any()):
            yield new
        best = new


def _rebuilt(
    problem: Problem[Any, Any],
    policy: Policy,
    memory: Any,
    instance: Any,
    best: Incumbent,
    windows: int,
    random: Generator,
    budget: Budget,
) -> Incumbent:
    """The best of `windows` re-constructions of each incumbent."""
    label = best.actions[:, None].expand(-1, windows, -1).contiguous()
    actions = problem.equivalent(instance, label, random)
    total = actions.shape[2]
    length = torch.randint(
        min(SHORTEST, total),
        min(LONGEST, total) + 1,
        (),
        generator=random,
        device=random.device,
    )
    opening = problem.opening(instance, 1)
    given = max(total - int(length), 0 if opening is None else 1)
    steps = torch.full((*actions.shape[:2], 1), given, device=actions.device)
    state = problem.replay(instance, actions, steps).fold()
    rebuilt = [actions[:, :, :given]]
    _, most = problem.horizon(instance)
    for t in range(given, most):
        if t >= total and bool(problem.done(instance, state).all()):
            break
        if budget.over():
            raise Interrupted
        action = policy.decide(memory, problem.observe(instance, state)).mode()
        rebuilt.append(action[..., None])
        state = problem.step(instance, state, action)
    complete = torch.cat(rebuilt, 2)
    return best_of(complete, problem.cost(instance, complete), "reconstruct")

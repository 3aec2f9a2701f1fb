"""Random re-construction: take the incumbent's end away, build it anew, keep what is better."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasFixedFirstAction, HasWindows
from nco.core.defaults import equivalents_of, pad_actions, replay
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.beam import search
from nco.search.bidirectional import Ends
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import best_of, better

MOST = 0.25  # of a solution: longer windows are better moved about than laid side by side
ROUNDING = 1e-6  # of a cost: a gain that is none
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
    random equivalent of the incumbent (`HasEquivalents`: another rotation, direction, order of
    routes) is replayed but for its last steps, and the policy takes those again, greedily. For a
    tour that is any window of it; for routes, the end of one and others beside it.

    Where the problem can cut a solution into disjoint windows (`HasWindows`), a round builds
    all of them anew and keeps each that is better, so that a large solution improves everywhere at
    once. `budget.rollouts` is the number of windows of each instance, or of such rounds times
    TOGETHER. Begins at `start`, or at the
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
        total = best.actions.shape[1]
        length = int(
            torch.randint(
                min(SHORTEST, total),
                min(LONGEST, total) + 1,
                (),
                generator=random,
                device=random.device,
            )
        )
        try:
            found = None
            if length <= MOST * total and isinstance(problem, HasWindows):
                found = _everywhere(problem, policy, instance, best, length, random, budget)
            if found is None:
                found = _rebuilt(
                    problem, policy, memory, instance, best, windows, length, random, budget
                )
        except Interrupted:
            return
        spent += windows
        new = better(problem, instance, best, found)
        if bool((new.cost < best.cost).any()):
            yield new
        best = new


def _everywhere(
    problem: Any,  # that has windows
    policy: Policy,
    instance: Any,
    best: Incumbent,
    length: int,
    random: Generator,
    budget: Budget,
) -> Incumbent | None:
    """Disjoint windows of the incumbents, each built anew where that is better."""
    windows = problem.windows(instance, best.actions, length, random)
    if windows is None:
        return None
    small, old = windows.instance, windows.actions[:, None]
    memory = policy.encode(problem.features(small))
    new = _completed(problem, policy, memory, small, old, windows.given, budget)
    wins = problem.cost(small, new) < problem.cost(small, old) * (1 - ROUNDING)
    old = pad_actions(problem, small, old, new.shape[2])
    kept = torch.where(wins[..., None], new, old)[:, 0]
    actions = problem.rejoin(instance, best.actions, windows, kept)
    return Incumbent(actions, problem.cost(instance, actions[:, None])[:, 0], "reconstruct")


def _rebuilt(
    problem: Problem[Any, Any],
    policy: Policy,
    memory: Any,
    instance: Any,
    best: Incumbent,
    windows: int,
    length: int,
    random: Generator,
    budget: Budget,
) -> Incumbent:
    """The best of `windows` re-constructions of each incumbent."""
    label = best.actions[:, None].expand(-1, windows, -1).contiguous()
    actions = equivalents_of(problem, instance, label, random)
    fixed = 1 if isinstance(problem, HasFixedFirstAction) else 0
    given = max(actions.shape[2] - length, fixed)
    complete = _completed(problem, policy, memory, instance, actions, given, budget)
    return best_of(complete, problem.cost(instance, complete), "reconstruct")


def _completed(
    problem: Problem[Any, Any],
    policy: Policy,
    memory: Any,
    instance: Any,
    actions: Tensor,
    given: int,
    budget: Budget,
) -> Tensor:
    """The first `given` of `actions` ``[B, S, T]``, and greedy ones from there on."""
    total = actions.shape[2]
    steps = torch.full((*actions.shape[:2], 1), given, device=actions.device)
    state = replay(problem, instance, actions, steps).fold()
    ends = Ends.of(problem, policy, memory, instance, state, actions[:, :, :given])
    _, most = problem.horizon(instance)
    for t in range(given, most):
        if t >= total and bool(problem.done(instance, ends.state).all()):
            break
        if budget.over():
            raise Interrupted
        decision = policy.decide(memory, problem.observe(instance, ends.state))
        ends = ends.follow(problem, instance, decision)
    return ends.played(problem, instance)

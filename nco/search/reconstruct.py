"""Random re-construction: take the incumbent's end away, build it anew, keep what is better."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasFixedFirstAction, HasWindows, Windows
from nco.core.defaults import equivalents_of, pad_actions, replay
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.beam import beam_search
from nco.search.bidirectional import Partial
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

MOST = 0.25  # of a solution: longer windows are better moved about than laid side by side
ROUNDING = 1e-6  # of a cost: a gain that is none
SHORTEST, LONGEST = 4, 100  # steps that are built anew
TOGETHER = 8  # windows of each instance in a pass, where there are few instances
AT_ONCE = 128  # windows in a pass


def reconstruct(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields whenever a round improves any instance; endless without a limit.

    The random re-construct of LEHD (Luo et al., NeurIPS 2023, section 4.3), for every problem: a
    random equivalent of the incumbent (`HasEquivalents`: another rotation, direction, order of
    routes) is replayed but for its last steps, and the policy takes those again, greedily. For a
    tour that is any window of it; for routes, the end of one and others beside it.

    Where the problem can cut a solution into disjoint windows (`HasWindows`), a round builds all of
    them anew and keeps each that is better, so that a large solution improves everywhere at once.

    Begins at `start`, or at the policy's own greedy solution. `budget.samples` counts the
    re-constructions of each instance; a round makes up to TOGETHER of them, and one that builds
    everywhere counts as as many.
    """
    best = start
    if best is None:
        try:
            actions, cost = beam_search(task, 1, budget)
        except Interrupted:
            return
        best = best_of(actions, cost, "greedy")
        yield best
    together = max(1, min(TOGETHER, AT_ONCE // len(task.instance)))
    spent = 0
    for turn in budget.turns():
        count = budget.among(together, spent)
        if count == 0:
            return
        random = generator(budget.seed, "reconstruct", turn, device=task.instance.device)
        try:
            rebuilt = _rebuilt(task, best, count, random, budget)
        except Interrupted:
            return
        spent += count
        new = task.better(best, rebuilt)
        if improved(best, new):
            yield new
        best = new


def _rebuilt(
    task: Task, best: Incumbent, count: int, random: Generator, budget: Budget
) -> Incumbent:
    """One round: disjoint windows of a random length everywhere, or `count` windows anywhere."""
    total = best.actions.shape[1]
    low, high = min(SHORTEST, total), min(LONGEST, total)
    length = int(torch.randint(low, high + 1, (), generator=random, device=random.device))
    if length <= MOST * total and isinstance(task.problem, HasWindows):
        windows = task.problem.windows(task.instance, best.actions, length, random)
        if windows is not None:
            return _everywhere(task, best, windows, budget)
    return _anywhere(task, best, count, length, random, budget)


def _everywhere(task: Task, best: Incumbent, windows: Windows, budget: Budget) -> Incumbent:
    """Each of disjoint windows of the incumbents built anew where that is better."""
    problem = task.problem
    assert isinstance(problem, HasWindows)
    small, old = windows.instance, windows.actions[:, None]
    new = _completed(task.of(small), old, windows.given, budget)
    wins = problem.cost(small, new) < problem.cost(small, old) * (1 - ROUNDING)
    old = pad_actions(problem, small, old, new.shape[2])
    kept = torch.where(wins[..., None], new, old)[:, 0]
    actions = problem.rejoin(task.instance, best.actions, windows, kept)
    cost = problem.cost(task.instance, actions[:, None])[:, 0]
    return Incumbent(actions, cost, "reconstruct")


def _anywhere(
    task: Task, best: Incumbent, count: int, length: int, random: Generator, budget: Budget
) -> Incumbent:
    """The best of `count` re-constructions of each incumbent's last `length` steps."""
    label = best.actions[:, None].expand(-1, count, -1).contiguous()
    actions = equivalents_of(task.problem, task.instance, label, random)
    fixed = 1 if isinstance(task.problem, HasFixedFirstAction) else 0
    given = max(actions.shape[2] - length, fixed)
    complete = _completed(task, actions, given, budget)
    return best_of(complete, task.problem.cost(task.instance, complete), "reconstruct")


def _completed(task: Task, actions: Tensor, given: int, budget: Budget) -> Tensor:
    """The first `given` of `actions` ``[B, S, T]``, and greedy ones from there on."""
    problem, instance = task.problem, task.instance
    total = actions.shape[2]
    steps = torch.full((*actions.shape[:2], 1), given, device=actions.device)
    state = replay(problem, instance, actions, steps).fold()
    partial = Partial.of(task, state, actions[:, :, :given])
    _, most = problem.horizon(instance)
    for t in range(given, most):
        if t >= total and bool(problem.done(instance, partial.state).all()):
            break
        if budget.over():
            raise Interrupted
        decision = task.policy.decide(task.memory, problem.observe(instance, partial.state))
        partial = partial.follow(task, decision)
    return partial.played(task)

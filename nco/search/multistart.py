"""Greedy rollouts from many starts and in all symmetric images of an instance (POMO, x8)."""

from collections.abc import Iterator

from nco.core.batch import cat
from nco.core.defaults import count_starts, starts_of, symmetries_of
from nco.core.rollout import Interrupted, greedy, rollout
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

WORK = 3e7  # rollouts x nodes^2 for each instance: about a second on one core
AT_ONCE = 4e6  # rollouts x nodes in memory at a time
# Rollouts x nodes of the first pass under a deadline, of all instances together, and the least
# number of its starts: so many take hardly longer than one.
FIRST, FEW = 2400, 8
SOON = 1e4  # rollouts x nodes of the others, as what a deadline leaves incomplete is lost


def multistart(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields the best over starts x images, after every pass of some of them.

    Where all of them would take too long (WORK), or are more than `budget.samples`, images come
    first and starts are thinned out. Under a deadline a few starts come before all others, and
    passes are short. `budget.rounds` counts the passes, and `budget.patience` those in a row of
    which none improved any instance.
    """
    most = budget.samples or max(1, int(WORK / max(task.nodes, 1) ** 2))
    images = symmetries_of(task.problem, task.instance)[:most]
    starts = max(1, min(count_starts(task.problem, task.instance), most // len(images)))
    at_once = AT_ONCE if budget.deadline is None else SOON
    together = max(1, int(at_once / max(starts * task.nodes * len(task.instance), 1)))
    passes = [(images[at : at + together], starts) for at in range(0, len(images), together)]
    few = max(FEW, FIRST // max(task.nodes * len(task.instance), 1))
    soonest = (images[:1], few if 2 * few <= starts else starts)
    if budget.deadline is not None and passes[0] != soonest:
        passes = [soonest, *passes]
    best, idle = start, 0
    for _, (part, count) in zip(budget.turns(), passes, strict=False):
        # the first image is the instance itself, whose embedding is there after the first pass
        own = task if len(part) == 1 and part[0] is images[0] else task.of(cat(part))
        played = _play(own, count, budget, "multistart", len(part))
        if played is None:
            return
        new = task.better(best, played)
        idle = 0 if improved(best, new) else idle + 1
        best = new
        yield best
        if budget.patience is not None and idle >= budget.patience:
            return


def greedily(task: Task, budget: Budget) -> Incumbent | None:
    """One greedy rollout of each instance; None if interrupted."""
    return _play(task, 1, budget, "greedy")


def _play(
    task: Task, starts: int, budget: Budget, source: str, images: int = 1
) -> Incumbent | None:
    """The best of `starts` greedy rollouts in each of `images` images ``[images * B, ...]``."""
    try:
        played = rollout(
            task.problem,
            task.policy,
            task.instance,
            starts,
            greedy,
            prefix=starts_of(task.problem, task.instance, starts),
            logp=False,
            memory=task.memory,
            stop=budget.over,
        )
    except Interrupted:
        return None
    # [images * B, S] -> [B, images * S]
    cost = played.cost.unflatten(0, (images, -1)).transpose(0, 1).flatten(1)
    actions = played.actions.unflatten(0, (images, -1)).transpose(0, 1).flatten(1, 2)
    return best_of(actions, cost, source)

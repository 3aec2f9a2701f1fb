"""Random rollouts from all starts until the budget is spent."""

from collections.abc import Iterator

from nco.core.defaults import count_starts, mask_of, starts_of
from nco.core.rollout import Interrupted, rollout, sample
from nco.core.seeds import generator
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

AT_ONCE = 2e6  # rollouts x agents x nodes in memory at a time
ROUND = 128  # rollouts of a round where a deadline throws away what is not complete


def sampling(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields whenever a round of samples improves any instance; endless without a limit."""
    problem, instance = task.problem, task.instance
    starts = count_starts(problem, instance)
    agents = mask_of(problem, instance, problem.reset(instance, 1)).shape[2:-1].numel()
    at_once = max(1, int(AT_ONCE / max(task.nodes * agents * len(instance), 1)))
    if budget.deadline is not None and starts <= 1:
        at_once = min(at_once, ROUND)
    best, spent = start, 0
    for turn in budget.turns():
        count = budget.among(at_once, spent)
        if count == 0:
            return
        if starts > 1:
            count = min(count, starts)
        random = generator(budget.seed, "sampling", turn, device=instance.device)
        try:
            played = rollout(
                problem,
                task.policy,
                instance,
                count,
                sample(random),
                prefix=starts_of(problem, instance, count),
                logp=False,
                memory=task.memory,
                stop=budget.over,
            )
        except Interrupted:
            return
        spent += count
        new = task.better(best, best_of(played.actions, played.cost, "sampling"))
        if improved(best, new):
            yield new
        best = new

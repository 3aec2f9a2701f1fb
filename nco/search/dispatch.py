"""Rollouts that take several actions from one look of a network at what remains."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from nco.core.decisions import Categorical
from nco.core.defaults import mask_of
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

AT_ONCE = (16, 8, 4, 2, 1)  # actions from one look
SAMPLES = 16  # rollouts of a round
HEAT = (0.35, 0.2, 0.6, 1.0)  # temperatures of the rounds, in turn: few samples want to be near

Pick = Callable[[Tensor], Tensor]  # logits [B, S, A] -> actions [B, S]


def dispatch(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Greedy rollouts with ever more looks, then random ones with as many a look as did best.

    A network that looks at what remains before every action spends nearly all of its time on that.
    Where actions hardly concern one another (operations of different jobs on different machines),
    the scores of one look are priorities that hold for the next actions as well, among what the
    rules still allow.

    `budget.samples`: how many, of which the first are the greedy ones. Without any limit one round
    of random ones.
    """
    best = start
    costs: list[tuple[float, int]] = []
    for many in AT_ONCE[: budget.samples]:
        try:
            played = _played(task, 1, many, greedy_pick, budget)
        except Interrupted:
            break
        costs.append((float(played.cost.mean()), many))
        best = task.better(best, played)
        yield best
    many = min(costs)[1] if costs else AT_ONCE[0]
    unlimited = budget.samples is None and budget.deadline is None and budget.rounds is None
    turns = (0,) if unlimited else budget.turns()
    spent = len(AT_ONCE)
    for turn in turns:
        count = budget.among(SAMPLES, spent)
        if count == 0:
            return
        random = generator(budget.seed, "dispatch", turn, device=task.instance.device)
        pick = sampled_pick(random, HEAT[turn % len(HEAT)])
        try:
            played = _played(task, count, many, pick, budget)
        except Interrupted:
            return
        spent += count
        new = task.better(best, played)
        if improved(best, new):
            yield new
        best = new


def greedy_pick(logits: Tensor) -> Tensor:
    """The most probable action ``[B, S]`` of `logits` ``[B, S, A]``."""
    return logits.argmax(-1)


def sampled_pick(random: torch.Generator, heat: float) -> Pick:
    """A random action at a temperature, of those whose logit is not minus infinity."""

    def pick(logits: Tensor) -> Tensor:
        return Categorical(logits / heat, logits > -torch.inf).sample(random)

    return pick


def _played(task: Task, rollouts: int, many: int, pick: Pick, budget: Budget) -> Incumbent:
    """The best of `rollouts` of each instance with up to `many` actions from one look.

    Instances look for themselves, whatever the others of the batch do.
    """
    problem, instance = task.problem, task.instance
    state = problem.reset(instance, rollouts)
    _, most = problem.horizon(instance)
    mask = mask_of(problem, instance, state)
    logits = mask.new_full(mask.shape, -torch.inf, dtype=torch.float)
    left = torch.zeros(len(instance), dtype=torch.long, device=instance.device)
    actions: list[Tensor] = []
    for _ in range(most):
        over = problem.done(instance, state)
        if bool(over.all()):
            break
        if budget.over():
            raise Interrupted
        scores = _among(logits, mask_of(problem, instance, state), over)
        # nothing is allowed that was allowed at the time of the look
        blind = (scores.amax(-1) == -torch.inf).any(1)
        rows = ((left == 0) | blind).nonzero()[:, 0]
        if len(rows):
            part: Any = state[rows]
            seen = problem.observe(instance[rows], part)
            decision = task.policy.decide(task.memory[rows], seen)
            assert isinstance(decision, Categorical)  # one of several actions
            logits[rows] = decision.logits
            scores[rows] = _among(decision.logits, seen.mask, over[rows])
            left[rows] = many
        action = pick(scores)
        left -= 1
        actions.append(action)
        state = problem.step(instance, state, action)
    taken = torch.stack(actions, 2)
    return best_of(taken, problem.cost(instance, taken), "dispatch")


def _among(logits: Tensor, mask: Tensor, over: Tensor) -> Tensor:
    """`logits` of what is allowed; a finished row has its no-op only."""
    scores = logits.masked_fill(~mask, -torch.inf)
    scores[..., 0] = scores[..., 0].masked_fill(over, 0.0)
    return scores

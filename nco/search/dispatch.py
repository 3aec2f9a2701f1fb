"""Rollouts that take several actions from one look of a network at what remains."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from nco.core.decisions import Categorical
from nco.core.defaults import mask_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import best_of, better

AT_ONCE = (16, 8, 4, 2, 1)  # actions from one look
SAMPLES = 16  # rollouts of a round
HEAT = (0.35, 0.2, 0.6, 1.0)  # temperatures of the rounds, in turn: few samples want to be near

Pick = Callable[[Tensor], Tensor]  # logits [B, S, A] -> actions [B, S]


def dispatch(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    budget: Budget,
    start: Incumbent | None = None,
) -> Iterator[Incumbent]:
    """Greedy rollouts with ever more looks, then random ones with as many a look as did best.

    A network that looks at what remains before every action spends nearly all of its time on that.
    Where actions hardly concern one another (operations of different jobs on different machines),
    the scores of one look are priorities that hold for the next actions as well, among what the
    rules still allow. That is faster, and on large shops better as well.

    `budget.rollouts`: how many, of which the first are the greedy ones. Without that and without a
    deadline one round of random ones; endless with a deadline.
    """
    best, most = start, budget.rollouts
    if most is None and budget.deadline is None:
        most = len(AT_ONCE) + SAMPLES
    costs: list[tuple[float, int]] = []
    for many in AT_ONCE[:most]:
        try:
            found = _played(problem, policy, instance, 1, many, _greedy, budget)
        except Interrupted:
            break
        costs.append((float(found.cost.mean()), many))
        best = better(problem, instance, best, found)
        yield best
    many = min(costs)[1] if costs else AT_ONCE[0]
    spent = len(AT_ONCE)
    for turn in itertools.count():
        left = SAMPLES if most is None else min(SAMPLES, most - spent)
        if left <= 0 or budget.over():
            return
        random = generator(budget.seed, "dispatch", turn, device=instance.device)

        def drawn(logits: Tensor, heat: float = HEAT[turn % len(HEAT)]) -> Tensor:
            return Categorical(logits / heat, logits > -torch.inf).sample(random)  # noqa: B023

        try:
            found = _played(problem, policy, instance, left, many, drawn, budget)
        except Interrupted:
            return
        spent += left
        new = better(problem, instance, best, found)
        if best is None or bool((new.cost < best.cost).any()):
            yield new
        best = new


def _greedy(logits: Tensor) -> Tensor:
    return logits.argmax(-1)


def _played(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    rollouts: int,
    many: int,
    pick: Pick,
    budget: Budget,
) -> Incumbent:
    """The best of `rollouts` of each instance with up to `many` actions from one look.

    Instances look for themselves, whatever the others of the batch do.
    """
    memory = policy.encode(problem.features(instance))
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
            decision = policy.decide(memory[rows], seen)
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

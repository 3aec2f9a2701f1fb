"""Partial solutions that grow at whichever of their two ends the policy is surer of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasFixedFirstAction
from nco.core.decisions import Categorical, Decision
from nco.core.defaults import mask_of
from nco.core.policy import Walker
from nco.core.problem import Observation
from nco.core.rollout import Interrupted
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

# Doubts of first paths. Where `sure` is 0.8, the first looks once at all the nodes that it can see,
# the second wherever it is less sure than 60 %.
DOUBTS = (5.0, 2.0)
SHORT = 150  # nodes up to which they are walked: of more nodes, one look sees a part only


@dataclass(frozen=True, eq=False)
class Partial(Batch):
    """Partial solutions ``[B, S]``, each seen from the end that moved last.

    What is left of a tour lies between two nodes, and may be walked from either (`Reversible`). A
    policy that is unsure at one end is often sure at the other, and by the time that it has to
    decide, less is left to be wrong about. Only the end that moved is looked at anew, because
    little has changed at the other one: its probabilities are kept, but for what is no longer
    allowed. So a network that looks at all that remains pays no more than for one end.

    Problems without a second end are walked as they are.
    """

    state: Batch  # [B, S, ...]
    actions: Tensor  # [B, S, t] long, in the order in which they were decided
    far: Tensor | None = None  # [B, S] bool, the state is seen from the far end
    behind: Tensor | None = None  # [B, S, t] bool, which actions were taken at the far end
    other: Tensor | None = None  # [B, S, A] log-probabilities of the end that did not move last

    @classmethod
    def of(cls, task: Task, state: Any, actions: Tensor, walker: Walker | None = None) -> Self:
        """From the states that `actions` ``[B, S, t]`` led to, by a walker of their own."""
        if task.reversible is None:
            return cls(state, actions)
        away = task.reversible.reversed_state(task.instance, state)
        seen = task.problem.observe(task.instance, away)
        other = log_probs_of((walker or task.policy.decide)(task.memory, seen))
        behind = torch.zeros_like(actions, dtype=torch.bool)
        nowhere = torch.zeros(actions.shape[:2], dtype=torch.bool, device=actions.device)
        return cls(state, actions, nowhere, behind, other)

    @classmethod
    def begun(cls, task: Task, walker: Walker | None = None) -> Self:
        """One of each instance ``[B, 1]``, after the first action where that is fixed."""
        problem, instance = task.problem, task.instance
        state = problem.reset(instance, 1)
        if isinstance(problem, HasFixedFirstAction):
            first = problem.fixed_first_action(instance, 1)
            state = problem.step(instance, state, first[:, :, 0])
        else:
            first = torch.zeros(len(instance), 1, 0, dtype=torch.long, device=instance.device)
        return cls.of(task, state, first, walker)

    def observe(self, task: Task) -> list[Observation]:
        """Of every end; which comes first differs between equal sub-problems."""
        seen = [task.problem.observe(task.instance, self.state)]
        if task.reversible is not None:
            away = task.reversible.reversed_state(task.instance, self.state)
            seen.append(task.problem.observe(task.instance, away))
        return seen

    def surest(self, task: Task, log_probs: Tensor) -> tuple[Self, Tensor]:
        """The same, seen from the end with the most probable next action, and what is probable.

        `log_probs` ``[B, S, A]`` are those of the end that they are seen from.
        """
        if task.reversible is None or self.far is None or self.other is None:
            return self, log_probs
        away = task.reversible.reversed_state(task.instance, self.state)
        other = self.other.masked_fill(~mask_of(task.problem, task.instance, away), -torch.inf)
        some = other.amax(-1, keepdim=True) > -torch.inf
        other = torch.where(some, other - other.logsumexp(-1, keepdim=True), -torch.inf)
        turn = other.amax(-1) > log_probs.amax(-1)
        state = away.where(turn, self.state)
        ours = torch.where(turn[..., None], other, log_probs)
        theirs = torch.where(turn[..., None], log_probs, other)
        return replace(self, state=state, far=self.far ^ turn, other=theirs), ours

    def step(self, task: Task, action: Tensor) -> Self:
        """After `action` ``[B, S]`` at the end that they are seen from."""
        state = task.problem.step(task.instance, self.state, action)
        actions = torch.cat([self.actions, action[..., None]], 2)
        behind = self.behind
        if behind is not None:
            assert self.far is not None
            behind = torch.cat([behind, self.far[..., None]], 2)
        return replace(self, state=state, actions=actions, behind=behind)

    def follow(self, task: Task, decision: Decision) -> Self:
        """After the most probable action, at the end where it is the more probable."""
        if self.far is None:
            return self.step(task, decision.mode())
        partial, log_probs = self.surest(task, log_probs_of(decision))
        return partial.step(task, log_probs.argmax(-1))

    def played(self, task: Task) -> Tensor:
        """The actions ``[B, S, t]`` in an order in which they can be played."""
        if task.reversible is None or self.behind is None:
            return self.actions
        return task.reversible.joined(task.instance, self.actions, self.behind)

    def past(self) -> Tensor:
        """The actions ``[B, S, t]`` along the way from the far end to where we stand.

        Of a closed tour, which may begin anywhere, they lead to the same state.
        """
        if self.behind is None or self.far is None:
            return self.actions
        when = torch.arange(self.actions.shape[2], device=self.actions.device)
        place = torch.where(self.behind, -1 - when, when)
        place = torch.where(self.far[..., None], -place, place)
        return self.actions.gather(2, place.argsort(dim=-1))


def walk(task: Task, budget: Budget, begun: Partial, walker: Walker, least: int) -> Tensor:
    """Partial solutions and the most probable actions from there on, ``[B, S, T]``.

    Args:
        task: what to solve.
        budget: asked before every step.
        begun: where to begin.
        walker: the one that `begun` was made with.
        least: actions before it is asked whether all is done.

    Raises:
        Interrupted: when the budget is over.
    """
    problem, instance, partial = task.problem, task.instance, begun
    _, most = problem.horizon(instance)
    for t in range(begun.actions.shape[2], most):
        if t >= least and bool(problem.done(instance, partial.state).all()):
            break
        if budget.over():
            raise Interrupted
        decision = walker(task.memory, problem.observe(instance, partial.state))
        partial = partial.follow(task, decision)
    return partial.played(task)


def first_paths(task: Task, budget: Budget) -> Iterator[Incumbent]:
    """Greedy paths to begin with, each better than the one before; none where there is no time.

    Under a deadline a policy that decides ahead walks by few looks at first, then by more.
    """
    hurried = budget.deadline is not None and task.nodes <= SHORT
    ahead = hurried and task.policy.decides_ahead
    least, _ = task.problem.horizon(task.instance)
    best: Incumbent | None = None
    for doubt in DOUBTS if ahead else (1.0,):
        walker = task.walker(budget, doubt)
        try:
            actions = walk(task, budget, Partial.begun(task, walker), walker, least)
        except Interrupted:
            return
        cost = task.problem.cost(task.instance, actions)
        new = task.better(best, best_of(actions, cost, "greedy"))
        if improved(best, new):
            yield new
        best = new


def log_probs_of(decision: Decision) -> Tensor:
    """The log-probabilities ``[B, S, A]`` of one of A actions a step."""
    assert isinstance(decision, Categorical)
    return decision.log_probs

"""The one rollout loop, and re-scoring of given actions in one parallel pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch, stack
from nco.core.capabilities import HasCostSoFar
from nco.core.decisions import Decision
from nco.core.defaults import replay
from nco.core.policy import Policy
from nco.core.problem import AdditiveProblem, Observation, Problem

Select = Callable[[Decision, int], Tensor]  # (decision, step) -> picks [B, S, *M]
Resolve = Callable[[Tensor, Tensor, Observation], Tensor]  # (picks, logp, observation) -> actions


def greedy(decision: Decision, step: int) -> Tensor:
    """Selects the most probable action."""
    return decision.mode()


def sample(generator: Generator) -> Select:
    """Selects at random by the policy's probabilities."""
    return lambda decision, step: decision.sample(generator)


def forced(actions: Tensor) -> Select:
    """Selects what `actions` ``[B, S, T, *M]`` say."""
    return lambda decision, step: actions[:, :, step]


@dataclass(frozen=True, eq=False)
class Rollout:
    """Complete episodes.

    Attributes:
        actions: ``[B, S, T, *M]`` what was executed.
        picks: ``[B, S, T, *M]`` what the policy chose, before conflicts were resolved.
        logp: ``[B, S, T - prefix, *M]`` log-probability of each pick; None if not asked for.
        cost: ``[B, S]``.
        step_costs: ``[B, S, T]`` what each step cost; None but of an `AdditiveProblem`.
        states: the states ``[B, S, T - prefix, ...]`` that the policy saw, if kept.
    """

    actions: Tensor
    picks: Tensor
    logp: Tensor | None
    cost: Tensor
    states: Batch | None
    step_costs: Tensor | None = None


def rollout(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    rollouts: int,
    select: Select,
    *,
    prefix: Tensor | None = None,
    condition: Tensor | None = None,
    resolve: Resolve | None = None,
    keep: bool = False,
    logp: bool = True,
    memory: Any = None,
    stop: Callable[[], bool] | None = None,
) -> Rollout:
    """Plays `rollouts` episodes of each instance.

    Args:
        instance: ``[B, ...]``.
        select: `greedy`, `sample(generator)` or `forced(actions)`.
        prefix: ``[B, S, P, *M]`` first actions, taken without asking the policy.
        condition: passed on to the policy.
        resolve: settles conflicts between agents; by default the policy's own way where the
            problem's agents can have any.
        keep: keep the states the policy saw, for a later `score` without replay.
        logp: compute the log-probabilities; a greedy search does not need them.
        memory: what `policy.encode` returned, when it is at hand.
        stop: asked before every step; True raises `Interrupted` (a deadline, Ctrl-C).
    """
    if memory is None:
        memory = policy.encode(problem.features(instance))
    given = 0 if prefix is None else prefix.shape[2]
    least, most = problem.horizon(instance)
    state = problem.reset(instance, rollouts)
    actions: list[Tensor] = []
    picks: list[Tensor] = []
    logps: list[Tensor] = []
    states: list[Batch] = []
    step_costs: list[Tensor] = []
    for t in range(most):
        if t >= max(least, given) and bool(problem.done(instance, state).all()):
            break
        if prefix is not None and t < given:
            pick = action = prefix[:, :, t]
        else:
            if stop is not None and stop():
                raise Interrupted
            observation = problem.observe(instance, state)
            decision = policy.decide(memory, observation, condition)
            pick = action = select(decision, t)
            if resolve is None and observation.stay is not None:
                resolve = policy.conflicts
            if logp or resolve is not None:
                logps.append(decision.log_prob(pick))
            if resolve is not None:
                action = resolve(pick, logps[-1], observation)
            if keep:
                states.append(state)
        picks.append(pick)
        actions.append(action)
        state = problem.step(instance, state, action)
        if isinstance(problem, AdditiveProblem):
            step_costs.append(problem.step_cost(instance, state))
    executed = torch.stack(actions, 2)
    costs = torch.stack(step_costs, 2) if step_costs else None
    if costs is not None:
        cost = costs.sum(2)
    elif isinstance(state, HasCostSoFar):
        cost = state.cost_so_far
    else:
        cost = problem.cost(instance, executed)
    return Rollout(
        actions=executed,
        picks=executed if resolve is None else torch.stack(picks, 2),
        logp=torch.stack(logps, 2) if logps else None,
        cost=cost,
        states=stack(states, 2) if states else None,
        step_costs=costs,
    )


class Interrupted(Exception):
    """A rollout that was told to stop before it was complete."""


def decisions(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    actions: Tensor,
    *,
    condition: Tensor | None = None,
    steps: Tensor | None = None,
    states: Any = None,
    memory: Any = None,
) -> tuple[Decision, Observation]:
    """The decisions before the given `steps` ``[B, S, P]`` (all T without) of `actions`.

    Everything is folded to ``[B, S * P, ...]`` and computed in one parallel pass. `states`, as a
    rollout keeps them, spare the replay.
    """
    if states is None:
        states = replay(problem, instance, actions, steps)
    folded = states.fold()
    count = folded._first().shape[1] // actions.shape[1]
    if condition is not None:
        condition = condition.repeat_interleave(count, 1)
    if memory is None:
        memory = policy.encode(problem.features(instance))
    observation = problem.observe(instance, folded)
    return policy.decide(memory, observation, condition), observation


def score(
    problem: Problem[Any, Any],
    policy: Policy,
    instance: Any,
    picks: Tensor,
    *,
    actions: Tensor | None = None,
    condition: Tensor | None = None,
    steps: Tensor | None = None,
    states: Any = None,
    chunk: int | None = None,
) -> Tensor:
    """Log-probabilities ``[B, S, P, *M]`` of `picks` ``[B, S, T, *M]`` at `steps` ``[B, S, P]``.

    Args:
        actions: what was executed where that differs from the picks.
        steps: which steps, ``[B, S, P]``; without it all T.
        chunk: at most so many steps at a time, which bounds memory: mask and logits of a whole pass
            are ``[B, S * T, A]``.
    """
    executed = picks if actions is None else actions
    if steps is None and states is None and chunk is None:
        chosen = picks
    else:
        if steps is None:
            count = picks.shape[2]
            steps = torch.arange(count, device=picks.device).expand(*picks.shape[:2], count)
        rows = torch.arange(picks.shape[0], device=picks.device)[:, None, None]
        columns = torch.arange(picks.shape[1], device=picks.device)[None, :, None]
        chosen = picks[rows, columns, steps]
    memory = policy.encode(problem.features(instance))
    total = chosen.shape[2]
    parts = []
    for first in range(0, total, chunk or total):
        part = slice(first, first + (chunk or total))
        decision, _ = decisions(
            problem,
            policy,
            instance,
            executed,
            condition=condition,
            steps=None if steps is None else steps[:, :, part],
            states=None if states is None else states.map(lambda tensor: tensor[:, :, part]),  # noqa: B023
            memory=memory,
        )
        parts.append(
            decision.log_prob(chosen[:, :, part].flatten(1, 2)).unflatten(1, (picks.shape[1], -1))
        )
    return torch.cat(parts, 2)

"""Labels of what a policy comes to: its own way at first, and an expert's from there on.

A policy that has seen good solutions only does not know how to go on from its own mistakes, and
makes more of them. So the expert is asked in the states that the policy reaches by itself (DAgger:
Ross, Gordon & Bagnell, "A Reduction of Imitation Learning and Structured Prediction to No-Regret
Online Learning", AISTATS 2011).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasRemaining
from nco.core.case import Case
from nco.core.defaults import resize
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.search.beam import WIDTH, search
from nco.search.bidirectional import Ends
from nco.search.multistart import best_of

Solve = Callable[[Sequence[Case]], list[Any]]  # cases -> solutions in the cases' own numbers

FORCED = 2  # last steps of a way, which are no choice


def check(problem: Problem[Any, Any], by_model: bool) -> None:
    """Raises `NCOError` where states of `problem` cannot be gone on from: by a model, a solver."""
    kind = type(problem)
    instance = resize(problem, problem.tiny).generate(1, generator("dagger"))
    seen = problem.observe(instance, problem.reset(instance, 1))
    if seen.alive is None or seen.mask.ndim != 3:
        reason = "is not decided one node at a time, each leaving a smaller problem"
        raise NCOError(f"--after: {kind.__name__} {reason}")
    if not by_model and not isinstance(problem, HasRemaining):
        reason = "classical solvers cannot go on from the middle; give --solver model:NAME"
        raise NCOError(f"--after: {kind.__name__}: {reason}")


def moments(
    problem: Problem[Any, Any], policy: Policy, instance: Any, count: int, random: Generator
) -> list[Ends]:
    """Where a policy's greedy way is at up to `count` different random steps: ``[B, 1]`` each.

    As long as no way of the B is at its end.
    """
    memory = policy.encode(problem.features(instance))
    way = [Ends.begun(problem, policy, memory, instance)]
    least, most = problem.horizon(instance)
    for t in range(way[0].actions.shape[2], most):
        if t >= least and bool(problem.done(instance, way[-1].state).any()):
            break
        decision = policy.decide(memory, problem.observe(instance, way[-1].state))
        way.append(way[-1].follow(problem, instance, decision))
    open_ = max(len(way) - 1 - FORCED, 1)
    picks = torch.randperm(open_, generator=random, device=random.device)[:count]
    return [way[step] for step in sorted(picks.tolist())]


def solved(problem: Problem[Any, Any], instance: Any, ends: Ends, solve: Solve) -> Tensor:
    """Complete actions ``[B, T]``: those of `ends` ``[B, 1]``, then as `solve` says.

    Raises:
        NCOError: where a solution does not begin with what is given.
    """
    assert isinstance(problem, HasRemaining)  # `check` has said so
    cases = problem.remaining(instance, ends.state)
    found = [case.indexed(one) for case, one in zip(cases, solve(cases), strict=True)]
    rest = problem.resumed(instance, ends.state, found)
    return torch.cat([ends.past()[:, 0], rest], 1)


def searched(
    problem: Problem[Any, Any], policy: Policy, instance: Any, ends: Ends, width: int | None
) -> Tensor:
    """Complete actions ``[B, T]``: those of `ends` ``[B, 1]``, then the best of a beam search."""
    memory = policy.encode(problem.features(instance))
    begun = Ends.of(problem, policy, memory, instance, ends.state, ends.past())
    actions, cost = search(problem, policy, instance, width or WIDTH, begun=begun)
    return best_of(actions, cost, "beam").actions

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
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.search.beam import WIDTH, beam_search
from nco.search.bidirectional import Partial
from nco.search.incumbent import best_of
from nco.search.task import Task

Solve = Callable[[Sequence[Case]], list[Any]]  # cases -> solutions in the cases' own numbers

FORCED = 2  # last steps of a way, which are no choice


def check(problem: Problem[Any, Any], by_model: bool) -> None:
    """Raises `NCOError` where states of `problem` cannot be gone on from: by a model, a solver."""
    name = type(problem).__name__
    instance = resize(problem, problem.tiny).generate(1, generator("dagger"))
    seen = problem.observe(instance, problem.reset(instance, 1))
    if seen.alive is None or seen.mask.ndim != 3:
        reason = "is not decided one node at a time, each leaving a smaller problem"
        raise NCOError(f"--after: {name} {reason}")
    if not by_model and not isinstance(problem, HasRemaining):
        reason = "classical solvers cannot go on from the middle; give --solver model:NAME"
        raise NCOError(f"--after: {name}: {reason}")


def moments(task: Task, count: int, random: Generator) -> list[Partial]:
    """Where a policy's greedy way is at up to `count` different random steps: ``[B, 1]`` each.

    As long as no way of the B is at its end.
    """
    problem, instance = task.problem, task.instance
    way = [Partial.begun(task)]
    least, most = problem.horizon(instance)
    for t in range(way[0].actions.shape[2], most):
        if t >= least and bool(problem.done(instance, way[-1].state).any()):
            break
        decision = task.policy.decide(task.memory, problem.observe(instance, way[-1].state))
        way.append(way[-1].follow(task, decision))
    open_ = max(len(way) - 1 - FORCED, 1)
    picks = torch.randperm(open_, generator=random, device=random.device)[:count]
    return [way[step] for step in sorted(picks.tolist())]


def solved(problem: Problem[Any, Any], instance: Any, partial: Partial, solve: Solve) -> Tensor:
    """Complete actions ``[B, T]``: those of `partial` ``[B, 1]``, then as `solve` says.

    Raises:
        NCOError: where a solution does not begin with what is given.
    """
    assert isinstance(problem, HasRemaining)  # `check` has said so
    cases = problem.remaining(instance, partial.state)
    solutions = [case.indexed(one) for case, one in zip(cases, solve(cases), strict=True)]
    rest = problem.resumed(instance, partial.state, solutions)
    return torch.cat([partial.past()[:, 0], rest], 1)


def searched(task: Task, partial: Partial, width: int | None) -> Tensor:
    """Complete actions ``[B, T]``: those of `partial` ``[B, 1]``, then the best of a beam."""
    begun = Partial.of(task, partial.state, partial.past())
    actions, cost = beam_search(task, width or WIDTH, begun=begun)
    return best_of(actions, cost, "beam").actions

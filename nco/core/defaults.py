"""What can be asked of every problem: its own capability, or what holds without it."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch, stack
from nco.core.capabilities import (
    HasCases,
    HasDemonstrations,
    HasEquivalents,
    HasMask,
    HasRelatives,
    HasStarts,
    HasSymmetries,
    Replayable,
    Selective,
)
from nco.core.case import Case
from nco.core.describe import arguments_of
from nco.core.errors import NCOError
from nco.core.problem import Problem

P = TypeVar("P", bound=Problem[Any, Any])

# --------------------------------------------------------------------------------------------------
# First actions


def count_starts(problem: Problem[Any, Any], instance: Any) -> int:
    """How many rollouts of an instance differ by their given first actions.

    1 where there are no starts: the policy chooses the first action too.
    """
    return max(1, problem.start_count(instance)) if isinstance(problem, HasStarts) else 1


def starts_of(
    problem: Problem[Any, Any], instance: Any, rollouts: int | None = None
) -> Tensor | None:
    """First actions ``[B, S, 1, *M]`` that differ between rollouts, wrapping where too few.

    Without `rollouts`, one rollout from every start. None where the policy chooses the first
    action: the problem has no starts, or only one.
    """
    if isinstance(problem, HasStarts) and (count := problem.start_count(instance)) > 1:
        return problem.starts(instance, count if rollouts is None else rollouts)
    return None


# --------------------------------------------------------------------------------------------------
# States along given actions


def replay(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, steps: Tensor | None = None
) -> Any:
    """The states ``[B, S, P, ...]`` before the given `steps` ``[B, S, P]`` of `actions`.

    Without `steps`, before each of the T steps.
    """
    if isinstance(problem, Replayable):
        return problem.replay(instance, actions, steps)
    return walked(problem, instance, actions, steps)


def walked(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, steps: Tensor | None = None
) -> Any:
    """The states of `replay`, by stepping through the episode."""
    state: Batch = problem.reset(instance, actions.shape[1])
    states = [state]
    for t in range(actions.shape[2] - 1):
        state = problem.step(instance, state, actions[:, :, t])
        states.append(state)
    every = stack(states, 2)
    if steps is None:
        return every
    rows = torch.arange(actions.shape[0], device=actions.device)[:, None, None]
    columns = torch.arange(actions.shape[1], device=actions.device)[None, :, None]
    return every.map(lambda tensor: tensor[rows, columns, steps])


def pad_actions(problem: Problem[Any, Any], instance: Any, actions: Tensor, total: int) -> Tensor:
    """Complete `actions` ``[B, S, T, *M]`` followed by no-ops up to `total` steps."""
    missing = total - actions.shape[2]
    if missing <= 0:
        return actions
    state = problem.reset(instance, actions.shape[1])
    for t in range(actions.shape[2]):
        state = problem.step(instance, state, actions[:, :, t])
    no_op = mask_of(problem, instance, state).float().argmax(-1)
    return torch.cat([actions, torch.stack([no_op] * missing, 2)], 2)


def mask_of(problem: Problem[Any, Any], instance: Any, state: Any) -> Tensor:
    """What is allowed, ``[B, S, *M, A]`` bool, where that is all that is asked of a state."""
    if _has_mask(problem):
        return problem.mask(instance, state)
    return problem.observe(instance, state).mask


def _has_mask(problem: object) -> TypeGuard[HasMask]:
    """`isinstance`, which takes 20 microseconds, remembered: this is asked at every step."""
    kind: type = type(problem)
    return _has_masks(kind)


@functools.lru_cache(maxsize=256)
def _has_masks(kind: type) -> bool:
    return issubclass(kind, HasMask)


# --------------------------------------------------------------------------------------------------
# Equal solutions and equal instances


def equivalents_of(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, generator: Generator
) -> Tensor:
    """Random actions ``[B, S, T, *M]`` of the same solutions; without the capability, the same."""
    if isinstance(problem, HasEquivalents):
        return problem.equivalent(instance, actions, generator)
    return actions


def demonstrations_of(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, generator: Generator
) -> Tensor:
    """Equivalent actions to learn from; in any order where the problem prefers none."""
    if isinstance(problem, HasDemonstrations):
        return problem.demonstrations(instance, actions, generator)
    return equivalents_of(problem, instance, actions, generator)


def symmetries_of(problem: Problem[Any, Any], instance: Any) -> list[Any]:
    """Images of `instance` with the same optimal actions, itself first, and perhaps alone."""
    return problem.symmetries(instance) if isinstance(problem, HasSymmetries) else [instance]


def relatives_of(
    problem: Problem[Any, Any], instance: Any, actions: Tensor
) -> list[tuple[Any, Tensor]]:
    """Other instances whose solutions follow from `actions` ``[B, T]``; perhaps none."""
    return problem.relatives(instance, actions) if isinstance(problem, HasRelatives) else []


def pad_nodes(instance: Any, count: int, nodes: int) -> Any:
    """An instance of `count` nodes widened to `nodes`, for `Paddable.padded`.

    It must have a field ``exists`` ``[B, N]``. Every axis that is as long as there are nodes is
    filled up with zeros.
    """

    def widened(tensor: Tensor) -> Tensor:
        for dim in range(1, tensor.ndim):
            if tensor.shape[dim] == count:
                shape = [*tensor.shape[:dim], nodes - count, *tensor.shape[dim + 1 :]]
                tensor = torch.cat([tensor, tensor.new_zeros(shape)], dim)
        return tensor

    if instance.exists is None:
        real = torch.ones(len(instance), count, dtype=torch.bool, device=instance.device)
        instance = replace(instance, exists=real)
    return instance.map(widened)


# --------------------------------------------------------------------------------------------------
# Cases and sizes


def load_cases(problem: Problem[Any, Any], cases: Sequence[Case]) -> Any:
    """One batch of exact cases.

    Raises:
        NCOError: where the problem has no cases.
    """
    if isinstance(problem, HasCases):
        return problem.load(cases)
    raise _without_cases(problem)


def cases_of(problem: Problem[Any, Any], instance: Any) -> list[Case]:
    """The exact case of every instance of a batch.

    Raises:
        NCOError: where the problem has no cases.
    """
    if isinstance(problem, HasCases):
        return problem.cases(instance)
    raise _without_cases(problem)


def _without_cases(problem: Problem[Any, Any]) -> NCOError:
    kind = type(problem).__name__
    reason = f"{kind} has no exact cases: it needs `load` and `cases`"
    return NCOError(f"{reason}; where its package has a class with them, train that one")


def fits(problem: Problem[Any, Any], case: Case) -> bool:
    """Whether what was trained on the problem is meant for `case` of its folder."""
    return problem.fits(case) if isinstance(problem, Selective) else True


def has_size(problem: Problem[Any, Any]) -> bool:
    """Whether the problem's ``__init__`` has a `size`, so that `resize` works."""
    return "size" in arguments_of(problem)


def resize(problem: P, size: int) -> P:
    """The same problem, generating instances of one size.

    Raises:
        NCOError: where it has no size.
    """
    if not has_size(problem):
        raise NCOError(f"{type(problem).__name__} has no size: its __init__ takes none")
    return type(problem)(**{**arguments_of(problem), "size": size})

"""The first actions of rollouts, chosen in one place for training and validation."""

from typing import Any

from torch import Tensor

from nco.core.problem import Problem


def first_actions(
    problem: Problem[Any, Any], instance: Any, rollouts: int | None = None
) -> Tensor | None:
    """The first action of each rollout, ``[B, S, 1, *M]``, a different one while there are some.

    Args:
        problem: the rules.
        instance: ``[B, ...]``.
        rollouts: S; None is one rollout from every start.

    Returns:
        None where the instances have fewer than two starts: then the policy chooses.
    """
    count = problem.start_count(instance)
    if count < 2:
        return None
    return problem.starts(instance, count if rollouts is None else rollouts)

"""The contract of a discrete problem, as checks that tell its author what is wrong, and where.

    from nco.testing import check_problem

    check_problem(MyProblem)

Random episodes are played on random instances, and on padded and given ones where the problem reads
cases; then each check asks one thing of them. What the author did not write (`replay`, `starts`,
`cases`, a ``check.py`` or ``baseline.py`` beside the class) is not asked for.
"""

import importlib
import importlib.util
import inspect
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any, Self

import torch
from torch import Tensor, nn

from nco import baselines
from nco.batch import Batch, stack
from nco.case import Case
from nco.describe import construct, describe
from nco.folders import part_of
from nco.policy import Categorical, Policy
from nco.problem import Features, Observation, Problem, Sizes
from nco.rollout import forced, rollout, sample, score
from nco.seeds import generator

BATCH, ROLLOUTS = 3, 5
SIZE, TINY = 6, 4  # of ordinary instances, and of those that are solved by enumeration
LIMIT = 5000  # action sequences, or solutions, up to which all are looked at
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # the rounding of float32 that a difference may have
SECONDS = 0.2  # of a classical solver


class NotApplicable(Exception):
    """A check that asks for something the problem does not have."""


@dataclass(frozen=True)
class Trial:
    """A batch of instances and the random episodes played on it."""

    problem: Problem[Any, Any]
    name: str  # for messages
    seed: int
    instance: Any  # [B, ...]
    cases: Sequence[Case] | None  # those of the instances, where the problem has any
    actions: Tensor  # [B, S, T, *M]
    states: list[Any]  # T + 1 of [B, S, ...]
    observations: list[Observation]  # T of [B, S, ...]
    finished: Tensor  # [B, S, T + 1] bool

    @property
    def cost(self) -> Tensor:
        return self.problem.cost(self.instance, self.actions)


def check_problem(
    problem: Problem[Any, Any] | type[Problem[Any, Any]],
    *,
    size: int = SIZE,
    cases: Sequence[Case] = (),
    seed: int = 0,
) -> list[str]:
    """Checks that a problem keeps the contract; takes about two seconds.

    Args:
        problem: a problem, or its class, which is then made from its defaults.
        size: of the instances, where the problem's ``__init__`` has a `size`; small, because some
            checks enumerate or play every instance alone.
        cases: further instances to check, such as files with their own distances; only of metrics
            that the problem prices as its checker does.
        seed: of everything random.

    Returns:
        The names of the checks that found what they ask about.

    Raises:
        AssertionError: a sentence on what is wrong, in which batch, and where in it.
    """
    if isinstance(problem, type):
        takes_size = "size" in inspect.signature(problem).parameters
        problem = problem(size=size) if takes_size else problem()  # type: ignore[call-arg]
    ran: dict[str, None] = {}
    with torch.no_grad():
        for check in OF_PROBLEMS:
            _run(f"{type(problem).__name__}", check, problem, size, seed, ran)
        for trial in _trials(problem, size, cases, seed):
            label = f"{type(problem).__name__}, {trial.name}"
            for of_trial in OF_TRIALS:
                _run(label, of_trial, trial, ran=ran)
    return list(ran)


def _run(
    label: str, check: Callable[..., None], *arguments: Any, ran: dict[str, None] | None = None
) -> None:
    raise NotImplementedError

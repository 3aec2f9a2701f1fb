"""A problem: its rules as pure functions over an immutable state.

The letters, everywhere in this package: **B** instances, **S** rollouts of each instance
(starts x samples x population), **M** agents (an axis only where the problem has agents), **N**
nodes, **A** actions, **T** steps, **P** steps that are looked at, **D** width.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.describe import Described
from nco.core.features import Features, Observation
from nco.core.schema import Schema

__all__ = ["AdditiveProblem", "Features", "Observation", "Problem"]

Instance = TypeVar("Instance", bound=Batch)
State = TypeVar("State", bound=Batch)


class Problem(Described, ABC, Generic[Instance, State]):
    """What every problem has; see `nco.testing.check_problem` for the contract it must meet.

    What only some problems can do is a capability (`nco.core.capabilities`).

    Cost is minimised everywhere. `cost` from the actions alone is the definition, so that a policy,
    a label and a classical solver are priced by the same line. A problem whose cost is the sum of
    what its steps cost derives from `AdditiveProblem` instead.

    Attributes:
        schema: the names and units of all columns of features and observations.
        continuous: an action is A non-negative numbers, ``[B, S, A]`` float, all of them feasible
            (a step rations what there is), instead of one of A choices.
        tiny: a size whose solutions `nco.testing` can enumerate.
    """

    schema: ClassVar[Schema]
    continuous: ClassVar[bool] = False
    tiny: ClassVar[int] = 4

    @abstractmethod
    def generate(self, batch: int, generator: Generator) -> Instance:
        """`batch` random instances on the generator's device; equal generators, equal instances."""

    @abstractmethod
    def features(self, instance: Instance) -> Features:
        """What a policy may know of `instance` ``[B, ...]``."""

    @abstractmethod
    def reset(self, instance: Instance, rollouts: int) -> State:
        """The first states ``[B, S, ...]``."""

    @abstractmethod
    def observe(self, instance: Instance, state: State) -> Observation:
        """What a policy may know of `state`; a finished row allows exactly one no-op action."""

    @abstractmethod
    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        """The states after `action` ``[B, S, *M]``; nothing is changed in place."""

    @abstractmethod
    def done(self, instance: Instance, state: State) -> Tensor:
        """Which states are finished, ``[B, S]`` bool."""

    @abstractmethod
    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        """The cost ``[B, S]`` of complete `actions` ``[B, S, T, *M]``."""

    @abstractmethod
    def horizon(self, instance: Instance) -> tuple[int, int]:
        """Bounds (least, most) on the steps until every row is finished.

        The rollout asks `done` only between the two; equal bounds spare the device every question.
        """

    @abstractmethod
    def solution(self, instance: Instance, actions: Tensor) -> list[Any]:
        """The canonical solution of each row of `actions` ``[B, T]``, in positions from 0."""

    @abstractmethod
    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        """``[B, T]``: the inverse of `solution`, up to equivalent actions; short rows end in
        no-ops."""


class AdditiveProblem(Problem[Instance, State]):
    """A problem whose cost is the sum of what its steps cost.

    The rollout keeps what each step cost (`nco.core.rollout.Rollout.step_costs`) and adds it up
    instead of pricing the actions again, so that nothing is simulated twice and costs keep their
    gradient.
    """

    @abstractmethod
    def step_cost(self, instance: Instance, state: State) -> Tensor:
        """What the step that led to `state` cost, ``[B, S]``."""

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        """The sum of the step costs."""
        state = self.reset(instance, actions.shape[1])
        total = torch.zeros(actions.shape[:2], device=actions.device)
        for t in range(actions.shape[2]):
            state = self.step(instance, state, actions[:, :, t])
            total = total + self.step_cost(instance, state)
        return total

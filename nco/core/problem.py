"""A problem: its rules as pure functions over an immutable state.

The letters, everywhere in this package: **B** instances, **S** rollouts of each instance
(starts x samples x population), **M** agents (an axis only where the problem has agents), **N**
nodes, **A** actions, **T** steps, **P** steps that are looked at, **D** width.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch, stack
from nco.core.case import Case
from nco.core.describe import Described, arguments_of
from nco.core.features import Features, Observation, Sizes

if TYPE_CHECKING:
    from nco.core.policy import Policy

Instance = TypeVar("Instance", bound=Batch)
State = TypeVar("State", bound=Batch)


@dataclass(frozen=True, eq=False)
class Windows:
    """Disjoint parts of solutions as small instances of their own; see `Problem.windows`.

    Attributes:
        instance: W small instances ``[W, ...]``.
        actions: ``[W, T']`` long: what the solutions do there.
        given: the first of these actions that are not to be decided anew.
        places: where the parts lie, as the problem likes.
    """

    instance: Any
    actions: Tensor
    given: int
    places: Any


class Problem(Described, ABC, Generic[Instance, State]):
    """The rules of a problem; see `nco.testing.check_problem` for the contract it must meet.

    Cost is minimised everywhere. `cost` from the actions alone is the definition, so that a policy,
    a label and a classical solver are priced by the same line.

    **Chance is part of the instance.** Where demand or arrivals come from outside, `generate` and
    `traces` draw the whole trace, `observe` reveals it a step at a time, and `online` says so. Then
    the S rollouts of an instance share its trace, and a plan that knows the trace is a hindsight
    optimum, not an answer: `nco.solve` evaluates a policy by simulation (`nco.solving.simulate`).

    Attributes:
        sizes: the widths of features and observations.
        online: the instance holds a future that `observe` reveals step by step.
        continuous: an action is A non-negative numbers, ``[B, S, A]`` float, all of them feasible
            (a step rations what there is), instead of one of A choices.
    """

    sizes: ClassVar[Sizes]
    online: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    tiny: ClassVar[int] = 4  # a size whose solutions `nco.testing` can enumerate

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

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        """The cost ``[B, S]`` of complete `actions` ``[B, S, T, *M]``.

        By default the sum of what the steps cost (`charge`); a problem whose steps have no price
        overrides it.
        """
        state, total = self.reset(instance, actions.shape[1]), None
        for t in range(actions.shape[2]):
            state = self.step(instance, state, actions[:, :, t])
            charge = self.charge(instance, state)
            if charge is None:
                raise NotImplementedError(f"{type(self).__name__} has neither cost nor charge")
            total = charge if total is None else total + charge
        assert total is not None  # an episode has a step
        return total

    def charge(self, instance: Instance, state: State) -> Tensor | None:
        """What the step that led to `state` cost, ``[B, S]``; None where steps have no price.

        The charges of all steps sum to `cost`. The rollout then adds them up instead of pricing
        the actions again, so that nothing is simulated twice and costs keep their gradient.
        """
        return None

    def paid(self, instance: Instance, state: State) -> Tensor | None:
        """What `cost` ``[B, S]`` says of the actions that led to `state`, where the state tells.

        It spares searches a second walk along the actions. None: it does not tell.
        """
        return None

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
        """``[B, T]``: the inverse of `solution`, up to `equivalent`; short rows end in no-ops."""

    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        """The states ``[B, S, P, ...]`` before the given `steps` ``[B, S, P]`` of `actions`.

        Without `steps`, before each of the T steps. This default walks the episode; a problem whose
        states have a closed form overrides it.
        """
        state = self.reset(instance, actions.shape[1])
        states = [state]
        for t in range(actions.shape[2] - 1):
            state = self.step(instance, state, actions[:, :, t])
            states.append(state)
        every = stack(states, 2)
        if steps is None:
            return every
        rows = torch.arange(actions.shape[0], device=actions.device)[:, None, None]
        columns = torch.arange(actions.shape[1], device=actions.device)[None, :, None]
        return every.map(lambda tensor: tensor[rows, columns, steps])

    def pad(self, instance: Instance, actions: Tensor, total: int) -> Tensor:
        """Complete `actions` ``[B, S, T, *M]`` followed by no-ops up to `total` steps."""
        missing = total - actions.shape[2]
        if missing <= 0:
            return actions
        state = self.reset(instance, actions.shape[1])
        for t in range(actions.shape[2]):
            state = self.step(instance, state, actions[:, :, t])
        no_op = self.observe(instance, state).mask.float().argmax(-1)
        return torch.cat([actions, torch.stack([no_op] * missing, 2)], 2)

    def padded(self, instance: Instance, nodes: int) -> Instance:
        """The same with `nodes` nodes, of which those that were there exist.

        This default needs a field ``exists``, and widens by zeros every axis that is as long as
        there are nodes; a problem whose padding is something else overrides it.
        """
        count = self.features(instance[:1]).nodes.shape[1]

        def widened(tensor: Tensor) -> Tensor:
            for dim in range(1, tensor.ndim):
                if tensor.shape[dim] == count:
                    shape = [*tensor.shape[:dim], nodes - count, *tensor.shape[dim + 1 :]]
                    tensor = torch.cat([tensor, tensor.new_zeros(shape)], dim)
            return tensor

        if hasattr(instance, "exists"):
            if instance.exists is None:
                real = torch.ones(len(instance), count, dtype=torch.bool, device=instance.device)
                instance = replace(instance, exists=real)  # type: ignore[type-var]
            instance = instance.map(widened)
        if self.features(instance[:1]).nodes.shape[1] != nodes:
            raise NotImplementedError(f"{type(self).__name__} cannot add nodes to instances")
        return instance

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        """First actions ``[B, S, 1, *M]`` that differ between rollouts, wrapping where too few."""
        raise NotImplementedError(f"{type(self).__name__} has no natural starts")

    def start_count(self, instance: Instance) -> int:
        """How many different starts the largest instance of the batch has; 0: no starts."""
        return 0

    def opening(self, instance: Instance, rollouts: int) -> Tensor | None:
        """First actions ``[B, S, 1, *M]`` where any are as good: a closed tour begins anywhere."""
        return None

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Random actions ``[B, S, T, *M]`` of the same solutions (a rotation, a reversal, ...)."""
        return actions

    def turned(self, instance: Instance, state: State) -> State | None:
        """`state` seen from the far end of what remains, from where it can be walked as well.

        Actions in a turned state come last in the solution, the latest of them first (`joined`).
        The far end of the far end is where `state` is. None: there is one way to go on only.
        """
        return None

    def joined(self, instance: Instance, actions: Tensor, behind: Tensor) -> Tensor:
        """`actions` ``[B, S, t]`` in an order in which they can be played, where it is another.

        Of `behind` ``[B, S, t]`` are those that were taken in turned states.
        """
        when = torch.arange(actions.shape[2], device=actions.device)
        places = torch.where(behind, 2 * actions.shape[2] - when, when)
        return actions.gather(2, places.argsort(dim=-1))

    def mask(self, instance: Instance, state: State) -> Tensor:
        """``[B, S, *M, A]`` bool: what is allowed, where that is all that is asked of a state."""
        return self.observe(instance, state).mask

    def windows(
        self, instance: Instance, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        """Random disjoint parts of the solutions `actions` ``[B, T]``, about `length` steps each.

        What a part gains by other actions the whole gains, so a search can improve a large solution
        everywhere at once. None: the problem has no such parts, or not of this length.
        """
        return None

    def rejoin(
        self, instance: Instance, actions: Tensor, windows: Windows, found: Tensor
    ) -> Tensor:
        """`actions` ``[B, T]`` with those of the parts replaced by `found` ``[W, T']``."""
        raise NotImplementedError(f"{type(self).__name__} has no windows")

    def agreeing(self, instance: Instance, actions: Tensor, states: State) -> Tensor | None:
        """Which actions ``[B, S, P, A]`` may come next if the solution is to be that of `actions`.

        `states` ``[B, S, P, ...]`` are some on the way of `actions` ``[B, S, T]``. Where several
        are right, a policy that learns need not learn in which order they were written down. None:
        only what `actions` do next is right.
        """
        return None

    def demonstrations(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """`equivalent` actions in the order that a step-by-step policy learns best."""
        return self.equivalent(instance, actions, generator)

    def symmetries(self, instance: Instance) -> list[Instance]:
        """Images of `instance` with the same optimal actions, itself first (8 in the plane)."""
        return [instance]

    def relatives(self, instance: Instance, actions: Tensor) -> list[tuple[Instance, Tensor]]:
        """Other instances whose solutions ``[B, T]``, as good, follow from `actions` ``[B, T]``.

        Such as a shop that runs backwards in time. They double a labelled set at no solver's cost.
        """
        return []

    def remaining(self, instance: Instance, state: State) -> list[Case]:
        """What is left to do in each of `state` ``[B, 1]``, as exact cases for classical solvers.

        What has been done is left out, but for what ties the rest to it. The best solution of a
        case is the best way to go on (`resumed`).
        """
        raise NotImplementedError(f"{type(self).__name__} has no cases of what remains")

    def resumed(self, instance: Instance, state: State, solutions: Sequence[Any]) -> Tensor:
        """Actions ``[B, T - t]`` to go on with from `state` ``[B, 1]``, the t steps before done.

        As `solutions` of the cases of `remaining` say, in positions from 0; short ones end in
        no-ops.
        """
        raise NotImplementedError(f"{type(self).__name__} has no cases of what remains")

    def load(self, cases: Sequence[Case]) -> Instance:
        """One batch, padded to the largest, of exact cases."""
        raise NotImplementedError(f"{type(self).__name__} reads no files")

    def cases(self, instance: Instance) -> list[Case]:
        """The exact case of every instance of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no exact cases")

    def known(self, instance: Instance, steps: int) -> Instance:
        """`instance` as it is known when `steps` steps are made: what is revealed later is blank.

        For planners that re-plan on the way, and for the contract's proof that `observe` does not
        look ahead. Only online problems have a future to hide.
        """
        return instance

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        """`count` instances of one online case, each with a future of its own drawn at random."""
        raise NotImplementedError(f"{type(self).__name__} has no random futures")

    def hindsight(self, instance: Instance, state: State) -> Tensor:
        """Cost-to-go ``[B, S, A]`` of each action for a planner who knows the future; masked: inf.

        What the action costs at once, and from there on the least possible on the instance's own
        trace. Of no use for deciding, as nobody knows the trace; it is what to learn from.
        """
        raise NotImplementedError(f"{type(self).__name__} has no hindsight planner")

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """Named figures ``[B, S]`` beside the cost, such as the share of demand that was served."""
        return {}

    def rule(self, case: Case, solution: Any) -> "Policy":
        """The policy that an online case's `solution` stands for (the rule of a classical solver).

        Built, and on the CPU.
        """
        raise NotImplementedError(f"{type(self).__name__} has no classical rules")

    def fits(self, case: Case) -> bool:
        """Whether what was trained on this problem is meant for `case`."""
        return True

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """The first `count` cases of the literature's test set with that size and seed."""
        raise NotImplementedError(f"{type(self).__name__} has no published test sets")

    def sized(self, size: int) -> "Problem[Instance, State]":
        """The same problem, generating instances of one size."""
        arguments = {**arguments_of(self), "size": size}
        return type(self)(**arguments)

"""What only some problems can do, one small Protocol each.

A problem has a capability by having its methods. Code asks ``isinstance(problem, HasStarts)``; what
is done where the answer is no stands in `nco.core.defaults`. A class that names a capability among
its bases is checked by mypy, and Python refuses to construct it while a method is missing.

`nco.testing.check_problem` asks a capability's checks where the capability is there, and says so
where only some of its methods are. A capability holds for a whole class; where a method may return
None, the docstring says so, and None then means "not for these instances".
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from nco.core.case import Case

if TYPE_CHECKING:
    pass

# --------------------------------------------------------------------------------------------------
# Of states


@runtime_checkable
class HasCostSoFar(Protocol):
    """A state that knows what `Problem.cost` says of the actions that led to it.

    Asked for by the rollout and by beam search: it spares them a second walk along the actions.
    """

    @property
    def cost_so_far(self) -> Tensor:
        """``[B, S]``, in the units of `Problem.cost`."""
        ...


# --------------------------------------------------------------------------------------------------
# First actions


@runtime_checkable
class HasStarts(Protocol):
    """Rollouts of one instance can begin with different first actions (POMO, Kwon et al. 2020).

    Asked for by searches and by training, through `nco.core.defaults.starts_of`.
    """

    @abstractmethod
    def start_count(self, instance: Any) -> int:
        """How many different starts the largest instance of the batch has; 0: none of them has."""
        ...

    @abstractmethod
    def starts(self, instance: Any, rollouts: int) -> Tensor:
        """First actions ``[B, S, 1, *M]`` that differ between rollouts, wrapping where too few."""
        ...


@runtime_checkable
class HasFixedFirstAction(Protocol):
    """One first action is as good as any other: a closed tour may begin at any node.

    Asked for by beam search, re-construction and BQ, which begin after that action.
    """

    @abstractmethod
    def fixed_first_action(self, instance: Any, rollouts: int) -> Tensor:
        """``[B, S, 1, *M]``, the same for all rollouts of an instance."""
        ...


# --------------------------------------------------------------------------------------------------
# Equal solutions and equal instances


@runtime_checkable
class HasEquivalents(Protocol):
    """A solution can be played by several sequences of actions: rotations, reversals, orders.

    Asked for by imitation and by re-construction.
    """

    @abstractmethod
    def equivalent(self, instance: Any, actions: Tensor, generator: Generator) -> Tensor:
        """Random actions ``[B, S, T, *M]`` of the same solutions as `actions`."""
        ...


@runtime_checkable
class HasDemonstrations(Protocol):
    """Some of the equivalent sequences are easier to learn than others.

    Asked for by BQ. Problems without it are shown any equivalent sequence.
    """

    @abstractmethod
    def demonstrations(self, instance: Any, actions: Tensor, generator: Generator) -> Tensor:
        """Equivalent actions ``[B, S, T]`` in the order that a step-by-step policy learns best."""
        ...


@runtime_checkable
class HasConsistentActions(Protocol):
    """In a state, several actions may lead to the same solution.

    Asked for by imitation: a policy then need not learn in which order they were written down.
    Problems without it have one right action in each state, the next one.
    """

    @abstractmethod
    def consistent_actions(self, instance: Any, actions: Tensor, states: Any) -> Tensor:
        """Which actions ``[B, S, P, A]`` bool may come next on the way to the same solution.

        `states` ``[B, S, P, ...]`` are some on the way of `actions` ``[B, S, T]``.
        """
        ...


@runtime_checkable
class HasSymmetries(Protocol):
    """An instance has images with the same optimal actions: eight in the plane.

    Asked for by multistart search and by training on labels.
    """

    @abstractmethod
    def symmetries(self, instance: Any) -> list[Any]:
        """Images of `instance`, itself first; each allows the same actions at the same cost."""
        ...


@runtime_checkable
class HasRelatives(Protocol):
    """From a solution follow solutions of other instances, such as a shop that runs backwards.

    Asked for by the data module of labelled sets: more labels at no solver's cost.
    """

    @abstractmethod
    def relatives(self, instance: Any, actions: Tensor) -> list[tuple[Any, Tensor]]:
        """Other instances, each with solutions ``[B, T]`` as good as `actions` ``[B, T]``."""
        ...


# --------------------------------------------------------------------------------------------------
# States


@runtime_checkable
class Reversible(Protocol):
    """What remains can be walked from either of its two ends.

    Asked for by `nco.search.bidirectional`. Actions in a reversed state come last in the solution,
    the latest of them first.
    """

    @abstractmethod
    def reversed_state(self, instance: Any, state: Any) -> Any:
        """`state` seen from the far end of what remains; reversed twice it is itself."""
        ...

    def joined(self, instance: Any, actions: Tensor, behind: Tensor) -> Tensor:
        """`actions` ``[B, S, t]`` in an order in which they can be played from the beginning.

        `behind` ``[B, S, t]`` bool marks those that were taken in reversed states. By default they
        come after all others, in reverse order.
        """
        when = torch.arange(actions.shape[2], device=actions.device)
        places = torch.where(behind, 2 * actions.shape[2] - when, when)
        return actions.gather(2, places.argsort(dim=-1))


@runtime_checkable
class Replayable(Protocol):
    """States along given actions have a closed form.

    Asked for by `nco.core.defaults.replay`, which steps through the episode otherwise.
    """

    @abstractmethod
    def replay(self, instance: Any, actions: Tensor, steps: Tensor | None = None) -> Any:
        """The states ``[B, S, P, ...]`` before the given `steps` ``[B, S, P]`` of `actions`.

        Without `steps`, before each of the T steps.
        """
        ...


@runtime_checkable
class HasMask(Protocol):
    """What is allowed can be had for less than all that `Problem.observe` computes.

    Asked for by searches that need no more of a state.
    """

    @abstractmethod
    def mask(self, instance: Any, state: Any) -> Tensor:
        """``[B, S, *M, A]`` bool, equal to ``observe(instance, state).mask``."""
        ...


@runtime_checkable
class Paddable(Protocol):
    """Instances can be widened by nodes that do not exist.

    Asked for by training that wants tensors of one shape.
    """

    @abstractmethod
    def padded(self, instance: Any, nodes: int) -> Any:
        """The same instances with `nodes` nodes, of which those that were there exist."""
        ...


# --------------------------------------------------------------------------------------------------
# Parts of solutions


@dataclass(frozen=True, eq=False)
class Windows:
    """Disjoint parts of solutions as small instances of their own.

    Attributes:
        instance: W small instances ``[W, ...]``.
        actions: ``[W, T']`` long: what the solutions do there.
        given: the first of these actions that are not to be decided anew.
        places: where the parts lie, in a form of the problem's own.
    """

    instance: Any
    actions: Tensor
    given: int
    places: Any


@runtime_checkable
class HasWindows(Protocol):
    """Solutions can be cut into parts that are instances of the same problem.

    What a part gains by other actions the whole gains, so re-construction can improve a large
    solution everywhere at once.
    """

    @abstractmethod
    def windows(
        self, instance: Any, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        """Random disjoint parts of the solutions `actions` ``[B, T]``, about `length` steps each.

        None: these solutions have no parts of that length.
        """
        ...

    @abstractmethod
    def rejoin(self, instance: Any, actions: Tensor, windows: Windows, parts: Tensor) -> Tensor:
        """`actions` ``[B, T]`` with `parts` ``[W, T']`` in place of the actions of the windows."""
        ...


@runtime_checkable
class HasRemaining(Protocol):
    """What remains to be done in a state can be stated as a case for classical solvers.

    Asked for by labels after a policy's own steps (`nco.labels.dagger`).
    """

    @abstractmethod
    def remaining(self, instance: Any, state: Any) -> list[Case]:
        """What is left to do in each of `state` ``[B, 1]``.

        What has been done is left out, but for what ties the rest to it. The best solution of a
        case is the best way to go on (`resumed`).
        """
        ...

    @abstractmethod
    def resumed(self, instance: Any, state: Any, solutions: Sequence[Any]) -> Tensor:
        """Actions ``[B, T - t]`` to go on with from `state` ``[B, 1]``, the t steps before done.

        As `solutions` of the cases of `remaining` say, in positions from 0; short ones end in
        no-ops.

        Raises:
            NCOError: where a solution contradicts what has been done.
        """
        ...


# --------------------------------------------------------------------------------------------------
# Cases


@runtime_checkable
class HasCases(Protocol):
    """Instances can be loaded from exact cases and stated as such.

    Asked for by `nco.solve`, labels and benchmarks: by all that reads files, checks, or runs
    classical solvers.
    """

    @abstractmethod
    def load(self, cases: Sequence[Case]) -> Any:
        """One batch, padded to the largest, of exact cases."""
        ...

    @abstractmethod
    def cases(self, instance: Any) -> list[Case]:
        """The exact case of every instance of a batch."""
        ...


@runtime_checkable
class Selective(Protocol):
    """What was trained on the problem is meant for some of its folder's cases only.

    Asked for when a shipped model is chosen. Problems without it are meant for all cases.
    """

    @abstractmethod
    def fits(self, case: Case) -> bool:
        """Whether what was trained on this problem is meant for `case`."""
        ...


@runtime_checkable
class HasPublished(Protocol):
    """The literature has test sets of the problem that a seed makes again.

    Asked for by benchmarks.
    """

    @abstractmethod
    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """The first `count` cases of the literature's test set with that size and seed."""
        ...


# --------------------------------------------------------------------------------------------------
# Chance


@runtime_checkable
class Online(Protocol):
    """The instance holds a future that `Problem.observe` reveals step by step.

    **Chance is part of the instance.** Where demand or arrivals come from outside, `generate` and
    `traces` draw the whole trace. The S rollouts of an instance share it, and a plan that knows the
    trace is a hindsight optimum, not an answer: `nco.solve` evaluates a policy by simulation
    (`nco.solving.simulate`).
    """

    @abstractmethod
    def traces(self, case: Case, count: int, generator: Generator) -> Any:
        """`count` instances of one case, each with a future of its own drawn at random."""
        ...

    @abstractmethod
    def mask_future(self, instance: Any, steps: int) -> Any:
        """`instance` as it is known when `steps` steps are made: what is revealed later is blank.

        For planners that re-plan on the way, and for the contract's proof that `observe` does not
        look ahead.
        """
        ...

    def measures(self, instance: Any, actions: Tensor) -> dict[str, Tensor]:
        """Named figures ``[B, S]`` beside the cost, such as the share of demand that was served.

        By default none.
        """
        return {}


@runtime_checkable
class HasHindsight(Protocol):
    """The best way on can be computed for one who knows the future.

    Asked for by training in hindsight. Of no use for deciding, as nobody knows the trace.
    """

    @abstractmethod
    def hindsight(self, instance: Any, state: Any) -> Tensor:
        """Cost-to-go ``[B, S, A]`` of each action on the instance's own trace; masked: infinite.

        What the action costs at once, and from there on the least possible.
        """
        ...


CAPABILITIES: tuple[type, ...] = (
    HasStarts,
    HasFixedFirstAction,
    HasEquivalents,
    HasDemonstrations,
    HasConsistentActions,
    HasSymmetries,
    HasRelatives,
    Reversible,
    Replayable,
    HasMask,
    Paddable,
    HasWindows,
    HasRemaining,
    HasCases,
    Selective,
    HasPublished,
    Online,
    HasHindsight,
)
"""All capabilities of problems."""


def methods(capability: type) -> tuple[str, ...]:
    """The names of the methods that make up a capability."""
    return tuple(name for name in vars(capability) if not name.startswith("_"))

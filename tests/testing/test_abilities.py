"""A problem hears which of its capabilities are half there or do not hold."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from nco.core.capabilities import Windows
from nco.core.problem import Observation
from nco.problems._shop.instances import upcoming
from nco.problems.cvrp import CVRPVia
from nco.problems.exo import Revenue
from nco.problems.jssp import JSSP
from nco.problems.tsp import TSP
from nco.problems.tsp.problem import Instance, State, Tours
from nco.testing import SIZE, check_problem
from nco.testing.abilities import RENAMED


class StartsOnly(JSSP):
    """Says how rollouts begin, but not in how many ways."""

    def starts(self, instance: Any, rollouts: int) -> Tensor:
        return torch.zeros(len(instance), rollouts, 1, dtype=torch.long)


class ShortSignature(TSP):
    """Its starts do not know for how many rollouts."""

    def starts(self, instance: Instance) -> Tensor:  # type: ignore[override]
        return torch.zeros(len(instance), 1, 1, dtype=torch.long)


class Agreeing(JSSP):
    """Still has a method of version 0.1."""

    def agreeing(self, instance: Any, actions: Tensor, states: Any) -> None:
        return None


class OtherFirst(TSP):
    """Begins each rollout at another node, which is not fixed."""

    def fixed_first_action(self, instance: Instance, rollouts: int) -> Tensor:
        return self.starts(instance, rollouts)


class ForbiddenFirst(TSP):
    """Begins at a node that padding may be."""

    def fixed_first_action(self, instance: Instance, rollouts: int) -> Tensor:
        last = torch.full((len(instance), rollouts, 1), instance.coords.shape[1] - 1)
        return last if instance.exists is not None else last * 0


class WideMask(JSSP):
    """Its cheap mask forgets that a row is over."""

    def mask(self, instance: Any, state: Any) -> Tensor:
        return self._spread(instance, state, upcoming(instance, state).allowed)


class EverythingIsConsistent(JSSP):
    """Calls right whatever comes to its mind."""

    def consistent_actions(self, instance: Any, actions: Tensor, states: Any) -> Tensor:
        return torch.ones_like(super().consistent_actions(instance, actions, states))


class NothingIsNext(JSSP):
    """Leaves out what the solution itself does next, where there is something else."""

    def consistent_actions(self, instance: Any, actions: Tensor, states: Any) -> Tensor:
        right = super().consistent_actions(instance, actions, states)
        other = right.scatter(-1, actions[..., None], False)
        return torch.where(other.any(-1, keepdim=True), other, right)


class WorseRelatives(JSSP):
    """Its relatives take longer."""

    def relatives(self, instance: Any, actions: Tensor) -> list[tuple[Any, Tensor]]:
        return [
            (replace(other, duration=2 * other.duration), rest)
            for other, rest in super().relatives(instance, actions)
        ]


class LosesWindows(TSP):
    """Puts back the first part of each tour only, where nothing else belongs."""

    def rejoin(
        self, instance: Instance, actions: Tensor, windows: Windows, parts: Tensor
    ) -> Tensor:
        return super().rejoin(instance, actions, windows, parts).roll(1, 1).sort(1).values


class OtherDemonstrations(CVRPVia):
    """Shows routes that are not the label's."""

    def demonstrations(self, instance: Any, actions: Tensor, generator: Generator) -> Tensor:
        shown = super().demonstrations(instance, actions, generator)
        count = instance.demand.shape[1]
        return torch.where(shown > 0, shown % count + count * (shown % 2), shown)


class Pessimist(Revenue):
    """Knows the future, and expects less of it."""

    def hindsight(self, instance: Any, state: Any) -> Tensor:
        return super().hindsight(instance, state) + 0.5


class Unmasked(Revenue):
    """Prices what is forbidden, too."""

    def hindsight(self, instance: Any, state: Any) -> Tensor:
        return super().hindsight(instance, state).nan_to_num(posinf=1e9)


BROKEN = {
    StartsOnly: "has `starts` but not `start_count`: HasStarts needs all of its methods",
    ShortSignature: r"`starts` must take \(instance, rollouts\), as HasStarts says",
    Agreeing: "`agreeing` is called `consistent_actions` now",
    OtherFirst: "fixed_first_action gives instance 0, rollout 1 another than the first rollout",
    ForbiddenFirst: "padded batch: fixed_first_action gives .* what the mask forbids",
    WideMask: "mask differs from the mask of observe at step",
    EverythingIsConsistent: "consistent_actions gives instance 0, rollout 0 what the mask forbids",
    NothingIsNext: "consistent_actions leaves out the next action of instance",
    WorseRelatives: "the solution of relative 0 costs more than that of instance 0",
    LosesWindows: "what rejoin gave (costs something else|takes action)",
    OtherDemonstrations: "what demonstrations gave (costs something else|takes action)",
    Pessimist: "the episode of instance ., rollout . costs less than hindsight says is possible",
    Unmasked: "hindsight is not infinite where the mask forbids, in instance 0, rollout 0",
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "sentence"),
    [pytest.param(problem, text, id=problem.__name__) for problem, text in BROKEN.items()],
)
def test_a_broken_capability_hears_where(problem: type, sentence: str) -> None:
    """Each defect is found, and the sentence names the method at fault."""
    size = 3 if issubclass(problem, JSSP) else SIZE  # a shop has as many jobs as machines
    with pytest.raises(AssertionError, match=f"^{problem.__name__}.*{sentence}"):
        check_problem(problem, size=size)


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_old_names_hear_the_new_ones(old: str) -> None:
    """Every method that a problem of version 0.1 may still have."""
    problem = type("Old", (TSP,), {old: lambda self: None})
    with pytest.raises(AssertionError, match=f"Old: `{old}` is "):
        check_problem(problem)


def test_what_a_problem_lacks_is_not_asked() -> None:
    """A tour that cannot be reversed is a whole problem."""

    class Forward(Tours):
        schema = TSP.schema
        generate = TSP.generate
        features = TSP.features

        def __init__(self, size: int = 5) -> None:
            self.size, self.points = size, TSP().points

        def observe(self, instance: Instance, state: State) -> Observation:
            return super().observe(instance, state)

    ran = set(check_problem(Forward))
    assert ran >= {"capabilities_are_whole", "starts_are_allowed", "replay_equals_stepping"}
    assert not ran & {
        "reversed_states_lead_to_solutions",
        "symmetries_keep_the_cost",
        "load_inverts_cases",
        "checker_agrees",
    }

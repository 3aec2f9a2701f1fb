"""A problem whose cost is the sum of what its steps cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.problem import AdditiveProblem, Features, Observation, Problem
from nco.core.rollout import forced, rollout
from nco.core.schema import Amounts, Schema, columns
from nco.core.seeds import generator
from nco.problems.tsp import TSP
from nco.testing import check_problem
from nco.testing.play import Probe


@dataclass(frozen=True, eq=False)
class Prices(Batch):
    price: Tensor  # [B, T] double, of a unit in each period


@dataclass(frozen=True, eq=False)
class Bought(Batch):
    period: Tensor  # [B, S] long
    step_cost: Tensor  # [B, S] double, of the last period


class Buying(AdditiveProblem[Prices, Bought]):
    """Buy any amount in each of three periods; its square is lost as well."""

    schema: ClassVar[Schema] = Schema(
        nodes=columns("node"), context=columns("context"), amounts=(Amounts.ONE,)
    )
    continuous: ClassVar[bool] = True

    def generate(self, batch: int, generator: Generator) -> Prices:
        return Prices(torch.rand(batch, 3, generator=generator).double())

    def features(self, instance: Prices) -> Features:
        return Features(instance.price[..., None].float())

    def reset(self, instance: Prices, rollouts: int) -> Bought:
        zero = torch.zeros(len(instance), rollouts, dtype=torch.long)
        return Bought(zero, zero.double())

    def observe(self, instance: Prices, state: Bought) -> Observation:
        mask = torch.ones(*state.period.shape, 1, dtype=torch.bool)
        context = state.period[..., None].float()
        return Observation(mask, state.period[..., None][..., :0], context)

    def step(self, instance: Prices, state: Bought, action: Tensor) -> Bought:
        over = self.done(instance, state)
        price = instance.price.gather(1, state.period.clamp_max(2))
        amount = action[..., 0].clamp_min(0)
        cost = (price * amount + amount.square()).masked_fill(over, 0.0)
        return Bought(torch.where(over, state.period, state.period + 1), cost)

    def done(self, instance: Prices, state: Bought) -> Tensor:
        return state.period >= 3

    def step_cost(self, instance: Prices, state: Bought) -> Tensor:
        return state.step_cost

    def horizon(self, instance: Prices) -> tuple[int, int]:
        return 3, 3

    def solution(self, instance: Prices, actions: Tensor) -> list[Any]:
        return actions[..., 0].tolist()

    def actions(self, instance: Prices, solutions: Sequence[Any]) -> Tensor:
        return torch.tensor(solutions)[..., None]


@pytest.mark.long
def test_it_keeps_the_contract() -> None:
    """The check of step costs is asked of it, and of no other problem."""
    assert "step_costs_sum_to_cost" in check_problem(Buying)
    assert "step_costs_sum_to_cost" not in check_problem(TSP)


def test_its_cost_is_the_sum_of_its_step_costs() -> None:
    """By hand, in the precision of the step costs; the rollout hands each of them over."""
    problem = Buying()
    instance = Prices(torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.double))
    actions = torch.tensor([[[1.0], [0.0], [2.0]], [[0.0], [3.0], [0.0]]])[None]
    cost = problem.cost(instance, actions)
    assert cost.dtype == torch.double
    assert cost.tolist() == [[2.0 + 0.0 + 10.0, 15.0]]
    probe = Probe(continuous=True).build(problem.schema)
    played = rollout(problem, probe, instance, 2, forced(actions))
    assert played.step_costs is not None
    assert played.step_costs.tolist() == [[[2.0, 0.0, 10.0], [0.0, 15.0, 0.0]]]
    assert torch.equal(played.cost, cost)


def test_its_cost_has_a_gradient() -> None:
    """price + 2 amount, of the cost and of the rollout's sum alike."""
    problem = Buying()
    instance = Prices(torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.double))
    probe = Probe(continuous=True).build(problem.schema)
    wanted = [[[[3.0], [4.0], [5.0]]]]
    for price in (
        problem.cost,
        lambda instance, actions: rollout(problem, probe, instance, 1, forced(actions)).cost,
    ):
        actions = torch.ones(1, 1, 3, 1, requires_grad=True)
        (gradient,) = torch.autograd.grad(price(instance, actions).sum(), actions)
        assert gradient.tolist() == wanted


def test_a_problem_needs_all_that_every_problem_has() -> None:
    """A cost is part of it: there is no way without."""
    unpriced = type("Unpriced", (Problem,), {"step": TSP.step})
    with pytest.raises(TypeError, match=r"abstract methods .*cost.*"):
        unpriced()
    with pytest.raises(TypeError, match="step_cost"):
        type("Unpriced", (Buying,), {"step_cost": AdditiveProblem.step_cost})()


def test_other_rollouts_have_no_step_costs() -> None:
    """Where only whole solutions have a price."""
    problem = TSP(4)
    instance = problem.generate(1, generator(1))
    probe = Probe().build(problem.schema)
    actions = torch.arange(4).expand(1, 1, 4)
    assert rollout(problem, probe, instance, 1, forced(actions)).step_costs is None

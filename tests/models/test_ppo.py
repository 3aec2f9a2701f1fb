"""PPO: it learns, it leaves its behaviour policy alone, and a resumed run repeats itself."""

from typing import Any

import pytest
import torch

from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import VanillaFlow
from nco.models.ppo import PPO
from nco.problems.inventory import Inventory
from nco.problems.knapsack import Knapsack
from nco.testing.play import Probe
from nco.training.advantages import LeaveOneOut

NETWORKS = ["example:inventory/lost_poisson_L1_p4.yaml"]


class Stepping(PPO):
    """The global step of a trainer that is not there."""

    at = 0

    @property
    def global_step(self) -> int:  # type: ignore[override]
        return self.at

    def log(self, *arguments: Any, **options: Any) -> None:
        pass


def method(**changes: Any) -> Stepping:
    problem = Inventory(networks=NETWORKS, periods=8)
    return Stepping(problem, VanillaFlow(hidden=[8], noise=0.2), epochs=2, **changes)


def steps(trained: Stepping, count: int) -> None:
    optimizer = torch.optim.Adam(trained.policy.parameters(), lr=0.02)
    for _ in range(count):
        batch = trained.problem.generate(32, generator("batch", trained.at // 2))
        optimizer.zero_grad()
        trained.loss(batch, generator(0)).backward()
        optimizer.step()
        trained.at += 1


def cost(trained: Stepping) -> float:
    instance = trained.problem.generate(400, generator("test"))
    with torch.no_grad():
        return rollout(trained.problem, trained.policy, instance, 1, greedy).cost.mean().item()


def test_it_learns() -> None:
    """Costs of fresh traces fall by more than a tenth from a start that orders too little."""
    trained = method()
    with torch.no_grad():
        trained.policy.body[-1].bias.fill_(-0.8)
    before = cost(trained)
    steps(trained, 60)
    assert cost(trained) < 0.9 * before


def test_the_first_step_is_that_of_the_policy_gradient() -> None:
    """All ratios are one, so nothing is clipped and the surrogate's mean is the advantages'."""
    trained = method()
    batch = trained.problem.generate(4, generator(1))
    loss = trained.loss(batch, generator(0))
    kept = trained._kept
    assert kept is not None
    assert loss.item() == pytest.approx(kept.advantage.mean().item(), abs=1e-5)
    assert kept.advantage.sum(1).abs().max().item() < 1e-3  # others' mean is the baseline


def test_rollouts_are_kept_for_some_steps_and_the_behaviour_with_them() -> None:
    trained = method()
    steps(trained, 1)
    first = trained._kept
    old = {name: value.clone() for name, value in trained.behaviour.state_dict().items()}
    steps(trained, 1)
    assert trained._kept is first
    new = trained.behaviour.state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)
    steps(trained, 1)
    assert trained._kept is not first


def test_a_problem_without_charges_has_one_advantage_for_the_episode() -> None:
    trained = Stepping(Knapsack(5), Probe(), rollouts=3)
    loss = trained.loss(trained.problem.generate(4, generator(0)), generator(0))
    assert trained._kept is not None
    advantage = trained._kept.advantage
    assert torch.equal(advantage, advantage[..., :1].expand_as(advantage))
    assert loss.isfinite()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"rollouts": 1}, "ToGo needs at least 2 rollouts of each instance, not 1"),
        ({"clip": 0.0}, "clip between 0 and 1, not 2 and 0.0"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], reason: str) -> None:
    """At construction, in one line."""
    with pytest.raises(ValueError, match=reason):
        method(**wrong)


def test_another_advantage_takes_the_place_of_costs_to_go() -> None:
    """One number for each rollout serves all of its steps."""
    trained = Stepping(Knapsack(5), Probe(), rollouts=3, advantage=LeaveOneOut())
    loss = trained.loss(trained.problem.generate(4, generator(0)), generator(0))
    assert trained._kept is not None
    assert trained._kept.advantage.shape == (4, 3, 1)
    assert loss.isfinite()

"""PPO: it learns, it keeps its rollouts, and a resumed run equals one that went through."""

from pathlib import Path
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
from nco.training.command import main

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
    (kept,) = trained.groups()
    assert kept.advantage is not None
    assert loss.item() == pytest.approx(kept.advantage.mean().item(), abs=1e-5)
    assert kept.advantage.sum(1).abs().max().item() < 1e-3  # others' mean is the baseline


def test_rollouts_are_kept_for_some_steps() -> None:
    """And collected anew by the policy as it is then."""
    trained = method()
    steps(trained, 1)
    (first,) = trained.groups()
    steps(trained, 1)
    assert trained.groups()[0] is first
    steps(trained, 1)
    assert trained.groups()[0] is not first


CONFIG = """
model:
  class_path: nco.models.ppo.PPO
  init_args:
    problem: {{class_path: nco.problems.{problem}}}
    policy:
      class_path: nco.models.nets.{policy}
    training: {{lr: 1.0e-2, warmup: 1}}
    advantage: {{class_path: nco.training.advantages.Exponential}}
    rollouts: 3
    epochs: 4
data: {{class_path: nco.training.data.Fresh, init_args: {{batch_size: 4}}}}
trainer: {{accelerator: cpu, enable_progress_bar: false, logger: false, limit_val_batches: 0}}
"""
PARTS = [
    (
        "inventory.Inventory, init_args: {periods: 6, networks: ["
        "example:inventory/lost_poisson_L1_p4.yaml]}",
        "VanillaFlow\n      init_args: {hidden: [8], noise: 0.2, ignore: [links]}",
    ),
    (
        "hcvrp.HCVRP, init_args: {size: [4, 6], vehicles: 2}",
        "PARCOPolicy\n      init_args:\n        hidden: 8\n        heads: 2\n        encoder: "
        "{class_path: nco.models.nets.TransformerEncoder, init_args: {width: 8, heads: 2, "
        "layers: 1, hidden: 8}}",
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(("problem", "policy"), PARTS, ids=["inventory", "hcvrp"])
def test_a_run_resumes_between_two_collections(
    problem: str, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit as one that went through, with an advantage that remembers what it has seen."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG.format(problem=problem, policy=policy))

    def fit(folder: str, steps: int, *words: str) -> dict[str, Any]:
        command = ["fit", "--config", "config.yaml", "--checkpoint.folder", folder]
        main([*command, "--trainer.max_steps", str(steps), *words])
        found: dict[str, Any] = torch.load(Path(folder) / "last.ckpt", weights_only=True)
        return found

    whole = fit("whole", 7)
    part = fit("part", 6)
    again = fit("again", 7, "--ckpt_path", "part/last.ckpt")
    assert torch.equal(part["rollouts"][0]["logp"], whole["rollouts"][0]["logp"])
    assert set(whole["state_dict"]) == set(again["state_dict"])
    for key, value in whole["state_dict"].items():
        assert torch.equal(again["state_dict"][key], value), key


def test_a_problem_without_step_costs_has_one_advantage_for_the_episode() -> None:
    """Every step has that of the whole."""
    trained = Stepping(Knapsack(5), Probe(), rollouts=3)
    loss = trained.loss(trained.problem.generate(4, generator(0)), generator(0))
    advantage = trained.groups()[0].advantage
    assert advantage is not None
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
    advantage = trained.groups()[0].advantage
    assert advantage is not None
    assert advantage.shape == (4, 3, 1)
    assert loss.isfinite()

"""REINFORCE: the loss by hand, its rollouts, and that it teaches."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.describe import construct, describe
from nco.core.problem import Problem
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.reinforce import Reinforce
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.training.advantages import (
    Advantage,
    Exponential,
    GreedyRollout,
    Group,
    LeaveOneOut,
    MeanOverStarts,
    Winner,
)
from nco.training.command import main
from nco.training.method import Training

PROBLEMS = [TSP(5), CVRP(5), CVRPVia(5), Knapsack(6)]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p).__name__)


def make(problem: Problem[Any, Any], distance: bool = True, **options: Any) -> Reinforce:
    """A small method that logs into a dictionary of its own."""
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    method = Reinforce(problem, AttentionPolicy(encoder, heads=2, distance=distance), **options)
    method.logged = {}
    method.log = lambda name, value, **_: method.logged.update({name: float(value)})
    return method


@each_problem
@pytest.mark.parametrize("rescore", [False, True])
def test_the_loss_by_hand(problem: Problem[Any, Any], rescore: bool) -> None:
    """The mean of (cost - mean over starts) log p, and its gradient, stepwise and in one pass."""
    instance = problem.generate(3, generator("loss"))
    method = make(problem, rescore=rescore)
    starts = problem.starts(instance, problem.start_count(instance))
    select = sample(generator("rollout"))
    played = rollout(problem, method.policy, instance, starts.shape[1], select, prefix=starts)
    assert played.logp is not None
    advantage = played.cost - played.cost.mean(1, keepdim=True)
    wanted = (advantage * played.logp.sum(2)).mean()
    found = method.loss(instance, generator("rollout"))
    torch.testing.assert_close(found, wanted.float(), rtol=1e-4, atol=1e-5)
    parameters = [p for p in method.policy.parameters() if p.numel()]
    first = torch.autograd.grad(found, parameters, allow_unused=True)
    second = torch.autograd.grad(wanted, parameters, allow_unused=True)
    for one, other in zip(first, second, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert method.logged["train/cost"] == pytest.approx(float(played.cost.mean()))
    deviation = float(advantage.std(correction=0))
    assert method.logged["train/advantage_std"] == pytest.approx(deviation, rel=1e-4)
    entropy = -float(played.logp.detach().mean())
    assert method.logged["train/entropy"] == pytest.approx(entropy, rel=1e-4)


@pytest.mark.parametrize("rollouts", [None, 3, 8])
@pytest.mark.parametrize("use_starts", [True, False])
def test_rollouts_begin_where_they_should(rollouts: int | None, use_starts: bool) -> None:
    """All starts by default; otherwise the first ones, wrapping; or none at all."""
    seen: list[Group] = []

    class Watched(Advantage):
        def forward(self, group: Group) -> Tensor:
            seen.append(group)
            return group.cost[..., None]

    method = make(TSP(5), rollouts=rollouts, use_starts=use_starts, advantage=Watched())
    assert torch.isfinite(method.loss(TSP(5).generate(2, generator("x")), generator("y")))
    (group,) = seen
    if use_starts:
        assert group.prefix is not None
        wanted = [start % 5 for start in range(rollouts or 5)]
        assert group.prefix[:, :, 0].tolist() == [wanted, wanted]
        assert group.starts == min(rollouts or 5, 5)
    else:
        assert group.prefix is None
        assert (group.starts, group.cost.shape) == (1, (2, rollouts or 1))


def test_a_problem_of_one_action_has_no_gradient() -> None:
    """With every action given there is nothing to learn, and nothing fails."""
    method = make(TSP(1), advantage=Exponential())
    for rescore in (False, True):
        method.source.rescore = rescore
        assert method.loss(TSP(1).generate(2, generator("one")), generator("step")) == 0


@pytest.mark.parametrize("kind", [MeanOverStarts, LeaveOneOut])
def test_too_few_rollouts_are_refused(kind: type[Advantage]) -> None:
    """At construction where they are given, else when the first instances are seen."""
    reason = f"{kind.__name__} needs at least 2 rollouts of each instance, not 1"
    with pytest.raises(ValueError, match=reason):
        make(TSP(5), advantage=kind(), rollouts=1)
    method = make(TSP(5), advantage=kind(), use_starts=False)
    with pytest.raises(ValueError, match=reason):
        method.loss(TSP(5).generate(2, generator("few")), generator("step"))


def test_sets_are_compared_from_each_start() -> None:
    """Ten rollouts from five starts are pairs, of which at most one has an advantage."""
    method = make(TSP(5), advantage=Winner(), rollouts=10)
    assert torch.isfinite(method.loss(TSP(5).generate(2, generator("x")), generator("y")))
    method = make(TSP(5), advantage=Winner(), rollouts=8)
    with pytest.raises(ValueError, match="8 rollouts are no multiple of 5 starts"):
        method.loss(TSP(5).generate(2, generator("x")), generator("y"))


@pytest.mark.parametrize("advantage", [MeanOverStarts(), GreedyRollout(100, 64, 32)])
def test_a_method_is_plain_data(advantage: Advantage) -> None:
    """A checkpoint holds everything that makes it again."""
    training = Training(lr=0.1, optimizer="muon", seed=3)
    method = make(TSP(5), advantage=advantage, rollouts=4, training=training)
    assert describe(construct(describe(method))) == describe(method)
    assert construct(describe(method)).settings == training


@pytest.mark.long
@pytest.mark.parametrize("rescore", [False, True])
@pytest.mark.parametrize("frozen_copy", [False, True])
def test_sixty_steps_shorten_tours(frozen_copy: bool, rescore: bool) -> None:
    """Untrained tours of five points are some 12 % too long; a part of that goes."""
    problem = TSP(5)
    advantage = GreedyRollout(interval=10, instances=64) if frozen_copy else MeanOverStarts()
    method = make(problem, distance=False, advantage=advantage, rescore=rescore)
    optimizer = torch.optim.Adam(method.policy.parameters(), 3e-3)
    held_out = problem.generate(256, generator("held out"))

    def cost() -> float:
        with torch.no_grad():
            found = rollout(problem, method.policy, held_out, 1, greedy, logp=False)
        return float(found.cost.mean())

    before = cost()
    for step in range(60):
        method.advantage.prepare(method.policy, step)
        instance = problem.generate(32, generator("train", step))
        loss = method.loss(instance, generator("rollouts", step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert cost() < 0.985 * before


CONFIG = """
model:
  class_path: nco.models.reinforce.Reinforce
  init_args:
    problem:
      class_path: nco.problems.tsp.TSP
      init_args: {{size: 5}}
    policy:
      class_path: nco.models.nets.AttentionPolicy
      init_args:
        heads: 2
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {{width: 8, heads: 2, layers: 1, hidden: 8}}
    training: {{lr: 1.0e-2, warmup: 1}}
    advantage:
      class_path: nco.training.advantages.GreedyRollout
      init_args: {{interval: 3, instances: 64}}
data:
  class_path: nco.training.data.Fresh
  init_args: {{batch_size: 8}}
trainer:
  accelerator: cpu
  enable_progress_bar: false
  logger: false
  limit_val_batches: 0
  default_root_dir: {folder}
"""


@pytest.mark.long
@pytest.mark.parametrize("step", [3, 5], ids=["at a challenge", "after it"])
def test_training_resumes_with_the_frozen_policy(tmp_path: Path, step: int) -> None:
    """A run of eight steps equals one that ended and went on, bit for bit, its frozen copy too."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))

    def fit(folder: str, steps: int, *words: str) -> dict[str, Any]:
        path = tmp_path / folder
        command = ["fit", "--config", str(config), "--checkpoint.folder", str(path)]
        main([*command, "--trainer.max_steps", str(steps), *words])
        found: dict[str, Any] = torch.load(path / "last.ckpt", weights_only=True)["state_dict"]
        return found

    whole = fit("whole", 8)
    half = fit("half", step)
    resumed = fit("resumed", 8, "--ckpt_path", str(tmp_path / "half" / "last.ckpt"))
    assert whole["advantage.challenged"]
    assert any(key.startswith("advantage.frozen.") for key in whole)
    assert set(whole) == set(resumed)
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
    trained = "policy.decoders.0.graph.weight"
    assert not torch.equal(half[trained], whole[trained])

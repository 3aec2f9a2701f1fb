"""REINFORCE: each baseline by hand, the loss by hand, and that it teaches."""

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
from nco.models.reinforce import (
    Baseline,
    Exponential,
    GreedyRollout,
    LeaveOneOut,
    MeanOverStarts,
    Reinforce,
    better,
)
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.training.command import main

COST = torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 1.0]])  # two instances, three rollouts of each
PROBLEMS = [TSP(5), CVRP(5), CVRPVia(5), Knapsack(6)]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p).__name__)


def make(problem: Problem[Any, Any], distance: bool = True, **options: Any) -> Reinforce:
    """A small method that logs into a dictionary of its own."""
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    method = Reinforce(problem, AttentionPolicy(encoder, heads=2, distance=distance), **options)
    method.logged = {}
    method.log = lambda name, value, **_: method.logged.update({name: float(value)})
    return method


def values(baseline: Baseline, cost: Tensor = COST) -> Tensor:
    """What the baseline says of rollouts whose costs are all it looks at."""
    found: Tensor = baseline(TSP(5), None, None, cost)
    return found


def test_mean_over_starts() -> None:
    assert values(MeanOverStarts()).tolist() == [[3.0], [3.0]]


def test_leave_one_out() -> None:
    wanted = [[4.0, 3.5, 1.5], [2.5, 2.5, 4.0]]
    assert values(LeaveOneOut()).tolist() == wanted


def test_exponential() -> None:
    """The first batch's mean, then 3/4 of what was and 1/4 of the batch."""
    baseline = Exponential(0.75)
    assert values(baseline) == 3.0
    assert values(baseline, COST + 4) == 0.75 * 3 + 0.25 * 7
    assert values(baseline, COST + 4) == 0.75 * 4 + 0.25 * 7


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_impossible_decays_are_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\)"):
        Exponential(decay)


def test_greedy_rollout_is_a_moving_average_at_first() -> None:
    method = make(TSP(5), baseline=GreedyRollout(interval=2), rollouts=3, use_starts=False)
    assert values(method.baseline) == 3.0


@pytest.mark.parametrize("starts", [True, False])
def test_greedy_rollout_plays_the_frozen_copy(starts: bool) -> None:
    """From the same starts if there are any, and whatever the policy has become since."""
    problem = TSP(5)
    instance = problem.generate(4, generator("frozen"))
    prefix = problem.starts(instance, 3) if starts else None
    method = make(problem, baseline=GreedyRollout(interval=1, instances=8), rollouts=3)
    baseline = method.baseline
    count = 3 if starts else 1
    wanted = rollout(problem, method.policy, instance, count, greedy, prefix=prefix, logp=False)
    baseline.prepare(problem, method.policy, 1)  # equal policies: the copy stays
    for parameter in method.policy.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator("noise"))
    found = baseline(problem, instance, prefix, COST)
    assert torch.equal(found, wanted.cost)
    assert not any(parameter.requires_grad for parameter in baseline.parameters())


def test_greedy_rollout_is_replaced_by_a_better_policy_only() -> None:
    """A better policy takes the place of its frozen copy at a challenge; a worse one never does."""
    problem = TSP(6)
    method = make(problem, baseline=GreedyRollout(interval=10, instances=64, batch=24))
    baseline, policy = method.baseline, method.policy
    near = policy.decoders[0].nearness
    assert near is not None
    near.data.fill_(-5.0)  # hardly minds the distance
    baseline.frozen.load_state_dict(policy.state_dict())
    near.data.fill_(3.0)  # goes to the nearest node
    for step, replaced in ((0, 0), (9, 0), (10, 1), (20, 1)):
        baseline.prepare(problem, policy, step)
        assert int(baseline.replaced) == replaced
    assert torch.equal(baseline.frozen.decoders[0].nearness, near)
    near.data.fill_(-5.0)
    baseline.prepare(problem, policy, 30)
    assert int(baseline.replaced) == 1


@pytest.mark.parametrize(("t", "passes"), [(1.80, False), (1.83, True)])
def test_significance_at_five_percent(t: float, passes: bool) -> None:
    """The quantile of Student's distribution with 10 degrees of freedom is 1.812."""
    saved = torch.linspace(-1, 1, 11, dtype=torch.double)
    saved = saved + t * saved.std() / 11**0.5
    assert better(saved) == passes


def test_equal_costs_are_not_better() -> None:
    assert not better(torch.zeros(8))
    assert better(torch.ones(8))


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
    problem = TSP(5)
    method = make(problem, rollouts=rollouts, use_starts=use_starts, baseline=Exponential())
    starts = method._starts(problem.generate(2, generator("starts")))
    if use_starts:
        assert starts is not None
        wanted = [start % 5 for start in range(rollouts or 5)]
        assert starts[..., 0].tolist() == [wanted, wanted]
    else:
        assert starts is None
    assert torch.isfinite(method.loss(problem.generate(2, generator("x")), generator("y")))


def test_a_problem_of_one_action_has_no_gradient() -> None:
    """With every action given there is nothing to learn, and nothing fails."""
    method = make(TSP(1), baseline=Exponential())
    for rescore in (False, True):
        method.rescore = rescore
        assert method.loss(TSP(1).generate(2, generator("one")), generator("step")) == 0


@pytest.mark.parametrize("kind", [MeanOverStarts, LeaveOneOut])
def test_too_few_rollouts_are_refused(kind: type[Baseline]) -> None:
    """At construction where they are given, else when the first instances are seen."""
    baseline, name = kind(), kind.__name__
    with pytest.raises(ValueError, match=f"{name} needs rollouts >= 2, not 1"):
        make(TSP(5), baseline=baseline, rollouts=1)
    method = make(TSP(5), baseline=baseline, use_starts=False)
    with pytest.raises(ValueError, match=f"{name} needs several rollouts"):
        method.loss(TSP(5).generate(2, generator("few")), generator("step"))


@pytest.mark.parametrize(
    "baseline", [MeanOverStarts(), LeaveOneOut(), Exponential(0.9), GreedyRollout(100, 64, 32)]
)
def test_a_method_is_plain_data(baseline: Baseline) -> None:
    method = make(TSP(5), baseline=baseline, rollouts=4)
    assert describe(construct(describe(method))) == describe(method)


@pytest.mark.parametrize("rescore", [False, True])
@pytest.mark.parametrize("greedy_baseline", [False, True])
def test_sixty_steps_shorten_tours(greedy_baseline: bool, rescore: bool) -> None:
    """Untrained tours of five points are some 12 % too long; a part of that goes."""
    problem = TSP(5)
    baseline = GreedyRollout(interval=10, instances=64) if greedy_baseline else MeanOverStarts()
    method = make(problem, distance=False, baseline=baseline, rescore=rescore)
    optimizer = torch.optim.Adam(method.policy.parameters(), 3e-3)
    held_out = problem.generate(256, generator("held out"))

    def cost() -> float:
        with torch.no_grad():
            found = rollout(problem, method.policy, held_out, 1, greedy, logp=False)
        return float(found.cost.mean())

    before = cost()
    for step in range(60):
        method.baseline.prepare(problem, method.policy, step)
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
    lr: 1.0e-2
    warmup: 1
    baseline:
      class_path: nco.models.reinforce.GreedyRollout
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


@pytest.mark.parametrize("step", [3, 5], ids=["at a challenge", "after it"])
def test_training_resumes_with_the_frozen_policy(tmp_path: Path, step: int) -> None:
    """A run of eight steps equals one that ended and went on, bit for bit, its baseline too."""
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
    assert whole["baseline.challenged"]
    assert any(key.startswith("baseline.frozen.") for key in whole)
    assert set(whole) == set(resumed)
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
    trained = "policy.decoders.0.graph.weight"
    assert not torch.equal(half[trained], whole[trained])

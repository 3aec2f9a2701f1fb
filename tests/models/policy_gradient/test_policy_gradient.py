"""The method: what fits together, that runs resume bit for bit, and that it learns."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from family_runs import Counted, method, network, updates

from nco.core.describe import construct, describe
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.models.nets import VanillaFlow
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.advantages import Best, PrefixMean, Standardised, StepWeight, Vine
from nco.models.policy_gradient.chosen import Screened, Thinned
from nco.models.policy_gradient.experts import Improved
from nco.models.policy_gradient.kept import Replay, Stale
from nco.models.policy_gradient.reference import Reference
from nco.models.policy_gradient.remembered import BestKnown, SoftMinimum, Tracker
from nco.models.policy_gradient.sources import Fresh, Tempered
from nco.models.policy_gradient.surrogates import (
    Clipped,
    LogLikelihood,
    Matching,
    Pairwise,
    Penalised,
    Regression,
    Truncated,
)
from nco.models.policy_gradient.trees import Distinct
from nco.models.ppo import PPO
from nco.models.reinforce import Reinforce
from nco.problems.inventory import Inventory
from nco.problems.tsp import TSP
from nco.training.advantages import LeaveOneOut, ToGo
from nco.training.command import main

ROOT = Path(__file__).parents[3]


def on_inventory(**parts: Any) -> Counted:
    problem = Inventory(networks=["example:inventory/lost_poisson_L1_p4.yaml"], periods=4)
    return Counted(problem, VanillaFlow(hidden=[8], noise=0.2), **parts)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: method(epochs=0), "epochs must be at least 1, not 0"),
        (lambda: method(epochs=2), "LogLikelihood uses rollouts once: epochs 2 need a surrogate"),
        (
            lambda: method(source=Stale()),
            "LogLikelihood takes rollouts for the present policy's own: Stale needs a surrogate",
        ),
        (lambda: method(source=Replay(Fresh(pool=64))), "Replay needs a surrogate with a ratio"),
        (
            lambda: method(source=Replay(), surrogate=Clipped()),
            "Replay remembers instances, but each is new: give the source Fresh a `pool`",
        ),
        (lambda: method(advantage=Tracker()), "Tracker remembers instances, but each is new"),
        (lambda: method(advantage=BestKnown()), "BestKnown remembers instances, but each is new"),
        (
            lambda: method(source=Fresh(1), surrogate=Pairwise()),
            "Pairwise compares rollouts: it needs at least 2 of each instance, not 1",
        ),
        (
            lambda: method(source=Fresh(1)),
            "LeaveOneOut needs at least 2 rollouts of each instance, not 1",
        ),
        (lambda: method(surrogate=Matching()), "Matching measures against a frozen policy: give"),
        (
            lambda: method(surrogate=Clipped(), reference=Reference()),
            "Clipped reads no frozen policy: leave `reference` out",
        ),
        (
            lambda: method(surrogate=Pairwise(), advantage=Standardised()),
            "Pairwise compares costs by itself: leave `advantage` out",
        ),
        (
            lambda: method(surrogate=Regression(), advantage=PrefixMean()),
            "Regression takes whole episodes: PrefixMean has an advantage for each step",
        ),
        (
            lambda: method(surrogate=Pairwise(), source=Thinned()),
            "Thinned chooses by advantages, and Pairwise has none",
        ),
        (
            lambda: method(surrogate=Regression(), source=Thinned(steps=0.5)),
            "Regression takes whole episodes: Thinned weighs single steps",
        ),
        (
            lambda: method(source=Screened(Fresh(pool=64))),
            "Screened draws new instances: it cannot choose from a pool",
        ),
        (
            lambda: on_inventory(surrogate=Clipped(), source=Tempered()),
            "Tempered is for choices: actions of Inventory are continuous",
        ),
        (
            lambda: method(advantage=Vine()),
            "Vine looks at where rollouts part: take the source Branched",
        ),
        (
            lambda: on_inventory(surrogate=Penalised(), epochs=2),
            "Penalised sums over all actions: those of Inventory are continuous",
        ),
    ],
)
def test_what_cannot_work_together_is_refused(make: Callable[[], Any], reason: str) -> None:
    """At construction, in one line that says why."""
    with pytest.raises(ValueError, match=reason) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"surrogate": Penalised(0.5), "epochs": 3, "advantage": StepWeight(Standardised())},
        {"surrogate": Pairwise(weighted=True), "source": Replay(Fresh(4, pool=64), keep=4)},
        {"surrogate": Matching(), "reference": Reference(5), "source": Improved()},
    ],
)
def test_a_policy_gradient_is_plain_data(parts: dict[str, Any]) -> None:
    """A checkpoint holds everything that makes it again."""
    trained = PolicyGradient(TSP(5), network(), **parts)
    assert describe(construct(describe(trained))) == describe(trained)


@pytest.mark.parametrize(
    "parts",
    [
        {"surrogate": Truncated(), "source": Stale(Fresh(4), 2)},
        {"surrogate": Clipped(), "advantage": Standardised(), "epochs": 2},
        {"surrogate": Penalised(sampled=True), "advantage": LeaveOneOut(), "epochs": 2},
    ],
)
def test_continuous_actions_are_learned_from(parts: dict[str, Any]) -> None:
    """Orders are continuous: whatever needs no list of actions works."""
    trained = on_inventory(**parts)
    assert all(loss == loss for loss in updates(trained, 3))


def test_reinforce_and_ppo_are_configurations() -> None:
    """The same losses as the family's own parts give."""
    from nco.training.method import Training

    training = Training(lr=3e-3, warmup=1)
    plain = method(source=Fresh(None, True, False), advantage=LeaveOneOut())

    class Named(Counted, Reinforce):
        pass

    named = Named(TSP(6), network(), training=training, advantage=LeaveOneOut())
    assert updates(plain, 3) == updates(named, 3)

    class Proximal(Counted, PPO):
        pass

    ours = method(advantage=ToGo(), surrogate=Clipped(), epochs=2)
    theirs = Proximal(TSP(6), network(), training=training, epochs=2)
    for one, other in zip(updates(ours, 4), updates(theirs, 4), strict=True):
        assert other == pytest.approx(one / 6, abs=1e-6)  # a mean over steps


def test_a_second_question_in_a_step_plays_nothing() -> None:
    """An optimiser that asks twice gets the loss of the same rollouts."""
    trained = method(surrogate=Clipped())
    batch = trained.problem.generate(4, generator("x"))
    first = trained.loss(batch, generator("y"))
    kept = trained.groups()[0]
    second = trained.loss(batch, generator("z"))
    assert trained.groups()[0] is kept
    assert float(first.detach()) == pytest.approx(float(second.detach()), abs=1e-6)
    trained.loss(trained.problem.generate(4, generator("w")), generator("y"))
    assert trained.groups()[0] is not kept


def test_weights_scale_losses_and_pairs() -> None:
    """A group of weight 2 counts twice, a pair of it four times."""
    for surrogate, share in ((LogLikelihood(), 2.0), (Pairwise(), 4.0)):
        trained = method(surrogate=surrogate)
        loss = updates(trained, 1)[0]
        kept = trained.groups()[0]
        heavy = type(kept)(**{**kept.__dict__, "weight": torch.full_like(kept.cost, 2.0)})
        trained = method(surrogate=surrogate)
        trained._groups = [heavy]
        assert float(trained.objective().detach()) == pytest.approx(share * loss, rel=1e-4)


def test_a_reference_is_refreshed() -> None:
    """Every so many steps, and only then."""
    trained = method(surrogate=Matching(), reference=Reference(3))
    assert trained.reference is not None
    same = []
    for _ in range(5):
        updates(trained, 1)
        own = next(iter(trained.reference.policy.parameters()))
        same.append(own.detach().clone())
    assert torch.equal(same[0], same[2])
    assert not torch.equal(same[2], same[3])
    assert torch.equal(same[3], same[4])


CONFIG = """
model:
  class_path: nco.models.policy_gradient.PolicyGradient
  init_args:
    problem: {{class_path: nco.problems.tsp.TSP, init_args: {{size: 5}}}}
    policy:
      class_path: nco.models.nets.AttentionPolicy
      init_args:
        heads: 2
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {{width: 8, heads: 2, layers: 1, hidden: 8}}
    training: {{lr: 1.0e-2, warmup: 1}}
{parts}
data: {{class_path: nco.training.data.Fresh, init_args: {{batch_size: 8}}}}
trainer: {{accelerator: cpu, enable_progress_bar: false, logger: false, limit_val_batches: 0}}
"""
RUNS = {
    "replay and a natural step": """
    source:
      class_path: nco.models.policy_gradient.kept.Replay
      init_args:
        choose: random
        keep: 4
        source:
          class_path: nco.models.policy_gradient.sources.Fresh
          init_args: {rollouts: 4, pool: 16}
    surrogate: {class_path: nco.models.policy_gradient.surrogates.Clipped}
    advantage: {class_path: nco.models.policy_gradient.remembered.BestKnown}
    step: {class_path: nco.models.policy_gradient.curvature.NaturalGradient}
""",
    "late groups and a frozen policy": """
    source:
      class_path: nco.models.policy_gradient.kept.Stale
      init_args: {age: 2}
    surrogate: {class_path: nco.models.policy_gradient.surrogates.Matching}
    reference: {class_path: nco.models.policy_gradient.reference.Reference, init_args: {every: 3}}
    step: {class_path: nco.models.policy_gradient.steps.Extrapolated, init_args: {every: 2}}
    epochs: 2
""",
    "a tracker": """
    source:
      class_path: nco.models.policy_gradient.sources.Fresh
      init_args: {rollouts: 1, pool: 16}
    advantage: {class_path: nco.models.policy_gradient.remembered.Tracker}
""",
}


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_a_killed_run_goes_on_bit_for_bit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buffer, queue, ledger, reference and the step's state, and random numbers, are restored."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG.format(parts=RUNS[name]))

    def fit(folder: str, steps: int, *words: str) -> dict[str, Any]:
        command = ["fit", "--config", "config.yaml", "--checkpoint.folder", folder]
        main([*command, "--trainer.max_steps", str(steps), *words])
        found: dict[str, Any] = torch.load(Path(folder) / "last.ckpt", weights_only=True)
        return found

    whole = fit("whole", 6)
    fit("part", 4)
    again = fit("again", 6, "--ckpt_path", "part/last.ckpt")
    assert set(whole["state_dict"]) == set(again["state_dict"])
    assert _equal(whole["state_dict"], again["state_dict"])
    assert _equal(whole.get("rollouts", []), again.get("rollouts", []))


def _equal(one: Any, other: Any) -> bool:
    """Whether nested tensors, lists and dictionaries are the same."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one.nan_to_num(-7.0), other.nan_to_num(-7.0))
    return bool(one == other)


def test_rollouts_of_an_old_checkpoint_are_left_out() -> None:
    """What PPO kept until 0.2 has another form: the next step collects anew."""
    from nco.core.describe import DESCRIPTION

    trained = method(surrogate=Clipped(), epochs=2)
    checkpoint: dict[str, Any] = {DESCRIPTION: {"format": 2}, "rollouts": {"logp": torch.ones(1)}}
    trained.on_load_checkpoint(checkpoint)
    assert trained.groups() == []
    updates(trained, 1)
    assert len(trained.groups()) == 1


def cost(trained: Counted) -> float:
    instance = trained.problem.generate(128, generator("held out"))
    with torch.no_grad():
        select = sample(generator("samples"))
        found = rollout(trained.problem, trained.policy, instance, 4, select, logp=False)
    return float(found.cost.mean())


@pytest.mark.long
@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"surrogate": Pairwise(0.1)},
        {"surrogate": Clipped(), "advantage": Standardised(), "epochs": 3},
        {"source": Distinct(8), "advantage": Best()},
        {"surrogate": Regression(0.1, "value"), "advantage": SoftMinimum(refresh=10),
         "reference": Reference(10)},
    ],
    ids=["control", "pairwise", "clipped", "self-labelling", "a-star"],
)  # fmt: skip
def test_it_learns_short_tours(parts: dict[str, Any]) -> None:
    """Thirty steps shorten tours of eight points."""
    trained = method(8, distance=False, **parts)  # without the hint that near nodes are good
    before = cost(trained)
    updates(trained, 30, 24)
    assert cost(trained) < 0.97 * before


def benchmark() -> ModuleType:
    """`benchmarks/objectives.py` as a module."""
    path = ROOT / "benchmarks" / "objectives.py"
    spec = importlib.util.spec_from_file_location("objectives", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["objectives"] = found
    spec.loader.exec_module(found)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("arm", list(benchmark().ARMS))
def test_every_arm_of_the_comparison_learns(arm: str) -> None:
    """Better than its start on tours of ten points within the time of 500 updates of REINFORCE."""
    found = benchmark()
    found.SETTINGS["tsp10"] = found.Setting(TSP(10), found.attention, found.own)
    instance, best = found.own(TSP(10))
    rows = found.Run("tsp10", arm, 1, 500, found.unit_of("tsp10"))(instance, best)
    assert rows[-1]["gap"] < 0.7 * rows[0]["gap"]

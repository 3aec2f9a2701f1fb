"""What every method shares: what it is told of a run, and what it refuses."""

from typing import Any

import pytest
import torch

from nco.core.problem import Problem
from nco.models.bilevel import Bilevel
from nco.models.bq import BQ
from nco.models.graphed import GraphedBQ
from nco.models.hdpo import HDPO
from nco.models.hindsight import Hindsight
from nco.models.imitation import Imitation
from nco.models.nets import AttentionPolicy, BQPolicy, TransformerEncoder, VanillaFlow
from nco.models.nets.choice import ChoicePolicy
from nco.models.nets.network import SharesPolicy
from nco.models.poppy import Poppy
from nco.models.ppo import PPO
from nco.models.reinforce import Reinforce
from nco.problems.exo import Revenue, Secretary
from nco.problems.inventory import Inventory
from nco.problems.netflow import SupplyShares
from nco.problems.tsp import TSP
from nco.training.method import Method, Training
from nco.training.optimizer import MuonAdamW


def encoder() -> TransformerEncoder:
    return TransformerEncoder(width=64, heads=2, layers=1, hidden=64)


def made(kind: type[Method], **options: Any) -> Method:
    """A method of each kind with a network that suits it."""
    problem: Problem[Any, Any] = TSP(5)
    policy: Any = AttentionPolicy(encoder(), heads=2, agents=2 if kind is Poppy else 1)
    if kind in (BQ, GraphedBQ):
        policy = BQPolicy(encoder())
    elif kind in (HDPO, PPO):
        problem, policy = Inventory(periods=4), VanillaFlow(hidden=[64, 64])
    elif kind is Hindsight:
        problem, policy = Revenue(size=5, setting=Secretary()), ChoicePolicy(width=64, layers=2)
    elif kind is Bilevel:
        problem, policy = SupplyShares(size=2), SharesPolicy(width=64)
    return kind(problem, policy, **options)


OWN = {
    Reinforce: (3e-4, 200),
    Imitation: (3e-4, 200),
    Poppy: (1e-4, 50),
    PPO: (3e-4, 20),
    HDPO: (3e-3, 20),
    Hindsight: (1e-3, 50),
    Bilevel: (1e-3, 50),
    BQ: (5e-4, 500),
    GraphedBQ: (5e-4, 500),
}
each_method = pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)


@each_method
def test_what_is_not_given_is_the_methods_own(kind: type[Method]) -> None:
    """A run that names one of rate and warm-up keeps the other as the method has it."""
    lr, warmup = OWN[kind]
    method = made(kind)
    assert (method.lr, method.warmup) == (lr, warmup)
    method = made(kind, training=Training(lr=0.5))
    assert (method.lr, method.warmup) == (0.5, warmup)
    method = made(kind, training=Training(warmup=0))
    assert (method.lr, method.warmup) == (lr, 0)


@each_method
def test_every_method_can_be_moved_by_muon(kind: type[Method]) -> None:
    """Its optimiser has every parameter once, those of a critic too."""
    for optimizer, name in ((torch.optim.AdamW, "adamw"), (MuonAdamW, "muon")):
        method = made(kind, training=Training(optimizer=name))
        configured: Any = method.configure_optimizers()
        assert isinstance(configured["optimizer"], optimizer)
        groups = configured["optimizer"].param_groups
        moved = [id(p) for group in groups for p in group["params"]]
        wanted = {id(p) for p in method.policy.parameters()}
        if isinstance(method, Bilevel):
            wanted |= {id(p) for p in method.critic.parameters()}
        assert len(moved) == len(set(moved))
        assert set(moved) == wanted


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"optimizer": "sgd"}, "adamw or muon, not sgd"),
        ({"lr": -1.0}, "lr must be at least 0, not -1.0"),
        ({"lr": float("nan")}, "lr must be at least 0, not nan"),
        ({"warmup": -1}, "at least 0, not -1"),
        ({"decay_steps": -5}, "at least 0, not None, -5"),
        ({"weight_decay": -0.1}, "at least 0, not None, 0, -0.1"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], named: str) -> None:
    """With the value, before anything is built."""
    with pytest.raises(ValueError, match=named):
        Training(**wrong)

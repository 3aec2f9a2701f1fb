"""Imitation: the loss by hand, that it teaches, and where training begins."""

from typing import Any

import pytest
import torch

from nco.core.problem import Problem
from nco.core.rollout import Select, forced, greedy, rollout, sample
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.imitation import Imitation
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.problems.cvrp import CVRP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.training.method import Training
from nco.zoo import weights


def method(problem: Problem[Any, Any], **options: Any) -> Imitation:
    """A small method that logs nothing."""
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    made = Imitation(problem, AttentionPolicy(encoder, heads=2), **options)
    made.log = lambda *arguments, **keywords: None  # type: ignore[method-assign]
    return made


def labelled(problem: Problem[Any, Any], select: Select) -> Labelled:
    """Two labels an instance, the second one the better."""
    instance = problem.generate(3, generator("labelled"))
    policy = method(problem).policy
    found = rollout(problem, policy, instance, 2, select)
    return Labelled(instance, found.actions, torch.tensor([[2.0, 1.0]] * 3, dtype=torch.double))


@pytest.mark.parametrize("starts", [False, True])
def test_the_loss_is_that_of_a_step_by_step_rollout(
    monkeypatch: pytest.MonkeyPatch, starts: bool
) -> None:
    """Of the best label, without the first action where every search forces it."""
    problem = TSP(6)
    batch = labelled(problem, sample(generator("labels")))
    imitation = method(problem, views=1)
    if not starts:
        monkeypatch.setattr(problem, "start_count", lambda instance: 0)
    monkeypatch.setattr(problem, "symmetries", lambda instance: [instance])
    monkeypatch.setattr(problem, "equivalent", lambda instance, actions, generator: actions)
    found = imitation.loss(batch, generator("loss"))
    label = batch.actions[:, 1:]
    slow = rollout(problem, imitation.policy, batch.instance, 1, forced(label))
    assert slow.logp is not None
    torch.testing.assert_close(found, -slow.logp[:, :, int(starts) :].mean())


@pytest.mark.parametrize(
    "problem", [TSP(6), CVRP(5), Knapsack(6)], ids=lambda problem: type(problem).__name__
)
def test_imitation_learns_its_labels(problem: Problem[Any, Any]) -> None:
    """The likelihood of a few labels rises, as far as their many views allow."""
    imitation, batch = method(problem, views=4), labelled(problem, greedy)
    optimizer = torch.optim.AdamW(imitation.parameters(), 1e-2)
    before = imitation.loss(batch, generator("test")).item()
    for step in range(60):
        optimizer.zero_grad()
        imitation.loss(batch, generator("train", step)).backward()
        optimizer.step()
    assert imitation.loss(batch, generator("test")).item() < 0.95 * before


def test_training_begins_with_given_weights(tiny: dict[str, str]) -> None:
    """`initial` names a model; a method otherwise begins with weights of its seed."""
    begun = method(TSP(6), training=Training(initial=tiny["tsp"]))
    wanted = weights.load(tiny["tsp"]).policy.state_dict()
    for key, value in begun.policy.state_dict().items():
        assert torch.equal(value, wanted[key])
    assert all(parameter.requires_grad for parameter in begun.policy.parameters())
    first, again, other = (
        method(TSP(6), training=Training(seed=seed)).policy.state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(first["decoders.0.graph.weight"], again["decoders.0.graph.weight"])
    assert not torch.equal(first["decoders.0.graph.weight"], other["decoders.0.graph.weight"])

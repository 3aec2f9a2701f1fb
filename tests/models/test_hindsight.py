"""Hindsight learning: what its losses are by hand, and that it finds optimal policies."""

from dataclasses import dataclass

import pytest
import torch

from nco.core.decisions import Categorical
from nco.core.problem import Observation
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.hindsight import Hindsight
from nco.models.nets.choice import ChoicePolicy
from nco.problems.exo import Airline, Revenue, Secretary, exact
from nco.problems.packing import Bins, Packing


@dataclass(frozen=True, eq=False)
class Seen(Observation):
    pass


def seen(mask):
    batch, states, _ = mask.shape
    return Seen(mask, torch.zeros(batch, states, 0).long(), torch.zeros(batch, states, 0))


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(Hindsight, "log", lambda *arguments, **options: None)


def test_regression_by_hand(quiet):
    """Scores 1, 0 against prices 2, 4, worth 1, -1 about their mean; a state without choice."""
    method = Hindsight(Revenue(3), ChoicePolicy(8), sharpness=1.0)
    mask = torch.tensor([[[True, True, False], [True, False, False]]])
    logits = torch.tensor([[[1.0, 0.0, 9.0], [5.0, 5.0, 5.0]]])
    prices = torch.tensor([[[2.0, 4.0, torch.inf], [3.0, torch.inf, torch.inf]]])
    loss = method._compare(Categorical(logits, mask), seen(mask), prices)
    assert float(loss) == pytest.approx(2 * (0.5 - 1) ** 2)  # the second state does not count


def test_the_actor_weighs_prices_by_its_odds(quiet):
    """The loss is that computed on paper."""
    method = Hindsight(Revenue(3), ChoicePolicy(8), mode="actor", sharpness=1.0, entropy=0.0)
    mask = torch.tensor([[[True, True]]])
    logits = torch.tensor([[[1.0, 3.0]]]).log()
    prices = torch.tensor([[[2.0, 4.0]]])
    loss = method._compare(Categorical(logits, mask), seen(mask), prices)
    assert float(loss) == pytest.approx(0.25 * -1 + 0.75 * 1)


def test_losses_do_not_depend_on_the_level_of_prices(quiet):
    """A constant added to all prices changes nothing."""
    problem = Revenue(6, Airline())
    batch = problem.generate(8, generator(0))
    for mode in ("regression", "actor"):
        method = Hindsight(problem, ChoicePolicy(8), mode=mode)
        mask = problem.observe(batch, problem.reset(batch, 1)).mask
        prices = problem.hindsight(batch, problem.reset(batch, 1))
        decision = Categorical(torch.zeros(mask.shape), mask)
        first = method._compare(decision, seen(mask), prices)
        assert torch.allclose(first, method._compare(decision, seen(mask), prices + 7))


def trained(method, steps, batch):
    optimizer = torch.optim.Adam(method.parameters(), lr=3e-3)
    for step in range(steps):
        loss = method.loss(method.problem.generate(batch, generator(step)), generator("l", step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return method.policy


def mean_cost(problem, policy, count=2000):
    instance = problem.generate(count, generator("test"))
    with torch.no_grad():
        cost = rollout(problem, policy, instance, 1, greedy, logp=False).cost
    return float(cost.mean()), float(cost.std()) / count**0.5


@pytest.mark.long
@pytest.mark.parametrize("mode", ["regression", "actor"])
def test_the_airline_is_learned(quiet, mode):
    """Within 2 % of the optimal policy's value after a few dozen steps."""
    problem = Revenue(8, Airline())
    policy = trained(Hindsight(problem, ChoicePolicy(16), mode=mode, steps=8), 60, 32)
    value = exact.Optimal(Airline().case(8)).value
    cost, noise = mean_cost(problem, policy)
    assert value * 0.98 - 3 * noise <= -cost <= value + 3 * noise


@pytest.mark.long
def test_a_policy_of_ten_candidates(quiet):
    """After a short training it is within two per cent of the optimum."""
    problem = Revenue(10, Secretary())
    policy = trained(Hindsight(problem, ChoicePolicy(16), steps=10), 80, 32)
    value = exact.Optimal(Secretary().case(10)).value
    cost, noise = mean_cost(problem, policy)
    assert value * 0.98 - 3 * noise <= -cost <= value + 3 * noise


def test_scores_are_of_bins_and_not_of_their_numbers():
    """Bins in another order: the network places the item into the same bin."""
    problem = Packing(6, Bins())
    policy = ChoicePolicy(8).build(problem.schema)
    instance = problem.generate(3, generator(1))
    played = rollout(problem, policy, instance, 2, sample(generator(2)), keep=True)
    state = played.states.map(lambda tensor: tensor[:, :, 3])
    observation = problem.observe(instance, state)
    memory = policy.encode(problem.features(instance))
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    changed = Observation(
        observation.mask[..., order],
        observation.focus,
        observation.context,
        None,
        observation.nodes[:, :, order],
    )
    first = policy.decide(memory, observation).log_probs[..., order]
    assert torch.allclose(first, policy.decide(memory, changed).log_probs, atol=1e-5)
    assert torch.equal(first.isfinite(), changed.mask)


def test_wrong_settings_are_refused():
    """Unknown modes and no sharpness raise."""
    with pytest.raises(ValueError, match="mode must be"):
        Hindsight(Revenue(3), ChoicePolicy(8), mode="guess")
    with pytest.raises(ValueError, match="sharpness"):
        Hindsight(Revenue(3), ChoicePolicy(8), sharpness=0.0)

"""Advantages: each by hand, and that the gradients they make are the right ones."""

import itertools

import pytest
import torch
from torch import Tensor

from nco.core.describe import construct, describe
from nco.core.policy import Policy
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.problems.tsp import TSP
from nco.training.advantages import (
    Advantage,
    Exponential,
    GreedyRollout,
    Group,
    LeaveOneOut,
    MeanOverStarts,
    Polychromic,
    ToGo,
    Winner,
    better,
    diversity,
    policy_gradient,
)

COST = torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 1.0]])  # two instances, three rollouts of each
SETS = torch.tensor([[5.0, 2.0, 3.0, 2.0, 4.0, 7.0]])  # one instance, two starts, three of each
ALL = [
    MeanOverStarts(),
    LeaveOneOut(),
    Exponential(0.9),
    GreedyRollout(100, 64, 32),
    ToGo(standardise=False),
    Winner(),
    Polychromic(0.1),
]


def group(cost: Tensor, starts: int = 1, step_cost: Tensor | None = None) -> Group:
    """Rollouts of which nothing is known but costs; their actions all differ."""
    actions = torch.arange(cost.numel() * 2).view(*cost.shape, 2)
    return Group(None, cost, actions, starts=starts, step_cost=step_cost)


def baseline(advantage: Advantage, cost: Tensor = COST) -> Tensor:
    """What `advantage` compares costs with."""
    found: Tensor = cost - advantage(group(cost))[..., 0]
    return found


def network(agents: int = 1) -> Policy:
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    return AttentionPolicy(encoder, heads=2, agents=agents).build(TSP(5).schema)


def test_mean_over_starts() -> None:
    """The mean of an instance's rollouts, all of them."""
    assert baseline(MeanOverStarts()).tolist() == [[3.0] * 3, [3.0] * 3]


def test_leave_one_out() -> None:
    """The mean of the other rollouts of the instance."""
    assert baseline(LeaveOneOut()).tolist() == [[4.0, 3.5, 1.5], [2.5, 2.5, 4.0]]


def test_exponential() -> None:
    """The first batch's mean, then 3/4 of what was and 1/4 of the batch."""
    advantage = Exponential(0.75)
    assert baseline(advantage).unique().tolist() == [3.0]
    assert baseline(advantage, COST + 4).unique().tolist() == [0.75 * 3 + 0.25 * 7]
    assert baseline(advantage, COST + 4).unique().tolist() == [0.75 * 4 + 0.25 * 7]


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_impossible_decays_are_refused(decay: float) -> None:
    """An average that forgets nothing, or whose weights alternate, is none."""
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\)"):
        Exponential(decay)


def test_costs_to_go_of_steps() -> None:
    """What a rollout still pays from a step on, above the mean of the others."""
    step_costs = torch.tensor([[[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [5.0, 0.0, 0.0]]])
    found = ToGo(standardise=False)(group(step_costs.sum(2), step_cost=step_costs))
    wanted = [[6 - 3.0, 5 - 0.5, 3 - 0.5], [1 - 5.5, 1 - 2.5, 1 - 1.5], [5 - 3.5, -3.0, -2.0]]
    assert found.tolist() == [wanted]
    scaled = ToGo()(group(step_costs.sum(2), step_cost=step_costs))
    torch.testing.assert_close(scaled, found / found.std(correction=0))


def test_costs_to_go_without_prices_of_steps() -> None:
    """Every step of a rollout has the advantage of the whole: that of leave-one-out."""
    found = ToGo(standardise=False)(group(COST))
    wanted = LeaveOneOut()(group(COST))
    assert found.shape == (2, 3, 2)
    assert torch.equal(found, wanted.expand_as(found))


def test_costs_to_go_where_only_the_last_step_pays() -> None:
    """All steps then have the advantage of the episode's cost."""
    step_costs = torch.cat([torch.zeros(2, 3, 1), COST[..., None]], 2)
    found = ToGo(standardise=False)(group(COST, step_cost=step_costs))
    assert torch.equal(found, ToGo(standardise=False)(group(COST)))


def test_greedy_rollout_is_a_moving_average_at_first() -> None:
    """Until the first challenge the copy is untrained and would be of little use."""
    advantage = GreedyRollout(interval=2)
    advantage.attach(TSP(5), network(), 0)
    assert baseline(advantage).unique().tolist() == [3.0]


@pytest.mark.parametrize("starts", [True, False])
def test_greedy_rollout_plays_the_frozen_copy(starts: bool) -> None:
    """From the same starts if there are any, and whatever the policy has become since."""
    problem, policy = TSP(5), network()
    instance = problem.generate(2, generator("frozen"))
    prefix = problem.starts(instance, 3) if starts else None
    advantage = GreedyRollout(interval=1, instances=8)
    advantage.attach(problem, policy, 0)
    count = 3 if starts else 1
    wanted = rollout(problem, policy, instance, count, greedy, prefix=prefix, logp=False)
    advantage.prepare(policy, 1)  # equal policies: the copy stays
    for parameter in policy.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator("noise"))
    found = advantage(Group(instance, COST, COST[..., None].long(), prefix))
    assert torch.equal(found[..., 0], (COST - wanted.cost).float())
    assert not any(parameter.requires_grad for parameter in advantage.parameters())


def test_greedy_rollout_is_replaced_by_a_better_policy_only() -> None:
    """A better policy takes the place of its frozen copy at a challenge; a worse one never does."""
    problem, policy = TSP(6), network()
    advantage = GreedyRollout(interval=10, instances=64, batch=24)
    advantage.attach(problem, policy, 0)
    near = policy.decoders[0].nearness
    assert near is not None
    near.data.fill_(-5.0)  # hardly minds the distance
    advantage.frozen.load_state_dict(policy.state_dict())
    near.data.fill_(3.0)  # goes to the nearest node
    for step, replaced in ((0, 0), (9, 0), (10, 1), (20, 1)):
        advantage.prepare(policy, step)
        assert int(advantage.replaced) == replaced
    assert torch.equal(advantage.frozen.decoders[0].nearness, near)
    near.data.fill_(-5.0)
    advantage.prepare(policy, 30)
    assert int(advantage.replaced) == 1


def test_greedy_rollout_has_one_copy() -> None:
    """A population has no single greedy rollout to compare with."""
    with pytest.raises(ValueError, match="the policy has 2 agents"):
        GreedyRollout().attach(TSP(5), network(agents=2), 0)


@pytest.mark.parametrize(("t", "passes"), [(1.80, False), (1.83, True)])
def test_significance_at_five_percent(t: float, passes: bool) -> None:
    """The quantile of Student's distribution with 10 degrees of freedom is 1.812."""
    saved = torch.linspace(-1, 1, 11, dtype=torch.double)
    saved = saved + t * saved.std() / 11**0.5
    assert better(saved) == passes


def test_equal_costs_are_not_better() -> None:
    """A saving of nothing proves nothing, one without spread proves itself."""
    assert not better(torch.zeros(8))
    assert better(torch.ones(8))


def test_the_winner_learns_by_its_lead() -> None:
    """The best rollout from a start by 4 - 3; a tie teaches nothing."""
    found = Winner()(group(SETS, starts=2))[..., 0]
    assert found.tolist() == [[0.0, 0.0, -1.0, 0.0, 0.0, 0.0]]


def test_diversity() -> None:
    """The share of steps that two sequences do not have in common, in the mean over pairs."""
    actions = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]])[None, :, None]
    assert diversity(actions[:, :2]).item() == 0
    assert diversity(actions[:, 1:]).item() == 1
    assert diversity(actions).item() == pytest.approx(2 / 3)


def test_polychromic_prefers_good_sets_that_differ() -> None:
    """Three starts: good and alike, good and different, bad and different."""
    alike, other = [0, 1, 2, 3], [3, 1, 0, 2]
    actions = torch.tensor([[alike, alike, alike, alike, other, other]])
    cost = torch.tensor([[1.0, 1.0, 2.0, 1.0, 1.0, 2.0]])
    found = Polychromic(0.05)(Group(None, cost, actions, starts=3))[..., 0].view(2, 3)
    assert torch.equal(found[0], found[1])  # one value for the whole set
    assert found[0].argmin() == 1
    assert found.sum(1).abs().max() < 1e-6


@pytest.mark.parametrize("advantage", ALL, ids=lambda one: type(one).__name__)
def test_an_advantage_is_plain_data(advantage: Advantage) -> None:
    """A checkpoint says which one it was, and makes it again."""
    assert describe(construct(describe(advantage))) == describe(advantage)


@pytest.mark.parametrize(
    ("advantage", "rollouts", "starts", "reason"),
    [
        (MeanOverStarts(), 1, 1, "needs at least 2 rollouts of each instance, not 1"),
        (LeaveOneOut(), 1, 1, "needs at least 2 rollouts of each instance, not 1"),
        (Winner(), 3, 3, "needs at least 2 rollouts of each start, not 1"),
        (Winner(), 8, 5, "8 rollouts are no multiple of 5 starts"),
    ],
)
def test_too_few_rollouts_are_refused(
    advantage: Advantage, rollouts: int, starts: int, reason: str
) -> None:
    """In one line that says how many are needed."""
    with pytest.raises(ValueError, match=f"{type(advantage).__name__}.*{reason}"):
        advantage.check(rollouts, starts)


# --------------------------------------------------------------------------------------------------
# Gradients, exactly: all outcomes of a choice among three, weighted by their probabilities

PRICES = torch.tensor([4.0, 1.0, 2.5], dtype=torch.double)


def expected_gradient(advantage: Advantage, logits: Tensor, count: int) -> Tensor:
    """Of `policy_gradient` over all outcomes of `count` rollouts of one instance."""
    total = torch.zeros((), dtype=torch.double)
    for choice in itertools.product(range(3), repeat=count):
        picks = torch.tensor([choice])
        logp = logits.log_softmax(-1)[picks][..., None]
        found = advantage(Group(None, PRICES[picks], picks[..., None])).double()
        total = total + logp.sum().exp().detach() * policy_gradient(found, logp)
    return torch.autograd.grad(total, logits)[0]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", [LeaveOneOut, MeanOverStarts, ToGo])
def test_the_estimate_has_the_gradient_of_the_expected_cost(
    kind: type[Advantage], count: int
) -> None:
    """Without bias; the mean that includes the rollout itself makes it smaller by 1 / S."""
    logits = torch.tensor([0.3, -0.2, 0.5], dtype=torch.double, requires_grad=True)
    advantage = ToGo(standardise=False) if kind is ToGo else kind()
    wanted = torch.autograd.grad((logits.softmax(-1) * PRICES).sum(), logits)[0]
    share = 1 - 1 / count if kind is MeanOverStarts else 1.0
    found = expected_gradient(advantage, logits, count)
    torch.testing.assert_close(found, share * wanted, atol=1e-6, rtol=1e-6)


def test_the_winners_gradient_is_that_of_the_best_of_two() -> None:
    """Each rollout's share of the mean is a half, so the gradient of E[min cost] is too."""
    logits = torch.tensor([0.3, -0.2, 0.5], dtype=torch.double, requires_grad=True)
    chance = logits.softmax(-1)
    best = torch.minimum(PRICES[:, None], PRICES[None])
    wanted = torch.autograd.grad((chance[:, None] * chance[None] * best).sum(), logits)[0]
    found = expected_gradient(Winner(), logits, 2)
    torch.testing.assert_close(found, wanted / 2, atol=1e-6, rtol=1e-6)


def test_advantages_of_steps_leave_out_what_was_given() -> None:
    """Of T steps the last P have log-probabilities, of all agents together."""
    advantage = torch.tensor([[[9.0, 1.0, 2.0]]])
    logp = torch.tensor([[[[-1.0, -2.0], [-0.5, 0.0]]]])  # P = 2, two agents
    assert policy_gradient(advantage, logp).item() == 1.0 * -3.0 + 2.0 * -0.5

"""The family's advantages: by hand, and the gradients that they make, by enumeration."""

import math
from dataclasses import replace

import pytest
import torch
from six_tours import COST, TOURS, Table, compared, every_group, exact, rollouts, weighed_loss
from torch import Tensor

from nco.core.describe import construct, describe
from nco.models.policy_gradient.advantages import (
    Best,
    Mixed,
    PrefixMean,
    Standardised,
    StepWeight,
    Summed,
    Tail,
    Vine,
)
from nco.models.policy_gradient.group import Scored
from nco.models.policy_gradient.remembered import (
    BestKnown,
    Bootstrapped,
    SoftMinimum,
    Tracker,
    soft_minimum,
)
from nco.models.policy_gradient.surrogates import LogLikelihood
from nco.training.advantages import Advantage, GreedyRollout, Group, LeaveOneOut

ALL = [
    Standardised("batch", 0.2),
    Summed(Standardised(), LeaveOneOut(), 0.5, -1.0, 1.0),
    Mixed(0.02),
    Tail(0.5),
    PrefixMean(0.3),
    Vine(),
    Best(),
    StepWeight(Standardised(), 0.7),
    Tracker(4.0),
    BestKnown(0.5),
    SoftMinimum(0.3, 4, 10),
    Bootstrapped(0.9, 0.1, 4),
]


def group(cost: Tensor, **more: Tensor) -> Group:
    """Rollouts of which costs are known."""
    return Group(None, cost, torch.zeros(*cost.shape, 2, dtype=torch.long), **more)


def expected(table: Table, advantage: Advantage, groups: Tensor) -> Tensor:
    """The gradient of REINFORCE over all groups."""
    kept = compared(rollouts(table, groups, index=torch.zeros(len(groups)).long()), advantage)
    return table.gradient(weighed_loss(table, LogLikelihood(), kept, groups))


@pytest.mark.parametrize("advantage", ALL, ids=lambda one: type(one).__name__)
def test_an_advantage_of_the_family_is_plain_data(advantage: Advantage) -> None:
    """A checkpoint says which one it was, and makes it again."""
    assert describe(construct(describe(advantage))) == describe(advantage)


def test_standardised_by_hand() -> None:
    """Costs 1, 2, 3 are -1.22, 0, 1.22 deviations from their mean."""
    found = Standardised()(group(torch.tensor([[1.0, 2.0, 3.0]])))[0, :, 0]
    torch.testing.assert_close(found, torch.tensor([-1.0, 0.0, 1.0]) * 1.5**0.5)


@pytest.mark.parametrize("scope", ["instance", "batch"])
def test_standardised_knows_no_unit(scope: str) -> None:
    """a c + b with a > 0 changes nothing; a tied instance is exactly zero, also a batch of them."""
    cost = torch.tensor([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0], [5.0, 4.0, 4.5]], dtype=torch.double)
    advantage = Standardised(scope)
    found = advantage(group(cost))
    torch.testing.assert_close(advantage(group(7 * cost + 3)), found)
    assert found[1].abs().sum() == 0
    tied = advantage(group(torch.full((2, 3), 0.1)))
    assert tied.abs().sum() == 0


def test_easy_instances_do_not_magnify_rounding() -> None:
    """s is at least a tenth of the median: a spread of 1e-6 stays far below one deviation."""
    cost = torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 1.0 + 1e-6]])
    assert Standardised()(group(cost))[2].abs().max() < 1e-4


def test_mixed_by_hand() -> None:
    """Half succeed: deviations. One of four does: q = 1/4 of them is relative."""
    half = torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    torch.testing.assert_close(Mixed()(group(half)), Standardised()(group(half)))
    cost = torch.tensor([[1.0, 2.0, 3.0, 2.0]])
    wanted = 0.75 * Standardised()(group(cost)) + 0.25 * ((cost - 2) / 2)[..., None]
    torch.testing.assert_close(Mixed()(group(cost)), wanted)


def test_a_sum_is_cut_off() -> None:
    """The second part between low and high, then weighted."""
    cost = torch.tensor([[0.0, 1.0, 5.0]])
    one, other = LeaveOneOut()(group(cost)), Standardised()(group(cost))
    found = Summed(LeaveOneOut(), Standardised(), 2.0, -0.5, 0.1)(group(cost))
    torch.testing.assert_close(found, one + 2 * other.clamp(-0.5, 0.1))


def test_the_tail_by_hand() -> None:
    """Above the batch's median, twice the excess."""
    cost = torch.tensor([[1.0, 2.0], [3.0, 9.0]])
    found = Tail(0.5)(group(cost))[..., 0]
    assert found.tolist() == [[0.0, 0.0], [2 * 0.5, 2 * 6.5]]


def test_no_tail_is_the_mean() -> None:
    """With quantile 0 over all groups at once: the exact gradient, whatever the baseline."""
    table, groups = Table(), every_group(2)
    torch.testing.assert_close(
        expected(table, Tail(0.0), groups), exact(table), atol=1e-6, rtol=1e-5
    )


def test_a_tracker_gives_the_exact_gradient() -> None:
    """Its value does not depend on the rollouts at hand."""
    table, groups = Table(), every_group(1)
    tracker = Tracker(standardise=False)
    tracker.remember(1)
    tracker.value = torch.tensor([2.2])
    found = expected(table, tracker, groups)
    torch.testing.assert_close(found, exact(table), atol=1e-6, rtol=1e-5)


def test_a_greedy_rollout_gives_the_exact_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a frozen copy pays does not depend on the rollouts at hand either."""
    table, groups = Table(), every_group(1)
    advantage = GreedyRollout()
    advantage.challenged = torch.ones((), dtype=torch.bool)
    advantage.frozen = None
    paid = torch.full((len(groups), 1), 1.7)
    monkeypatch.setattr(advantage, "_play", lambda policy, instance, prefix: paid)
    found = expected(table, advantage, groups)
    torch.testing.assert_close(found, exact(table), atol=1e-6, rtol=1e-5)


def test_a_tracker_by_hand() -> None:
    """The first visit is a baseline of itself; then a visit counts 1 / N with N = 0.96 * 8 + 1."""
    tracker = Tracker(8, standardise=False)
    tracker.remember(3)
    place = torch.tensor([1])
    logp = torch.zeros(1, 1, 2)
    first = tracker(group(torch.tensor([[5.0]]), index=place, logp=logp))
    assert first.item() == 0
    second = tracker(group(torch.tensor([[3.0]]), index=place, logp=logp))
    assert second.item() == pytest.approx(-2.0)
    assert tracker.value[1].item() == pytest.approx(5 - 2 / (0.96 * 8 + 1))
    far = tracker(group(torch.tensor([[3.0]]), index=place, logp=logp - 1))
    assert far.item() == pytest.approx(3 - (5 - 2 / 8.68))
    assert tracker.visits[1].item() == pytest.approx(0.875 * 8.68 + 1)
    assert bool(tracker.value[[0, 2]].isnan().all())


def test_the_best_known_scales_gaps() -> None:
    """Near the best known it is pi / 2 times the relative gap, less the mean; it is remembered."""
    advantage = BestKnown()
    advantage.remember(2)
    place = torch.tensor([0])
    advantage(group(torch.tensor([[10.0, 11.0]]), index=place))
    assert advantage.best[0] == 10
    cost = torch.tensor([[10.1, 10.3]])
    found = advantage(group(cost, index=place))[0, :, 0]
    gaps = math.pi / 2 * (cost[0] / 10 - 1)
    torch.testing.assert_close(found, gaps - gaps.mean(), atol=1e-4, rtol=1e-3)
    assert advantage.best[0] == 10


def test_the_best_known_gives_the_gradient_of_its_reward() -> None:
    """(S - 1) / S of the gradient of the expected reward, as the mean includes each rollout."""
    table, groups = Table(), every_group(2)
    advantage = BestKnown()
    advantage.remember(1)
    advantage.best = torch.tensor([0.4])
    reward = (COST / 0.4).clamp_max(2).mul(math.pi / 2).cos().clamp_min(-0.7)
    found = expected(table, advantage, groups)
    torch.testing.assert_close(found, exact(table, -reward) / 2, atol=1e-6, rtol=1e-5)


def test_soft_minimum_by_hand() -> None:
    """Hot: the mean; cold: the minimum."""
    cost = torch.tensor([[1.0, 3.0]], dtype=torch.double)
    assert soft_minimum(cost, 1e6).item() == pytest.approx(2, abs=1e-5)
    assert soft_minimum(cost, 1e-3).item() == pytest.approx(1, abs=1e-2)
    wanted = -0.5 * math.log((math.exp(-2) + math.exp(-6)) / 2)
    assert soft_minimum(cost, 0.5).item() == pytest.approx(wanted)


def test_prefix_means_are_baselines_of_steps() -> None:
    """Share 0 is the mean of the group; otherwise rollouts that begin alike have theirs."""
    kept = rollouts(Table(), torch.tensor([[0, 1, 2]]))  # tours 012, 021, 102
    cost = kept.cost[0]
    mean = PrefixMean(0.0)(kept.group())[0]
    torch.testing.assert_close(mean, (cost - cost.mean()).float()[:, None].expand(3, 3))
    found = PrefixMean(1.0)(kept.group())[0]
    pair = cost[:2].mean()
    raw = torch.stack([cost - cost.mean(), torch.stack([cost[0] - pair, cost[1] - pair, 0 * pair])])
    wanted = (raw - raw.mean(1, keepdim=True)).T.float()
    torch.testing.assert_close(found[:, :2], wanted)


def test_a_vine_gives_the_gradient_of_one_step() -> None:
    """All triples of ways on from one state: exactly the gradient there, and none elsewhere."""
    table, first = Table(), 1
    ways = [number for number, tour in enumerate(TOURS.tolist()) if tour[0] == first]
    groups = torch.tensor([[a, b, c] for a in ways for b in ways for c in ways])
    kept = replace(rollouts(table, groups), given=torch.ones_like(groups))
    kept = compared(kept, Vine())
    assert kept.advantage is not None
    assert kept.advantage[:, :, [0, 2]].abs().sum() == 0
    chances = table.chances()
    inside = chances[groups] / chances[ways].sum()
    now = table.scored(groups)
    loss = LogLikelihood()(Scored(now.logp.masked_fill(~kept.own, 0)), kept).mean(1)
    found = table.gradient((inside.prod(1).detach() * loss).sum())
    conditional = chances[ways] / chances[ways].sum()
    wanted = table.gradient((conditional * COST[ways]).sum())
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)


def test_a_critic_leaves_the_gradient_exact() -> None:
    """Whatever it predicts from the past and from other rollouts, with lambda 1."""
    table, groups = Table(), every_group(2)
    random = torch.Generator().manual_seed(3)
    prices = torch.rand(6, 3, generator=random, dtype=torch.double)  # of the steps of each tour
    # what a step costs is known by the actions so far
    prices[:, 0] = prices[:3, 0].repeat_interleave(2)
    critic = Bootstrapped(smooth=1.0)
    critic.moments = torch.eye(5) - 1e-3 * torch.eye(5)
    critic.products = torch.tensor([0.3, -0.2, 0.5, 0.4, 0.7])
    kept = rollouts(table, groups, prices.sum(1))
    kept = compared(replace(kept, step_cost=prices[groups]), critic)
    found = table.gradient(weighed_loss(table, LogLikelihood(), kept, groups))
    torch.testing.assert_close(found, exact(table, prices.sum(1)), atol=1e-5, rtol=1e-4)


def test_a_critic_learns_what_is_to_come() -> None:
    """After some batches of equal prices the advantages are near zero."""
    critic = Bootstrapped(smooth=1.0, ridge=1e-6)
    step_cost = torch.ones(4, 3, 6)
    one = replace(group(step_cost.sum(2)), step_cost=step_cost)
    assert critic(one).abs().max() > 1
    for _ in range(5):
        found = critic(one)
    assert found.abs().max() < 0.05


def test_a_window_ends_advantages() -> None:
    """At its end the next value is the one before: only the step's own cost remains."""
    critic = Bootstrapped(smooth=1.0, window=2)
    step_cost = torch.tensor([[[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 0.0, 0.0]]])
    found = critic(replace(group(step_cost.sum(2)), step_cost=step_cost))
    assert found[0, 0].tolist() == [3.0, 2.0, 12.0, 8.0]


def test_self_labelling_imitates_the_best() -> None:
    """Its loss is the negative log-likelihood of the cheapest; a tie teaches nothing."""
    found = Best()(group(torch.tensor([[3.0, 1.0, 2.0], [4.0, 4.0, 4.0]])))[..., 0]
    assert found.tolist() == [[0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]


def test_steps_in_doubt_count_more() -> None:
    """From 0 at the surest to twice at the least sure; forced steps keep their weight out."""
    entropy = torch.tensor([[[0.01, 0.1, 1.0, 0.0], [0.02, 0.1, 0.5, 0.0]]])
    base = LeaveOneOut()
    one = replace(group(torch.tensor([[1.0, 2.0]])), entropy=entropy)
    found = StepWeight(base, 0.8)(one) / base(one)
    assert found[0, 0, 0] == pytest.approx(0, abs=1e-6)
    assert found[0, 0, 2] == pytest.approx(2)
    assert bool((found[0, 0].diff()[:2] > 0).all())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Standardised(floor=-1), "floor"),
        (lambda: Summed(Best(), Best(), low=1, high=0), "low must be below high"),
        (lambda: Mixed(0), "near must be positive"),
        (lambda: Tail(1.0), "quantile"),
        (lambda: PrefixMean(2), "share"),
        (lambda: StepWeight(Best(), 1.0), "pivot"),
        (lambda: Tracker(0), "start"),
        (lambda: SoftMinimum(rollouts=1), "rollouts 1"),
        (lambda: Bootstrapped(window=0), "window"),
    ],
)
def test_impossible_advantages_are_refused(make: object, reason: str) -> None:
    """At construction, in one line."""
    assert callable(make)
    with pytest.raises(ValueError, match=reason):
        make()

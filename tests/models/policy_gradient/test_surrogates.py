"""Surrogates: their gradients by enumeration, the values at which they rest, and planted errors."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from six_tours import COST, Table, compared, every_group, exact, rollouts, tours_of, weighed_loss
from torch import Tensor

from nco.core.describe import construct, describe
from nco.models.policy_gradient.advantages import Standardised
from nco.models.policy_gradient.group import Rollouts, Scored
from nco.models.policy_gradient.surrogates import (
    Clipped,
    Drift,
    LogLikelihood,
    Matching,
    Pairwise,
    Penalised,
    Quadratic,
    Regression,
    Surrogate,
    Truncated,
)
from nco.training.advantages import LeaveOneOut, MeanOverStarts

RATIOS = [Clipped(), Quadratic(), Drift(), Penalised(), Penalised(sampled=True), Truncated()]
ALL = [
    LogLikelihood(),
    *RATIOS,
    Regression(),
    Regression(0.1, "value"),
    Matching(),
    Pairwise(),
    Pairwise(1.0, weighted=True, reference=1.0),
    Pairwise(1.0, "square", margin=5.0),
    Pairwise(best=True),
]
named = pytest.mark.parametrize("surrogate", ALL, ids=lambda one: type(one).__name__)


def ready(table: Table, tours: Tensor) -> Rollouts:
    """Rollouts of `table` itself, with advantages and with itself for a reference."""
    kept = rollouts(table, tours)
    return replace(compared(kept, LeaveOneOut()), reference=kept.logp)


def gradient(table: Table, surrogate: Surrogate, kept: Rollouts, tours: Tensor) -> Tensor:
    """Of the mean loss."""
    loss = surrogate(table.scored(tours), kept)
    pairs = tours.shape[1] * (tours.shape[1] - 1) / 2
    return table.gradient(loss.mean() if loss.ndim == 2 else loss.sum((1, 2)).mean() / pairs)


@pytest.mark.parametrize("surrogate", RATIOS, ids=lambda one: type(one).__name__)
def test_the_first_step_is_that_of_reinforce(surrogate: Surrogate) -> None:
    """While the policy is the one that played, every surrogate with a ratio has its gradient."""
    table, tours = Table(), tours_of([0, 1, 4, 5])
    kept = ready(table, tours)
    wanted = gradient(table, LogLikelihood(), kept, tours)
    torch.testing.assert_close(gradient(table, surrogate, kept, tours), wanted)


def test_the_first_step_of_rebel() -> None:
    """With two rollouts 4 / eta of leave-one-out's gradient."""
    table, tours = Table(), tours_of([0, 4])
    kept = ready(table, tours)
    wanted = gradient(table, LogLikelihood(), kept, tours)
    raw = replace(kept, advantage=kept.cost[..., None])
    found = gradient(table, Regression(step=0.5), raw, tours)
    torch.testing.assert_close(found, 4 / 0.5 * wanted)


def test_the_first_step_of_exo() -> None:
    """beta / heat of the gradient with the mean for a baseline."""
    table, tours = Table(), tours_of([0, 1, 4, 5])
    heat = 1e4  # to first order in the differences of costs
    kept = replace(ready(table, tours), advantage=COST[tours][..., None])
    wanted = gradient(table, LogLikelihood(), compared(kept, MeanOverStarts()), tours)
    found = gradient(table, Matching(beta=0.5, heat=heat), kept, tours)
    torch.testing.assert_close(found * 1.0, 0.5 / heat * wanted, rtol=1e-3, atol=1e-12)


def test_the_first_step_of_a_star() -> None:
    """That of the advantage c - C, twice beta_2 times."""
    table, tours = Table(), tours_of([0, 1, 4])
    kept = replace(ready(table, tours), advantage=(COST[tours] - 0.7)[..., None])
    wanted = gradient(table, LogLikelihood(), kept, tours)
    found = gradient(table, Regression(0.1, "value"), kept, tours)
    torch.testing.assert_close(found, 2 * 0.1 * wanted)


@pytest.mark.parametrize("count", [2, 3])
def test_reinforce_is_exact(count: int) -> None:
    """Over all groups, by their probability: the gradient of the expected cost, or its share."""
    table, groups = Table(), every_group(count)
    kept = rollouts(table, groups)
    wanted = exact(table)
    own = weighed_loss(table, LogLikelihood(), compared(kept, LeaveOneOut()), groups)
    torch.testing.assert_close(table.gradient(own), wanted, atol=1e-6, rtol=1e-5)
    mean = weighed_loss(table, LogLikelihood(), compared(kept, MeanOverStarts()), groups)
    share = (count - 1) / count
    torch.testing.assert_close(table.gradient(mean), share * wanted, atol=1e-6, rtol=1e-5)


def test_standard_deviations_bias_the_gradient() -> None:
    """It differs from the exact one, also in direction."""
    table, groups = Table(), every_group(3)
    kept = compared(rollouts(table, groups), Standardised(floor=0.0))
    found = table.gradient(weighed_loss(table, LogLikelihood(), kept, groups))
    cosine = torch.cosine_similarity(found, exact(table), dim=0)
    assert 0.8 < float(cosine) < 0.9999


def test_penalised_rests_at_the_boltzmann_policy() -> None:
    """One choice: the expected gradient vanishes at old * exp(-t A)."""
    old, step = torch.tensor([0.2, 0.5, 0.3], dtype=torch.double).log(), 0.7
    advantage = torch.tensor([1.0, -0.5, 0.2], dtype=torch.double)
    logits = (old - step * advantage).requires_grad_()
    actions = torch.arange(3)[None, :, None]
    for surrogate in (Penalised(step), Penalised(step, sampled=True)):
        every = logits.log_softmax(-1)
        kept = one_choice(old, actions, advantage)
        now = Scored(every[actions], every.expand(1, 3, 1, 3))
        loss = (old.exp() * surrogate(now, kept)[0]).sum()
        (found,) = torch.autograd.grad(loss, logits)
        assert found.abs().max() < 1e-12


def one_choice(old: Tensor, actions: Tensor, advantage: Tensor) -> Rollouts:
    """Rollouts of one step that took `actions` ``[1, S, 1]``."""
    shape = actions.shape[:2]
    return Rollouts(
        None,
        actions,
        actions,
        old[actions],
        advantage[None],
        torch.zeros(shape, dtype=torch.long),
        torch.ones(1, dtype=torch.long),
        log_probs=old.expand(*actions.shape, len(old)),
        advantage=advantage[None, :, None],
    )


def along(surrogate: Surrogate, ratio: float, advantage: float) -> tuple[float, float]:
    """Loss and slope by the ratio of one step."""
    r = torch.tensor(ratio, dtype=torch.double, requires_grad=True)
    old = torch.tensor([0.0], dtype=torch.double)
    kept = one_choice(
        old, torch.zeros(1, 1, 1, dtype=torch.long), torch.tensor([advantage]).double()
    )
    loss = surrogate(Scored(r.log().view(1, 1, 1)), kept).sum()
    (slope,) = torch.autograd.grad(loss, r)
    return loss.item(), slope.item()


@pytest.mark.parametrize("advantage", [1.5, -0.8])
def test_the_quadratic_pulls_back(advantage: float) -> None:
    """Least at the edge of its band; outside its slope points back, and the clip's is zero."""
    sign, width = math.copysign(1, advantage), 0.2
    edge = 1 - width * sign
    assert along(Quadratic(width), edge, advantage)[1] == pytest.approx(0, abs=1e-12)
    outside = 1 - 2 * width * sign
    assert along(Quadratic(width), outside, advantage)[1] * sign < 0
    assert along(Clipped(width, width), outside, advantage)[1] == 0
    assert along(Clipped(width, width), 1.0, advantage)[1] == pytest.approx(advantage)


def test_the_drift_by_hand() -> None:
    """Never negative, zero with zero slope at r = 1, and as computed on paper at r = 1.5."""

    def drift(ratio: float, advantage: float) -> float:
        return along(Drift(), ratio, advantage)[0] - (ratio - 1) * advantage

    for advantage in (-1.0, 1.0, -3.0, 3.0):
        assert drift(1.0, advantage) == pytest.approx(0, abs=1e-12)
        assert along(Drift(), 1.0, advantage)[1] == pytest.approx(advantage)
        assert all(drift(r, advantage) >= -1e-12 for r in (0.3, 0.7, 1.2, 1.5, 3.0))
    x = 0.5  # A = -1: x = (1 - 1.5) * -1
    assert drift(1.5, -1.0) == pytest.approx(x - 2 * math.tanh(x / 2))
    assert drift(1.5, 1.0) == 0  # x = -log 1.5, below zero
    x = math.log(2)  # A = 1, r = 1/2
    assert drift(0.5, 1.0) == pytest.approx(x - 0.6 * math.tanh(x / 0.6))


def test_rebel_of_two_arms_converges() -> None:
    """To the old difference less eta times the costs', where its loss is zero."""
    eta, old = 0.8, torch.tensor([0.3, -0.4], dtype=torch.double)
    cost = torch.tensor([1.2, 0.5], dtype=torch.double)
    logits = old.clone().requires_grad_()
    kept = one_choice(old.log_softmax(-1), torch.arange(2)[None, :, None], cost)
    for _ in range(400):
        now = Scored(logits.log_softmax(-1)[torch.arange(2)[None, :, None]])
        loss = Regression(eta)(now, kept).sum()
        (slope,) = torch.autograd.grad(loss, logits)
        logits = (logits - 0.1 * slope).detach().requires_grad_()
    assert float(loss.detach()) < 1e-12
    wanted = old[0] - old[1] - eta * (cost[0] - cost[1])
    assert float((logits[0] - logits[1]).detach()) == pytest.approx(float(wanted), abs=1e-6)


def test_a_star_rests_at_the_optimal_policy() -> None:
    """With equal betas and C enumerated the loss is zero at reference * exp(-c / beta)."""
    beta, reference = 0.6, Table(1).chances().detach()
    value = -beta * (reference * (-COST / beta).exp()).sum().log()
    best = reference.log() + (value - COST) / beta
    assert best.exp().sum() == pytest.approx(1)
    actions = torch.arange(6)[None, :, None]
    kept = one_choice(best, actions, COST - value)
    kept = replace(kept, reference=reference.log()[actions])
    loss = Regression(beta, "value")(Scored(best[actions]), kept)
    assert float(loss.abs().max()) < 1e-20


def test_inpo_rests_where_it_should() -> None:
    """At tau / eta of the reference's difference, the rest of the old one's, and 1 / (2 eta)."""
    eta, tau = 0.5, 0.2
    old, frozen = torch.tensor([[-1.0, -2.0]]).double(), torch.tensor([[-0.5, -1.1]]).double()
    ahead = tau / eta * (frozen[0, 0] - frozen[0, 1]) + (1 - tau / eta) * (old[0, 0] - old[0, 1])
    now = torch.tensor([[0.0, 0.0]]).double()
    now[0, 0] = ahead + 1 / (2 * eta)
    kept = one_choice(old[0], torch.arange(2)[None, :, None], torch.tensor([1.0, 2.0]).double())
    kept = replace(kept, reference=frozen[..., None])
    surrogate = Pairwise(
        1.0, "square", margin=1 / (2 * eta), reference=tau / eta, old=1 - tau / eta
    )
    assert float(surrogate(Scored(now[..., None]), kept).sum().detach()) == pytest.approx(
        0, abs=1e-15
    )
    assert float(surrogate(Scored(now[..., None] * 0.9), kept).sum()) > 1e-4


def test_preferences_count_the_order_alone() -> None:
    """Any increasing map of costs, any order of the rollouts, and a constant added to all L."""
    table, tours = Table(), tours_of([0, 1, 4, 5])
    kept, now = ready(table, tours), table.scored(tours)
    loss = Pairwise(0.3)(now, kept).sum()
    mapped = replace(kept, cost=kept.cost.exp() + 7)
    assert torch.equal(Pairwise(0.3)(now, mapped).sum(), loss)
    order = torch.tensor([[2, 0, 3, 1]])
    turned = Pairwise(0.3)(Scored(now.logp[:, order[0]]), kept.choose(order)).sum()
    torch.testing.assert_close(turned, loss)
    shifted = Pairwise(0.3)(Scored(now.logp + 0.7), kept).sum()
    torch.testing.assert_close(shifted, loss)
    tied = replace(kept, cost=torch.ones_like(kept.cost))
    assert Pairwise(0.3)(now, tied).abs().sum() == 0


def test_weak_preferences_are_reinforce_on_ranks() -> None:
    """As alpha goes to zero the gradient, over alpha, is that of half the centred ranks."""
    table, tours = Table(), tours_of([0, 1, 4, 5])
    kept = ready(table, tours)
    alpha = 1e-6
    found = gradient(table, Pairwise(alpha), kept, tours) / alpha
    rank = kept.cost.argsort(1).argsort(1).double()
    ranked = replace(kept, advantage=(rank - rank.mean())[..., None])
    wanted = gradient(table, LogLikelihood(), ranked, tours)
    pairs, count = 6, 4
    torch.testing.assert_close(found, wanted * count / pairs, rtol=1e-4, atol=1e-6)


def test_the_weight_of_a_pair() -> None:
    """Is one for the uniform policy, less for an unlikely pair, and has no gradient."""
    uniform, tours = Table(scale=0.0), tours_of([0, 4, 5])
    kept, now = ready(uniform, tours), uniform.scored(tours)
    plain, weighted = Pairwise(0.3), Pairwise(0.3, weighted=True)
    torch.testing.assert_close(weighted(now, kept), plain(now, kept))
    table = Table(scale=2.0)
    kept, now = ready(table, tours), table.scored(tours)
    share = weighted(now, kept) / plain(now, kept).clamp_min(1e-12)
    assert share.max() <= 1
    assert float(share.detach()[share > 0].min()) < 0.99
    leaf = now.logp.detach().requires_grad_()
    loss = weighted(Scored(leaf, now.log_probs), kept)
    (slope,) = torch.autograd.grad(loss.sum(), leaf)
    held = share.detach() * plain(Scored(leaf), kept)
    (wanted,) = torch.autograd.grad(held.sum(), leaf)
    torch.testing.assert_close(slope, wanted)


@named
def test_forced_steps_add_nothing(surrogate: Surrogate) -> None:
    """Three more steps that allow one action change neither loss nor gradient."""
    old, table, tours = Table(), Table(3), tours_of([0, 1, 4, 5])
    kept = ready(old, tours)
    loss = surrogate(table.scored(tours), kept)

    def longer(values: Tensor) -> Tensor:
        return torch.nn.functional.pad(values, (0, 3))

    certain = torch.full((1, 4, 3, 3), -torch.inf, dtype=torch.double)
    certain[..., 0] = 0
    assert kept.log_probs is not None
    assert kept.reference is not None
    padded = replace(
        kept,
        actions=longer(kept.actions),
        picks=longer(kept.picks),
        logp=longer(kept.logp),
        reference=longer(kept.reference),
        log_probs=torch.cat([kept.log_probs, certain], 2),
    )
    now = table.scored(tours)
    assert now.log_probs is not None
    more = Scored(longer(now.logp), torch.cat([now.log_probs, certain], 2))
    found = surrogate(more, padded)
    if isinstance(surrogate, Pairwise) and surrogate.weighted:  # a mean over more steps
        return
    torch.testing.assert_close(found, loss)
    torch.testing.assert_close(table.gradient(found.sum()), table.gradient(loss.sum()))


@named
def test_a_surrogate_is_plain_data(surrogate: Surrogate) -> None:
    """A checkpoint says which one it was, and makes it again."""
    assert describe(construct(describe(surrogate))) == describe(surrogate)


# --------------------------------------------------------------------------------------------------
# Planted errors


Mutant = Callable[[Surrogate, Scored, Rollouts], Tensor]


def descends(surrogate: Callable[[Scored, Rollouts], Tensor]) -> bool:
    """Whether 30 small steps of expected gradients make tours clearly cheaper."""
    table, groups = Table(), every_group(2)
    before = float((table.chances().detach() * COST).sum())
    optimizer = torch.optim.Adam(table.parameters(), 0.05)
    for _ in range(30):
        kept = ready(table, groups)
        loss = surrogate(table.scored(groups), kept)
        mean = loss.mean(1) if loss.ndim == 2 else loss.sum((1, 2))
        total = (table.chances()[groups].prod(1).detach() * mean).sum()
        if not total.requires_grad:
            return False
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return float((table.chances().detach() * COST).sum()) < 0.7 * before


def negated(surrogate: Surrogate, now: Scored, kept: Rollouts) -> Tensor:
    """The loss with the wrong sign."""
    return -surrogate(now, kept)


def turned(surrogate: Surrogate, now: Scored, kept: Rollouts) -> Tensor:
    """Advantages and costs with the wrong sign: the pair is swapped."""
    assert kept.advantage is not None
    return surrogate(now, replace(kept, advantage=-kept.advantage, cost=-kept.cost))


def detached(surrogate: Surrogate, now: Scored, kept: Rollouts) -> Tensor:
    """No gradient through the probabilities."""
    every = None if now.log_probs is None else now.log_probs.detach()
    return surrogate(Scored(now.logp.detach(), every), kept)


@pytest.mark.long
@named
def test_a_surrogate_learns_and_a_planted_error_does_not(surrogate: Surrogate) -> None:
    """Costs fall; with the wrong sign, a swapped pair or no gradient they do not."""
    assert descends(surrogate)
    for mutant in (negated, turned, detached):
        assert not descends(lambda now, kept: mutant(surrogate, now, kept))  # noqa: B023

"""Distributions over actions, against PyTorch's own and against counting."""

import pytest
import torch
from torch import Tensor
from torch import distributions as reference

from nco.core import decisions
from nco.core.seeds import generator

B, S, A = 3, 2, 4


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal ones in double precision."""
    return torch.randn(*shape, generator=generator("numbers", seed), dtype=torch.float64)


def same(own: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal but for rounding to single precision."""
    return own.shape == other.shape and torch.allclose(own.double(), other.double(), atol=1e-5)


def test_masked_actions_have_no_share() -> None:
    """The others are as PyTorch has them, whose logits are those of the allowed actions."""
    logits = numbers(B, S, A)
    mask = torch.ones(B, S, A, dtype=torch.bool)
    mask[0, 0, 1] = mask[1, 1, :3] = False
    own = decisions.Categorical(logits, mask)
    other = reference.Categorical(logits=logits.masked_fill(~mask, -torch.inf))
    allowed = own.mode()
    assert torch.equal(allowed, other.probs.argmax(-1))
    assert same(own.log_prob(allowed), other.log_prob(allowed))
    exact = -(other.probs * other.probs.clamp_min(1e-300).log()).sum(-1)
    assert same(own.entropy(), exact)
    assert float(own.entropy()[1, 1]) == 0
    assert own.log_probs[0, 0, 1] == -torch.inf


def test_samples_have_their_probabilities() -> None:
    """Counted over many draws, and a masked action is never among them."""
    logits = torch.tensor([0.0, 1.0, -1.0, 5.0])
    mask = torch.tensor([True, True, True, False])
    count = 20_000
    own = decisions.Categorical(logits.expand(count, 1, A), mask.expand(count, 1, A))
    drawn = torch.bincount(own.sample(generator(1)).flatten(), minlength=A) / count
    wanted = torch.softmax(logits.masked_fill(~mask, -torch.inf), 0)
    assert drawn[3] == 0
    assert torch.allclose(drawn, wanted, atol=4 * 0.5 / count**0.5)


def test_rounding_never_draws_what_is_not_allowed() -> None:
    """Also where the only allowed action is the first of many, or has nearly all of the share."""
    for allowed in (0, 999):
        mask = torch.zeros(5000, 1, 1000, dtype=torch.bool)
        mask[..., allowed] = True
        own = decisions.Categorical(torch.zeros(5000, 1, 1000), mask)
        assert bool((own.sample(generator(2)) == allowed).all())
    logits = torch.full((5000, 1, 1000), -30.0)
    logits[..., 500] = 30.0
    mask = torch.ones(5000, 1, 1000, dtype=torch.bool)
    mask[..., 501:] = False
    drawn = decisions.Categorical(logits, mask).sample(generator(3))
    assert bool((drawn == 500).all())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_log_probabilities_are_of_single_precision(dtype: torch.dtype) -> None:
    """Whatever the network ran in."""
    mask = torch.ones(B, S, A, dtype=torch.bool)
    own = decisions.Categorical(numbers(B, S, A).to(dtype), mask)
    assert own.log_prob(own.mode()).dtype == torch.float32
    assert same(own.log_probs.exp().sum(-1), torch.ones(B, S))


def test_normal_numbers_are_pytorchs() -> None:
    """Density and entropy of all parts together; parts that do not exist count for nothing."""
    mean, std = numbers(B, S, A), numbers(B, S, A, seed=1).exp()
    exists = torch.tensor([True, True, False, True]).expand(B, S, A)
    other = reference.Normal(mean, std)
    action = numbers(B, S, A, seed=2)
    own = decisions.Normal(mean, std)
    assert same(own.log_prob(action), other.log_prob(action).sum(-1))
    assert same(own.entropy(), other.entropy().sum(-1))
    part = decisions.Normal(mean, std, exists)
    assert same(part.log_prob(action), (other.log_prob(action) * exists).sum(-1))
    assert same(part.entropy(), (other.entropy() * exists).sum(-1))
    assert torch.equal(own.mode(), mean)


def test_normal_samples_have_their_mean_and_spread() -> None:
    """Equal seeds draw equal numbers, and no gradient flows through them."""
    mean = torch.full((20_000, 1, 1), 2.0, requires_grad=True)
    own = decisions.Normal(mean, torch.full_like(mean, 0.5))
    drawn = own.sample(generator(4))
    assert torch.equal(drawn, own.sample(generator(4)))
    assert not drawn.requires_grad
    assert own.mode().requires_grad
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.02)


def test_shares_are_pytorchs() -> None:
    """Density, entropy and mean of Dirichlet's distribution."""
    concentration = numbers(B, S, A, seed=5).exp() + 0.1
    own, other = decisions.Dirichlet(concentration), reference.Dirichlet(concentration)
    shares = torch.softmax(numbers(B, S, A, seed=6), -1)
    assert same(own.log_prob(shares), other.log_prob(shares))
    assert same(own.entropy(), other.entropy())
    assert same(own.mode(), other.mean)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_shares_sum_to_one(scale: float) -> None:
    """However small the concentrations are; a share of zero still has a finite density."""
    own = decisions.Dirichlet(torch.full((200, 1, A), scale))
    drawn = own.sample(generator(7))
    assert bool((drawn >= 0).all())
    assert torch.allclose(drawn.sum(-1), torch.ones(200, 1), atol=1e-5)
    assert bool(own.log_prob(drawn).isfinite().all())
    corner = torch.tensor([1.0, 0, 0, 0]).expand(200, 1, A)
    assert bool(own.log_prob(corner).isfinite().all())
    assert float(drawn.mean()) == pytest.approx(0.25, abs=1e-5)


def test_an_exact_action_is_certain() -> None:
    """It passes its gradient on as the mode, and none as a sample."""
    action = numbers(B, S, A).requires_grad_()
    own = decisions.Exact(action)
    assert own.mode() is action
    assert not own.sample(generator(8)).requires_grad
    assert torch.equal(own.log_prob(action), torch.zeros(B, S, dtype=torch.float64))
    assert torch.equal(own.entropy(), torch.zeros(B, S, dtype=torch.float64))


def test_decisions_side_by_side_are_independent() -> None:
    """Actions are joined, log-probabilities and entropies added."""
    normal = decisions.Normal(numbers(B, S, 2), torch.ones(B, S, 2, dtype=torch.float64))
    shares = decisions.Dirichlet(numbers(B, S, 3, seed=1).exp())
    joint = decisions.Joint([normal, shares], [2, 3])
    assert torch.equal(joint.mode(), torch.cat([normal.mode(), shares.mode()], -1))
    drawn = joint.sample(generator(9))
    assert drawn.shape == (B, S, 5)
    assert torch.allclose(drawn[..., 2:].sum(-1), torch.ones(B, S, dtype=torch.float64))
    parts = normal.log_prob(drawn[..., :2]) + shares.log_prob(drawn[..., 2:])
    assert same(joint.log_prob(drawn), parts)
    assert same(joint.entropy(), normal.entropy() + shares.entropy())

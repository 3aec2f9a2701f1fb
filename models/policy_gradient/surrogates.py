"""Surrogates: losses of rollouts whose gradient makes the cheaper ones more likely.

l is the log-probability of each step now, lo of those who played, lf of the frozen reference;
``r = exp(l - lo)``, L is the sum of l over the steps, and A the advantage of costs: above zero is
a higher cost than that of others. Losses add steps up, never divide by their number, and a step
that was given or forced (l = lo = 0) adds nothing. While r is 1, all that have a ratio have
REINFORCE's gradient.
"""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from nco.core.describe import Described
from nco.models.policy_gradient.group import Rollouts, Scored

Needs = Literal["old", "reference", "log_probs"]


class Surrogate(Described, ABC):
    """From rollouts, and what the policy says of them now, to their losses.

    Attributes:
        needs: ``old``: the loss corrects for who played the rollouts, so that they may be used
            several times or come from elsewhere; ``reference``: it reads `Rollouts.reference`;
            ``log_probs``: it reads the probabilities of all actions.
        least: rollouts of an instance that it needs.
        of_steps: every step may have an advantage of its own.
        ranks: only the order of costs counts: no advantage is asked for.
        on_policy: right for rollouts of the present policy only, each used once.
    """

    needs: frozenset[Needs] = frozenset()
    least: int = 1
    of_steps: bool = True
    ranks: bool = False
    on_policy: bool = False

    @abstractmethod
    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        """Losses of rollouts ``[B, S]``, or of ordered pairs of them ``[B, S, S]``."""


class LogLikelihood(Surrogate):
    """REINFORCE: ``A L``. Williams (1992), "Simple statistical gradient-following algorithms"."""

    on_policy = True

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        return (_of(kept) * now.logp).sum(2)


class Clipped(Surrogate):
    """PPO: ``max(r A, clip(r, 1 - low, 1 + high) A)``, less A, so that the loss begins at zero.

    Schulman et al. (2017), "Proximal policy optimization algorithms", equation 7. A greater `high`
    is DAPO's "clip higher" (Yu et al. 2025).

    Args:
        low, high: how far the ratio of a step may fall or rise with profit; 0.2 in the paper, for 3
            to 10 epochs.
    """

    needs: frozenset[Needs] = frozenset({"old"})

    def __init__(self, low: float = 0.2, high: float = 0.2) -> None:
        if not 0 < low < 1 or not high > 0:
            raise ValueError(
                f"Clipped: low must be between 0 and 1 and high above 0: {low}, {high}"
            )
        self.low, self.high = low, high

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        away = ratio(now, kept) - 1
        held = away.clamp(-self.low, self.high)
        return torch.maximum(away * _of(kept), held * _of(kept)).sum(2)


class Quadratic(Surrogate):
    """SPO: ``(r - 1) A + |A| (r - 1)^2 / (2 width)``; its gradient pulls back outside 1 +- width.

    Xie et al. (2024), "Simple policy optimization", arXiv 2401.16025.

    Args:
        width: of the band; 0.2 in the paper.
    """

    needs: frozenset[Needs] = frozenset({"old"})

    def __init__(self, width: float = 0.2) -> None:
        self.width = _positive("Quadratic: width", width)

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        away, advantage = ratio(now, kept) - 1, _of(kept)
        return (away * advantage + advantage.abs() * away.square() / (2 * self.width)).sum(2)


class Drift(Surrogate):
    """Discovered policy optimisation: ``(r - 1) A + relu(x - k tanh(x / k))``.

    Lu et al. (2022), "Discovered policy optimisation", arXiv 2210.05639, for costs: ``x = (1 - r)
    A`` and ``k = better`` where A is at most zero, else ``x = -A log r`` and ``k = worse``. Needs
    advantages of unit scale: `Standardised`.

    Args:
        better: 2 in the paper; worse: 0.6.
    """

    needs: frozenset[Needs] = frozenset({"old"})

    def __init__(self, better: float = 2.0, worse: float = 0.6) -> None:
        self.better = _positive("Drift: better", better)
        self.worse = _positive("Drift: worse", worse)

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        advantage, away = _of(kept), now.logp - kept.logp
        r = away.exp()
        good, bad = (1 - r) * advantage, -away * advantage
        drift = torch.where(
            advantage <= 0,
            torch.relu(good - self.better * torch.tanh(good / self.better)),
            torch.relu(bad - self.worse * torch.tanh(bad / self.worse)),
        )
        return ((r - 1) * advantage + drift).sum(2)


class Penalised(Surrogate):
    """MDPO: ``(r - 1) A + KL(now, old) / step``, the divergence over all actions of each state.

    Tomar et al. (2020), "Mirror descent policy optimization", arXiv 2005.09814, section 4. Where
    one step is the whole episode, its gradient vanishes at ``old * exp(-step A)``.

    Args:
        step: t of the mirror descent, which the paper lets fall from 1 with training; for 5 to 10
            epochs.
        sampled: the divergence of the action that was taken alone, ``r log r - r + 1``, without
            bias and for continuous actions too.
    """

    def __init__(self, step: float = 1.0, sampled: bool = False) -> None:
        self.step, self.sampled = _positive("Penalised: step", step), sampled
        self.needs = frozenset({"old"} if sampled else {"old", "log_probs"})

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        r = ratio(now, kept)
        if self.sampled:
            apart = r * (now.logp - kept.logp) - r + 1
        else:
            assert now.log_probs is not None
            assert kept.log_probs is not None
            apart = divergence(now.log_probs, kept.log_probs).masked_fill(~kept.own, 0.0)
        return ((r - 1) * _of(kept) + apart / self.step).sum(2)


class Truncated(Surrogate):
    """CISPO: ``min(r, cap) A l``, no gradient through the ratio.

    MiniMax (2025), and Khatri et al. (2025), "The art of scaling reinforcement learning compute for
    LLMs", arXiv 2510.13786, equation 4. Without a cap and on one's own rollouts it is REINFORCE.

    Args:
        cap: the greatest weight of a step; 5 in the paper. 1 is the truncated importance sampling
            of asynchronous training.
    """

    needs: frozenset[Needs] = frozenset({"old"})

    def __init__(self, cap: float = 5.0) -> None:
        self.cap = _positive("Truncated: cap", cap)

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        weight = ratio(now, kept).detach().clamp_max(self.cap)
        return (weight * _of(kept) * now.logp).sum(2)


class Regression(Surrogate):
    """Log-probabilities are fitted to costs: squared errors instead of a surrogate.

    - ``pairs``, REBEL (Gao et al. 2024, arXiv 2404.16767): ``(delta (L - L') / step + delta A)^2``
      for all pairs, L' of those who played. Its first step is that of `LeaveOneOut`.
    - ``value``, A*-PO (Brantley et al. 2025, arXiv 2505.20686): ``(step (L - L') + A)^2``, L' of
      the frozen reference and A of `SoftMinimum`, where `step` is the paper's beta_2.

    The paper's steps are for rewards between 0 and 1: take `Standardised`, or costs of that scale.

    Args:
        step: eta of REBEL, 1 in the paper; beta_2 of A*-PO, 0.001.
        of: ``pairs`` or ``value``.
        against: whose L' it is; None: as in the papers.
    """

    of_steps = False

    def __init__(
        self,
        step: float = 1.0,
        of: Literal["pairs", "value"] = "pairs",
        against: Literal["old", "reference"] | None = None,
    ) -> None:
        self.step, self.of = _positive("Regression: step", step), of
        self.against: Literal["old", "reference"] = against or (
            "old" if of == "pairs" else "reference"
        )
        self.least = 2 if of == "pairs" else 1
        self.needs = frozenset({self.against})

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        base = kept.logp if self.against == "old" else _reference(kept)
        moved, advantage = (now.logp - base).sum(2), _of(kept)[..., 0]
        if self.of == "value":
            return (self.step * moved + advantage).square()
        return _upper((delta(moved) / self.step + delta(advantage)).square())


class Matching(Surrogate):
    """EXO: the policy, seen on its S rollouts, is drawn to a Boltzmann distribution of costs.

    Ji et al. (2024), "Towards efficient exact optimization of language model alignment", arXiv
    2402.00856: ``KL(q, p)`` with ``q = softmax of beta (L - Lf)`` and ``p = softmax of -A / heat``
    over the rollouts. Its first step is that of the mean baseline over `heat`. The loss is one of
    an instance, spread evenly over its rollouts.

    Args:
        beta: 0.5 for the package's costs in standard deviations (0.1 in the paper).
        heat: of the distribution of costs, in the unit of advantages.
    """

    needs: frozenset[Needs] = frozenset({"reference"})
    least, of_steps = 2, False

    def __init__(self, beta: float = 0.5, heat: float = 0.5) -> None:
        self.beta, self.heat = _positive("Matching: beta", beta), _positive("Matching: heat", heat)

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        q = (self.beta * (now.logp - _reference(kept)).sum(2)).log_softmax(1)
        p = (-_of(kept)[..., 0] / self.heat).log_softmax(1)
        return (q.exp() * (q - p)).sum(1, keepdim=True).expand_as(q)


class Pairwise(Surrogate):
    """Preferences: of two rollouts the cheaper one shall be likelier. Only the order counts.

    ``link(alpha delta (L - offset) - margin)``, delta the cheaper's less the dearer's; ties count
    nothing. It is, for costs,

    - PO for routing (Pan et al. 2025, "Preference optimization for combinatorial optimization
      problems"): logistic, alpha 0.05 for tours and 0.03 for vehicle routes, all pairs;
    - DPO (Rafailov et al. 2023): logistic with ``offset: {reference: 1}``;
    - WPO (Zhou et al. 2024, arXiv 2406.11827): `weighted`, for replayed pairs;
    - IPO and, with offsets of reference and old policy, INPO (Zhang et al. 2024): ``square``, whose
      loss is ``(delta (L - tau / eta Lf - (1 - tau / eta) Lo) - margin)^2`` with margin 1 / (2 eta)

    Args:
        alpha: how much a difference of log-probabilities counts.
        link: ``logistic``: ``-log sigmoid``; ``square``: the squared difference to the margin.
        margin: by which the cheaper one should be ahead.
        reference: how much of Lf is taken off each L; old: how much of Lo.
        weighted: a pair counts the less the less likely it is now: ``min(1, exp of the sum over
            both of mean_t (l - log sum_a p(a)^2))``, without a gradient.
        best: pair the cheapest with all others only.
    """

    least, of_steps, ranks = 2, False, True

    def __init__(
        self,
        alpha: float = 0.05,
        link: Literal["logistic", "square"] = "logistic",
        margin: float = 0.0,
        reference: float = 0.0,
        old: float = 0.0,
        weighted: bool = False,
        best: bool = False,
    ) -> None:
        self.alpha, self.link, self.margin = _positive("Pairwise: alpha", alpha), link, margin
        self.reference, self.old, self.weighted, self.best = reference, old, weighted, best
        asked: dict[Needs, float] = {"reference": reference, "old": old, "log_probs": weighted}
        self.needs = frozenset(name for name, share in asked.items() if share)

    def __call__(self, now: Scored, kept: Rollouts) -> Tensor:
        offset = torch.zeros_like(now.logp)
        if self.reference:
            offset = offset + self.reference * _reference(kept)
        if self.old:
            offset = offset + self.old * kept.logp
        ahead = self.alpha * delta((now.logp - offset).sum(2)) - self.margin
        loss = -logsigmoid(ahead) if self.link == "logistic" else ahead.square()
        cheaper = kept.cost[:, :, None] < kept.cost[:, None, :]
        if self.best:
            cheaper = cheaper & (kept.cost == kept.cost.amin(1, keepdim=True))[:, :, None]
        if self.weighted:
            near = self._likely(now, kept)
            loss = loss * (near[:, :, None] + near[:, None, :]).exp().clamp_max(1.0)
        return loss * cheaper

    def _likely(self, now: Scored, kept: Rollouts) -> Tensor:
        """``[B, S]``: mean over own steps of ``l - log sum_a p(a)^2``."""
        assert now.log_probs is not None
        own = kept.own.float()
        even = (2 * now.log_probs.detach()).logsumexp(-1)
        even = even.flatten(3).sum(3) if even.ndim > 3 else even
        return ((now.logp.detach() - even) * own).sum(2) / own.sum(2).clamp_min(1)


def ratio(now: Scored, kept: Rollouts) -> Tensor:
    """r ``[B, S, P]``, of each step: the product over an episode would overflow."""
    return (now.logp - kept.logp).exp()


def delta(values: Tensor) -> Tensor:
    """``[B, S, S]``: the row's value less the column's."""
    return values[:, :, None] - values[:, None, :]


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p, q) over the actions of each step, ``[B, S, P]``; a masked action counts nothing."""
    masked = log_p == -torch.inf
    apart = (log_p - log_q).masked_fill(masked, 0.0)
    terms = (log_p.exp() * apart).sum(-1)
    return terms.flatten(3).sum(3) if terms.ndim > 3 else terms


def _upper(pairs: Tensor) -> Tensor:
    """Each pair once: of ``[B, S, S]`` what lies above the diagonal."""
    return pairs.triu(1)


def _of(kept: Rollouts) -> Tensor:
    assert kept.advantage is not None
    return kept.advantage


def _reference(kept: Rollouts) -> Tensor:
    assert kept.reference is not None
    return kept.reference


def _positive(name: str, value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be positive, not {value}")
    return value

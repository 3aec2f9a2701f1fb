"""Advantages that remember: of each instance of a pool, of a frozen policy, or of finished steps.

What is remembered are buffers, so that checkpoints hold it.
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.training.advantages import Advantage, Group

__all__ = ["BestKnown", "Bootstrapped", "SoftMinimum", "Tracker"]


class Tracker(Advantage):
    """Cost above an average of each instance's own costs, in the batch's standard deviations.

    The tracker of single-stream policy optimisation (Xu & Ding 2025, arXiv 2509.13232): ``N <- rho
    N + 1, v <- v + (c - v) / N``, where rho in [0.875, 0.96] falls the more the policy has changed
    since the last visit: ``2^(-D / 0.06)``, D the change of the mean log-probability of a step. One
    rollout of each instance is enough. The first visit of an instance has advantage 0.

    Args:
        start: N of the first visit; 8 in the paper.
        standardise: divide by the standard deviation over the batch.
    """

    remembers = True
    LEAST, MOST, HALF = 0.875, 0.96, 0.06
    value: Tensor
    visits: Tensor
    logp: Tensor

    def __init__(self, start: float = 8.0, standardise: bool = True) -> None:
        super().__init__()
        if not start >= 1:
            raise ValueError(f"Tracker: start must be at least 1, not {start}")
        self.start, self.standardise = start, standardise

    def remember(self, pool: int) -> None:
        self.register_buffer("value", torch.full((pool,), torch.nan))
        self.register_buffer("visits", torch.zeros(pool))
        self.register_buffer("logp", torch.zeros(pool))

    def forward(self, group: Group) -> Tensor:
        assert group.index is not None
        place, cost = group.index, group.cost.float()
        value = self.value[place]
        new = value.isnan()[:, None]
        advantage = torch.where(new, 0.0, cost - value[:, None])
        if self.standardise:
            advantage = advantage / advantage.std(correction=0).clamp_min(1e-8)
        self._visit(place, cost.mean(1), _mean_logp(group))
        return advantage[..., None]

    def _visit(self, place: Tensor, cost: Tensor, logp: Tensor) -> None:
        moved = (logp - self.logp[place]).abs()
        rho = (2 ** (-moved / self.HALF)).clamp(self.LEAST, self.MOST)
        old, visits = self.value[place], self.visits[place]
        new = old.isnan()
        visits = torch.where(new, self.start, rho * visits + 1)
        old = torch.where(new, cost, old)
        # not in place: a checkpoint may be written from these at any time
        self.value = self.value.scatter(0, place, old + (cost - old) / visits)
        self.visits = self.visits.scatter(0, place, visits)
        self.logp = self.logp.scatter(0, place, logp)


class BestKnown(Advantage):
    """How far a rollout is from the best that is known of its instance, on a fixed scale.

    History-aware: after HAPO (2025), arXiv 2505.11225. The reward is ``cos(min(c / h, 2) pi / 2)``,
    at least -0.7, h the least cost of the instance so far; near h it is ``-pi / 2`` times the
    relative gap. It is compared with the mean of the instance's rollouts: alone it would push
    every one of them down. A first visit compares with its own best.

    Args:
        weight: of the reward; 1 in the paper.
    """

    least, remembers = 2, True
    LOWEST = -0.7
    best: Tensor

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def remember(self, pool: int) -> None:
        self.register_buffer("best", torch.full((pool,), torch.inf))

    def forward(self, group: Group) -> Tensor:
        assert group.index is not None
        cost = group.cost.float()
        known = torch.minimum(self.best[group.index], cost.amin(1))
        self.best = self.best.scatter(0, group.index, known)
        share = cost / known[:, None].clamp_min(1e-9)
        reward = (share.clamp_max(2.0) * math.pi / 2).cos().clamp_min(self.LOWEST)
        return (-self.weight * (reward - reward.mean(1, keepdim=True)))[..., None]


class SoftMinimum(Advantage):
    """Cost above the soft minimum of a frozen policy's costs: what the optimum is taken to be.

    ``(c - C) / s`` with ``C = -heat s log mean exp(-c_f / (heat s))`` over `rollouts` samples of
    the frozen policy on the same instances, s the mean of their standard deviations: the value of
    A*-PO, Brantley et al. (2025), arXiv 2505.20686, equation 5, whose rewards lie between 0 and 1.
    The samples are a part of the price of a step.

    Args:
        heat: beta_1; 0.5 in the paper.
        rollouts: of the frozen policy; 8 in the paper.
        refresh: steps after which it is replaced by the present policy; 0: never.
    """

    refreshed: Tensor

    def __init__(self, heat: float = 0.5, rollouts: int = 8, refresh: int = 0) -> None:
        super().__init__()
        if not heat > 0 or rollouts < 2 or refresh < 0:
            raise ValueError(f"SoftMinimum: heat {heat}, rollouts {rollouts}, refresh {refresh}")
        self.heat, self.rollouts, self.refresh = heat, rollouts, refresh
        self.register_buffer("refreshed", torch.zeros((), dtype=torch.long))
        self._step = 0

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.frozen = copy.deepcopy(policy).requires_grad_(False)

    def prepare(self, policy: Policy, step: int) -> None:
        self._step = step
        if self.refresh and step - int(self.refreshed) >= self.refresh:
            self.frozen.load_state_dict(policy.state_dict())
            self.refreshed = torch.full_like(self.refreshed, step)

    def forward(self, group: Group) -> Tensor:
        device = group.cost.device
        random = generator(self.seed, "soft minimum", self._step, device=device)
        with torch.no_grad():
            played = rollout(
                self.problem,
                self.frozen,
                group.instance,
                self.rollouts,
                sample(random),
                logp=False,
            )
        spread = played.cost.std(1).mean().clamp_min(1e-9)
        least = soft_minimum(played.cost / spread, self.heat)
        return (group.cost / spread - least).float()[..., None]


class Bootstrapped(Advantage):
    """Generalised advantages with a linear critic, which learns from finished rollouts.

    Schulman et al. (2016). With a `window`, advantages look no further than its end, where the
    value is taken from the step before, as in T-PPO (2025), arXiv 2506.15050. The critic is a ridge
    regression of what is still to pay on how far a rollout is, what it has paid, and what the other
    rollouts of the instance still pay on average, fitted to the batches before: the linear feature
    baseline of Duan et al. (2016), "Benchmarking deep reinforcement learning".

    Args:
        smooth: lambda; 1 is the cost to go less the value.
        ridge: weight of the coefficients' squares.
        window: steps; None: the whole episode.
    """

    least, of_steps = 2, True
    moments: Tensor
    products: Tensor
    WIDTH, DECAY = 5, 0.9

    def __init__(
        self, smooth: float = 0.95, ridge: float = 1e-3, window: int | None = None
    ) -> None:
        super().__init__()
        if not 0 <= smooth <= 1 or not ridge > 0:
            raise ValueError(f"Bootstrapped: smooth in [0, 1], ridge above 0: {smooth}, {ridge}")
        if window is not None and window < 1:
            raise ValueError(f"Bootstrapped: window must be at least 1 or null, not {window}")
        self.smooth, self.ridge, self.window = smooth, ridge, window
        self.register_buffer("moments", torch.zeros(self.WIDTH, self.WIDTH))
        self.register_buffer("products", torch.zeros(self.WIDTH))

    def forward(self, group: Group) -> Tensor:
        step_cost = group.step_cost
        if step_cost is None:
            raise ValueError("Bootstrapped needs costs of steps, which the problem does not have")
        step_cost = step_cost.float()
        seen, ahead = self._seen(step_cost), step_cost.flip(2).cumsum(2).flip(2)
        unit = torch.eye(self.WIDTH, device=seen.device) * self.ridge
        value = seen @ torch.linalg.solve(self.moments + unit, self.products)
        after = torch.cat([value[:, :, 1:], torch.zeros_like(value[:, :, :1])], 2)
        found, total = [], torch.zeros_like(value[:, :, 0])
        for t in reversed(range(value.shape[2])):
            if self.window is not None and (t + 1) % self.window == 0 and t + 1 < value.shape[2]:
                total = step_cost[:, :, t]  # V(end) = V(end - 1)
            else:
                error = step_cost[:, :, t] + after[:, :, t] - value[:, :, t]
                total = error + self.smooth * total
            found.append(total)
        flat = seen.flatten(0, 2)
        count = len(flat)
        self.moments = self.DECAY * self.moments + flat.T @ flat / count
        self.products = self.DECAY * self.products + flat.T @ ahead.flatten() / count
        return torch.stack(found[::-1], 2)

    def _seen(self, step_cost: Tensor) -> Tensor:
        """What the critic sees before each step, ``[B, S, T, 5]``."""
        total = step_cost.shape[2]
        paid = step_cost.cumsum(2) - step_cost
        far = torch.arange(total, device=paid.device) / total
        far = far.expand_as(paid)
        ahead = step_cost.flip(2).cumsum(2).flip(2)
        theirs = (ahead.sum(1, keepdim=True) - ahead) / (ahead.shape[1] - 1)
        return torch.stack([torch.ones_like(paid), far, far.square(), paid, theirs], -1)


def soft_minimum(cost: Tensor, heat: float) -> Tensor:
    """``-heat log mean exp(-c / heat)`` over the rollouts, ``[B, 1]``."""
    count = math.log(cost.shape[1])
    return -heat * ((-cost / heat).logsumexp(1, keepdim=True) - count)


def _mean_logp(group: Group) -> Tensor:
    """``[B]``: of a step, over the rollouts."""
    if group.logp is None or group.logp.shape[2] == 0:
        return torch.zeros(len(group.cost), device=group.cost.device)
    return group.logp.detach().float().mean((1, 2))

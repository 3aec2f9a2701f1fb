"""Advantages that look at one group of rollouts only; more are in `nco.training.advantages`."""

from typing import Any, Literal

import torch
from torch import Tensor

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.training.advantages import Advantage, Group, others

__all__ = [
    "Best",
    "Mixed",
    "PrefixMean",
    "Standardised",
    "StepWeight",
    "Summed",
    "Tail",
    "Vine",
]


class Standardised(Advantage):
    """GRPO: cost above the mean of the instance's rollouts, in standard deviations.

    ``(c - m) / s``: Shao et al. (2024), "DeepSeekMath". On easy instances s is hardly more than
    rounding, so it is at least `floor` times the median of the batch; where all rollouts tie the
    advantage is 0. Dividing by s biases the gradient, also in its direction.

    Args:
        scope: ``instance``: s of each instance; ``batch``: the root mean square of all of them,
            which leaves the direction of each instance's gradient as it is.
        floor: smallest s, in medians of the batch.
    """

    least = 2

    def __init__(
        self, scope: Literal["instance", "batch"] = "instance", floor: float = 0.1
    ) -> None:
        super().__init__()
        if not floor >= 0:
            raise ValueError(f"Standardised: floor must be at least 0, not {floor}")
        self.scope, self.floor = scope, floor

    def forward(self, group: Group) -> Tensor:
        away = group.cost - group.cost.mean(1, keepdim=True)
        away = torch.where(tied(group.cost), 0.0, away)
        spread = away.square().mean(1, keepdim=True).sqrt()
        if self.scope == "batch":
            spread = spread.square().mean().sqrt().expand_as(spread)
        else:
            spread = spread.maximum(self.floor * spread.median())
        scaled = away / spread.clamp_min(torch.finfo(spread.dtype).tiny)
        return torch.where(spread > 0, scaled, 0.0).float()[..., None]


class Summed(Advantage):
    """A weighted sum of two advantages, the second one cut off at both ends.

    With `Standardised` and `GreedyRollout` it is AAPO (Xiong et al. 2025, arXiv 2505.14264), which
    adds ``clip(c - c_f, -0.28, 0.2)`` and keeps a signal where all rollouts tie.

    Args:
        first, second: advantages.
        weight: of the second one; low, high: where it is cut off, before it is weighted.
    """

    def __init__(
        self,
        first: Advantage,
        second: Advantage,
        weight: float = 1.0,
        low: float = -0.28,
        high: float = 0.2,
    ) -> None:
        super().__init__()
        if not low < high:
            raise ValueError(f"Summed: low must be below high, not {low} and {high}")
        self.first, self.second = first, second
        self.weight, self.low, self.high = weight, low, high
        self.least = max(first.least, second.least)
        self.of_start = first.of_start or second.of_start
        self.of_steps = first.of_steps or second.of_steps
        self.entropy = first.entropy or second.entropy
        self.remembers = first.remembers or second.remembers

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        self.first.attach(problem, policy, seed)
        self.second.attach(problem, policy, seed)

    def prepare(self, policy: Policy, step: int) -> None:
        self.first.prepare(policy, step)
        self.second.prepare(policy, step)

    def remember(self, pool: int) -> None:
        for part in (self.first, self.second):
            if part.remembers:
                part.remember(pool)

    def forward(self, group: Group) -> Tensor:
        one, other = self.first(group), self.second(group).clamp(self.low, self.high)
        if one.shape[2] != other.shape[2] and min(one.shape[2], other.shape[2]) > 1:
            last = min(one.shape[2], other.shape[2])  # one counts the given steps too
            one, other = one[:, :, -last:], other[:, :, -last:]
        found: Tensor = one + self.weight * other
        return found


class Mixed(Advantage):
    """MAPO: between standard deviations and relative differences, by how sure an instance is.

    ``(1 - q) (c - m) / s + q (c - m) / m`` with ``q = 1 - 4 p (1 - p)``, p the share of rollouts
    within `near` of the best: Huang et al. (2025), arXiv 2509.18849, whose rewards are 0 or 1 and
    whose p counts the ones. Instances on which about half of the rollouts succeed have deviations
    as in `Standardised`; where all or none do, dividing by s would magnify noise.

    Args:
        near: relative gap to the best rollout within which another counts as a success.
    """

    least = 2

    def __init__(self, near: float = 0.01) -> None:
        super().__init__()
        if not near > 0:
            raise ValueError(f"Mixed: near must be positive, not {near}")
        self.near, self.standardised = near, Standardised()

    def forward(self, group: Group) -> Tensor:
        cost = group.cost
        best, mean = cost.amin(1, keepdim=True), cost.mean(1, keepdim=True)
        near = cost <= best + self.near * best.abs()
        p = near.float().mean(1, keepdim=True)
        unsure = (4 * p * (1 - p))[..., None]
        relative = ((cost - mean) / mean.abs().clamp_min(1e-9)).float()[..., None]
        found: Tensor = unsure * self.standardised(group) + (1 - unsure) * relative
        return found


class Tail(Advantage):
    """Only the dearest share of rollouts counts: the conditional value at risk of the batch.

    ``(c - v)+ / (1 - quantile)`` with v that quantile of all costs of the batch: Tamar et al.
    (2015), "Optimizing the CVaR via sampling". For problems whose chance makes some costs great;
    instances should be alike. With ``quantile: 0`` it is the cost above the batch's mean.

    Args:
        quantile: share of rollouts that do not count.
    """

    least = 1

    def __init__(self, quantile: float = 0.9) -> None:
        super().__init__()
        if not 0 <= quantile < 1:
            raise ValueError(f"Tail: quantile must be in [0, 1), not {quantile}")
        self.quantile = quantile

    def forward(self, group: Group) -> Tensor:
        cost = group.cost
        if self.quantile == 0:
            return (cost - cost.mean()).float()[..., None]
        value = cost.flatten().quantile(self.quantile)
        return ((cost - value).clamp_min(0) / (1 - self.quantile)).float()[..., None]


class PrefixMean(Advantage):
    """Cost less a share of the mean cost of the rollouts that begin alike, step by step.

    ``(c - share V(prefix)) - the mean of that over the instance's rollouts``, V being the mean over
    those that took the same actions up to this step. After "Tree-OPO" (2025), arXiv 2509.09284, for
    groups whose rollouts share prefixes, as those of `Branched` and `Guided` do.

    Args:
        share: alpha; 0.5 in the paper.
    """

    least, of_steps = 2, True

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"PrefixMean: share must be in [0, 1], not {share}")
        self.share = share

    def forward(self, group: Group) -> Tensor:
        steps = group.actions.flatten(3).float() if group.actions.ndim > 3 else group.actions
        steps = steps if steps.ndim > 3 else steps[..., None]
        equal = (steps[:, :, None] == steps[:, None]).all(-1)  # [B, S, S, T]
        before = torch.cat([torch.ones_like(equal[..., :1]), equal[..., :-1]], -1)
        alike = before.int().cumprod(-1).to(group.cost.dtype)
        value = (alike * group.cost[:, None, :, None]).sum(2) / alike.sum(2)
        found = group.cost[..., None] - self.share * value
        return (found - found.mean(1, keepdim=True)).float()


class Vine(Advantage):
    """Many actions at one state: only the first step of its own counts for each rollout.

    ``c - mean of the others`` at the step where the rollouts of `Branched` leave one another, 0 at
    all others: the vine of Schulman et al. (2015), "Trust region policy optimization", section 5.2,
    and the many-actions gradient of arXiv 2210.13011, theorem 3.3, with exact costs.
    """

    least, of_steps, branches = 2, True, True

    def __init__(self) -> None:
        super().__init__()

    def forward(self, group: Group) -> Tensor:
        cost = (group.cost - others(group.cost)).float()[..., None]
        steps = torch.arange(group.actions.shape[2], device=cost.device)
        first = (
            torch.zeros_like(group.cost, dtype=torch.long) if group.given is None else group.given
        )
        return torch.where(steps == first[..., None], cost, 0.0)


class Best(Advantage):
    """Self-labelling: the cheapest rollout is imitated, the others teach nothing.

    -1 for the cheapest, so that the loss is the negative log-likelihood of it: Corsini et al.
    (2024), "Self-labeling the job shop scheduling problem". With the source `Distinct` no two
    rollouts are alike. An instance whose rollouts all tie teaches nothing.
    """

    least, imitates = 2, True

    def __init__(self) -> None:
        super().__init__()

    def forward(self, group: Group) -> Tensor:
        cost = group.cost
        chosen = torch.zeros_like(cost, dtype=torch.float32)
        chosen.scatter_(1, cost.argmin(1, keepdim=True), -1.0)
        return torch.where(tied(cost), 0.0, chosen)[..., None]


class StepWeight(Advantage):
    """Steps at which the policy is in doubt count more, sure ones less.

    ``A (1 + h)``, h in [-1, 1] from the logarithm of the entropy about its `pivot` quantile in the
    batch: after HAPO (2025), token-level. (The paper also moves the bounds of the clip.)

    Args:
        base: the advantage that is weighted.
        pivot: the quantile that counts once; 0.8 in the paper.
    """

    of_steps, entropy = True, True

    def __init__(self, base: Advantage, pivot: float = 0.8) -> None:
        super().__init__()
        if not 0 < pivot < 1:
            raise ValueError(f"StepWeight: pivot must be in (0, 1), not {pivot}")
        self.base, self.pivot = base, pivot
        self.least, self.of_start, self.remembers = base.least, base.of_start, base.remembers

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        self.base.attach(problem, policy, seed)

    def prepare(self, policy: Policy, step: int) -> None:
        self.base.prepare(policy, step)

    def remember(self, pool: int) -> None:
        self.base.remember(pool)

    def forward(self, group: Group) -> Tensor:
        assert group.entropy is not None
        found: Tensor = self.base(group)
        if found.shape[2] > 1:
            found = found[:, :, -group.entropy.shape[2] :]
        decided = group.entropy > 0  # the others were forced or given
        log = group.entropy.clamp_min(1e-9).log()
        if not bool(decided.any()):
            return found.expand_as(log)
        seen = log[decided]
        pivot = seen.quantile(self.pivot)
        above = (seen.max() - pivot).clamp_min(1e-9)
        below = (pivot - seen.min()).clamp_min(1e-9)
        doubt = torch.where(log > pivot, (log - pivot) / above, (log - pivot) / below)
        return found * (1 + doubt.clamp(-1, 1))


def tied(cost: Tensor) -> Tensor:
    """``[B, 1]`` bool: all rollouts of the instance cost the same."""
    return cost.amax(1, keepdim=True) == cost.amin(1, keepdim=True)

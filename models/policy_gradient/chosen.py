"""Sources that choose: instances before they are played, rollouts and steps after."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import rollout, sample
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source, wrapped

__all__ = ["Mixture", "Screened", "Thinned"]


class Screened(Source):
    """Of more instances than are needed, those are played whose costs are still spread.

    After DEPO (2025), arXiv 2509.01321: `factor` times as many instances are drawn, two rollouts of
    each are played, and the batch is filled by those with the greatest relative difference. The
    screening is a part of the price of a step.

    Args:
        source: plays what is chosen. factor: instances drawn for each one that is played.
    """

    def __init__(self, source: Source | None = None, factor: int = 2) -> None:
        super().__init__(wrapped(source))
        if factor < 2:
            raise ValueError(f"Screened: factor must be at least 2, not {factor}")
        self.factor = factor

    def refusal(self) -> str | None:
        if self.pool:
            return "Screened draws new instances: it cannot choose from a pool"
        return None

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        count = len(task.instance)
        drawn = task.problem.generate(count * self.factor, task.random("screened"))
        select = sample(task.random("screening"))
        with torch.no_grad():
            cost = rollout(task.problem, task.policy, drawn, 2, select, logp=False).cost
        spread = (cost[:, 0] - cost[:, 1]).abs() / cost.amin(1).abs().clamp_min(1e-9)
        chosen = spread.topk(count).indices.sort().values
        return self.source.collect(replace(task, instance=drawn[chosen]))


class Thinned(Source):
    """Of the rollouts that were played and compared, only some take part in the loss.

    Xu et al. (2025), "Not all rollouts are useful", and D3S (2025), arXiv 2509.22115: the `keep`
    rollouts of each instance whose advantages vary most, which lie at both ends; and of their steps
    the `steps` share with the greatest ``|A|`` times entropy. Advantages are those among all
    rollouts. It saves backward passes, nothing else.

    Args:
        source: of the rollouts. keep: of each instance. steps: share of the batch's steps.
    """

    compares = True

    def __init__(self, source: Source | None = None, keep: int = 4, steps: float = 1.0) -> None:
        super().__init__(wrapped(source))
        if keep < 1 or not 0 < steps <= 1:
            raise ValueError(f"Thinned: keep at least 1, steps in (0, 1]: {keep}, {steps}")
        self.keep, self.steps = keep, steps
        self.entropy = self.of_steps = steps < 1

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        return self.source.collect(replace(task, live=False))

    def judged(self, kept: Rollouts, task: Collecting) -> Rollouts:
        kept = super().judged(kept, task)
        assert kept.advantage is not None
        size = kept.advantage.abs().mean(2) * kept.advantage.sum(2).sign()
        if self.keep < size.shape[1]:
            kept = kept.choose(most_varied(size, self.keep))
        if self.steps < 1:
            assert kept.entropy is not None
            assert kept.advantage is not None
            worth = (kept.advantage.abs() * kept.entropy).expand_as(kept.logp)
            count = max(1, round(self.steps * int(kept.own.sum())))
            least = worth.flatten().topk(min(count, worth.numel())).values[-1]
            kept = replace(kept, advantage=kept.advantage * (worth >= least))
        return kept


def most_varied(values: Tensor, keep: int) -> Tensor:
    """Places ``[B, keep]`` of the values ``[B, S]`` with the greatest variance: from both ends."""
    order = values.argsort(1)
    ends = []
    for low in range(keep + 1):
        high = keep - low
        ends.append(torch.cat([order[:, :low], order[:, order.shape[1] - high :]], 1))
    choices = torch.stack(ends, 1)  # [B, keep + 1, keep]
    rows = torch.arange(len(values), device=values.device)[:, None, None]
    variance = values[rows, choices].var(2, correction=0)
    best = variance.argmax(1)
    return choices[torch.arange(len(values), device=values.device), best].sort(1).values


class Mixture(Source):
    """Instances come from several families, the more often the worse the policy is at one.

    Robust over families: ``w <- w exp(rate gap / w)`` of the family that was drawn, normalised, the
    gap being relative to what a classical search makes of the family (group DRO, Sagawa et al.
    2020; adversarial mixtures). Raw costs of families cannot be compared. With ``rate: 0`` all are
    drawn alike. The trained problem's own family is not among them unless it is named.

    Args:
        families: problems of one class that generate differently.
        source: plays the instances. rate: eta.
        references: mean costs of good solutions, one of each family.
        least: no family is drawn less often than this share of an even draw.
    """

    weights: Tensor

    def __init__(
        self,
        families: list[Problem],
        references: list[float],
        source: Source | None = None,
        rate: float = 1.0,
        least: float = 0.2,
    ) -> None:
        super().__init__(wrapped(source))
        if len(families) < 2 or len(families) != len(references):
            raise ValueError(
                f"Mixture: at least 2 families, each with a reference: {len(families)} and "
                f"{len(references)}"
            )
        if rate < 0 or not 0 <= least <= 1:
            raise ValueError(f"Mixture: rate at least 0, least in [0, 1]: {rate}, {least}")
        self.families, self.references = families, references
        self.rate, self.least = rate, least
        even = torch.full((len(families),), 1 / len(families), dtype=torch.double)
        self.register_buffer("weights", even)

    def refusal(self) -> str | None:
        if self.pool:
            return "Mixture draws new instances: it cannot choose from a pool"
        return None

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        for family in self.families:
            if type(family) is not type(problem):
                mine, theirs = type(problem).__name__, type(family).__name__
                raise ValueError(f"Mixture: the trained problem is {mine}, a family is {theirs}")

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        weights = self.weights.cpu()
        random = task.random("mixture")
        point = float(torch.rand((), generator=random, device=random.device))
        drawn = min(int((weights.cumsum(0) <= point).sum()), len(weights) - 1)
        instance = self.families[drawn].generate(len(task.instance), task.random("families"))
        groups = self.source.collect(replace(task, instance=instance))
        cost = torch.stack([kept.cost.double().mean() for kept in groups]).mean()
        gap = float(cost) / self.references[drawn] - 1
        self.weights = moved(weights, drawn, gap, self.rate, self.least).to(self.weights.device)
        return groups


def moved(weights: Tensor, drawn: int, gap: float, rate: float, least: float) -> Tensor:
    """Weights ``[K]`` after a gap was seen at one family; they sum to 1."""
    logs = weights.log()
    logs[drawn] += min(rate * gap / float(weights[drawn]), 10.0)
    return (1 - least) * logs.softmax(0) + least / len(weights)

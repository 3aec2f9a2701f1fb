"""Advantages: how much more each rollout, or each of its steps, cost than could be expected.

Costs are minimised everywhere, so what has an advantage above zero becomes less probable. One
advantage serves every policy gradient: REINFORCE multiplies it with log-probabilities, PPO with
ratios of probabilities, and Poppy scores only the rollouts that have one.
"""

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nco.core.describe import Described
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator

NORMAL_95 = 1.6448536269514722  # 95 % quantile of the standard normal distribution


@dataclass(frozen=True, eq=False)
class Group:
    """The rollouts of each instance that are compared with one another.

    Attributes:
        instance: ``[B, ...]``.
        cost: ``[B, S]``.
        actions: ``[B, S, T, *M]``.
        prefix: the first actions ``[B, S, P, *M]`` that were given; None: none were.
        starts: how many different first actions there are: rollouts s and s + starts share theirs.
            1 where the policy chose all of them.
        step_cost: what each step cost, ``[B, S, T]``, where the problem says so.
        logp: log-probabilities of the last P steps, ``[B, S, P]``, by the policy that played them.
        entropy: of those decisions, ``[B, S, P]``, where it was asked for (`Advantage.entropy`).
        given: how many first steps of each rollout were not the policy's choice, ``[B, S]``.
        index: which instances of a pool these are, ``[B]``; None: they do not come from one.
    """

    instance: Any
    cost: Tensor
    actions: Tensor
    prefix: Tensor | None = None
    starts: int = 1
    step_cost: Tensor | None = None
    logp: Tensor | None = None
    entropy: Tensor | None = None
    given: Tensor | None = None
    index: Tensor | None = None

    def by_start(self, values: Tensor) -> Tensor:
        """`values` ``[B, S, ...]`` as ``[B, K, M, ...]``: K rollouts from each of M starts."""
        return values.unflatten(1, (-1, self.starts))


class Advantage(Described, nn.Module, ABC):
    """What costs are compared with, so that their gradient has less noise.

    A module, so that whatever it remembers is a buffer or a parameter and travels with checkpoints.
    Subclasses call ``super().__init__()`` first.

    Attributes:
        least: rollouts that it needs to compare.
        of_start: it compares the rollouts from one start; otherwise all of an instance.
        scored: of the rollouts from one start so many have an advantage; None: all of them.
        of_steps: steps of one rollout may have different advantages.
        entropy: it asks for `Group.entropy`.
        imitates: it says what to imitate, whoever played it.
        branches: it looks at the step at which rollouts that begin alike part.
        remembers: it keeps something of each instance, which therefore has to recur: it needs a
            pool of instances and `remember`.
    """

    least: int = 1
    of_start: bool = False
    scored: int | None = None
    of_steps: bool = False
    entropy: bool = False
    imitates: bool = False
    branches: bool = False
    remembers: bool = False

    def remember(self, pool: int) -> None:
        """Called once before training, where it `remembers`, with the number of instances."""

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        """Called once, with the policy that is to be trained."""

    def prepare(self, policy: Policy, step: int) -> None:
        """Called before each training step with the number of steps made so far."""

    @abstractmethod
    def forward(self, group: Group) -> Tensor:
        """Of each rollout ``[B, S, 1]``, or of each step ``[B, S, T]``."""

    def check(self, rollouts: int, starts: int = 1) -> None:
        """Raises ValueError where `rollouts` of an instance from `starts` are too few."""
        name, unit = type(self).__name__, "start" if self.of_start else "instance"
        if self.of_start and rollouts % starts:
            raise ValueError(f"{name}: {rollouts} rollouts are no multiple of {starts} starts")
        count = rollouts // starts if self.of_start else rollouts
        if count < self.least:
            reason = f"needs at least {self.least} rollouts of each {unit}, not {count}"
            raise ValueError(f"{name} {reason}")


class MeanOverStarts(Advantage):
    """Cost above the mean of the instance's rollouts: POMO, Kwon et al. (2020), equation 3.

    ``c - mean(c)``. The mean includes the rollout itself, which only scales the gradient by
    ``1 - 1 / S``.
    """

    least = 2

    def __init__(self) -> None:
        super().__init__()

    def forward(self, group: Group) -> Tensor:
        return (group.cost - group.cost.mean(1, keepdim=True)).float()[..., None]


class LeaveOneOut(Advantage):
    """Cost above the mean of the instance's other rollouts: RLOO.

    ``c - mean(c of the others)``: Kool, van Hoof & Welling (2019b), "Buy 4 REINFORCE samples, get
    a baseline for free!", equation 9. It is `MeanOverStarts` times ``S / (S - 1)``.
    """

    least = 2

    def __init__(self) -> None:
        super().__init__()

    def forward(self, group: Group) -> Tensor:
        return (group.cost - others(group.cost)).float()[..., None]


class ToGo(Advantage):
    """Costs from each step on above the mean of the other rollouts' from that step on.

    ``sum of c_t' over t' >= t``, less the same of the others. The rollouts of an instance share its
    trace, so where chance comes from outside no critic could be a better baseline. Where steps have
    no price, every step has the advantage of its episode.

    Args:
        standardise: divide by the standard deviation over the batch, as is usual with PPO.
    """

    least, of_steps = 2, True

    def __init__(self, standardise: bool = True) -> None:
        super().__init__()
        self.standardise = standardise

    def forward(self, group: Group) -> Tensor:
        if group.step_cost is None:
            ahead = group.cost[..., None].expand(-1, -1, group.actions.shape[2])
        else:
            ahead = group.step_cost.flip(2).cumsum(2).flip(2)
        advantage = ahead - others(ahead)
        if self.standardise:
            advantage = advantage / advantage.std(correction=0).clamp_min(1e-8)
        return advantage


class Exponential(Advantage):
    """Cost above a moving average of all costs.

    ``c - b`` with ``b <- decay b + (1 - decay) mean(c)``. The average includes the batch at hand,
    as in Kool, van Hoof & Welling (2019), appendix B. It is a single number: for instances of one
    size and distribution.

    Args:
        decay: weight of the past.
    """

    average: Tensor

    def __init__(self, decay: float = 0.8) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), not {decay}")
        self.decay = decay
        self.register_buffer("average", torch.full((), torch.nan, dtype=torch.float32))

    def forward(self, group: Group) -> Tensor:
        mean = group.cost.mean().float()
        moved = self.decay * self.average + (1 - self.decay) * mean
        self.average = torch.where(self.average.isnan(), mean, moved)
        return (group.cost - self.average).float()[..., None]


class GreedyRollout(Advantage):
    """Cost above that of a frozen copy of the policy, played greedily from the same starts.

    ``c - c(copy)``: Kool, van Hoof & Welling (2019), section 4. Every `interval` steps the policy
    challenges its copy: greedily, on evaluation instances that stay the same until it succeeds and
    are drawn anew then. It takes the copy's place when a one-sided paired t-test at 5 % says that
    it is better. Up to the first challenge the copy is the untrained policy, and a moving average
    stands in for it.

    Args:
        interval: steps between two challenges.
        instances: of the evaluation set; batch: so many at a time.
    """

    replaced: Tensor
    challenged: Tensor

    def __init__(self, interval: int = 500, instances: int = 1024, batch: int = 256) -> None:
        super().__init__()
        if interval < 1 or instances < 2 or batch < 1:
            raise ValueError(f"interval {interval}, instances {instances}, batch {batch}")
        self.interval, self.instances, self.batch = interval, instances, batch
        self.first = Exponential()
        self.register_buffer("replaced", torch.zeros((), dtype=torch.long))
        self.register_buffer("challenged", torch.zeros((), dtype=torch.bool))

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        if policy.agents > 1:
            raise ValueError(f"GreedyRollout has one copy: the policy has {policy.agents} agents")
        self.problem, self.seed = problem, seed
        self.frozen = copy.deepcopy(policy).requires_grad_(False)

    def prepare(self, policy: Policy, step: int) -> None:
        if step == 0 or step % self.interval:
            return
        self.challenged = torch.ones_like(self.challenged)
        saved = self._costs(self.frozen) - self._costs(policy)
        if better(saved):
            self.frozen.load_state_dict(policy.state_dict())
            self.replaced = self.replaced + 1

    def forward(self, group: Group) -> Tensor:
        if not bool(self.challenged):
            advantage: Tensor = self.first(group)
            return advantage
        cost = self._play(self.frozen, group.instance, group.prefix)
        return (group.cost - cost).float()[..., None]

    def _play(self, policy: nn.Module, instance: Any, prefix: Tensor | None) -> Tensor:
        """Greedy costs ``[B, S]`` from the starts of `prefix`, or ``[B, 1]`` without."""
        assert isinstance(policy, Policy)
        training = policy.training
        policy.eval()
        with torch.no_grad():
            count = 1 if prefix is None else prefix.shape[1]
            played = rollout(
                self.problem, policy, instance, count, greedy, prefix=prefix, logp=False
            )
        policy.train(training)
        return played.cost

    def _costs(self, policy: nn.Module) -> Tensor:
        """Greedy costs ``[instances]`` on the evaluation set, equal on every rank."""
        costs = []
        for part, first in enumerate(range(0, self.instances, self.batch)):
            where = (self.seed, "evaluation", int(self.replaced), part)
            random = generator(*where, device=self.replaced.device)
            instance = self.problem.generate(min(self.batch, self.instances - first), random)
            costs.append(self._play(policy, instance, None)[:, 0])
        return torch.cat(costs)


class Winner(Advantage):
    """Only the best rollout from a start learns, by how much the set would lose without it.

    ``c(best) - c(second best)`` for the best of K, zero for the others. For K agents this is the
    gradient of Poppy (Grinsztajn et al. 2023, theorem 1). For K rollouts of one policy it is the
    gradient of their expected minimum, each rollout's baseline being the best of the others.
    """

    least, of_start, scored = 2, True, 1

    def __init__(self) -> None:
        super().__init__()

    def forward(self, group: Group) -> Tensor:
        cost = group.by_start(group.cost)
        two = cost.topk(2, dim=1, largest=False)
        lead = (two.values[:, 1:] - two.values[:, :1]).float()
        advantage = torch.zeros_like(cost, dtype=lead.dtype).scatter(1, two.indices[:, :1], -lead)
        return advantage.flatten(1, 2)[..., None]


class Polychromic(Advantage):
    """A set of rollouts from one start is worth their mean quality times their diversity.

    After Hamid, Ong & Finn, "Polychromic Objectives for Reinforcement Learning" (2025): all
    rollouts of a set share its value, compared with the mean value of the sets from the instance's
    other starts. Quality is ``exp(-gap / tolerance)``, the gap being relative to the best rollout
    from any start; diversity is the mean share of steps (an action after another) that two rollouts
    do not have in common.

    Args:
        tolerance: the gap at which a rollout counts 1/e.
    """

    least, of_start = 2, True

    def __init__(self, tolerance: float = 0.02) -> None:
        super().__init__()
        if not tolerance > 0:
            raise ValueError(f"tolerance must be positive, not {tolerance}")
        self.tolerance = tolerance

    def forward(self, group: Group) -> Tensor:
        cost = group.by_start(group.cost)
        best = cost.amin((1, 2), keepdim=True)
        quality = (-(cost - best) / (best.abs() * self.tolerance)).exp().mean(1)  # [B, M]
        value = quality * diversity(group.by_start(group.actions))
        advantage = -(value - value.mean(1, keepdim=True))[:, None].expand_as(cost)
        return advantage.float().flatten(1, 2)[..., None]


def others(values: Tensor) -> Tensor:
    """The mean of the other rollouts' `values` ``[B, S, ...]``, S being at least 2."""
    return (values.sum(1, keepdim=True) - values) / (values.shape[1] - 1)


def diversity(actions: Tensor) -> Tensor:
    """``[B, M]``: the mean share of steps that two of the K sequences ``[B, K, M, T]`` differ in.

    A step is an action with the one before it, wherever it occurs.
    """
    count = actions.shape[1]
    steps = actions[..., :-1] * (int(actions.max()) + 1) + actions[..., 1:]
    total = torch.zeros(actions.shape[0], actions.shape[2], device=actions.device)
    for first in range(count):
        for second in range(first):
            same = (steps[:, first, :, :, None] == steps[:, second, :, None]).any(-1)
            total += 1 - same.float().mean(-1)
    return total / max(count * (count - 1) / 2, 1)


def better(saved: Tensor) -> bool:
    """Whether the mean of `saved` ``[K]`` is above zero: one-sided t-test at 5 %.

    The quantile of Student's distribution is expanded around the normal one (Fisher & Cornish
    1960), within 0.001 from K = 10 on.
    """
    z, free = NORMAL_95, len(saved) - 1
    critical = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    saved = saved.double()
    error = saved.std() / math.sqrt(len(saved))
    return bool(saved.mean() > critical * error)


def policy_gradient(advantage: Tensor, logp: Tensor) -> Tensor:
    """REINFORCE's loss: the mean over rollouts of advantage times log-probability.

    Args:
        advantage: ``[B, S, 1]`` of rollouts, or ``[B, S, T]`` of steps.
        logp: ``[B, S, P, *M]`` of the last P of T steps; those before were given.
    """
    if advantage.shape[2] == 1:
        return (advantage[..., 0] * logp.flatten(2).sum(2)).mean()
    steps = logp.flatten(3).sum(3) if logp.ndim > 3 else logp
    return (advantage[:, :, -steps.shape[2] :] * steps).sum(2).mean()

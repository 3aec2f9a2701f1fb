"""REINFORCE with interchangeable baselines."""

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Generator, Tensor, nn

from nco.core.defaults import count_starts, starts_of
from nco.core.describe import Described
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import decisions, greedy, rollout, sample
from nco.core.seeds import generator
from nco.training.method import Method

NORMAL_95 = 1.6448536269514722  # 95 % quantile of the standard normal distribution


class Baseline(Described, nn.Module, ABC):
    """What costs are compared with: it must not depend on the actions it is subtracted from.

    A module, so that whatever it remembers is a buffer or a parameter and travels with checkpoints.
    Subclasses call ``super().__init__()`` first.
    """

    least: int = 1  # rollouts of each instance that `forward` needs

    def attach(self, problem: Problem, policy: Policy, seed: int) -> None:
        """Called once, with the policy that is to be trained."""
        self.seed = seed

    def prepare(self, problem: Problem, policy: Policy, step: int) -> None:
        """Called before each training step with the number of steps made so far."""

    @abstractmethod
    def forward(
        self, problem: Problem, instance: Any, prefix: Tensor | None, cost: Tensor
    ) -> Tensor:
        """Values that broadcast to `cost` ``[B, S]``, that of rollouts begun with `prefix`."""


class Exponential(Baseline):
    """A moving average of all costs.

    The average includes the batch at hand, as in Kool, van Hoof & Welling (2019), appendix B. For
    instances of one size and distribution: it is a single number.

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

    def forward(
        self, problem: Problem, instance: Any, prefix: Tensor | None, cost: Tensor
    ) -> Tensor:
        mean = cost.mean().float()
        moved = self.decay * self.average + (1 - self.decay) * mean
        self.average = torch.where(self.average.isnan(), mean, moved)
        return self.average


class MeanOverStarts(Baseline):
    """The mean over an instance's own rollouts: POMO, Kwon et al. (2020), equation 3.

    The mean includes the rollout itself, which only scales the gradient by ``1 - 1 / S``.
    """

    least = 2

    def __init__(self) -> None:
        super().__init__()

    def forward(
        self, problem: Problem, instance: Any, prefix: Tensor | None, cost: Tensor
    ) -> Tensor:
        return cost.mean(1, keepdim=True)


class LeaveOneOut(Baseline):
    """The mean over the other rollouts of the instance: RLOO, Kool, van Hoof & Welling (2019b).

    "Buy 4 REINFORCE samples, get a baseline for free!", equation 9.
    """

    least = 2

    def __init__(self) -> None:
        super().__init__()

    def forward(
        self, problem: Problem, instance: Any, prefix: Tensor | None, cost: Tensor
    ) -> Tensor:
        return (cost.sum(1, keepdim=True) - cost) / (cost.shape[1] - 1)


class GreedyRollout(Baseline):
    """The cost of a frozen copy of the policy, played greedily from the same starts.

    Kool, van Hoof & Welling (2019), section 4. Every `interval` steps the policy challenges its
    copy: greedily, on evaluation instances that stay the same until it succeeds and are drawn anew
    then. It takes the copy's place when a one-sided paired t-test at 5 % says that it is better. Up
    to the first challenge the copy is the untrained policy, and a moving average stands in for it.

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

    def attach(self, problem: Problem, policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        self.frozen = copy.deepcopy(policy).requires_grad_(False)

    def prepare(self, problem: Problem, policy: Policy, step: int) -> None:
        if step == 0 or step % self.interval:
            return
        self.challenged = torch.ones_like(self.challenged)
        saved = self._costs(problem, self.frozen) - self._costs(problem, policy)
        if better(saved):
            self.frozen.load_state_dict(policy.state_dict())
            self.replaced = self.replaced + 1

    def forward(
        self, problem: Problem, instance: Any, prefix: Tensor | None, cost: Tensor
    ) -> Tensor:
        if not bool(self.challenged):
            value: Tensor = self.first(problem, instance, prefix, cost)
            return value
        return self._play(problem, self.frozen, instance, prefix)

    def _play(
        self, problem: Problem, policy: nn.Module, instance: Any, prefix: Tensor | None
    ) -> Tensor:
        """Greedy costs ``[B, S]`` from the starts of `prefix`, or ``[B, 1]`` without."""
        assert isinstance(policy, Policy)
        training = policy.training
        policy.eval()
        with torch.no_grad():
            count = 1 if prefix is None else prefix.shape[1]
            found = rollout(problem, policy, instance, count, greedy, prefix=prefix, logp=False)
        policy.train(training)
        return found.cost

    def _costs(self, problem: Problem, policy: nn.Module) -> Tensor:
        """Greedy costs ``[instances]`` on the evaluation set, equal on every rank."""
        costs = []
        for part, first in enumerate(range(0, self.instances, self.batch)):
            where = (self.seed, "evaluation", int(self.replaced), part)
            random = generator(*where, device=self.replaced.device)
            instance = problem.generate(min(self.batch, self.instances - first), random)
            costs.append(self._play(problem, policy, instance, None)[:, 0])
        return torch.cat(costs)


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


class Reinforce(Method):
    """Policy gradient: Williams (1992), as used by Kool et al. (2019) and POMO (Kwon et al. 2020).

    Each instance is played `rollouts` times at random; the loss is the mean of the advantage times
    the log-probability of the whole episode. The advantage is the cost above the baseline's: costs
    are minimised, so a rollout that is dearer than the baseline becomes less probable.

    The instances of a batch have one size and no padding, so no start appears twice among theirs,
    unless there are more rollouts than starts.

    Args:
        problem, policy, lr, warmup, weight_decay, decay_steps, seed, initial: as in `Method`.
        baseline: what costs are compared with; `MeanOverStarts` by default.
        rollouts: of each instance; None is one from each start.
        use_starts: let the problem's different first actions begin the rollouts, as POMO does; they
            are given, not learned.
        rescore: sample without gradients and compute all probabilities again in one parallel pass:
            more arithmetic and memory, far fewer and larger kernels. For GPUs.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        lr: float = 3e-4,
        warmup: int = 200,
        weight_decay: float = 0.0,
        decay_steps: int = 0,
        seed: int = 0,
        initial: str | None = None,
        baseline: Baseline | None = None,
        rollouts: int | None = None,
        use_starts: bool = True,
        rescore: bool = False,
    ) -> None:
        super().__init__(
            problem,
            policy,
            lr=lr,
            warmup=warmup,
            weight_decay=weight_decay,
            decay_steps=decay_steps,
            seed=seed,
            initial=initial,
        )
        self.baseline = baseline if baseline is not None else MeanOverStarts()
        if rollouts is not None and rollouts < self.baseline.least:
            name = type(self.baseline).__name__
            raise ValueError(f"{name} needs rollouts >= {self.baseline.least}, not {rollouts}")
        self.rollouts, self.use_starts, self.rescore = rollouts, use_starts, rescore
        self.baseline.attach(problem, self.policy, seed)

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        # before the step and not after it: a checkpoint is written between the two
        self.baseline.prepare(self.problem, self.policy, self.global_step)
        prefix = self._starts(batch)
        count = prefix.shape[1] if prefix is not None else self.rollouts or 1
        play = self._play_and_score if self.rescore else self._play
        cost, logp = play(batch, count, prefix, generator)
        value = self.baseline(self.problem, batch, prefix, cost)
        advantage = (cost - value).float()
        self.log("train/cost", cost.mean(), prog_bar=True)
        self.log("train/advantage_std", advantage.std(correction=0))
        self.log("train/entropy", -logp.detach().mean())  # its unbiased estimate, each step's mean
        return (advantage * logp.flatten(2).sum(2)).mean()

    def _starts(self, instance: Any) -> Tensor | None:
        """First actions ``[B, S, 1, *M]``; None where the policy chooses the first one itself."""
        starts = count_starts(self.problem, instance) if self.use_starts else 1
        count = self.rollouts or starts
        if self.rollouts is None and count < self.baseline.least:
            name = type(self.baseline).__name__
            raise ValueError(
                f"{name} needs several rollouts of an instance: there are {starts} starts, so give "
                f"rollouts >= {self.baseline.least}"
            )
        return starts_of(self.problem, instance, count) if self.use_starts else None

    def _play(
        self, instance: Any, count: int, prefix: Tensor | None, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Costs ``[B, S]`` and log-probabilities ``[B, S, P, *M]`` of sampled rollouts."""
        played = rollout(
            self.problem, self.policy, instance, count, sample(generator), prefix=prefix
        )
        if played.logp is None:  # every action was given
            return played.cost, played.cost.new_zeros(*played.cost.shape, 1)
        return played.cost, played.logp

    def _play_and_score(
        self, instance: Any, count: int, prefix: Tensor | None, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """The same, in two passes that share one encoding."""
        problem, policy = self.problem, self.policy
        memory = policy.encode(problem.features(instance))
        with torch.no_grad():
            played = rollout(
                problem,
                policy,
                instance,
                count,
                sample(generator),
                prefix=prefix,
                keep=True,
                logp=False,
                memory=memory,
            )
        if played.states is None:
            return played.cost, played.cost.new_zeros(*played.cost.shape, 1)
        picks = played.picks[:, :, 0 if prefix is None else prefix.shape[2] :]
        decision, _ = decisions(
            problem, policy, instance, played.actions, states=played.states, memory=memory
        )
        logp = decision.log_prob(picks.flatten(1, 2)).unflatten(1, picks.shape[1:3])
        return played.cost, logp

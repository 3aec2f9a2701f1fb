"""REINFORCE with interchangeable advantages."""

from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.defaults import count_starts, starts_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Rollout, decisions, rollout, sample
from nco.training.advantages import Advantage, Group, MeanOverStarts, policy_gradient
from nco.training.method import Method, Training


class Reinforce(Method):
    """Policy gradient: Williams (1992), as used by Kool et al. (2019) and POMO (Kwon et al. 2020).

    Each instance is played `rollouts` times at random; the loss is the mean of the advantage times
    the log-probability of the whole episode.

    The instances of a batch have one size and no padding, so no start appears twice among theirs,
    unless there are more rollouts than starts.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 200 where none is given.
        advantage: what costs are compared with; `MeanOverStarts` by default.
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
        training: Training | None = None,
        advantage: Advantage | None = None,
        rollouts: int | None = None,
        use_starts: bool = True,
        rescore: bool = False,
    ) -> None:
        super().__init__(problem, policy, training, lr=3e-4, warmup=200)
        self.advantage = advantage if advantage is not None else MeanOverStarts()
        if rollouts is not None:
            self.advantage.check(rollouts)
        self.rollouts, self.use_starts, self.rescore = rollouts, use_starts, rescore
        self.advantage.attach(problem, self.policy, self.settings.seed)

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        # before the step and not after it: a checkpoint is written between the two
        self.advantage.prepare(self.policy, self.global_step)
        prefix = starts_of(self.problem, batch, self.rollouts) if self.use_starts else None
        count = self.rollouts or (1 if prefix is None else prefix.shape[1])
        starts = 1 if prefix is None else min(count_starts(self.problem, batch), count)
        self.advantage.check(count, starts)
        play = self._play_and_score if self.rescore else self._play
        played, logp = play(batch, count, prefix, generator)
        group = Group(batch, played.cost, played.actions, prefix, starts, played.step_costs)
        advantage = self.advantage(group)
        self.log("train/cost", played.cost.mean(), prog_bar=True)
        self.log("train/advantage_std", advantage.std(correction=0))
        self.log("train/entropy", -logp.detach().mean())  # its unbiased estimate, each step's mean
        return policy_gradient(advantage, logp)

    def _play(
        self, instance: Any, count: int, prefix: Tensor | None, generator: Generator
    ) -> tuple[Rollout, Tensor]:
        """Sampled rollouts with their log-probabilities ``[B, S, P, *M]``."""
        played = rollout(
            self.problem, self.policy, instance, count, sample(generator), prefix=prefix
        )
        if played.logp is None:  # every action was given
            return played, played.cost.new_zeros(*played.cost.shape, 1)
        return played, played.logp

    def _play_and_score(
        self, instance: Any, count: int, prefix: Tensor | None, generator: Generator
    ) -> tuple[Rollout, Tensor]:
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
            return played, played.cost.new_zeros(*played.cost.shape, 1)
        picks = played.picks[:, :, 0 if prefix is None else prefix.shape[2] :]
        decision, _ = decisions(
            problem, policy, instance, played.actions, states=played.states, memory=memory
        )
        logp = decision.log_prob(picks.flatten(1, 2)).unflatten(1, picks.shape[1:3])
        return played, logp

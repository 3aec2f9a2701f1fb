"""Proximal policy optimisation, whose baseline is other rollouts that share their future."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import rollout, sample, score
from nco.core.seeds import generator as seeded
from nco.training.advantages import Advantage, Group, ToGo
from nco.training.method import Method, Training

KEPT = "rollouts"  # a checkpoint's key


@dataclass(frozen=True, eq=False)
class Collected(Batch):
    """What the policy played, for several steps of the optimiser."""

    instance: Any
    picks: Tensor  # [B, S, T, *M]
    states: Any  # [B, S, T, ...]
    logp: Tensor  # [B, S, T]
    advantage: Tensor  # [B, S, T or 1], of costs: above zero is worse than others


class PPO(Method):
    """The clipped surrogate of Schulman et al. (2017), equation 7, without a critic.

    The rollouts of an instance share its trace, so that what the others still pay from a step on is
    a baseline for it that no critic could better on exogenous chance (`ToGo`).

    Rollouts are collected every `epochs` steps. A checkpoint keeps them, as a tensordict of plain
    tensors, so that a run which resumes between two collections goes on with the same.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 20 where none is given.
        advantage: what costs are compared with; `ToGo` by default.
        rollouts: of each instance; epochs: steps on the same rollouts.
        clip: how far the ratio of probabilities may leave 1 with profit.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        advantage: Advantage | None = None,
        rollouts: int = 8,
        epochs: int = 4,
        clip: float = 0.2,
    ) -> None:
        if epochs < 1 or not 0 < clip < 1:
            raise ValueError(
                f"epochs must be at least 1 and clip between 0 and 1, not {epochs} and {clip}"
            )
        super().__init__(problem, policy, training, lr=3e-4, warmup=20)
        self.advantage = advantage if advantage is not None else ToGo()
        self.advantage.check(rollouts)
        self.advantage.attach(problem, self.policy, self.settings.seed)
        self.rollouts, self.epochs, self.clip = rollouts, epochs, clip
        self._kept: Collected | None = None

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        self.advantage.prepare(self.policy, self.global_step)
        if self._kept is None or self.global_step % self.epochs == 0:
            self._kept = self._collect(batch, self.generator("ppo", self.global_step))
        kept = self._kept
        logp = score(self.problem, self.policy, kept.instance, kept.picks, states=kept.states)
        ratio = (_whole(logp) - kept.logp).exp()
        held = ratio.clamp(1 - self.clip, 1 + self.clip)
        return torch.maximum(ratio * kept.advantage, held * kept.advantage).mean()

    @torch.no_grad()
    def _collect(self, instance: Any, generator: Generator) -> Collected:
        select = sample(generator)
        played = rollout(self.problem, self.policy, instance, self.rollouts, select, keep=True)
        assert played.logp is not None
        group = Group(instance, played.cost, played.actions, step_cost=played.step_costs)
        advantage = self.advantage(group)
        self.log("train/cost", played.cost.mean(), prog_bar=True)
        return Collected(instance, played.picks, played.states, _whole(played.logp), advantage)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self._kept is not None:
            checkpoint[KEPT] = self._kept.to("cpu").to_tensordict().to_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if KEPT in checkpoint:
            from tensordict import TensorDict

            instance = self.problem.generate(1, seeded("ppo"))  # for the classes alone
            parts = {"instance": type(instance), "states": type(self.problem.reset(instance, 1))}
            rows = len(checkpoint[KEPT]["logp"])
            stored = TensorDict(checkpoint[KEPT], batch_size=[rows], device=self.device)
            self._kept = Collected.from_tensordict(stored, parts)


def _whole(logp: Tensor) -> Tensor:
    """Of all agents of a step together, ``[B, S, T]``."""
    return logp.flatten(3).sum(3) if logp.ndim > 3 else logp

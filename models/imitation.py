"""Imitation of given solutions, teacher-forced over whole episodes in one parallel pass."""

from typing import Any

import torch
from torch import Generator, Tensor

from nco.labels import Labelled
from nco.method import Method
from nco.policy import Policy
from nco.problem import Problem
from nco.rollout import score


class Imitation(Method):
    """Maximises the likelihood of good solutions.

    A solution has many action sequences (rotations and directions of a tour, orders of routes, of
    items): each label is shown in `views` random ones at once, which share one encoding of the
    instance, and in one of its symmetric images.

    Args:
        problem, policy, lr, warmup, weight_decay, decay_steps, seed, initial: as in `Method`.
        views: equivalent action sequences of each label in a batch.
        skip: first actions that are not imitated: 1 where a search forces every start anyway.
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
        views: int = 8,
        skip: int = 1,
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
        self.views, self.skip = views, skip

    def loss(self, batch: Labelled, generator: Generator) -> Tensor:
        instance: Any = batch.instance
        images = self.problem.symmetries(instance)
        pick = torch.randint(len(images), (), generator=generator, device=generator.device)
        instance = images[int(pick)]
        best = batch.cost.argmin(1)
        rows = torch.arange(len(best), device=best.device)
        label = batch.actions[rows, best][:, None].expand(-1, self.views, -1)
        actions = self.problem.equivalent(instance, label.contiguous(), generator)
        total = actions.shape[2]
        first = min(self.skip, total - 1)
        steps = torch.arange(first, total, device=actions.device).expand(*actions.shape[:2], -1)
        logp = score(self.problem, self.policy, instance, actions, steps=steps)
        loss = -logp.mean()
        self.log("train/loss", loss, prog_bar=True)
        return loss

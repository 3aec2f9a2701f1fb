"""Imitation of given solutions, teacher-forced over whole episodes in one parallel pass."""

from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasConsistentActions
from nco.core.decisions import Categorical
from nco.core.defaults import equivalents_of, replay, starts_of, symmetries_of
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import decisions, score
from nco.labels.store import Labelled
from nco.training.method import Method, Training


class Imitation(Method):
    """Maximises the likelihood of good solutions.

    A solution has many action sequences (rotations and directions of a tour, orders of routes, of
    items): each label is shown in `views` random ones at once, which share one encoding of the
    instance, and in one of its symmetric images. Where instances have several starts, the first
    action is not imitated: every search tries all of them.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 200 where none is given.
        views: equivalent action sequences of each label in a batch.
        cuts: imitate so many random steps only, the same ones of all labels of a batch, each in a
            pass of its own: for a policy that looks at what remains afresh, which then is of one
            size. Any action that leads to the same solution is right (`HasConsistentActions`). 0 is
            all steps in one pass.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        views: int = 8,
        cuts: int = 0,
    ) -> None:
        super().__init__(problem, policy, training, lr=3e-4, warmup=200)
        self.views, self.cuts = views, cuts

    def loss(self, batch: Labelled, generator: Generator) -> Tensor:
        instance: Any = batch.instance
        images = symmetries_of(self.problem, instance)
        pick = torch.randint(len(images), (), generator=generator, device=generator.device)
        instance = images[int(pick)]
        best = batch.cost.argmin(1)
        rows = torch.arange(len(best), device=best.device)
        label = batch.actions[rows, best][:, None].repeat_interleave(self.views, 1)
        actions = equivalents_of(self.problem, instance, label, generator)
        total = actions.shape[2]
        starts = starts_of(self.problem, instance)
        first = 0 if starts is None else min(starts.shape[2], total - 1)
        if self.cuts:
            loss = self._at_cuts(instance, actions, first, generator)
        else:
            steps = torch.arange(first, total, device=actions.device).expand(*actions.shape[:2], -1)
            loss = -score(self.problem, self.policy, instance, actions, steps=steps).mean()
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def _at_cuts(self, instance: Any, actions: Tensor, first: int, generator: Generator) -> Tensor:
        """Minus the log-probability of whatever is right at some random steps."""
        total = actions.shape[2]
        # spread over the episode, so that the sizes of what remains balance in every batch
        spread = torch.linspace(0, total - first, self.cuts + 1, device=actions.device)
        inside = torch.rand(self.cuts, generator=generator, device=generator.device)
        cuts = (spread[:-1] + inside * spread[1]).long().clamp_max(total - first - 1) + first
        steps = cuts.expand(*actions.shape[:2], -1)
        states, right = replay(self.problem, instance, actions, steps), None
        if isinstance(self.problem, HasConsistentActions):
            right = self.problem.consistent_actions(instance, actions, states)
        memory = self.policy.encode(self.problem.features(instance))
        losses = []
        for place in range(self.cuts):
            part = states.map(lambda tensor: tensor[:, :, place : place + 1])  # noqa: B023
            decision, _ = decisions(
                self.problem, self.policy, instance, actions, states=part, memory=memory
            )
            if right is None:
                logp = decision.log_prob(actions[:, :, cuts[place]])
            else:
                assert isinstance(decision, Categorical)  # one of several actions
                fine = decision.log_probs.masked_fill(~right[:, :, place], -torch.inf)
                # a finished row has no right action, and nothing to learn
                over = ~right[:, :, place].any(-1)
                logp = fine.masked_fill(over[..., None], 0.0).logsumexp(-1).masked_fill(over, 0.0)
            losses.append(-logp.mean())
        return torch.stack(losses).mean()

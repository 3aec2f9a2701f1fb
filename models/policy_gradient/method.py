"""Policy gradients as one method with interchangeable parts.

    source --> groups of rollouts --> advantage --> surrogate --> step

A `Source` plays, replays or borrows rollouts: groups of B instances with S rollouts of each
(`Rollouts`). An `Advantage` says how much more each of them, or of their steps, cost than others.
A `Surrogate` turns that and the policy's present probabilities into losses of rollouts or of pairs.
A `Step` moves the weights by the gradient of the mean loss, once or several times. `epochs` is how
many steps use the same groups, and the `Reference` a frozen copy that some surrogates need.
A published algorithm is a configuration: `docs/train/policy_gradient.md` has a table of them.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.group import Rollouts, Scored, scored
from nco.models.policy_gradient.reference import Reference
from nco.models.policy_gradient.refusals import refuse
from nco.models.policy_gradient.sources import Collecting, Fresh, Source
from nco.models.policy_gradient.steps import Descent, Step
from nco.models.policy_gradient.surrogates import LogLikelihood, Surrogate
from nco.training.advantages import Advantage, LeaveOneOut
from nco.training.method import Method, Training

KEPT = "rollouts"  # a checkpoint's key


class PolicyGradient(Method):
    """A policy learns from the costs of sampled solutions.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 200 where none is given.
        source: where rollouts come from; `Fresh` by default, eight of each instance.
        advantage: what costs are compared with; `LeaveOneOut` by default. Any of
            `nco.training.advantages` and `nco.models.policy_gradient.advantages`.
        surrogate: the loss; `LogLikelihood` by default.
        step: how the weights move; `Descent` by default.
        epochs: steps of the optimiser on the same rollouts.
        reference: the frozen copy of the policy, for surrogates that need one.

    Raises:
        ValueError: where parts cannot work together, saying why.
    """

    per_step = False  # the loss is divided by the number of steps
    usual_warmup = 200

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        source: Source | None = None,
        advantage: Advantage | None = None,
        surrogate: Surrogate | None = None,
        step: Step | None = None,
        epochs: int = 1,
        reference: Reference | None = None,
    ) -> None:
        source = source if source is not None else Fresh()
        surrogate = surrogate if surrogate is not None else LogLikelihood()
        step = step if step is not None else Descent()
        refuse(problem, source, advantage, surrogate, step, epochs, reference)
        super().__init__(problem, policy, training, lr=3e-4, warmup=self.usual_warmup)
        self.source, self.surrogate, self.step = source, surrogate, step
        self.advantage = advantage if advantage is not None else LeaveOneOut()
        self.reference, self.epochs = reference, epochs
        seed = self.settings.seed
        source.attach(problem, self.policy, seed)
        self.advantage.attach(problem, self.policy, seed)
        if self.advantage.remembers:
            self.advantage.remember(source.pool)
        if reference is not None:
            reference.attach(self.policy)
        self._batch: Any = None
        self._groups: list[Rollouts] = []

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        """Of the groups at hand, which are collected anew every `epochs` steps.

        An optimiser that asks several times in one step gets the loss of the same groups.
        """
        due = self.global_step % self.epochs == 0 or not self._groups
        if batch is not self._batch and due:
            self._groups = self._collect(batch, generator)
        self._batch = batch
        losses = []
        for place, kept in enumerate(self._groups):
            if kept.logp.requires_grad:  # the gradient of the rollouts themselves, used once
                now, self._groups[place] = Scored(kept.logp), kept.map(Tensor.detach)
                kept = self._groups[place]
            else:
                now = scored(self.problem, self.policy, kept)
            losses.append(self._mean(self.surrogate(now, kept), kept))
            self._log(now, kept)
        return torch.stack(losses).sum()

    def _collect(self, batch: Any, generator: Generator) -> list[Rollouts]:
        """Groups of rollouts with all that the surrogate needs."""
        step, needs = self.global_step, self.surrogate.needs
        self.advantage.prepare(self.policy, step)
        if self.reference is not None:
            self.reference.prepare(self.policy, step)
        task = Collecting(
            self.problem,
            self.policy,
            batch,
            step,
            generator,
            lambda *where: self.generator(*where, step),
            live=self.epochs == 1 and torch.is_grad_enabled(),
            log_probs="log_probs" in needs and "old" in needs,
            entropy=self.advantage.entropy or any(part.entropy for part in self.source.chain()),
        )
        groups = [self._judged(kept, task) for kept in self.source.collect(task)]
        for part in self.source.chain():
            for name, value in part.figures().items():
                self.log(f"train/{name}", value)
        return groups

    def _judged(self, kept: Rollouts, task: Collecting) -> Rollouts:
        with torch.no_grad():
            self.log("train/cost", kept.cost.mean(), prog_bar=True)
            if not self.surrogate.ranks:
                self.advantage.check(kept.cost.shape[1], int(kept.starts[0]))
                found = self.advantage(kept.group())
                if found.shape[2] > 1:
                    found = found[:, :, found.shape[2] - kept.logp.shape[2] :]
                self.log("train/advantage_std", found.std(correction=0))
                kept = replace(kept, advantage=found)
            if self.reference is not None and "reference" in self.surrogate.needs:
                old = scored(self.problem, self.reference.policy, kept)
                kept = replace(kept, reference=old.logp)
            return self.source.judged(kept, task)

    def _mean(self, loss: Tensor, kept: Rollouts) -> Tensor:
        """Over rollouts ``[B, S]``, or over the pairs of an instance ``[B, S, S]``, by weight."""
        pairs = loss.ndim == 3
        if kept.weight is not None:
            weight = kept.weight
            loss = loss * (weight[:, :, None] * weight[:, None] if pairs else weight)
        if pairs:
            count = loss.shape[1] * (loss.shape[1] - 1) / 2
            return loss.sum((1, 2)).mean() / count
        return loss.mean() / (max(kept.logp.shape[2], 1) if self.per_step else 1)

    def _log(self, now: Scored, kept: Rollouts) -> None:
        """Logs how far the policy has gone from who played, and how much chance is in it."""
        with torch.no_grad():
            away = now.logp.detach() - kept.logp
            self.log("train/kl", (away.exp() - 1 - away).mean())
            # the unbiased estimate of the entropy, each step's mean
            self.log("train/entropy", -now.logp.detach().mean())
            self.log("train/tied", (kept.cost.amax(1) == kept.cost.amin(1)).float().mean())

    def objective(self) -> Tensor:
        """The loss of the groups at hand, nothing collected and nothing logged."""
        parts = [
            self._mean(self.surrogate(scored(self.problem, self.policy, kept), kept), kept)
            for kept in self._groups
        ]
        return torch.stack(parts).sum()

    def groups(self) -> list[Rollouts]:
        """The groups at hand."""
        return self._groups

    def _optimizer(self, parameters: Iterable[Parameter]) -> Optimizer:
        return self.step.wrap(super()._optimizer(parameters), self)

    def teardown(self, stage: str) -> None:
        for part in self.source.chain():
            part.close()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self.epochs > 1:  # else they are never used again
            checkpoint[KEPT] = [kept.stored().to_dict() for kept in self._groups]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        stored = checkpoint.get(KEPT, [])
        if isinstance(stored, list):  # until 0.2 only PPO's: the next step collects anew
            self._groups = [Rollouts.restored(part, self.problem, self.device) for part in stored]

"""Groups of rollouts, as they are collected, kept, replayed and learned from."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Rollout, decisions
from nco.training.advantages import Group

if TYPE_CHECKING:
    from tensordict import TensorDict


@dataclass(frozen=True, eq=False)
class Rollouts(Batch):
    """The rollouts of each instance that are compared with one another.

    P is the number of steps at the end of the T that the policy decided; those before were given to
    all. A step that was given to some rollouts only, or that allows one action, has logp 0.
    """

    instance: Any
    actions: Tensor  # [B, S, T, *M] what was executed
    picks: Tensor  # [B, S, T, *M] what the policy chose
    logp: Tensor  # [B, S, P] of all agents of a step together, by whom the rollouts were played
    cost: Tensor  # [B, S]
    given: Tensor  # [B, S] long, how many first steps were not the policy's own choice
    starts: Tensor  # [B] long, different first actions: rollouts s and s + starts share theirs
    step_cost: Tensor | None = None  # [B, S, T] of an `AdditiveProblem`
    states: Any = None  # [B, S, P, ...] that the policy saw; without them, scoring replays
    condition: Tensor | None = None  # [B, S] or [B, S, Z], passed on to the policy
    log_probs: Tensor | None = None  # [B, S, P, *M, A] of every action, where asked for
    entropy: Tensor | None = None  # [B, S, P] of each decision, where asked for
    reference: Tensor | None = None  # [B, S, P] log-probabilities by the frozen reference
    advantage: Tensor | None = None  # [B, S, 1 or P] of costs, above zero is worse than others
    weight: Tensor | None = None  # [B, S] of their losses; None: all count the same
    index: Tensor | None = None  # [B] long, which instance of the pool
    age: Tensor | None = None  # [B] long, the step at which they were played

    @property
    def own(self) -> Tensor:
        """Which of the P steps the policy decided itself, ``[B, S, P]`` bool."""
        total, last = self.actions.shape[2], self.logp.shape[2]
        steps = torch.arange(total - last, total, device=self.cost.device)
        return steps >= self.given[..., None]

    def group(self) -> Group:
        """What an advantage is told of them."""
        least = int(self.given.min())
        return Group(
            self.instance,
            self.cost,
            self.actions,
            self.actions[:, :, :least] if least else None,
            int(self.starts[0]),
            self.step_cost,
            logp=self.logp,
            entropy=self.entropy,
            given=self.given,
            index=self.index,
        )

    def choose(self, rollouts: Tensor) -> Self:
        """Some rollouts of each instance, ``[B, S']`` long, and all of what is the instance's."""
        rows = torch.arange(len(self), device=rollouts.device)[:, None]
        whole = {"instance", "starts", "index", "age"}
        picked: dict[str, Any] = {}
        for name, value in self.__dict__.items():
            if value is None or name in whole:
                continue
            picked[name] = (
                value.take(rollouts) if isinstance(value, Batch) else value[rows, rollouts]
            )
        return replace(self, **picked)

    def stored(self) -> "TensorDict":
        """As a tensordict on the CPU, for a checkpoint."""
        return self.map(Tensor.detach).to("cpu").to_tensordict()

    @classmethod
    def restored(cls, stored: Any, problem: Problem[Any, Any], device: torch.device) -> Self:
        """The inverse of `stored`, also from plain dictionaries of tensors."""
        from tensordict import TensorDict

        from nco.core.seeds import generator

        instance = problem.generate(1, generator("classes"))  # for the classes alone
        parts = {"instance": type(instance), "states": type(problem.reset(instance, 1))}
        rows = len(stored["cost"])
        return cls.from_tensordict(TensorDict(stored, batch_size=[rows], device=device), parts)


@dataclass(frozen=True, eq=False)
class Scored:
    """What the policy that learns says of kept rollouts now.

    Attributes:
        logp: ``[B, S, P]`` with a gradient; 0 where a step was given.
        log_probs: ``[B, S, P, *M, A]`` of every action; None where decisions are continuous.
        entropy: ``[B, S, P]``, where it was asked for.
    """

    logp: Tensor
    log_probs: Tensor | None = None
    entropy: Tensor | None = None


def gathered(
    instance: Any,
    played: Rollout,
    prefix: Tensor | None,
    starts: int,
    step: int,
    condition: Tensor | None = None,
) -> Rollouts:
    """What was just played as a group of rollouts."""
    device, (batch, count) = played.cost.device, played.cost.shape
    given = 0 if prefix is None else prefix.shape[2]
    logp = played.logp
    if logp is None:  # every action was given
        logp = torch.zeros(batch, count, 0, device=device)
    return Rollouts(
        instance,
        played.actions,
        played.picks,
        whole(logp),
        played.cost,
        torch.full((batch, count), given, device=device),
        torch.full((batch,), starts, device=device),
        step_cost=played.step_costs,
        states=played.states,
        condition=condition,
        age=torch.full((batch,), step, device=device),
    )


def scored(
    problem: Problem[Any, Any],
    policy: Policy,
    kept: Rollouts,
    *,
    memory: Any = None,
    entropy: bool = False,
) -> Scored:
    """Log-probabilities of kept rollouts by `policy`, in one parallel pass."""
    total, last = kept.picks.shape[2], kept.logp.shape[2]
    if not last:
        return Scored(kept.logp)
    picks, steps = kept.picks[:, :, total - last :], None
    if kept.states is None and last < total:
        steps = torch.arange(total - last, total, device=picks.device)
        steps = steps.expand(*picks.shape[:2], -1)
    decision, _ = decisions(
        problem,
        policy,
        kept.instance,
        kept.actions,
        condition=kept.condition,
        steps=steps,
        states=kept.states,
        memory=memory,
    )
    shape = (picks.shape[1], last)
    own = kept.own
    logp = whole(decision.log_prob(picks.flatten(1, 2)).unflatten(1, shape))
    every = decision.log_probs.unflatten(1, shape) if isinstance(decision, Categorical) else None
    spread = whole(decision.entropy().unflatten(1, shape)) if entropy else None
    return Scored(
        logp.masked_fill(~own, 0.0),
        every,
        None if spread is None else spread.masked_fill(~own, 0.0),
    )


def whole(values: Tensor) -> Tensor:
    """Of all agents of a step together: ``[B, S, P, *M]`` as ``[B, S, P]``."""
    return values.flatten(3).sum(3) if values.ndim > 3 else values

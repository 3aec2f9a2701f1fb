"""Control of networks in two levels: a policy names the state it wants, and flows follow from it.

Gammelli, Harrison, Yang, Pavone, Rodrigues & Pereira (2023), "Graph Reinforcement Learning for
Network Control via Bi-Level Optimization". The lower level belongs to the problem's rules, so the
gradient is that of the density of the wanted state, and never passes through a linear programme.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import Parameter

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import decisions, rollout, sample
from nco.models.nets.network import GraphValue
from nco.training.method import Method, Training

RARE = 3.0  # standard deviations at which an advantage is cut: an early shortage is a far outlier


class Bilevel(Method):
    """Advantage actor-critic on an online problem that is an `AdditiveProblem`.

    Actions are sampled. The advantage of a step is the exponentially weighted sum of the critic's
    errors from that step on (Schulman et al. 2016), in standard deviations of the batch.

    Args:
        problem, policy, training: as in `Method`; lr 1e-3 and warmup 50 where none is given.
        critic: of the state; `GraphValue` by default.
        rollouts: of each trace.
        discount: of a later cost; credit: weight of later errors in an advantage, from 0 (the next
            step alone) to 1 (the whole rest of the episode).
        unit: the critic counts costs in this unit.
        entropy: weight of the entropy in the loss.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        critic: GraphValue | None = None,
        rollouts: int = 1,
        discount: float = 0.95,
        credit: float = 0.8,
        unit: float = 100.0,
        entropy: float = 1e-3,
    ) -> None:
        super().__init__(problem, policy, training, lr=1e-3, warmup=50)
        if not 0 <= discount <= 1 or not 0 <= credit <= 1 or unit <= 0 or entropy < 0:
            raise ValueError(f"discount {discount}, credit {credit}, unit {unit}, {entropy}")
        self.critic = (critic if critic is not None else GraphValue()).build(problem.schema)
        self.rollouts, self.discount, self.credit = rollouts, discount, credit
        self.unit, self.entropy = unit, entropy

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        problem, policy = self.problem, self.policy
        with torch.no_grad():
            played = rollout(
                problem, policy, batch, self.rollouts, sample(generator), keep=True, logp=False
            )
        if played.step_costs is None or played.states is None:
            raise ValueError(f"{type(problem).__name__} does not say what a step costs")
        decision, observation = decisions(
            problem, policy, batch, played.actions, states=played.states
        )
        shape = played.actions.shape[1:3]
        logp = decision.log_prob(played.actions.flatten(1, 2)).unflatten(1, shape)
        memory = self.critic.encode(problem.features(batch))
        values = self.critic(memory, observation).unflatten(1, shape)
        advantage = self._advantages((played.step_costs / self.unit).float(), values.detach())
        target = advantage + values.detach()
        spread = advantage.std(correction=0).clamp_min(1e-6)
        scaled = ((advantage - advantage.mean()) / spread).clamp(-RARE, RARE)
        entropy = decision.entropy().mean()
        self.log("train/cost", played.cost.mean(), prog_bar=True)
        self.log("train/entropy", entropy)
        error = (values - target).square().mean()
        self.log("train/critic", error)
        # costs: a step more expensive than expected becomes less probable
        return (scaled * logp).mean() + 0.5 * error - self.entropy * entropy

    def _advantages(self, costs: Tensor, values: Tensor) -> Tensor:
        """Of each step ``[B, S, T]``, positive where it cost more than the critic expected."""
        later = torch.cat([values[..., 1:], torch.zeros_like(values[..., :1])], -1)
        errors = costs + self.discount * later - values
        steps, total = [], torch.zeros_like(errors[..., 0])
        for t in range(errors.shape[-1] - 1, -1, -1):
            total = errors[..., t] + self.discount * self.credit * total
            steps.append(total)
        return torch.stack(steps[::-1], -1)

    def parameters_to_train(self) -> Iterable[Parameter]:
        """The policy's, and the critic's."""
        return [*self.policy.parameters(), *self.critic.parameters()]

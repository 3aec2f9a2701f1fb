"""Hindsight learning: a planner that knows each trace prices every action, a policy learns it.

Sinclair et al. (2023), "Hindsight Learning for MDPs with Exogenous Inputs". As the future does not
depend on the actions, one trace tells what any action would have come to, without exploration.
"""

from typing import Any, Literal

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasHindsight
from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Observation, Problem
from nco.core.rollout import decisions, rollout, sample
from nco.training.method import Method, Training


class Hindsight(Method):
    """Learns from `HasHindsight.hindsight`, the cost-to-go of each action on a known trace.

    Actions are sampled, without gradient. At `steps` random steps of every episode the planner
    prices every allowed action; steps without a choice do not count. Then

    - ``regression`` (Q-distillation): the policy's scores are regressed on minus the prices, both
      about their mean over the allowed actions. A score estimates the expected price over all
      futures that look the same so far, so the best score is the planner's choice in the mean;
    - ``actor``: the expected price of the policy's next action is minimised, with the planner as
      the critic. It is a sum over all actions, so nothing is sampled.

    Args:
        problem, policy, training: as in `Method`; lr 1e-3 and warmup 50 where none is given.
        mode: ``regression`` or ``actor``.
        rollouts: of each trace.
        steps: of each episode, at random; few, where a planner is slow.
        sharpness: units of score for one unit of cost; the greater, the less random is a policy
            whose actions are sampled.
        entropy: weight of the entropy in the actor's loss, which delays its decision.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        mode: Literal["regression", "actor"] = "regression",
        rollouts: int = 1,
        steps: int = 16,
        sharpness: float = 10.0,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(problem, policy, training, lr=1e-3, warmup=50)
        if not isinstance(problem, HasHindsight):
            raise ValueError(f"{type(problem).__name__} has no planner that knows the future")
        if mode not in ("regression", "actor"):
            raise ValueError(f"mode must be regression or actor, not {mode}")
        if min(rollouts, steps) < 1 or sharpness <= 0 or entropy < 0:
            raise ValueError(
                f"rollouts {rollouts}, steps {steps}, sharpness {sharpness}, {entropy}"
            )
        self.mode, self.rollouts, self.steps = mode, rollouts, steps
        self.sharpness, self.entropy = sharpness, entropy

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        problem, policy = self.problem, self.policy
        with torch.no_grad():
            played = rollout(
                problem, policy, batch, self.rollouts, sample(generator), keep=True, logp=False
            )
            total = played.actions.shape[2]
            steps = torch.rand(played.actions.shape[:3], generator=generator, device=batch.device)
            chosen = steps.argsort(-1)[..., : min(self.steps, total)]
            rows = torch.arange(len(batch), device=batch.device)[:, None, None]
            columns = torch.arange(self.rollouts, device=batch.device)[None, :, None]
            assert played.states is not None
            states = played.states.map(lambda tensor: tensor[rows, columns, chosen])
            assert isinstance(problem, HasHindsight)
            prices = problem.hindsight(batch, states.fold())  # [B, S * P, A]
        decision, observation = decisions(problem, policy, batch, played.actions, states=states)
        assert isinstance(decision, Categorical)
        self.log("train/cost", played.cost.mean(), prog_bar=True)
        return self._compare(decision, observation, prices)

    def _compare(self, decision: Categorical, observation: Observation, prices: Tensor) -> Tensor:
        """The loss over all states ``[B, K]`` with a choice; prices are ``[B, K, A]``."""
        mask = observation.mask
        choice = (mask.sum(-1) > 1).float()
        share = choice.mean().clamp_min(1e-6)
        worth = -self.sharpness * _centred(prices.masked_fill(~mask, 0.0), mask).float()
        if self.mode == "regression":
            guess = _centred(decision.logits.masked_fill(~mask, 0.0), mask)
            error = (guess - worth).square().sum(-1) / self.sharpness**2
            loss = (error * choice).mean() / share
            self.log("train/error", loss, prog_bar=True)
            return loss
        expected = (decision.log_probs.exp() * worth).sum(-1) / self.sharpness
        entropy = decision.entropy()
        self.log("train/entropy", (entropy * choice).mean() / share)
        return -((expected + self.entropy * entropy) * choice).mean() / share


def _centred(values: Tensor, mask: Tensor) -> Tensor:
    """`values` ``[..., A]`` about their mean over the allowed ones; zero elsewhere."""
    count = mask.sum(-1, keepdim=True).clamp_min(1)
    return (values - (values * mask).sum(-1, keepdim=True) / count) * mask

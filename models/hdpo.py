"""Hindsight-differentiable policy optimisation: the cost itself is the loss."""

from typing import Any

from torch import Generator, Tensor

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import greedy, rollout
from nco.training.method import Method


class Hdpo(Method):
    """The pathwise gradient of an online problem's cost, through the simulator (HDPO).

    Alvo, Russo, Kanoria & Lee (2023), Deep Reinforcement Learning for Inventory Networks, arXiv
    2306.11246, section 3: the trace of an instance does not depend on actions, so the mean cost of
    a batch of traces is a differentiable function of a deterministic policy's parameters. No
    critic, no baseline, no exploration; kinks (a shortage, a rationing) have subgradients.

    Args:
        problem: a continuous one whose cost has a gradient.
        policy, lr, warmup, weight_decay, decay_steps, seed, initial: as in `Method`.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        lr: float = 3e-3,
        warmup: int = 20,
        weight_decay: float = 0.0,
        decay_steps: int = 0,
        seed: int = 0,
        initial: str | None = None,
    ) -> None:
        if not problem.continuous:
            raise ValueError(f"{type(problem).__name__} has no amounts: its cost has no gradient")
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

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        played = rollout(self.problem, self.policy, batch, 1, greedy, logp=False)
        cost = played.cost.mean()
        self.log("train/cost", cost, prog_bar=True)
        return cost

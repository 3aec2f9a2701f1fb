"""Hindsight-differentiable policy optimisation: the cost itself is the loss."""

from typing import Any

from torch import Generator, Tensor

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import greedy, rollout
from nco.training.method import Method, Training


class HDPO(Method):
    """The pathwise gradient of an online problem's cost, through the simulator (HDPO).

    Alvo, Russo, Kanoria & Lee (2023), Deep Reinforcement Learning for Inventory Networks, arXiv
    2306.11246, section 3: the trace of an instance does not depend on actions, so the mean cost of
    a batch of traces is a differentiable function of a deterministic policy's parameters. No
    critic, no baseline, no exploration; kinks (a shortage, a rationing) have subgradients.

    Args:
        problem: a continuous one whose cost has a gradient.
        policy, training: as in `Method`; lr 3e-3 and warmup 20 where none is given.
    """

    def __init__(
        self, problem: Problem, policy: Policy, *, training: Training | None = None
    ) -> None:
        if not problem.continuous:
            raise ValueError(f"{type(problem).__name__} has no amounts: its cost has no gradient")
        super().__init__(problem, policy, training, lr=3e-3, warmup=20)

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        played = rollout(self.problem, self.policy, batch, 1, greedy, logp=False)
        cost = played.cost.mean()
        self.log("train/cost", cost, prog_bar=True)
        return cost

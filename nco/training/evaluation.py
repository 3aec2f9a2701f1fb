"""How validation and prediction play a policy: each method names the way that suits its network."""

from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from nco.core.defaults import pad_actions, starts_of
from nco.core.policy import Policy, Population
from nco.core.problem import Problem
from nco.core.rollout import Rollout, greedy, rollout
from nco.search.beam import beam, beam_search
from nco.search.budget import Budget
from nco.search.task import Task

Stage = Literal["val", "test"]


class Evaluation(Protocol):
    """Plays a policy without chance."""

    def costs(
        self, problem: Problem[Any, Any], policy: Policy, instance: Any, stage: Stage
    ) -> dict[str, Tensor]:
        """Named costs ``[B]``, of which the gaps to the references are logged."""

    def best(self, problem: Problem[Any, Any], policy: Policy, instance: Any) -> Tensor:
        """The best actions ``[B, T, *M]``."""


class Multistart:
    """One greedy rollout from every start."""

    def costs(
        self, problem: Problem[Any, Any], policy: Policy, instance: Any, stage: Stage
    ) -> dict[str, Tensor]:
        cost = _multistart(problem, policy, instance).cost
        return {"gap": cost.amin(1), "gap_first_start": cost[:, 0]}

    def best(self, problem: Problem[Any, Any], policy: Policy, instance: Any) -> Tensor:
        played = _multistart(problem, policy, instance)
        return played.actions[_rows(instance), played.cost.argmin(1)]


class OnePath:
    """One greedy path, for a network that encodes what remains anew at every step.

    A test also plays the deterministic beam search of `nco.search.beam`.
    """

    def costs(
        self, problem: Problem[Any, Any], policy: Policy, instance: Any, stage: Stage
    ) -> dict[str, Tensor]:
        _, cost = beam_search(Task(problem, policy, instance), 1)
        costs = {"gap": cost[:, 0]}
        if stage == "test":
            *_, last = beam(Task(problem, policy, instance), Budget())
            costs["gap_beam"] = last.cost
        return costs

    def best(self, problem: Problem[Any, Any], policy: Policy, instance: Any) -> Tensor:
        return beam_search(Task(problem, policy, instance), 1)[0][:, 0]


class EveryAgent:
    """One greedy rollout of every agent of a population from every start."""

    def costs(
        self, problem: Problem[Any, Any], policy: Policy, instance: Any, stage: Stage
    ) -> dict[str, Tensor]:
        every = torch.stack([part.cost.amin(1) for part in _agents(problem, policy, instance)], 1)
        return {"gap": every.amin(1), "gap_first_agent": every[:, 0]}

    def best(self, problem: Problem[Any, Any], policy: Policy, instance: Any) -> Tensor:
        played = _agents(problem, policy, instance)
        longest = max(part.actions.shape[2] for part in played)
        actions = [pad_actions(problem, instance, part.actions, longest) for part in played]
        cost = torch.cat([part.cost for part in played], 1)
        return torch.cat(actions, 1)[_rows(instance), cost.argmin(1)]


def _multistart(problem: Problem[Any, Any], policy: Policy, instance: Any) -> Rollout:
    starts = starts_of(problem, instance)
    count = 1 if starts is None else starts.shape[1]
    return rollout(problem, policy, instance, count, greedy, prefix=starts, logp=False)


def _agents(problem: Problem[Any, Any], policy: Policy, instance: Any) -> list[Rollout]:
    assert isinstance(policy, Population)
    starts = starts_of(problem, instance)
    count = 1 if starts is None else starts.shape[1]
    memory = policy.encode(problem.features(instance))
    return [
        rollout(
            problem,
            policy,
            instance,
            count,
            greedy,
            prefix=starts,
            condition=torch.full((len(instance), count), agent, device=instance.device),
            logp=False,
            memory=memory,
        )
        for agent in range(policy.agents)
    ]


def _rows(instance: Any) -> Tensor:
    return torch.arange(len(instance), device=instance.device)

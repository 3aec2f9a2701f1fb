"""Efficient active search: what is remembered of each instance goes on learning on it alone."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Generator, Tensor

from nco.core.adam import Adam
from nco.core.decisions import Categorical
from nco.core.defaults import count_starts, replay, starts_of
from nco.core.errors import NCOError
from nco.core.policy import Adaptable, Part, Policy
from nco.core.problem import Observation
from nco.core.rollout import Interrupted, Rollout, rollout, sample
from nco.core.schema import Schema
from nco.core.seeds import generator
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.multistart import greedily
from nco.search.task import Task

WORK = 2e7  # rollouts x nodes^2 of a turn, whose activations are kept for the gradient: 1 GB
MOST = 128  # rollouts of each instance in a turn
RATE = 1e-3  # Adam's; larger ones unlearn what the network knew, smaller ones are slow
IMITATION = 0.1  # weight of the incumbent's log-probability against the reinforcement


class Adapter(Protocol):
    """What an active search changes from turn to turn."""

    def play(self, turn: "Turn", random: Generator) -> Rollout:
        """Rollouts ``[B, S + 1]``: samples and, as the last one, the incumbent."""

    def learn(self, turn: "Turn", played: Rollout) -> None:
        """Makes good rollouts and the incumbent more likely."""


@dataclass(frozen=True, eq=False)
class Turn:
    """All that is fixed in one round of an active search."""

    task: Task
    prefix: Tensor | None  # [B, S + 1, 1]
    incumbent: Tensor  # [B, T] actions
    rollouts: int  # S
    over: Callable[[], bool]

    @classmethod
    def of(cls, task: Task, best: Incumbent, count: int, budget: Budget) -> "Turn":
        """Samples from `count` starts, where there are starts, and the incumbent from its own."""
        prefix = starts_of(task.problem, task.instance, count)
        if prefix is not None:
            prefix = torch.cat([prefix, best.actions[:, None, :1]], 1)
        return cls(task, prefix, best.actions, count, budget.over)


@dataclass(frozen=True)
class Active:
    """Efficient active search.

    Hottung, Kwon & Tierney, "Efficient Active Search for Combinatorial Optimization Problems" (ICLR
    2022), section 3. Each instance has parameters of its own, which one step of Adam a turn changes
    by the policy gradient of its S samples (their mean cost is the baseline) and by the imitation
    of the best solution so far. The network itself stays as it is. Costs are measured in standard
    deviations of an instance's first samples, so that one rate serves every problem.

    Nothing is yielded where there is no room for two samples of the instance in WORK.

    Attributes:
        adapt: ``"embeddings"`` (section 3.1) and ``"layer"`` (3.2) change what
            `Adaptable.adaptable` offers under these names; ``"table"`` (3.3) is a lookup table of
            the steps of the incumbent, which needs no gradient and suits every policy.
        rate: the learning rate of Adam.
        imitation: lambda, the weight of the imitation.
    """

    adapt: Part | Literal["table"] = "embeddings"
    rate: float = RATE
    imitation: float = IMITATION

    def __call__(
        self, task: Task, budget: Budget, start: Incumbent | None = None
    ) -> Iterator[Incumbent]:
        """Yields whenever a turn of samples improves any instance; endless without a limit.

        Nothing is yielded where there is no room for two samples of the instance in WORK.

        Raises:
            NCOError: where the policy has nothing to adapt.
        """
        room = min(MOST, int(WORK / max(task.nodes**2 * len(task.instance), 1)))
        if room < 2:
            return
        task = task.of(_plain(task.instance))
        best = start
        if best is None:
            best = greedily(task, budget)
            if best is None:
                return
            yield best
        best = Incumbent(best.actions.clone(), best.cost.clone(), best.source)
        yield from self._turns(task, budget, best, room)

    def _turns(self, task: Task, budget: Budget, best: Incumbent, room: int) -> Iterator[Incumbent]:
        device = task.instance.device
        adapter = self._adapter(task, generator(budget.seed, "active", device=device))
        starts = count_starts(task.problem, task.instance)
        spent, slowest = 0, 0.0
        for number in budget.turns():
            count = budget.among(room if starts == 1 else min(room, starts), spent)
            if count < 2:
                return
            turn = Turn.of(task, best, count, budget)
            try:
                played = adapter.play(turn, generator(budget.seed, "active", number, device=device))
            except Interrupted:
                return
            spent += count
            fresh = best_of(played.actions[:, :-1], played.cost[:, :-1].detach(), "active")
            new = task.better(best, fresh)
            if improved(best, new):
                yield new
            best = new
            if budget.left() < slowest:
                return  # the way back through the rollouts cannot be interrupted
            began = time.perf_counter()
            adapter.learn(turn, played)
            slowest = max(slowest, time.perf_counter() - began)

    def _adapter(self, task: Task, random: Generator) -> Adapter:
        with torch.inference_mode(False), torch.no_grad():
            memory = task.policy.encode(task.problem.features(task.instance))
            if self.adapt == "table":
                return _Table(memory)
            if not isinstance(task.policy, Adaptable):
                name = type(task.policy).__name__
                raise NCOError(f"active search: {name} has nothing to adapt; use adapt='table'")
            able: Adaptable = task.policy  # mypy takes any attribute of a module for a tensor
            memory, parameters = able.adaptable(memory, self.adapt, random)
            return _Gradient(memory, parameters, self.rate, self.imitation)


def _plain(instance: Any) -> Any:
    """Tensors that may take part in a gradient, whatever mode they were made in."""
    with torch.inference_mode(False):
        return instance.map(torch.clone)


class _Gradient:
    """Parameters inside a policy's memory, trained by reinforcement and imitation."""

    def __init__(self, memory: Any, parameters: list[Tensor], rate: float, weight: float) -> None:
        self.memory, self.parameters, self.weight = memory, parameters, weight
        # each number has a step size of its own, so instances stay apart
        self.optimizer = Adam(parameters, rate)
        self.unit: Tensor | None = None  # [B, 1] of the costs

    def play(self, turn: Turn, random: Generator) -> Rollout:
        with torch.inference_mode(False), torch.enable_grad():
            return _rollouts(turn, turn.task.policy, self.memory, random, logp=True)

    def learn(self, turn: Turn, played: Rollout) -> None:
        with torch.inference_mode(False), torch.enable_grad():
            assert played.logp is not None
            logp = played.logp.sum(2)
            cost = played.cost[:, :-1]
            advantage = cost - cost.mean(1, keepdim=True)
            if self.unit is None:
                self.unit = advantage.std(1, keepdim=True).clamp_min(1e-6)
            reinforced = (advantage / self.unit * logp[:, :-1]).mean(1)
            loss = (reinforced - self.weight * logp[:, -1]).sum()
            gradients = torch.autograd.grad(loss, self.parameters)
            self.optimizer.step(gradients)


class _Table:
    """Logits ``alpha log p + log Q``: Q is sigma for the incumbent's steps and 1 for others.

    A step is a pair of the node in focus and the action (an action alone where nothing is in
    focus). The paper's equation 6, with its settings for the TSP.
    """

    ALPHA, SIGMA = 0.5, 10.0

    def __init__(self, memory: Any) -> None:
        self.memory = memory

    def play(self, turn: Turn, random: Generator) -> Rollout:
        with torch.no_grad():
            steps = _steps(turn.task, turn.incumbent)
            policy = _Tabled(turn.task.policy, steps * torch.tensor(self.SIGMA).log(), self.ALPHA)
            return _rollouts(turn, policy, self.memory, random, logp=False)

    def learn(self, turn: Turn, played: Rollout) -> None:
        """The table is the incumbent's."""


class _Tabled(Policy):
    """A policy whose logits are bent by a table ``[B, N + 1, A]``, the last row for nowhere."""

    def __init__(self, policy: Policy, table: Tensor, alpha: float) -> None:
        super().__init__()
        self.policy, self.table, self.alpha = policy, table, alpha

    def make_layers(self, schema: Schema) -> None:
        """It has none of its own."""

    def encode(self, features: Any) -> Any:
        return self.policy.encode(features)

    def decide(
        self, memory: Any, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        decision = self.policy.decide(memory, observation, condition)
        assert isinstance(decision, Categorical)  # a table is of choices
        rows = torch.arange(len(self.table), device=self.table.device)[:, None]
        bent = self.alpha * decision.log_probs + self.table[rows, _at(observation)]
        return Categorical(bent, observation.mask)


def _at(observation: Observation) -> Tensor:
    """The node in focus ``[B, S]``, -1 where there is none."""
    if observation.focus.shape[-1]:
        return observation.focus[..., -1]
    return observation.focus.new_full(observation.focus.shape[:-1], -1)


def _steps(task: Task, actions: Tensor) -> Tensor:
    """``[B, N + 1, A]`` float: 1 where the incumbent ``[B, T]`` takes an action at a node."""
    folded = replay(task.problem, task.instance, actions[:, None]).fold()
    observation = task.problem.observe(task.instance, folded)
    table = torch.zeros(
        len(actions), task.nodes + 1, observation.mask.shape[-1], device=actions.device
    )
    rows = torch.arange(len(actions), device=actions.device)[:, None]
    table[rows, _at(observation), actions] = 1.0
    return table


def _rollouts(turn: Turn, policy: Policy, memory: Any, random: Generator, *, logp: bool) -> Rollout:
    """Samples, and the incumbent beside them."""
    draw = sample(random)

    def select(decision: Any, step: int) -> Tensor:
        picks = draw(decision, step)
        last = turn.incumbent.shape[1]
        # after its end an incumbent allows one no-op, whatever its number
        own = turn.incumbent[:, step] if step < last else decision.mode()[:, -1]
        return torch.cat([picks[:, :-1], own[:, None]], 1)

    return rollout(
        turn.task.problem,
        policy,
        turn.task.instance,
        turn.rollouts + 1,
        select,
        prefix=turn.prefix,
        logp=logp,
        memory=memory,
        stop=turn.over,
    )

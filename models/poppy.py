"""Poppy: train a population by its best member, and other objectives that judge sets."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.defaults import count_starts, starts_of
from nco.core.describe import Described
from nco.core.policy import Population
from nco.core.problem import Problem
from nco.core.rollout import decisions, greedy, rollout, sample
from nco.labels.store import Labelled
from nco.training.method import Method


class Objective(Described, ABC):
    """What a set of K rollouts from one start is worth to each of them.

    Subclasses call ``super().__init__()`` first.
    """

    @abstractmethod
    def credit(self, cost: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Which rollouts learn, and how much.

        Args:
            cost: ``[B, K, M]`` of K rollouts from each of M starts; actions: ``[B, K, M, T]``.

        Returns:
            index: ``[B, C, M]`` long, the C rollouts of every start that are scored.
            weight: ``[B, C, M]``, by which their log-probabilities are to rise.
        """


class Winner(Objective):
    """Only the best of a set learns, by how much the set would lose without it.

    For K agents this is the gradient of Poppy (Grinsztajn et al. 2023, theorem 1): the best return
    less the second best. For K rollouts of one and the same policy it is the gradient of their
    expected maximum, each rollout's baseline being the best of the others.
    """

    def __init__(self) -> None:
        super().__init__()

    def credit(self, cost: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        two = cost.topk(2, dim=1, largest=False)
        return two.indices[:, :1], (two.values[:, 1:] - two.values[:, :1]).float()


class Polychromic(Objective):
    """A set is worth the mean quality of its rollouts times their diversity.

    After Hamid, Ong & Finn, "Polychromic Objectives for Reinforcement Learning" (2025): all
    rollouts of a set share its value, less the mean value of the sets from the other starts of the
    instance. Quality is ``exp(-gap / tolerance)``, the gap being relative to the best rollout from
    any start; diversity is the mean share of steps (an action after another) that two rollouts do
    not have in common.

    Args:
        tolerance: the gap at which a rollout counts 1/e.
    """

    def __init__(self, tolerance: float = 0.02) -> None:
        super().__init__()
        if not tolerance > 0:
            raise ValueError(f"tolerance must be positive, not {tolerance}")
        self.tolerance = tolerance

    def credit(self, cost: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        best = cost.amin((1, 2), keepdim=True)
        quality = (-(cost - best) / (best.abs() * self.tolerance)).exp().mean(1)  # [B, M]
        value = quality * diversity(actions)
        weight = (value - value.mean(1, keepdim=True))[:, None].expand_as(cost)
        index = torch.arange(cost.shape[1], device=cost.device)[:, None].expand_as(cost)
        return index, weight.float()


def diversity(actions: Tensor) -> Tensor:
    """``[B, M]``: the mean share of steps that two of the K sequences ``[B, K, M, T]`` differ in.

    A step is an action with the one before it, wherever it occurs.
    """
    count = actions.shape[1]
    steps = actions[..., :-1] * (int(actions.max()) + 1) + actions[..., 1:]
    total = torch.zeros(actions.shape[0], actions.shape[2], device=actions.device)
    for first in range(count):
        for second in range(first):
            same = (steps[:, first, :, :, None] == steps[:, second, :, None]).any(-1)
            total += 1 - same.float().mean(-1)
    return total / max(count * (count - 1) / 2, 1)


class Poppy(Method):
    """Reinforcement of a population of agents that need only be good together.

    Grinsztajn et al., "Winner Takes It All: Training Performant RL Populations for Combinatorial
    Optimization" (NeurIPS 2023). All agents play every start of every instance without gradients;
    then the rollouts that the objective gives credit are scored in one parallel pass, with
    gradients. Agents without credit in a step are left alone by the optimiser, too: neither
    momentum nor weight decay moves them.

    With a policy of one agent and ``samples: K``, the same objectives train a single policy for the
    best of K samples.

    Args:
        problem, policy, lr, warmup, weight_decay, decay_steps, seed, initial: as in `Method`.
        single: a checkpoint, folder or shipped model that the population is cloned from: a single
            policy, or a smaller population whose size divides this one's.
        starts: M, first actions of each instance; None is all of them.
        samples: rollouts of every agent from every start.
        objective: `Winner` by default.
        freeze_encoder: train the decoders only.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Population,
        *,
        lr: float = 1e-4,
        warmup: int = 50,
        weight_decay: float = 0.0,
        decay_steps: int = 0,
        seed: int = 0,
        initial: str | None = None,
        single: str | None = None,
        starts: int | None = None,
        samples: int = 1,
        objective: Objective | None = None,
        freeze_encoder: bool = False,
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
        self.policy: Population
        if self.policy.agents * samples < 2:
            raise ValueError("a set needs at least 2 rollouts: several agents, or samples >= 2")
        self.single, self.starts, self.samples = single, starts, samples
        self.objective = objective if objective is not None else Winner()
        self.freeze_encoder = freeze_encoder
        self.credited: set[int] = set()
        if single is not None and initial is None:
            from nco.zoo.weights import load

            self.policy.begin_as(load(single).policy)
        if freeze_encoder:
            self.policy.freeze()

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        problem, policy = self.problem, self.policy
        agents, samples = policy.agents, self.samples
        prefix = self._starts(batch)
        starts = 1 if prefix is None else prefix.shape[1]
        memory = policy.encode(problem.features(batch))
        who = torch.arange(agents, device=generator.device).repeat_interleave(samples * starts)
        with torch.no_grad():
            played = rollout(
                problem,
                policy,
                batch,
                len(who),
                sample(generator),
                prefix=None if prefix is None else prefix.repeat(1, agents * samples, 1),
                condition=who.expand(len(batch), -1),
                logp=False,
                memory=memory,
            )
        cost = played.cost.unflatten(1, (agents * samples, starts))
        actions = played.actions.unflatten(1, (agents * samples, starts))
        index, weight = self.objective.credit(cost, actions)
        chosen = actions.gather(1, index[..., None].expand(-1, -1, -1, actions.shape[-1]))
        winner = index // samples
        self._log(cost, winner, weight)
        logp = self._score(
            batch, memory, chosen.flatten(1, 2), winner.flatten(1, 2), 0 if prefix is None else 1
        )
        return -(weight.flatten(1, 2) * logp).mean()

    def _starts(self, instance: Any) -> Tensor | None:
        """First actions ``[B, M, 1]``, or None where there are none to choose from."""
        count = count_starts(self.problem, instance)
        return starts_of(self.problem, instance, min(self.starts or count, count))

    def _score(
        self, instance: Any, memory: Any, actions: Tensor, agents: Tensor, given: int
    ) -> Tensor:
        """Log-probabilities ``[B, R]`` of whole rollouts ``[B, R, T]`` but for `given` steps."""
        steps = torch.arange(given, actions.shape[2], device=actions.device)
        steps = steps.expand(*actions.shape[:2], -1)
        decision, _ = decisions(
            self.problem,
            self.policy,
            instance,
            actions,
            condition=agents,
            steps=steps,
            memory=memory,
        )
        picks = actions[:, :, given:].flatten(1, 2)
        return decision.log_prob(picks).unflatten(1, (actions.shape[1], -1)).sum(2)

    def _log(self, cost: Tensor, winner: Tensor, weight: Tensor) -> None:
        """Cost of one rollout and of the best of a set; ties, which teach nothing; who wins."""
        learns = weight != 0
        wins = torch.bincount(winner[learns], minlength=self.policy.agents)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(wins)  # every rank must leave the same agents alone
        self.credited |= set(wins.nonzero()[:, 0].tolist())
        self.log("train/cost", cost.mean())
        self.log("train/best", cost.amin(1).mean(), prog_bar=True)
        self.log("train/ties", 1 - learns.float().mean())
        share = wins / wins.sum().clamp_min(1)
        for agent, value in enumerate(share.tolist()):
            self.log(f"train/wins/{agent}", value)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Whoever got no credit since the last step has no gradient, rather than one of zero."""
        for agent, decoder in enumerate(self.policy.decoders):
            if len(self.policy.decoders) > 1 and agent not in self.credited:
                for parameter in decoder.parameters():
                    parameter.grad = None
        self.credited.clear()

    def _measure(self, stage: str, batch: Labelled, index: int) -> None:
        """Greedily: the best over agents and starts, and the first agent's best over starts."""
        costs = []
        starts = count_starts(self.problem, batch.instance)
        memory = self.policy.encode(self.problem.features(batch.instance))
        prefix = starts_of(self.problem, batch.instance, starts)
        for agent in range(self.policy.agents):
            condition = torch.full((len(batch), starts), agent, device=self.device)
            found = rollout(
                self.problem,
                self.policy,
                batch.instance,
                starts,
                greedy,
                prefix=prefix,
                condition=condition,
                logp=False,
                memory=memory,
            )
            costs.append(found.cost.amin(1))
        every = torch.stack(costs, 1)
        self._log_gaps(stage, batch, index, gap=every.amin(1), gap_first_agent=every[:, 0])

"""Poppy: train a population by its best member, and other advantages that judge sets."""

from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.defaults import starts_of
from nco.core.policy import Population
from nco.core.problem import Problem
from nco.core.rollout import decisions, rollout, sample
from nco.training.advantages import Advantage, Group, Winner, policy_gradient
from nco.training.evaluation import EveryAgent
from nco.training.method import Method, Training


class Poppy(Method):
    """Reinforcement of a population of agents that need only be good together.

    Grinsztajn et al., "Winner Takes It All: Training Performant RL Populations for Combinatorial
    Optimization" (NeurIPS 2023). All agents play every start of every instance without gradients;
    then the rollouts that have an advantage are scored in one parallel pass, with gradients. The
    loss is their mean. Agents without an advantage in a step are left alone by the optimiser, too:
    neither momentum nor weight decay moves them.

    With a policy of one agent and ``samples: K``, the same advantages train a single policy for the
    best of K samples.

    Args:
        problem, policy, training: as in `Method`; lr 1e-4 and warmup 50 where none is given.
        single: a checkpoint, folder or shipped model that the population is cloned from: a single
            policy, or a smaller population whose size divides this one's.
        starts: M, first actions of each instance; None is all of them.
        samples: rollouts of every agent from every start.
        advantage: `Winner` by default.
        freeze_encoder: train the decoders only.
    """

    evaluation = EveryAgent()

    def __init__(
        self,
        problem: Problem,
        policy: Population,
        *,
        training: Training | None = None,
        single: str | None = None,
        starts: int | None = None,
        samples: int = 1,
        advantage: Advantage | None = None,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__(problem, policy, training, lr=1e-4, warmup=50)
        self.policy: Population
        self.advantage = advantage if advantage is not None else Winner()
        if self.advantage.of_start:
            self.advantage.check(self.policy.agents * samples)
        self.single, self.starts, self.samples = single, starts, samples
        self.freeze_encoder = freeze_encoder
        self.learning: set[int] = set()  # agents with an advantage since the optimiser's last step
        if single is not None and self.settings.initial is None:
            from nco.zoo.weights import load

            self.policy.begin_as(load(single).policy)
        if freeze_encoder:
            self.policy.freeze()
        self.advantage.attach(problem, self.policy, self.settings.seed)

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        problem, policy = self.problem, self.policy
        self.advantage.prepare(policy, self.global_step)
        prefix = self._starts(batch)
        starts = 1 if prefix is None else prefix.shape[1]
        sets = policy.agents * self.samples  # rollouts from each start
        memory = policy.encode(problem.features(batch))
        agent = torch.arange(policy.agents, device=generator.device)
        agent = agent.repeat_interleave(self.samples * starts)
        self.advantage.check(len(agent), starts)
        given = None if prefix is None else prefix.repeat(1, sets, 1)
        with torch.no_grad():
            played = rollout(
                problem,
                policy,
                batch,
                len(agent),
                sample(generator),
                prefix=given,
                condition=agent.expand(len(batch), -1),
                logp=False,
                memory=memory,
            )
        group = Group(batch, played.cost, played.actions, given, starts, played.step_costs)
        advantage = group.by_start(self.advantage(group))  # [B, K, M, 1 or T]
        scored = self._scored(advantage)
        advantage = _pick(advantage, scored)
        actions = _pick(group.by_start(group.actions), scored)
        agents = (scored // self.samples).flatten(1, 2)
        self._log(group.by_start(group.cost), agents, (advantage != 0).any(-1))
        logp = self._score(batch, memory, actions, agents, 0 if prefix is None else 1)
        return policy_gradient(advantage, logp)

    def _starts(self, instance: Any) -> Tensor | None:
        """First actions ``[B, M, 1]``; None where there are none to choose from."""
        every = starts_of(self.problem, instance)
        return every if every is None or self.starts is None else every[:, : self.starts]

    def _scored(self, advantage: Tensor) -> Tensor:
        """Which of the K rollouts from each start are scored, ``[B, C, M]`` long."""
        count = self.advantage.scored or advantage.shape[1]
        if count == advantage.shape[1]:
            every = torch.arange(count, device=advantage.device)
            return every[:, None].expand(len(advantage), -1, advantage.shape[2])
        return advantage.abs().sum(-1).topk(count, dim=1).indices

    def _score(
        self, instance: Any, memory: Any, actions: Tensor, agents: Tensor, given: int
    ) -> Tensor:
        """Log-probabilities ``[B, R, P]`` of rollouts ``[B, R, T]`` but for `given` steps."""
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
        return decision.log_prob(picks).unflatten(1, (actions.shape[1], -1))

    def _log(self, cost: Tensor, agents: Tensor, learns: Tensor) -> None:
        """Logs the cost of one rollout and of the best of a set, ties, and which agents learn.

        Args:
            cost: ``[B, K, M]``.
            agents: ``[B, R]``, whose rollouts are scored.
            learns: ``[B, R]`` bool: the others are ties, which teach nothing.
        """
        wins = torch.bincount(agents[learns], minlength=self.policy.agents)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(wins)  # every rank must leave the same agents alone
        self.learning |= set(wins.nonzero()[:, 0].tolist())
        self.log("train/cost", cost.mean())
        self.log("train/best", cost.amin(1).mean(), prog_bar=True)
        self.log("train/ties", 1 - learns.float().mean())
        share = wins / wins.sum().clamp_min(1)
        for agent, value in enumerate(share.tolist()):
            self.log(f"train/wins/{agent}", value)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Agents that had no advantage since the last step have no gradient, not one of zero."""
        for agent, decoder in enumerate(self.policy.decoders):
            if len(self.policy.decoders) > 1 and agent not in self.learning:
                for parameter in decoder.parameters():
                    parameter.grad = None
        self.learning.clear()


def _pick(values: Tensor, scored: Tensor) -> Tensor:
    """Of `values` ``[B, K, M, T]`` those of `scored` ``[B, C, M]``, as ``[B, C * M, T]``."""
    index = scored[..., None].expand(-1, -1, -1, values.shape[-1])
    return values.gather(1, index).flatten(1, 2)

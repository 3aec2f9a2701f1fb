"""Sources: where the rollouts that a policy learns from come from.

A source gets a `Collecting` and returns one or more groups of rollouts. Most wrap another source.
What a source remembers lies in buffers, or in `get_extra_state` (kept rollouts as tensordicts), so
that a checkpoint holds it. Its random numbers come from `Collecting.random` alone, a function of
seed, step and place: so a run that was killed goes on bit for bit.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from nco.core.decisions import Categorical, Decision
from nco.core.defaults import count_starts, starts_of
from nco.core.describe import Described
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Select, rollout, sample
from nco.core.seeds import generator as seeded
from nco.models.policy_gradient.group import Rollouts, gathered, scored

Random = Callable[..., Generator]


@dataclass(frozen=True, eq=False)
class Collecting:
    """What a source is told when rollouts are due.

    Attributes:
        problem, policy: the policy as it is now; a source does not change it.
        instance: ``[B, ...]`` from the data module.
        step: steps of the optimiser so far.
        generator: for the rollouts of `instance`.
        random: further generators, by place: ``random("replay")``.
        live: rollouts may keep the gradient of their log-probabilities, to be used once.
        log_probs: those of all actions are asked for; entropy: that of every decision.
        condition: passed on to the policy.
    """

    problem: Problem[Any, Any]
    policy: Policy
    instance: Any
    step: int
    generator: Generator
    random: Random
    live: bool = False
    log_probs: bool = False
    entropy: bool = False
    condition: Tensor | None = None

    def play(
        self,
        count: int,
        prefix: Tensor | None = None,
        *,
        starts: int = 1,
        select: Select | None = None,
        generator: Generator | None = None,
        live: bool = False,
    ) -> Rollouts:
        """`count` rollouts of each instance, with all that was asked for.

        Args:
            prefix: ``[B, count, P, *M]`` first actions; starts: how many of them differ.
            select: how actions are chosen; by default at random by `generator`.
            live: keep the gradient.
        """
        select = select or sample(generator or self.generator)
        condition = self.condition
        with torch.set_grad_enabled(live):
            played = rollout(
                self.problem,
                self.policy,
                self.instance,
                count,
                select,
                prefix=prefix,
                condition=condition,
                keep=not live,
            )
        found = gathered(self.instance, played, prefix, starts, self.step, condition)
        return self.completed(found)

    @torch.no_grad()
    def completed(self, kept: Rollouts) -> Rollouts:
        """`kept` with the probabilities and entropies that were asked for, by the policy now."""
        if not (self.log_probs or self.entropy):
            return kept
        now = scored(self.problem, self.policy, kept, entropy=self.entropy)
        return replace(kept, log_probs=now.log_probs, entropy=now.entropy)

    @torch.no_grad()
    def rescored(self, kept: Rollouts) -> Rollouts:
        """`kept` as if the present policy had played it."""
        now = scored(self.problem, self.policy, kept, entropy=self.entropy)
        every = now.log_probs if self.log_probs else None
        return replace(kept, logp=now.logp, log_probs=every, entropy=now.entropy)


class Source(Described, nn.Module, ABC):
    """Collects rollouts.

    Args:
        source: the source that it wraps, if any.

    Attributes:
        off_policy: some rollouts were not played by the present policy.
        of_steps: it gives steps of one rollout different weights through their advantages.
        entropy: it asks for `Rollouts.entropy`.
        remembers: it keeps something of each instance, which has to recur: it needs a pool.
        compares: it needs advantages, to choose by them.
        discrete: it is for one of several actions at a time, not for continuous ones.
        branches: its rollouts of an instance begin alike and part at some step.
    """

    source: "Source | None"
    off_policy: bool = False
    of_steps: bool = False
    entropy: bool = False
    remembers: bool = False
    compares: bool = False
    discrete: bool = False
    branches: bool = False

    def __init__(self, source: "Source | None" = None) -> None:
        super().__init__()
        self.source = source

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        """Called once, with what is to be trained."""
        if self.source is not None:
            self.source.attach(problem, policy, seed)

    @property
    def pool(self) -> int:
        """How many instances recur; 0: each is new."""
        return 0 if self.source is None else self.source.pool

    @property
    def count(self) -> int | None:
        """Rollouts of an instance; None: as many as there are starts."""
        return None if self.source is None else self.source.count

    @abstractmethod
    def collect(self, task: Collecting) -> list[Rollouts]:
        """Groups of rollouts; each gets advantages of its own."""

    def judged(self, kept: Rollouts, task: Collecting) -> Rollouts:
        """A group that has its advantages now; a source may choose by them."""
        return kept if self.source is None else self.source.judged(kept, task)

    def figures(self) -> Mapping[str, float]:
        """What of its work shall be logged, by name, after each collection."""
        return {}

    def close(self) -> None:
        """Ends what it holds beside memory; called when training ends."""

    def refusal(self) -> str | None:
        """Why it cannot work with what it wraps; None: it can."""
        return None

    def chain(self) -> "list[Source]":
        """This source and those that it wraps, outermost first."""
        return [self, *(self.source.chain() if self.source is not None else [])]


class Fresh(Source):
    """The policy plays each instance `rollouts` times at random, and learns from it at once.

    Args:
        rollouts: of each instance; None: one from each start.
        use_starts: let the problem's different first actions begin the rollouts, as POMO does; they
            are given, not learned.
        rescore: sample without gradients and compute all probabilities again in one parallel pass.
            False: keep the gradient of the rollouts themselves where they are used once.
        pool: instances recur: there are so many of them, which take the place of those of the data
            module. 0: each is new.
    """

    def __init__(
        self,
        rollouts: int | None = 8,
        use_starts: bool = False,
        rescore: bool = True,
        pool: int = 0,
    ) -> None:
        super().__init__()
        if (rollouts is not None and rollouts < 1) or pool < 0:
            raise ValueError(f"Fresh: rollouts must be at least 1 and pool 0: {rollouts}, {pool}")
        self.rollouts, self.use_starts, self.rescore = rollouts, use_starts, rescore
        self._pool, self._seed = pool, 0

    @property
    def pool(self) -> int:
        return self._pool

    @property
    def count(self) -> int | None:
        return self.rollouts

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        self._seed = seed

    def collect(self, task: Collecting) -> list[Rollouts]:
        index = None
        if self._pool:
            instance, index = self._drawn(task)
            task = replace(task, instance=instance)
        prefix = starts_of(task.problem, task.instance, self.rollouts) if self.use_starts else None
        count = self.rollouts or (1 if prefix is None else prefix.shape[1])
        starts = 1 if prefix is None else min(count_starts(task.problem, task.instance), count)
        live = task.live and not self.rescore
        return [replace(task.play(count, prefix, starts=starts, live=live), index=index)]

    def _drawn(self, task: Collecting) -> tuple[Any, Tensor]:
        """A random block of the pool, as many instances as the data module gives, and its places.

        The instances of a block come from one seed, so that no instance needs to be stored.
        """
        size, device = len(task.instance), task.instance.device
        blocks = self._pool // size
        if not blocks:
            raise ValueError(f"Fresh: a pool of {self._pool} is smaller than a batch of {size}")
        block = int(torch.randint(blocks, (), generator=task.random("pool"), device=device))
        random = seeded(self._seed, "pool", block, device=device)
        first = block * size
        return task.problem.generate(size, random), torch.arange(first, first + size, device=device)


class Tempered(Source):
    """The rollouts of an instance are played at temperatures from `coolest` to `hottest`.

    After the spread of noise over parallel environments in Li et al. (2023), "Parallel Q-learning",
    arXiv 2307.12983: some explore more than others. The stored probabilities are the tempered ones,
    so the surrogate needs a ratio.

    Args:
        coolest, hottest: temperatures of the logits; spread evenly on a log scale.
        rollouts: of each instance.
    """

    off_policy, discrete = True, True

    def __init__(self, coolest: float = 0.8, hottest: float = 1.5, rollouts: int = 8) -> None:
        super().__init__()
        if not 0 < coolest <= hottest:
            raise ValueError(f"Tempered: 0 < coolest <= hottest, not {coolest} and {hottest}")
        self.coolest, self.hottest, self.rollouts = coolest, hottest, rollouts

    @property
    def count(self) -> int | None:
        return self.rollouts

    def collect(self, task: Collecting) -> list[Rollouts]:
        coolest, hottest = math.log(self.coolest), math.log(self.hottest)
        heat = torch.linspace(coolest, hottest, self.rollouts, device=task.instance.device).exp()
        logps: list[Tensor] = []

        def select(decision: Decision, step: int) -> Tensor:
            assert isinstance(decision, Categorical)
            shape = (1, -1, *[1] * (decision.logits.ndim - 2))
            warm = Categorical(decision.logits / heat.view(shape), decision.logits > -torch.inf)
            picks = warm.sample(task.generator)
            logps.append(warm.log_prob(picks))
            return picks

        played = task.play(self.rollouts, select=select)
        logp = torch.stack(logps, 2)
        return [replace(played, logp=logp.flatten(3).sum(3) if logp.ndim > 3 else logp)]


def wrapped(source: Source | None) -> Source:
    """`source`, or eight fresh rollouts of each instance."""
    return source if source is not None else Fresh()

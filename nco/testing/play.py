"""Random episodes, walks along given actions, and a small policy that can play any problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from nco.core.case import Case
from nco.core.conflicts import settle
from nco.core.decisions import Categorical, Decision, Normal
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Channel, Schema
from nco.core.seeds import generator
from nco.testing.compare import described, finite, nowhere, place, require, tensors

BATCH, ROLLOUTS = 3, 5
# names of batches that some checks treat apart
TINY, MIXED, GIVEN = "tiny", "padded", "given"


@dataclass(frozen=True, eq=False)
class Trial:
    """A batch of instances and the random episodes played on it.

    Rollout 0 takes the first allowed action throughout, rollout 1 the last, the others any.
    """

    problem: Problem[Any, Any]
    name: str  # such as "padded", for messages
    seed: int
    instance: Any  # [B, ...]
    cases: Sequence[Case] | None  # of the instances; None where the problem has no cases
    actions: Tensor  # [B, S, T, *M]
    states: list[Any]  # T + 1 of [B, S, ...], the first ones to begin with
    observations: list[Observation]  # T of [B, S, ...]
    finished: Tensor  # [B, S, T + 1] bool

    @property
    def cost(self) -> Tensor:
        """Of the actions, ``[B, S]``."""
        return self.problem.cost(self.instance, self.actions)


def play(
    problem: Problem[Any, Any],
    name: str,
    seed: int,
    instance: Any,
    cases: Sequence[Case] | None,
) -> Trial:
    """Random episodes, played as `rollout` would: `done` is asked between the bounds only."""
    least, most = problem.horizon(instance)
    require(0 <= least <= most and most > 0, f"horizon gives the bounds {least} and {most}")
    random = generator(seed, "play")
    states, finished = [problem.reset(instance, ROLLOUTS)], []
    observations: list[Observation] = []
    actions: list[Tensor] = []
    finished.append(_done(problem, instance, states[0]))
    while len(actions) < most and not (len(actions) >= least and finished[-1].all()):
        step = len(actions)
        observation = problem.observe(instance, states[-1])
        nowhere(~observation.mask.any(-1), f"observe allows no action at step {step} of {{}}")
        observations.append(observation)
        choose = _amounts if problem.continuous else chosen
        actions.append(_settled(choose(observation.mask, random), observation, random))
        states.append(problem.step(instance, states[-1], actions[-1]))
        finished.append(_done(problem, instance, states[-1]))
    over = torch.stack(finished, 2)
    _check_bounds(over, least, most)
    played = torch.stack(actions, 2)
    return Trial(problem, name, seed, instance, cases, played, states, observations, over)


def _done(problem: Problem[Any, Any], instance: Any, state: Any) -> Tensor:
    done = problem.done(instance, state)
    wanted = [len(instance), next(tensors(state))[1].shape[1]]
    good = done.dtype == torch.bool and list(done.shape) == wanted
    require(good, f"done must be bool [B, S] = {wanted}, not {described(done)}")
    return done


def _check_bounds(over: Tensor, least: int, most: int) -> None:
    nowhere(
        ~over[:, :, -1],
        f"{{}} is not finished after {most} steps, the most that horizon allows",
    )
    longest = int((~over).sum(2).amax())
    require(
        longest >= least or least == 1,  # somebody has to take a first step, if only a no-op
        f"horizon says at least {least} steps, but every row was finished after {longest}",
    )


def chosen(mask: Tensor, random: Generator) -> Tensor:
    """The first allowed action in rollout 0, the last in rollout 1, any in the others."""
    key = torch.rand(mask.shape, generator=random)
    rising = torch.arange(1.0, mask.shape[-1] + 1)
    key[:, 0], key[:, 1] = rising.flip(-1), rising
    return key.masked_fill(~mask, -1.0).argmax(-1)


def _settled(picks: Tensor, observation: Observation, random: Generator) -> Tensor:
    """Conflicts of agents: any of them may win."""
    if observation.stay is None:
        return picks
    return settle(picks, torch.rand(picks.shape, generator=random), observation)


def _amounts(mask: Tensor, random: Generator) -> Tensor:
    """Nothing in rollout 0, one of everything in rollout 1, any amounts in the others."""
    amount = -torch.rand(mask.shape, generator=random).clamp_min(1e-6).log()
    amount[:, 0], amount[:, 1] = 0.0, 1.0
    return amount * mask


def forbidden(observation: Observation, action: Tensor) -> Tensor:
    """Where `observation` does not allow `action` ``[B, S, *M]``.

    Of agents: no two may take one shared action, and where the mask forbids to stay, only an agent
    that may have lost what another takes does so.
    """
    mask = observation.mask
    inside = (action >= 0) & (action < mask.shape[-1])
    action = torch.where(inside, action, 0)
    allowed = inside & mask.gather(-1, action[..., None])[..., 0]
    if observation.stay is None or observation.shared is None:
        return ~allowed
    taken = torch.zeros_like(observation.shared, dtype=torch.long)
    taken = taken.scatter_add(-1, action, torch.ones_like(action)) * observation.shared
    lost = (action == observation.stay) & (mask & (taken > 0)[:, :, None]).any(-1)
    return ~(allowed | (inside & lost)) | (taken.gather(-1, action) > 1)


def walk(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, subject: str
) -> list[Observation]:
    """What is observed along complete `actions`, each of which the masks must allow."""
    state = problem.reset(instance, actions.shape[1])
    observations = []
    for step in range(actions.shape[2]):
        action = actions[:, :, step]
        observation = problem.observe(instance, state)
        if problem.continuous:  # any amounts are feasible
            finite(action, f"{subject}, step {step}")
            wrong = observation.mask.new_zeros(())
        else:
            wrong = forbidden(observation, action)
        if wrong.any():
            taken = int(action[wrong][0])
            raise AssertionError(
                f"{subject} takes action {taken} at step {step} of {place(wrong)}, "
                "where the mask forbids it"
            )
        observations.append(observation)
        state = problem.step(instance, state, action)
    nowhere(~problem.done(instance, state), f"{subject} leaves {{}} unfinished")
    return observations


class Probe(Policy):
    """A small random policy that looks at all that an observation holds; it can play any problem.

    Args:
        seed: of its weights.
        width: of its embeddings.
        continuous: decide on amounts.
    """

    reads = frozenset(Channel)

    def __init__(self, seed: int = 0, width: int = 8, continuous: bool = False) -> None:
        super().__init__()
        self.seed, self.width, self.continuous = seed, width, continuous

    def make_layers(self, schema: Schema) -> None:
        random = generator(self.seed, "probe")

        def weights(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=random))

        self.node = weights(len(schema.nodes), schema.kinds, self.width)
        self.places = weights(len(schema.focus), self.width)
        self.context = weights(len(schema.context), self.width)
        self.dynamic = weights(len(schema.dynamic), schema.kinds)
        self.move = weights(len(schema.moves))

    def encode(self, features: Features) -> Tensor:
        """``[B, kinds, N, D]``; padding is zero."""
        keys = torch.einsum("bnf,fkd->bknd", features.nodes.float(), self.node).tanh()
        if features.exists is not None:
            keys = keys * features.exists[:, None, :, None]
        return keys

    def decide(
        self, memory: Tensor, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        mask = observation.mask
        agents = [1] * (mask.ndim - 3)  # axes to broadcast over
        keys = memory.flatten(1, 2)
        query = observation.context @ self.context + 1.0  # [B, S, *M, D]
        rows = torch.arange(len(mask)).reshape(-1, 1, *agents)
        for slot in range(len(self.schema.focus)):
            at = observation.focus[..., slot]
            found = memory[rows, 0, at.clamp_min(0)] * self.places[slot]
            query = query + found * (at >= 0)[..., None]
        if observation.alive is not None:
            left = observation.alive.float() @ memory[:, 0]
            query = query + left.reshape(*left.shape[:2], *agents, -1)
        if self.continuous:
            spread = torch.arange(1.0, mask.shape[-1] + 1)
            mean = torch.einsum("bsd,bnd->bs", query, keys).sigmoid()[..., None] / spread
            if observation.nodes is not None:
                mean = mean + observation.nodes.mean((-1, -2))[..., None].sigmoid()
            return Normal(mean, torch.ones_like(mean), mask)
        logits = torch.einsum("b...d,bad->b...a", query, keys)
        if observation.nodes is not None:
            changing = (observation.nodes @ self.dynamic).transpose(-1, -2).flatten(2)
            logits = logits + changing.reshape(*changing.shape[:2], *agents, -1)
        if observation.moves is not None:
            logits = logits + observation.moves @ self.move
        return Categorical(logits, mask)

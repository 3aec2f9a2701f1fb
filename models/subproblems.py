"""The loss of BQ-NCO, which two methods share: remaining sub-problems of labels, and what is next.

Drakulic et al., "BQ-NCO" (NeurIPS 2023), section 5.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.defaults import replay
from nco.core.problem import Features, Observation, Problem
from nco.models.nets.along import Subproblem
from nco.models.nets.bq import BQPolicy
from nco.zoo.weights import load


@dataclass(frozen=True, eq=False)
class Rest(Batch):
    """What labels do with their remaining sub-problems, step by step."""

    token: Tensor  # [R, T] long, position of the node among the tokens
    kind: Tensor  # [R, T] long
    known: Tensor  # [R, T] bool: it is among the tokens, and no no-op

    @classmethod
    def of(cls, actions: Tensor, sub: Subproblem, count: int) -> "Rest":
        """From `actions` ``[R, T]`` in an instance of `count` nodes."""
        length = sub.nodes.shape[1]
        place = torch.full((len(actions), count), -1, device=actions.device)
        order = torch.arange(length, device=actions.device).expand_as(sub.nodes)
        order = order.masked_fill(~sub.open, -1)
        place = place.scatter_reduce(1, sub.nodes, order, "amax")
        token = place.gather(1, actions % count)
        return cls(token.clamp_min(0), actions // count, token >= 0)

    def neighbours(self, length: int, kinds: int, both_ways: bool) -> Tensor:
        """Which token comes after which by which kind of action, ``[R, L, kinds, L]`` of 0 and 1.

        With `both_ways` also before it. A no-op repeats the last node, which is no neighbour of
        itself.
        """
        here, there, kind = self.token[:, :-1], self.token[:, 1:], self.kind[:, 1:]
        joined = self.known[:, :-1] & self.known[:, 1:] & (here != there)
        flat, value = (here * kinds + kind) * length + there, joined.float()
        if both_ways:
            back = (there * kinds + kind) * length + here
            flat, value = torch.cat([flat, back], 1), value.repeat(1, 2)
        pairs = torch.zeros(len(flat), length * kinds * length, device=flat.device)
        return pairs.scatter_reduce(1, flat, value, "amax").unflatten(1, (length, kinds, length))


class SubproblemLoss:
    """Cross-entropies of what labels do next in remaining sub-problems: the loss of `BQ`.

    Args:
        problem: the rules.
        policy: built for the problem.
        dense: weight of a loss over all nodes that remain, of which is next to which, and by which
            kind of action; 0: none.
        rotate: show every sub-problem at a random angle.
        thin: leave out up to this share of the nodes that a label does not use.

    Raises:
        ValueError: where an argument makes no sense for the problem.
    """

    def __init__(
        self,
        problem: Problem[Any, Any],
        policy: BQPolicy,
        *,
        dense: float = 0.0,
        rotate: bool = False,
        thin: float = 0.0,
    ) -> None:
        if dense and not problem.schema.focus:
            raise ValueError("dense: where order means nothing, no node is next to another")
        if policy.sure < 1 and not dense:
            raise ValueError("sure below 1 needs dense: earlier looks decide by what it teaches")
        if not 0 <= thin <= 1:
            raise ValueError(f"thin must be a share between 0 and 1, not {thin}")
        self.problem, self.policy = problem, policy
        self.dense, self.rotate, self.thin = dense, rotate, thin

    def named(
        self,
        instance: Any,
        actions: Tensor,
        steps: Tensor,
        rest: Tensor,
        random: Generator,
        nodes: int | None = None,
    ) -> dict[str, Tensor]:
        """Each loss by name: ``loss`` of the next action and, where asked for, ``dense``.

        Args:
            instance: ``[B, ...]``.
            actions: labels ``[B, S, T]``.
            steps: ``[B, S, 1]``, before which the sub-problems remain.
            rest: what each label does from there on, ``[B, S, T']``.
            random: of `rotate` and `thin`.
            nodes: look at so many nodes, open or not, for tensors of one shape in every step.
        """
        state = replay(self.problem, instance, actions, steps).fold()
        observation = self.problem.observe(instance, state)
        if self.thin:
            observation = thinned(observation, rest, self.thin, random)
        assert observation.alive is not None
        features = self.policy.encode(self.problem.features(instance))
        if self.rotate:
            features = rotated(features, random)
        sub = self.policy.look(features, observation, nodes)
        known = Rest.of(rest.flatten(0, 1), sub, features.nodes.shape[1])
        loss = self._next(sub, known, observation.mask.flatten(0, 1))
        # where not all that remains is looked at, the last node may be among what is not
        left = observation.alive.flatten(0, 1).sum(-1)
        whole = known.known.any(1) & (sub.open.sum(-1) == left)
        if self.policy.two_way and (nodes is not None or bool(whole.any())):
            last = self._last(sub, replace(known, known=known.known & whole[:, None]))
            loss = (loss + last) / 2
        if not self.dense:
            return {"loss": loss}
        return {"loss": loss, "dense": self._between(sub, known)}

    def weighted(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum of the losses of `named`, as this run weighs them."""
        return losses["loss"] + (self.dense * losses["dense"] if self.dense else 0.0)

    def _next(self, sub: Subproblem, rest: Rest, mask: Tensor) -> Tensor:
        """Cross-entropy of the next action; where order means nothing, of any that remains."""
        kinds, length = self.problem.schema.kinds, sub.nodes.shape[1]
        index = sub.nodes[:, None].expand(-1, kinds, -1)
        allowed = mask.unflatten(1, (kinds, -1)).gather(2, index) & sub.open[:, None]
        scores = self.policy.scores(sub)
        right = torch.zeros_like(scores).flatten(1)
        steps = 1 if self.problem.schema.focus else rest.known.shape[1]
        flat = (rest.kind * length + rest.token)[:, :steps]
        right = right.scatter_reduce(1, flat, rest.known[:, :steps].to(right.dtype), "amax")
        return cross_entropy(scores.flatten(1), right, allowed.flatten(1))

    def _between(self, sub: Subproblem, rest: Rest) -> Tensor:
        """Cross-entropy of which nodes follow each other further on, by which kind of action.

        A pass embeds every node, yet only its ends are asked for what is next to them. The label
        answers the same question for all the others.
        """
        length, kinds = sub.nodes.shape[1], self.problem.schema.kinds
        right = rest.neighbours(length, kinds, both_ways=not self.problem.schema.one_way)
        itself = torch.eye(length, dtype=torch.bool, device=right.device)
        allowed = sub.open[:, None] & sub.open[:, :, None] & ~itself
        allowed = allowed[:, :, None].expand_as(right)
        scores = self.policy.adjacency(sub)
        right, allowed, scores = (
            each.flatten(2).flatten(0, 1) for each in (right, allowed, scores)
        )
        return cross_entropy(scores, right, allowed)

    def _last(self, sub: Subproblem, rest: Rest) -> Tensor:
        """Cross-entropy of the last node before the destination, of all that remain."""
        right = torch.zeros_like(sub.open, dtype=sub.h.dtype)
        where = rest.known.cumsum(1).argmax(1, keepdim=True)  # no-ops may follow
        right = right.scatter(1, rest.token.gather(1, where), rest.known.gather(1, where).float())
        return cross_entropy(self.policy.scores(sub, slot=0)[:, 0], right, sub.open)


def begin(policy: BQPolicy, encoder: str | None, initial: str | None) -> None:
    """Takes over the encoder of a trained model, unless `initial` gives all weights."""
    if encoder is not None and initial is None:
        policy.begin_as(load(encoder).policy)


def rotated(features: Features, random: Generator) -> Features:
    """Each instance's positions at a random angle around the centre of the unit square."""
    xy = features.xy
    if xy is None:
        return features
    angle = 2 * math.pi * torch.rand(len(xy), 1, 1, generator=random, device=random.device)
    x, y = (xy - 0.5).split(1, -1)
    cos, sin = angle.cos(), angle.sin()
    return replace(features, xy=torch.cat([x * cos - y * sin, x * sin + y * cos], -1) + 0.5)


def thinned(observation: Observation, rest: Tensor, most: float, random: Generator) -> Observation:
    """Without some of the open nodes that `rest` ``[B, S, T']`` does not visit."""
    alive = observation.alive
    assert alive is not None
    count = alive.shape[2]
    used = torch.zeros_like(alive).scatter(2, rest % count, True)
    share = most * torch.rand(*alive.shape[:2], 1, generator=random, device=random.device)
    lost = torch.rand(alive.shape, generator=random, device=random.device) < share
    kept = ~lost | used | ~alive
    kinds = observation.mask.shape[2] // count
    mask = observation.mask & kept.repeat(1, 1, kinds)
    return replace(observation, alive=alive & kept, mask=mask)


def cross_entropy(scores: Tensor, right: Tensor, allowed: Tensor) -> Tensor:
    """Mean over rows ``[R, A]`` with any right action, which share a row's weight."""
    right = right * allowed
    scores = scores.masked_fill(~allowed, -torch.inf)
    count = right.sum(1)
    some = count > 0
    # a row without: it is over, or its next node is not looked at
    scores = scores.masked_fill(~some[:, None], 0.0)
    log = torch.where(right > 0, scores, 0.0).sum(1) / count.clamp_min(1) - scores.logsumexp(1)
    return -(log * some).sum() / some.sum().clamp_min(1)

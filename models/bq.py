"""BQ-NCO: imitation of the next step of good solutions on random remaining sub-problems."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasFixedFirstAction
from nco.core.defaults import demonstrations_of, replay, symmetries_of
from nco.core.problem import Features, Observation, Problem
from nco.labels.store import Labelled
from nco.models.nets.bq import BQPolicy, Subproblem
from nco.search.beam import beam, beam_search
from nco.search.budget import Budget
from nco.search.task import Task
from nco.training.method import Method
from nco.zoo.weights import load


@dataclass(frozen=True, eq=False)
class Rest(Batch):
    """What labels do with their remaining sub-problems, step by step."""

    token: Tensor  # [R, T] long, position of the node among the tokens
    kind: Tensor  # [R, T] long
    known: Tensor  # [R, T] bool: is no no-op, and among the tokens

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

    def neighbours(self, length: int, both_ways: bool) -> Tensor:
        """``[R, L, L]`` of 0 and 1: which token comes directly after which, or before it as well.

        A no-op's repetition of the last node is no neighbour, nor is what is reached otherwise
        (kind 1, by way of the depot).
        """
        here, there = self.token[:, :-1], self.token[:, 1:]
        joined = self.known[:, :-1] & self.known[:, 1:] & (self.kind[:, 1:] == 0) & (here != there)
        flat, value = here * length + there, joined.float()
        if both_ways:
            flat, value = torch.cat([flat, there * length + here], 1), value.repeat(1, 2)
        found = torch.zeros(len(flat), length * length, device=flat.device)
        return found.scatter_reduce(1, flat, value, "amax").unflatten(1, (length, length))


class BQ(Method):
    """Cross-entropy on the next action of a remaining sub-problem.

    Drakulic et al., "BQ-NCO" (NeurIPS 2023), section 5. Every step draws how many actions were
    already taken, from none (one, where any first is as good: the whole tour) to all but two, and
    cuts each label there, in a random symmetric image, rotation and direction. Small sub-problems
    come in larger numbers, so that each step costs about the same.

    Labels whose first actions a policy chose (``nco label --after``) are cut from there on, half of
    the time at once: so a policy learns to go on from its own mistakes.

    Where the policy is `two_way`, a path is asked from its destination as well: what comes before
    it is what would come next if the path were walked backwards, so each pass learns twice.

    Args:
        problem, policy, lr, warmup, weight_decay, decay_steps, seed, initial, muon: as in `Method`.
        tokens: nodes of all sub-problems of a step, about.
        dense: weight of a loss over all nodes that remain, of which is next to which; 0 asks only
            for the next action, as published. Measured on TSP (4 minutes of a core from the encoder
            of am-tsp, greedy on 200 instances of 100 nodes): 6.35 +- 0.31 % with 1, 7.36 +- 0.29 %
            without.
        rotate: show every sub-problem at a random angle, beyond the eight images of a square.
        thin: leave out some of the nodes that a label does not use, of each sub-problem another
            share up to this one: what is best stays so. Where all nodes are visited, nothing is
            left out.
        encoder: a checkpoint, a folder or the name of a shipped attention model of the same problem
            whose encoder is the start: what it knows of whole instances holds for what remains.
            Not used where `initial` gives all weights.
    """

    def __init__(
        self,
        problem: Problem,
        policy: BQPolicy,
        *,
        lr: float = 5e-4,
        warmup: int = 500,
        weight_decay: float = 0.0,
        decay_steps: int = 0,
        seed: int = 0,
        initial: str | None = None,
        muon: bool = False,
        tokens: int = 4096,
        dense: float = 0.0,
        rotate: bool = False,
        thin: float = 0.0,
        encoder: str | None = None,
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
            muon=muon,
        )
        self.policy: BQPolicy
        if dense and not problem.sizes.focus:
            raise ValueError("dense: where order means nothing, no node is next to another")
        if not 0 <= thin <= 1:
            raise ValueError(f"thin must be a share between 0 and 1, not {thin}")
        self.tokens, self.dense, self.encoder = tokens, dense, encoder
        self.rotate, self.thin = rotate, thin
        if encoder is not None and initial is None:
            self.policy.begin_as(load(encoder).policy)

    def loss(self, batch: Labelled, generator: Generator) -> Tensor:
        instance: Any = batch.instance
        images = symmetries_of(self.problem, instance)
        device = generator.device
        pick = torch.randint(len(images), (), generator=generator, device=device)
        instance = images[int(pick)]
        best = batch.cost.argmin(1)
        first = 1 if isinstance(self.problem, HasFixedFirstAction) else 0
        if batch.given is not None:  # in all rows at the same step
            column = torch.randint(batch.given.shape[1], (), generator=generator, device=device)
            best = column.expand(len(best))
            first = int(batch.given[0, column])
        label = batch.actions[torch.arange(len(best), device=best.device), best][:, None]
        total = label.shape[2]
        first = min(first, total - 1)
        most = max(total - 1, first + 1)  # the last node of all is no choice
        cut = int(torch.randint(first, most, (), generator=generator, device=device))
        if batch.given is None:
            left = self.problem.features(instance).nodes.shape[1] - cut
            views = max(1, round(self.tokens / ((self.policy.most_tokens(left) + 2) * len(label))))
            label = label.expand(-1, views, -1).contiguous()
            actions = demonstrations_of(self.problem, instance, label, generator)
        else:  # another order might not pass through the state that the policy came to
            actions = label
            if float(torch.rand((), generator=generator, device=device)) < 0.5:
                cut = first  # the one state on the way that is sure to be the policy's own
        steps = torch.full((*actions.shape[:2], 1), cut, device=actions.device)
        losses = self.compared(instance, actions, steps, actions[:, :, cut:], generator)
        for name, value in losses.items():
            self.log(f"train/{name}", value, prog_bar=name == "loss")
        return self.weighted(losses)

    def compared(
        self,
        instance: Any,
        actions: Tensor,
        steps: Tensor,
        rest: Tensor,
        random: Generator,
        nodes: int | None = None,
    ) -> dict[str, Tensor]:
        """Of the states before `steps` ``[B, S, 1]`` of `actions` ``[B, S, T]``: each loss by name.

        Args:
            instance: B of them.
            actions, steps: as above.
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
        """The sum of the losses of `compared`, as this run weighs them."""
        return losses["loss"] + (self.dense * losses["dense"] if self.dense else 0.0)

    def _next(self, sub: Subproblem, rest: Rest, mask: Tensor) -> Tensor:
        """Cross-entropy of the next action; where order means nothing, of any that remains."""
        kinds, length = self.problem.sizes.kinds, sub.nodes.shape[1]
        index = sub.nodes[:, None].expand(-1, kinds, -1)
        allowed = mask.unflatten(1, (kinds, -1)).gather(2, index) & sub.open[:, None]
        scores = self.policy.scores(sub)
        right = torch.zeros_like(scores).flatten(1)
        steps = rest.known.shape[1] if self.problem.sizes.focus == 0 else 1
        flat = (rest.kind * length + rest.token)[:, :steps]
        right = right.scatter_reduce(1, flat, rest.known[:, :steps].to(right.dtype), "amax")
        return cross_entropy(scores.flatten(1), right, allowed.flatten(1))

    def _between(self, sub: Subproblem, rest: Rest) -> Tensor:
        """Cross-entropy of which nodes follow each other further on.

        A pass embeds every node, yet only its ends are asked for what is next to them. The label
        answers the same question for all the others.
        """
        length = sub.nodes.shape[1]
        right = rest.neighbours(length, both_ways=not self.problem.sizes.edge)  # may be one-way
        itself = torch.eye(length, dtype=torch.bool, device=right.device)
        allowed = sub.open[:, None] & sub.open[:, :, None] & ~itself
        scores = self.policy.adjacency(sub)
        return cross_entropy(scores.flatten(0, 1), right.flatten(0, 1), allowed.flatten(0, 1))

    def _last(self, sub: Subproblem, rest: Rest) -> Tensor:
        """Cross-entropy of the last node before the destination, of all that remain."""
        right = torch.zeros_like(sub.open, dtype=sub.h.dtype)
        where = rest.known.cumsum(1).argmax(1, keepdim=True)  # no-ops may follow
        right = right.scatter(1, rest.token.gather(1, where), rest.known.gather(1, where).float())
        return cross_entropy(self.policy.scores(sub, slot=0)[:, 0], right, sub.open)

    def test_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Gaps in percent of one greedy path, and of `nco.search.beam`'s deterministic pass."""
        task = Task(self.problem, self.policy, batch.instance)
        _, greedy = beam_search(task, 1)
        *_, best = beam(task, Budget())
        costs = {"gap": greedy[:, 0], "gap_beam": best.cost}
        self._log_gaps("test", batch, dataloader_idx, **costs)

    def _measure(self, stage: str, batch: Labelled, index: int) -> None:
        """One path only: this network pays for its encoding at every step."""
        _, cost = beam_search(Task(self.problem, self.policy, batch.instance), 1)
        self._log_gaps(stage, batch, index, gap=cost[:, 0])

    def predict_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """The greedy actions ``[B, T]``."""
        return beam_search(Task(self.problem, self.policy, batch.instance), 1)[0][:, 0]


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

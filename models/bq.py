"""BQ-NCO: imitation of the next step of good solutions on random remaining sub-problems."""

from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasFixedFirstAction
from nco.core.defaults import demonstrations_of, symmetries_of
from nco.core.problem import Problem
from nco.labels.store import Labelled
from nco.models.nets.bq import BQPolicy
from nco.models.subproblems import SubproblemLoss, begin
from nco.training.evaluation import OnePath
from nco.training.method import Method, Training


class BQ(Method):
    """Cross-entropy on the next action of a remaining sub-problem.

    Drakulic et al., "BQ-NCO" (NeurIPS 2023), section 5. Every step draws how many actions are
    already taken: from none (or one, where any first action is as good) to all but two. It cuts
    each label there, in a random symmetric image, rotation and direction. Small sub-problems come
    in larger numbers, so that each step costs about the same.

    Labels whose first actions a policy chose (``nco label --after``) are cut after those actions,
    half of the time directly after them. So a policy learns to go on from its own mistakes.

    Where the policy is `two_way`, a path is also asked from its destination, for what comes before
    it: that would be next if the path were walked backwards. So each pass learns twice.

    Args:
        problem, policy, training: as in `Method`; lr 5e-4 and warmup 500 where none is given.
        tokens: about so many nodes have all sub-problems of a step together.
        dense: weight of a loss over all nodes that remain, of which is next to which, and by which
            kind of action; 0 asks only for the next action, as published.
        rotate: show every sub-problem at a random angle, beyond the eight images of a square.
        thin: leave out some of the nodes that a label does not use: of each sub-problem a random
            share up to this one. The best solution stays the best. Where all nodes are visited,
            nothing is left out.
        encoder: a checkpoint, a folder or the name of a shipped attention model of the same problem
            whose encoder is the start: it knows whole instances, and what remains resembles one.
            Not used where `training.initial` gives all weights.
    """

    evaluation = OnePath()

    def __init__(
        self,
        problem: Problem,
        policy: BQPolicy,
        *,
        training: Training | None = None,
        tokens: int = 4096,
        dense: float = 0.0,
        rotate: bool = False,
        thin: float = 0.0,
        encoder: str | None = None,
    ) -> None:
        super().__init__(problem, policy, training, lr=5e-4, warmup=500)
        self.policy: BQPolicy
        self.tokens = tokens
        self.compare = SubproblemLoss(problem, policy, dense=dense, rotate=rotate, thin=thin)
        begin(policy, encoder, self.settings.initial)

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
            nodes = self.problem.features(instance).nodes.shape[1]  # fewer than steps with depots
            left = max(1, round(nodes * (total - cut) / total))
            views = max(1, round(self.tokens / ((self.policy.most_tokens(left) + 2) * len(label))))
            label = label.expand(-1, views, -1).contiguous()
            actions = demonstrations_of(self.problem, instance, label, generator)
        else:  # another order might not pass through the state that the policy came to
            actions = label
            if float(torch.rand((), generator=generator, device=device)) < 0.5:
                cut = first  # the one state on the way that is sure to be the policy's own
        steps = torch.full((*actions.shape[:2], 1), cut, device=actions.device)
        losses = self.compare.named(instance, actions, steps, actions[:, :, cut:], generator)
        for name, value in losses.items():
            self.log(f"train/{name}", value, prog_bar=name == "loss")
        return self.compare.weighted(losses)

"""Tours of four nodes from a fixed start: six, enumerated, with a table of logits, in float64."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nco.models.policy_gradient.group import Rollouts, Scored
from nco.models.policy_gradient.surrogates import Surrogate
from nco.training.advantages import Advantage

TOURS = torch.tensor(list(itertools.permutations(range(3))))  # [6, 3] nodes after the start
COST = torch.tensor([4.0, 1.0, 2.5, 3.0, 0.5, 5.0], dtype=torch.double)


class Table(nn.Module):
    """Logits of the first choice, and of the second one after each first; the third is forced."""

    unit = 1.0  # of the parameters

    def __init__(self, seed: int = 0, scale: float = 0.5) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.first = nn.Parameter(scale * torch.randn(3, generator=random, dtype=torch.double))
        self.second = nn.Parameter(scale * torch.randn(3, 3, generator=random, dtype=torch.double))

    def log_probs(self) -> Tensor:
        """``[6, 3, 3]``: of every action at the steps of every tour."""
        rows = []
        for tour in TOURS.tolist():
            visited = torch.zeros(3, dtype=torch.bool)
            steps = []
            for t, raw in enumerate((self.first, self.second[tour[0]], self.first * 0)):
                logits = self.unit * raw
                steps.append(logits.masked_fill(visited, -torch.inf).log_softmax(-1))
                visited = visited.clone()
                visited[tour[t]] = True
            rows.append(torch.stack(steps))
        return torch.stack(rows)

    def scored(self, tours: Tensor) -> Scored:
        """Of some tours ``[B, S]``."""
        every = self.log_probs()[tours]
        return Scored(every.gather(-1, TOURS[tours][..., None])[..., 0], every)

    def chances(self) -> Tensor:
        """``[6]``: of each tour."""
        return self.scored(torch.arange(6)[None]).logp[0].sum(1).exp()

    def gradient(self, value: Tensor) -> Tensor:
        """Of a scalar, ``[12]``."""
        parameters = list(self.parameters())
        found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
        pairs = zip(found, self.parameters(), strict=True)
        return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def rollouts(old: Table, tours: Tensor, cost: Tensor = COST, **more: Any) -> Rollouts:
    """Groups ``[B, S]`` of tours that `old` played."""
    with torch.no_grad():
        played = old.scored(tours)
    batch = len(tours)
    return Rollouts(
        None,
        TOURS[tours],
        TOURS[tours],
        played.logp,
        cost[tours],
        torch.zeros_like(tours),
        torch.ones(batch, dtype=torch.long),
        log_probs=played.log_probs,
        **more,
    )


def compared(kept: Rollouts, advantage: Advantage) -> Rollouts:
    """With the advantages of a group, in double precision."""
    return replace(kept, advantage=advantage(kept.group()).double())


def every_group(count: int) -> Tensor:
    """All ``6^S`` groups of S tours, ``[6^S, S]``."""
    return torch.tensor(list(itertools.product(range(6), repeat=count)))


def weighed_loss(table: Table, surrogate: Surrogate, kept: Rollouts, groups: Tensor) -> Tensor:
    """The mean loss of all groups, each by the probability that `table` plays it."""
    loss = surrogate(table.scored(groups), kept)
    pairs = groups.shape[1] * (groups.shape[1] - 1) / 2
    mean = loss.mean(1) if loss.ndim == 2 else loss.sum((1, 2)) / pairs
    return (table.chances()[groups].prod(1).detach() * mean).sum()


def exact(table: Table, cost: Tensor = COST) -> Tensor:
    """The gradient of the expected cost."""
    return table.gradient((table.chances() * cost).sum())


def tours_of(numbers: Sequence[int]) -> Tensor:
    """One group."""
    return torch.tensor([list(numbers)])

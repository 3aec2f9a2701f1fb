"""The classical rules as policies: first fit, best fit, sum of squares."""

from typing import Any

import torch
from torch import Tensor

from nco.core.case import Case
from nco.core.decisions import Categorical
from nco.core.features import Observation
from nco.problems._common.rulepolicy import RulePolicy
from nco.problems._common.rules import known_name
from nco.problems.packing.problem import Seen

GRAIN = 1000  # levels that are told apart, in shares of a bin
LOW = -1e9  # of a new bin, which the fitting rules open only if nothing else fits


def policy(case: Case, solution: Any) -> "Rule":
    """The policy of ``{"rule": NAME}``."""
    return Rule(known_name(solution, RULES))


def first_fit(seen: Seen) -> Tensor:
    """The first open bin that fits."""
    assert seen.used is not None
    order = torch.arange(seen.used.shape[-1], 0, -1, device=seen.used.device).double()
    return torch.where(seen.used, order, LOW)


def best_fit(seen: Seen) -> Tensor:
    """The open bin that will be fullest, in the resource that is scarcest there."""
    assert seen.free is not None
    assert seen.need is not None
    assert seen.used is not None
    after = (seen.free - seen.need[:, :, None]).amin(-1)
    return torch.where(seen.used, -after, LOW)


def sum_of_squares(seen: Seen) -> Tensor:
    """Where the sum of squares of the numbers of open bins of each level grows least.

    Csirik, Johnson, Kenyon, Orlin, Shor & Weber (2006); full and empty bins do not count.
    """
    assert seen.free is not None
    assert seen.need is not None
    assert seen.used is not None
    level = ((1 - seen.free.amin(-1)) * GRAIN).round().long().clamp(0, GRAIN)
    size = (seen.need.amax(-1) * GRAIN).round().long()
    counts = torch.zeros(*level.shape[:2], GRAIN + 1, dtype=torch.double, device=level.device)
    counts = counts.scatter_add(-1, level, seen.used.double())
    counts[..., 0] = counts[..., GRAIN] = 0
    target = (level + size[..., None]).clamp_max(GRAIN)
    gained = torch.where(target < GRAIN, 2 * counts.gather(-1, target) + 1, 0.0)
    lost = torch.where(seen.used & (level > 0), 2 * counts.gather(-1, level) - 1, 0.0)
    return lost - gained


RULES = {"first_fit": first_fit, "best_fit": best_fit, "sum_of_squares": sum_of_squares}


class Rule(RulePolicy):
    """A rule by name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        assert isinstance(observation, Seen)
        score = RULES[self.name](observation).masked_fill(~observation.mask, -torch.inf)
        bins = torch.arange(score.shape[-1], device=score.device)
        chosen = bins == score.argmax(-1, keepdim=True)
        return Categorical(torch.zeros_like(chosen, dtype=torch.float), chosen)

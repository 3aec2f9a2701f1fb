"""Numbers of an order rule by direct search: many rules at once on the same futures.

The simulated cost of a rule is no smooth function where units are whole, orders cost something by
themselves or come in multiples. Each round plays the rule with one number raised or lowered, for
all numbers at once, each a rollout of the same futures; what helps is then tried together. Steps
grow where they help and shrink where they do not (pattern search, Hooke & Jeeves 1961).
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.problems.inventory import rules
from nco.problems.inventory.files import Case
from nco.problems.inventory.network import outline
from nco.problems.inventory.orderrule import OrderRule


@dataclass(frozen=True)
class Search:
    """How far and how long.

    Attributes:
        traces: futures of a round; batches: of them, so that sums of rollouts fit into memory.
        rounds: without a time limit.
        most: numbers that are changed in a round.
        step: first change, in units; least: the one at which the search ends.
        grow, shrink: of a step that helped, and of one that did not.
        sure: standard errors of a difference by which a change must be better.
    """

    traces: int = 128
    rounds: int = 12
    most: int = 16
    step: float = 0.25
    least: float = 0.01
    grow: float = 1.4
    shrink: float = 0.5
    sure: float = 1.0


SEARCH = Search()


def searched(
    case: Case, policy: OrderRule, seed: int, deadline: float | None, rounds: int | None = None
) -> None:
    """Changes the numbers of `policy` to cheaper ones, until the deadline or no step helps.

    Args:
        case: what is simulated; seed: of its futures; deadline: a `time.perf_counter` reading.
        rounds: at most; by default `Search.rounds` where there is no deadline, else any number.
    """
    if rounds is None and deadline is None:
        rounds = SEARCH.rounds
    _Searcher(case, policy, seed).run(deadline, rounds)


class _Searcher:
    """The numbers ``[D]`` of a rule in absolute units, and a step for each."""

    def __init__(self, case: Case, policy: OrderRule, seed: int) -> None:
        self.case, self.policy, self.seed = case, policy, seed
        self.problem = rules.problem()
        self.unit = torch.from_numpy(outline(case).unit).float()
        parts = [policy.level.detach() * self.unit]
        if policy.capped:
            parts.append(policy.cap.detach() * self.unit)
        if policy.gap is not None:
            parts.append(policy.gap * self.unit)
        self.numbers = self._kept(torch.cat(parts))
        wide = self.unit.repeat(len(parts))
        self.smallest = torch.ones_like(wide) if case.whole else SEARCH.least * wide
        self.steps = torch.maximum(SEARCH.step * wide, self.smallest)

    def run(self, deadline: float | None, rounds: int | None) -> None:
        """Rounds of changes; the policy has the numbers of the last one."""
        number, begin = 0, time.perf_counter()
        while bool((self.steps > 0).any()):
            if rounds is not None and number >= rounds:
                break
            now = time.perf_counter()
            if deadline is not None and now + (now - begin) / max(number, 1) > deadline:
                break  # another round would end too late
            self._round(number)
            number += 1
        self._set(self.numbers)

    def _round(self, number: int) -> None:
        random = generator(self.seed, "search", number)
        instance = self.problem.traces(self.case, SEARCH.traces, random)
        open_ = self.steps.nonzero()[:, 0]
        chosen = open_[torch.randperm(len(open_), generator=random)[: SEARCH.most]]
        moves = torch.zeros(2 * len(chosen), len(self.numbers))
        for row, at in enumerate(chosen.tolist()):
            moves[2 * row, at], moves[2 * row + 1, at] = self.steps[at], -self.steps[at]
        costs = self._costs(instance, self._kept(self.numbers + moves))
        gain = costs[:, :1] - costs[:, 1:]  # [B, 2 C]
        mean = gain.mean(0)
        error = gain.std(0) / len(gain) ** 0.5
        helps = mean > SEARCH.sure * error
        self._resize(chosen, helps)
        if not bool(helps.any()):
            return
        order = mean.masked_fill(~helps, 0.0).argsort(descending=True)
        single = moves[order[: int(helps.sum())]]
        tried = torch.stack([single[0], single.sum(0) * 0.5, single.sum(0)])
        together = self._costs(instance, self._kept(self.numbers + tried))
        best = int((together[:, 1:] - together[:, :1]).mean(0).argmin())
        self.numbers = self._kept(self.numbers + tried[best])

    def _resize(self, chosen: Tensor, helps: Tensor) -> None:
        """Longer steps where one helped, else shorter ones, and none below the least."""
        helped = helps.view(-1, 2).any(1)
        steps = self.steps[chosen] * torch.where(helped, SEARCH.grow, SEARCH.shrink)
        least = self.smallest[chosen]
        # at the smallest step a number is settled where neither way helps
        settled = ~helped & (self.steps[chosen] <= least)
        self.steps[chosen] = torch.where(settled, 0.0, torch.maximum(steps, least))

    def _kept(self, numbers: Tensor) -> Tensor:
        """Numbers as a rule may have them: caps and gaps not below zero, whole units whole."""
        numbers = numbers.round() if self.case.whole else numbers
        count = len(self.case.nodes)
        return torch.cat([numbers[..., :count], numbers[..., count:].clamp_min(0.0)], -1)

    def _costs(self, instance: object, others: Tensor) -> Tensor:
        """``[B, 1 + C]`` of the rule as it is, and of the others ``[C, D]``, on each future."""
        self._set(torch.cat([self.numbers[None], others]))
        with torch.inference_mode():
            played = rollout(
                self.problem, self.policy, instance, 1 + len(others), greedy, logp=False
            )
        return played.cost

    def _set(self, numbers: Tensor) -> None:
        """Gives the policy these numbers, a rule ``[D]`` or one for each rollout ``[S, D]``."""
        parts = list(numbers.split(len(self.case.nodes), -1))
        self.policy.level = torch.nn.Parameter(parts.pop(0) / self.unit, requires_grad=False)
        if self.policy.capped:
            self.policy.cap = torch.nn.Parameter(parts.pop(0) / self.unit, requires_grad=False)
        if self.policy.gap is not None:
            self.policy.gap = parts.pop(0) / self.unit

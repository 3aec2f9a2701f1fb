"""The classical rules as policies: greedy, the Bayes selector, the optimal one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nco.core.case import Case
from nco.core.decisions import Categorical
from nco.core.features import Observation
from nco.problems._common.rulepolicy import RulePolicy
from nco.problems._common.rules import known_name
from nco.problems.exo import exact, files
from nco.problems.exo.problem import Seen

Accepts = Callable[[int, np.ndarray, int], bool]  # (period, free [R], class) -> whether
HALF = 0.5  # of the expected arrivals of a class


def greedy(case: files.Case) -> Accepts:
    """Whatever fits."""
    return lambda step, free, kind: bool((case.uses[:, kind] <= free + exact.TOLERANCE).all())


def bayes(case: files.Case) -> Accepts:
    """The Bayes selector (Vera & Banerjee 2021): what the fluid optimum accepts half of or more.

    The bound is solved anew at every arrival, with what is left and the expected arrivals from now
    on, the present one included.
    """
    until_end = np.cumsum(case.probability[::-1], 0)[::-1]
    after = np.concatenate([until_end[1:], np.zeros_like(until_end[:1])])

    def accepts(step: int, free: np.ndarray, kind: int) -> bool:
        if (case.uses[:, kind] > free + exact.TOLERANCE).any():
            return False
        expected = after[step].copy()
        expected[kind] += 1
        _, amounts = exact.fluid(free.clip(0), expected, case)
        return bool(amounts[kind] >= HALF * expected[kind] - exact.TOLERANCE)

    return accepts


def optimal(case: files.Case) -> Accepts:
    """By dynamic programming; for settings with few states."""
    return exact.Optimal(case).accepts


RULES: dict[str, Callable[[files.Case], Accepts]] = {
    "greedy": greedy,
    "bayes": bayes,
    "optimal": optimal,
}


def follow(accepts: Accepts, case: files.Case) -> list[int]:
    """The periods that a rule accepts on the case's trace, without looking ahead."""
    assert case.arrivals is not None
    free, taken = case.capacity.copy(), []
    for step, kind in enumerate(case.arrivals.tolist()):
        if kind >= 0 and accepts(step, free, kind):
            free = free - case.uses[:, kind]
            taken.append(step)
    return taken


def policy(case: Case, solution: Any) -> "Rule":
    """The policy of ``{"rule": NAME}`` for one case."""
    assert isinstance(case, files.Case)
    return Rule(case, known_name(solution, RULES))


class Rule(RulePolicy):
    """A rule for one setting, asked once for every different state."""

    def __init__(self, case: files.Case, name: str) -> None:
        super().__init__()
        self.case, self.name = case, name
        self._accepts = RULES[name](case)
        self._answers: dict[tuple[Any, ...], bool] = {}

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        assert isinstance(observation, Seen)
        assert observation.free is not None
        assert observation.step is not None
        assert observation.arrival is not None
        rows = observation.free.flatten(0, 1)[:, : len(self.case.capacity)].tolist()
        steps = observation.step.flatten().tolist()
        kinds = observation.arrival.flatten().tolist()
        answers = [self._ask(*state) for state in zip(steps, map(tuple, rows), kinds, strict=True)]
        takes = torch.tensor(answers, device=observation.mask.device)
        takes = takes.view(*observation.step.shape, 1)
        nodes = observation.mask.shape[-1] // 2
        accept = torch.arange(2 * nodes, device=takes.device) >= nodes
        allowed = observation.mask & (accept == takes)
        return Categorical(torch.zeros_like(allowed, dtype=torch.float), allowed)

    def _ask(self, step: int, free: tuple[float, ...], kind: int) -> bool:
        key = (step, free, kind)
        if key not in self._answers:
            known = kind >= 0 and self._accepts(step, np.array(free), kind)
            self._answers[key] = known
        return self._answers[key]

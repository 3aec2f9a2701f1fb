"""How a call of an online problem shares its time; free of torch, before which a rule begins."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much is spent on choosing a policy, and how much on its evaluation.

    Attributes:
        trial: traces on which candidates are compared.
        foreseen: traces that the planner with perfect information plans.
        first: share of a time limit for the first version of all classical rules together.
        rounds: in which the rest of the search is shared out; patience: of them without a gain.
        evaluation: largest share of a time limit for the final evaluations.
        least: seconds that a rule has in any case.
        trials: share of the search that one trial may take.
        safety: times the seconds that evaluations are expected to take.
    """

    trial: int = 500
    foreseen: int = 30
    first: float = 0.25
    rounds: int = 4
    patience: int = 2
    evaluation: float = 0.3
    least: float = 0.05
    trials: float = 0.04
    safety: float = 1.3


EFFORT = Effort()


def search_end(begin: float, deadline: float | None, parts: int) -> float | None:
    """When the search of the first of `parts` cases must end, so that all can be evaluated."""
    if deadline is None:
        return None
    now = time.perf_counter()
    search = (1 - EFFORT.evaluation) * (deadline - begin) + begin
    return now + (search - now) / parts


def first(begin: float, end: float | None, rules: int) -> float | None:
    """Seconds of the next of so many rules for its first version; None without a limit."""
    if end is None:
        return None
    return (begin + EFFORT.first * (end - begin) - time.perf_counter()) / rules

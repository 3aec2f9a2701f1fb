"""The picture of one answer; a policy is shown by what it does on random futures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from nco import registry
from nco.core.capabilities import HasCases, Online
from nco.core.case import Case
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.solving.simulate import policy_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@runtime_checkable
class HasExcerpt(Protocol):
    """A case whose simulation may be too long for a picture."""

    def excerpt(self) -> Case:
        """The same case with fewer periods."""


@runtime_checkable
class PlotsPolicies(Protocol):
    """A ``plot.py`` that shows a policy by many futures at once."""

    def plot_policy(
        self, case: Case, futures: Sequence[tuple[Case, Any]], solution: Any, ax: "Axes", /
    ) -> None:
        """Draws what a policy did on futures, each a case that is known by now with its plan."""


FUTURES = 100  # that such a picture shows


def draw(case: Case, solution: Any, ax: "Axes") -> None:
    """Draws a solution on `ax` with the problem's ``plot.py``.

    Args:
        case: what was solved.
        solution: a plan, or a policy of an online case (a rule or ``{"model": NAME}``).
        ax: to draw on.
    """
    drawn: Any = registry.folder(case.problem).plot
    if not isinstance(solution, Mapping) or not registry.folder(case.problem).is_online:
        drawn.plot(case, solution, ax)
    elif isinstance(drawn, PlotsPolicies):
        drawn.plot_policy(case, _played(case, solution, FUTURES), solution, ax)
    else:
        known, plan = _played(case, solution, 1)[0]
        drawn.plot(replace(known, name=f"{case.name}, one random future"), plan, ax)


def _played(case: Case, solution: Mapping[str, Any], count: int) -> list[tuple[Case, Any]]:
    """Random futures of `case` that are known by now, each with the plan that the policy made."""
    problem, policy = policy_of(case, solution)
    assert isinstance(problem, Online)
    assert isinstance(problem, HasCases)
    shown = case.excerpt() if isinstance(case, HasExcerpt) else case
    instance = problem.traces(shown, count, generator("plot"))
    with torch.inference_mode():
        played = rollout(problem, policy, instance, 1, greedy, logp=False)
    plans = problem.solution(instance, played.actions[:, 0])
    return list(zip(problem.cases(instance), plans, strict=True))

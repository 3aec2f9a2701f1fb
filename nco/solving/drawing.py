"""The picture of one answer; a policy is shown by what it does on one random future."""

from collections.abc import Mapping
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


def draw(case: Case, solution: Any, ax: "Axes") -> None:
    """Draws a solution on `ax` with the problem's ``plot.py``.

    Args:
        case: what was solved.
        solution: a plan, or a policy of an online case (a rule or ``{"model": NAME}``).
        ax: to draw on.
    """
    if isinstance(solution, Mapping):
        case, solution = _played(case, solution)
    registry.folder(case.problem).plot.plot(case, solution, ax)


def _played(case: Case, solution: Mapping[str, Any]) -> tuple[Case, Any]:
    """A random future of `case` that is known by now, and the plan that the policy made of it."""
    problem, policy = policy_of(case, solution)
    assert isinstance(problem, Online)
    assert isinstance(problem, HasCases)
    shown = case.excerpt() if isinstance(case, HasExcerpt) else case
    instance = problem.traces(shown, 1, generator("plot"))
    with torch.inference_mode():
        played = rollout(problem, policy, instance, 1, greedy, logp=False)
    (known,) = problem.cases(instance)
    (plan,) = problem.solution(instance, played.actions[:, 0])
    return known, plan

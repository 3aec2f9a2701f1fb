"""Classical solvers of one case; they block, and run in a child process (`nco.workers.pool`)."""

from typing import Any

from nco.core.errors import NCOError
from nco.problems.rebalancing import flows
from nco.problems.rebalancing.files import Case
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "equal": Solver(equal),
        "stay": Solver(stay),
        "hindsight": Solver(hindsight, modules=("ortools.graph.python.min_cost_flow",)),
    }


def improvers() -> list[str]:
    """None: a plan that improves on a policy would have to know the future."""
    return []


def policies(case: Case) -> list[str]:
    """The rules that suit a case."""
    return ["stay", "equal"]


def equal(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """Idle vehicles are sent so that all regions have the same number."""
    return {"rule": "equal"}


def stay(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """No vehicle is ever sent empty."""
    return {"rule": "stay"}


def hindsight(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> list[Any]:
    """The most profitable flows for the known trace, by one min-cost flow over all periods."""
    if case.trips is None:
        raise NCOError("the case has no trace of requests that could be planned for")
    return flows.perfect(case, case.trips)

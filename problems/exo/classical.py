"""Classical solvers of one case; they block, and run in a child process (`nco.workers.pool`).

`hindsight` returns the accepted periods of a trace that it knows, which is a bound. The others
return a rule ``{"rule": NAME}`` that decides arrival by arrival, for `Revenue.rule` to follow.
"""

from typing import Any

from nco.core.errors import NCOError
from nco.problems._common import with_cpsat
from nco.problems._common.decimals import exact as decimal
from nco.problems._common.decimals import scale
from nco.problems.exo import exact
from nco.problems.exo.files import Case
from nco.registry.interface import Solver

LARGEST = 10**12  # of the whole numbers that decimals are multiplied up to


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "bayes": Solver(bayes),
        "optimal": Solver(optimal),
        "greedy": Solver(greedy),
        "hindsight": Solver(hindsight, modules=("ortools.sat.python.cp_model",)),
    }


def improvers() -> list[str]:
    """None: a plan that improves on a policy would have to know the future."""
    return []


def policies(case: Case) -> list[str]:
    """The rules that suit a case, cheap ones first; the optimal one where it is soon found."""
    return ["greedy", "bayes"] + (["optimal"] if exact.small(case) else [])


def hindsight(
    case: Case, *, time_limit: float | None, seed: int, start: list[int] | None = None
) -> list[int] | None:
    """The hindsight optimum by CP-SAT on one core: which arrivals of the known trace to accept."""
    from ortools.sat.python import cp_model

    if case.arrivals is None:
        raise NCOError("the case has no trace of arrivals that could be planned for")
    model = cp_model.CpModel()
    periods = [t for t, kind in enumerate(case.arrivals.tolist()) if kind >= 0]
    chosen = {t: model.new_bool_var(f"period {t}") for t in periods}
    kinds = {t: int(case.arrivals[t]) for t in periods}
    for row, limit in zip(case.uses.tolist(), case.capacity.tolist(), strict=True):
        factor = scale([*row, limit], LARGEST)
        weights = [int(decimal(row[kinds[t]]) * factor) for t in periods]
        total = cp_model.LinearExpr.weighted_sum([chosen[t] for t in periods], weights)
        model.add(total <= int(decimal(limit) * factor))
    factor = scale(case.revenue.tolist(), LARGEST)
    earned = [int(decimal(case.revenue[kinds[t]]) * factor) for t in periods]
    model.maximize(cp_model.LinearExpr.weighted_sum([chosen[t] for t in periods], earned))
    solver = with_cpsat.solver(seed, time_limit)
    if not with_cpsat.has_solution(solver.solve(model)):
        return start
    return [t for t in periods if solver.value(chosen[t])]


def optimal(
    case: Case, *, time_limit: float | None, seed: int, start: Any = None
) -> dict[str, str]:
    """The optimal policy, by dynamic programming; an error where there are too many states."""
    exact.Optimal(case)  # or that is said here, and not in the middle of a simulation
    return {"rule": "optimal"}


def bayes(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> dict[str, str]:
    """The Bayes selector, which solves the fluid bound by GLOP at every arrival."""
    return {"rule": "bayes"}


def greedy(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> dict[str, str]:
    """Accepts whatever fits."""
    return {"rule": "greedy"}

"""Classical solvers of one case; they block, and run in a child process (`nco.workers.pool`).

`hindsight` and `mpc` return a plan for a trace that they know; the others a rule to simulate.
"""

import time
from typing import Any

import numpy as np

from nco.core.errors import NCOError
from nco.problems.netflow import flows
from nco.problems.netflow.files import Case
from nco.registry.interface import Solver

HORIZON = 10  # periods that model-predictive control looks ahead
TRACES = 200  # on which levels are compared
STEPS = (4, 2, 1)  # of the search for levels


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "order_up_to": Solver(
            order_up_to,
            modules=("nco.core.rollout", "nco.problems.netflow.rules"),
        ),
        "equal": Solver(equal),
        "hindsight": Solver(hindsight, modules=("ortools.linear_solver.pywraplp",)),
        "mpc": Solver(mpc, modules=("ortools.linear_solver.pywraplp",)),
    }


def improvers() -> list[str]:
    """None: a plan that improves on a policy would have to know the future."""
    return []


def policies(case: Case) -> list[str]:
    """The rules that suit a case."""
    return ["equal", "order_up_to"]


def equal(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """Produces the mean demand and ships the same to every store."""
    return {"rule": "equal"}


def order_up_to(
    case: Case, *, time_limit: float | None, seed: int, start: Any = None
) -> dict[str, Any]:
    """The best pair of levels by local search on simulated traces."""
    from nco.core.rollout import greedy, rollout
    from nco.core.seeds import generator
    from nco.problems.netflow.problem import SupplyChain
    from nco.problems.netflow.rules import OrderUpTo

    end = None if time_limit is None else time.perf_counter() + time_limit
    problem = SupplyChain()
    instance = problem.traces(case, TRACES, generator(seed, "levels"))
    known: dict[tuple[int, int], float] = {}

    def price(levels: tuple[int, int]) -> float:
        if levels not in known:
            policy = OrderUpTo(case, float(levels[0]), float(levels[1]))
            played = rollout(problem, policy, instance, 1, greedy, logp=False)
            known[levels] = float(played.cost.mean())
        return known[levels]

    mean = float((case.peak / 2 + case.noise / 2).sum())
    best = (int(2 * mean / case.size), int(2 * mean))
    for step in STEPS:
        moved = True
        while moved and (end is None or time.perf_counter() < end):
            moved = False
            for shift in ((step, 0), (-step, 0), (0, step), (0, -step)):
                trial = (max(best[0] + shift[0], 0), max(best[1] + shift[1], 0))
                if price(trial) < price(best):
                    best, moved = trial, True
    return {"rule": "order_up_to", "store": best[0], "factory": best[1]}


def hindsight(
    case: Case, *, time_limit: float | None, seed: int, start: Any = None
) -> list[list[float]]:
    """The most profitable plan for the known trace, by GLOP."""
    return flows.perfect(case, _trace(case))


def mpc(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> list[list[float]]:
    """Model-predictive control with the true demand of ten periods: the oracle of the paper."""
    demand = _trace(case)
    stock, coming = np.zeros(case.size + 1), np.zeros(case.size + 1)
    plan = []
    for period in range(case.periods):
        ahead = demand[period : period + HORIZON]
        row = flows.perfect(case, ahead, stock, coming)[0]
        plan.append(row)
        stock = stock + coming
        stock[0] -= sum(row[1:])
        stock[1:] -= demand[period]
        stock, coming = np.minimum(stock, case.capacity), np.array(row)
    return plan


def _trace(case: Case) -> np.ndarray:
    if case.demand is None:
        raise NCOError("the case has no trace of demand that could be planned for")
    return case.demand

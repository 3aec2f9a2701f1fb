"""Linear programmes of a supply chain, by OR-Tools' GLOP: the lower level, and perfect plans.

They run in the calling process: their arrays are built here, from cases that were checked.
"""

from typing import Any, NamedTuple

import numpy as np

from nco.core.errors import NCOError
from nco.problems.netflow.files import Case

OVERFLOW = 1e4  # weight of a unit over a store's capacity, against one that differs from the desire


class Closest(NamedTuple):
    """What the lower level does: shipments ``[n]``, and its objective."""

    sent: np.ndarray
    objective: float


def closest(
    sent: np.ndarray, there: np.ndarray, demand: np.ndarray, capacity: np.ndarray
) -> Closest:
    """The feasible flows nearest to a desire (Gammelli et al. 2023, equation 6).

    Minimise ``sum |flow - sent| + 10^4 sum overflow``; all flows leave what the factory has, and a
    store that gets its flow holds at most its capacity and the overflow.

    Args:
        sent: desired shipments ``[n]``.
        there: ``[n + 1]`` stock with what has arrived; demand: ``[n]`` until the flow arrives
            and in that period.
        capacity: ``[n + 1]``.
    """
    solver, make = _solver()
    flows = [make() for _ in sent]
    over = [make() for _ in sent]
    away = [make() for _ in sent]
    for gap, flow, wanted in zip(away, flows, sent, strict=True):
        solver.Add(gap >= flow - float(wanted))
        solver.Add(gap >= float(wanted) - flow)
    solver.Add(sum(flows) <= float(there[0]))
    for store, (flow, extra) in enumerate(zip(flows, over, strict=True)):
        held = float(there[store + 1] - demand[store])
        solver.Add(held + flow <= float(capacity[store + 1]) + extra)
    solver.Minimize(sum(away) + OVERFLOW * sum(over))
    _solve(solver)
    shipments = np.array([flow.solution_value() for flow in flows])
    return Closest(shipments, float(solver.Objective().Value()))


def perfect(
    case: Case,
    demand: np.ndarray,
    stock: np.ndarray | None = None,
    coming: np.ndarray | None = None,
) -> list[list[float]]:
    """The most profitable plan for a demand ``[T, n]`` that is known, from given stocks.

    Stock over a capacity may be thrown away at the penalty's price; the rules say so, too.

    Returns:
        For each period production and shipments.
    """
    solver, make = _solver()
    periods, stores = demand.shape
    held = [float(value) for value in (np.zeros(stores + 1) if stock is None else stock)]
    arriving: list[Any] = list(np.zeros(stores + 1) if coming is None else coming)
    rows, costs = [], []
    for period in range(periods):
        row = [make() for _ in range(stores + 1)]
        made, sent = row[0], row[1:]
        there = [old + new for old, new in zip(held, arriving, strict=True)]
        solver.Add(sum(sent) <= there[0])
        after = [there[0] - sum(sent)]
        after += [there[k + 1] - float(demand[period, k]) for k in range(stores)]
        costs.append(case.production * made)
        costs += [float(cost) * flow for cost, flow in zip(case.shipping, sent, strict=True)]
        held = []
        for node, balance in enumerate(after):
            good, lost = make(), make()
            short = make() if node else 0.0
            solver.Add(good + lost - short == balance)
            solver.Add(good <= float(case.capacity[node]))
            costs.append(float(case.storage[node]) * (good + lost))
            costs.append(case.penalty * (lost + short))
            held.append(good - short)
        arriving = [made, *sent]
        rows.append(row)
    solver.Minimize(sum(costs))
    _solve(solver)
    return [[max(amount.solution_value(), 0.0) for amount in row] for row in rows]


def _solver() -> tuple[Any, Any]:
    """A fresh solver, and a maker of variables that are not negative."""
    from ortools.linear_solver import pywraplp

    solver = pywraplp.Solver.CreateSolver("GLOP")
    return solver, lambda: solver.NumVar(0.0, solver.infinity(), "")


def _solve(solver: Any) -> None:
    """Solves a linear programme to the optimum, or raises."""
    if solver.Solve() != solver.OPTIMAL:
        raise NCOError("GLOP did not solve a linear programme of a supply chain")

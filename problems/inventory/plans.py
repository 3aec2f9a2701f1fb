"""Plans with perfect information: bounds that no policy reaches.

`hindsight` and `just_in_time` plan a case whose trace is known: they return orders
``[periods][edges]``.
"""

import math
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.inventory.files import Case

LARGEST_PLAN = 400_000  # variables of a linear program
Plan = list[list[float]]


def just_in_time(
    case: Case, *, time_limit: float | None, seed: int, start: Plan | None = None
) -> Plan | None:
    """Orders what arrives in the very period that it is wanted, by the quickest way.

    The oracle of HDPO: no shortage after the first lead times and no stock, but edges that cost
    less are not sought. Returns None where a trace is not known.
    """
    if case.trace is None:
        return None
    _check_linear(case)
    periods, edges = len(case.trace), len(case.source)
    plan = np.zeros((periods, edges))
    for store in case.stores:
        way = _quickest(case, store)
        wanted = _uncovered(case, store)
        for t, amount in enumerate(wanted.tolist()):
            arrives = t
            for edge in way:  # from the store upwards
                leaves = arrives - int(case.lead[edge])
                if leaves < 0:
                    break
                plan[leaves, edge] += amount
                arrives = leaves
    orders: Plan = plan.tolist()
    return orders


def _check_linear(case: Case) -> None:
    """Refuses what no linear program can state."""
    for name in ("order_cost", "multiple", "review"):
        if getattr(case, name) is not None:
            reason = "no plan with perfect information where orders are not free in size and time"
            raise InstanceError(reason, field=name)


def _quickest(case: Case, store: int) -> list[int]:
    """The edges from a store up to the supplier with the least total lead time."""
    best: dict[int, tuple[float, list[int]]] = {store: (0.0, [])}
    for _ in range(len(case.nodes) + 1):
        for edge in range(len(case.source)):
            source, target = int(case.source[edge]), int(case.target[edge])
            if target in best:
                far = best[target][0] + float(case.lead[edge])
                if far < best.get(source, (math.inf, []))[0]:
                    best[source] = far, [*best[target][1], edge]
    return best[-1][1]


def _uncovered(case: Case, store: int) -> np.ndarray:
    """A store's demand that its first stock and pipeline do not cover."""
    assert case.trace is not None
    wanted = np.maximum(case.trace[:, store], 0.0)
    have = float(case.stock[store])
    left = np.zeros(len(wanted))
    for t, amount in enumerate(wanted.tolist()):
        if 1 <= t <= case.transit.shape[1]:
            have += float(case.transit[store, t - 1])
        left[t] = max(amount - have, 0.0)
        have = max(have - amount, 0.0)
    return left


def hindsight(
    case: Case, *, time_limit: float | None, seed: int, start: Plan | None = None
) -> Plan | None:
    """The cheapest orders for a known trace, by OR-Tools' GLOP on the time-expanded network.

    With whole demands and stocks the program is a minimum-cost flow, and its vertices are whole.
    Where nothing limits an order this is close to zero cost after the first lead times: it is a
    bound worth having with prices, costs of edges, or from a given state.

    Raises:
        InstanceError: where a backlogged node supplies others, or orders have fixed costs,
            multiples or reviews, which is no linear program.
    """
    if case.trace is None:
        return None
    _check_linear(case)
    periods, nodes, edges = len(case.trace), len(case.nodes), len(case.source)
    suppliers = {int(source) for source in case.source if source >= 0}
    for node in suppliers:
        if case.kind[node] > 0 and not case.lost[node]:
            raise InstanceError(
                "supplies others and has backlogged demand: no linear program",
                field=f"node {case.nodes[node]}",
            )
    if periods * (edges + 2 * nodes) > LARGEST_PLAN:
        reason = "too large for one linear program: fewer simulation periods"
        raise InstanceError(reason, field="periods", value=periods)
    return _Program(case).solve(time_limit)


class _Program:
    """Variables of every period: what each edge carries, what each node holds and misses."""

    def __init__(self, case: Case) -> None:
        from ortools.linear_solver import pywraplp

        self.case = case
        self.lp = pywraplp.Solver.CreateSolver("GLOP")
        self.periods = len(case.trace) if case.trace is not None else 0
        infinity = self.lp.infinity()
        shape = range(self.periods)
        self.carried = [
            [self.lp.NumVar(0, infinity, "") for _ in case.source.tolist()] for _ in shape
        ]
        self.held = [[self.lp.NumVar(0, infinity, "") for _ in case.nodes] for _ in shape]
        self.missing = [[self._missing(t, i) for i in range(len(case.nodes))] for t in shape]
        for t in shape:
            for node in range(len(case.nodes)):
                self._balance(t, node)
        self._price()

    def _missing(self, t: int, node: int) -> Any:
        """Backlog, or a part of the period's demand that is lost."""
        case = self.case
        assert case.trace is not None
        if case.kind[node] == 0:
            return self.lp.NumVar(0, 0, "")
        most = max(float(case.trace[t, node]), 0.0) if case.lost[node] else self.lp.infinity()
        return self.lp.NumVar(0, most, "")

    def _balance(self, t: int, node: int) -> None:
        """Held less missing is what there was, came and went; only what is there can leave."""
        case = self.case
        assert case.trace is not None
        before, present = [], float(case.stock[node]) if t == 0 else 0.0
        if t > 0:
            before = [(self.held[t - 1][node], 1.0)]
            if not case.lost[node]:
                before.append((self.missing[t - 1][node], -1.0))
        if 1 <= t <= case.transit.shape[1]:
            present += float(case.transit[node, t - 1])
        leaving: list[Any] = []
        entering: list[tuple[Any, float]] = []
        for edge in range(len(case.source)):
            lead = int(case.lead[edge])
            if int(case.source[edge]) == node:
                leaving.append(self.carried[t][edge])
            if int(case.target[edge]) == node and lead <= t:
                which = entering if lead == 0 else before
                term = (self.carried[t - lead][edge], 1.0)
                which.append(term)
        if leaving:
            sign = 0.0 if not case.keeps[node] else -self.lp.infinity()
            room = self.lp.Constraint(sign + present if sign == 0.0 else sign, present)
            for variable in leaving:
                room.SetCoefficient(variable, 1.0)
            for variable, factor in before:
                room.SetCoefficient(variable, -factor)
        right = present - float(case.trace[t, node])
        row = self.lp.Constraint(right, right)
        row.SetCoefficient(self.held[t][node], 1.0)
        row.SetCoefficient(self.missing[t][node], -1.0)
        for variable in leaving:
            row.SetCoefficient(variable, 1.0)
        for variable, factor in before + entering:
            row.SetCoefficient(variable, -factor)

    def _price(self) -> None:
        case, goal = self.case, self.lp.Objective()
        for t in range(case.warmup, self.periods):
            for node in range(len(case.nodes)):
                goal.SetCoefficient(self.held[t][node], float(case.holding[node]))
                # a unit missing is a unit not sold: demand times price is a constant
                short = float(case.penalty[node] + case.price[node])
                goal.SetCoefficient(self.missing[t][node], short)
            for edge, variable in enumerate(self.carried[t]):
                goal.SetCoefficient(variable, float(case.cost[edge]))
        goal.SetMinimization()

    def solve(self, time_limit: float | None) -> Plan | None:
        if time_limit is not None:
            self.lp.SetTimeLimit(max(int(time_limit * 1000), 1))
        if self.lp.Solve() != self.lp.OPTIMAL:
            return None
        amounts = [[max(v.solution_value(), 0.0) for v in row] for row in self.carried]
        if self.case.whole:
            return [[float(round(amount)) for amount in row] for row in amounts]
        return amounts

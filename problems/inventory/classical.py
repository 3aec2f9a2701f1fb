"""Classical policies of one network, and plans with perfect information.

The solvers named in `policies` return a rule, ``{"rule": NAME, "levels": {node: level}}``, which is
simulated. `hindsight` and `just_in_time` plan a case whose trace is known: they return orders
``[periods][edges]``, a bound that no policy reaches.
"""

import math
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.inventory import exact
from nco.problems.inventory.files import KINDS, Case
from nco.problems.inventory.network import chain, outline
from nco.registry.interface import Solver

NORMAL, HISTORY = KINDS.index("normal"), KINDS.index("history")
DISCRETE = (KINDS.index("poisson"), KINDS.index("geometric"))
LARGEST_PLAN = 400_000  # variables of a linear program
Rule = dict[str, Any]
Plan = list[list[float]]


FIT = ("nco.problems.inventory.fit",)


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "base_stock": Solver(base_stock, modules=FIT),
        "capped_base_stock": Solver(capped_base_stock, modules=FIT),
        "echelon_stock": Solver(echelon_stock, modules=FIT),
        "newsvendor": Solver(newsvendor),
        "hindsight": Solver(hindsight, modules=("ortools.linear_solver.pywraplp",)),
        "just_in_time": Solver(just_in_time),
    }


def improvers() -> list[str]:
    """A policy is not improved on the way as a tour is."""
    return []


def policies(case: Case) -> list[str]:
    """The rules worth comparing for a case, the most promising first."""
    if chain(case) is not None and len(case.nodes) > 1:
        return ["echelon_stock"]
    if (case.source >= 0).any():
        return ["echelon_stock", "base_stock"]
    if case.lost.any():
        return ["capped_base_stock", "base_stock"]
    return ["newsvendor"]


# ---- rules


def base_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The best level of every node: exact for one small store, by the pathwise gradient else."""
    if len(case.nodes) == 1 and not case.lost[0] and case.kind[0] == NORMAL:
        return newsvendor(case, time_limit=time_limit, seed=seed)
    if _small(case, most_lead=3):
        level = exact.LostSales.of(case).best_base_stock()[1]
        return {"rule": "base_stock", "levels": {case.nodes[0]: float(level)}}
    return _fitted(case, time_limit, seed)


def capped_base_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The best level and cap of every node: exact for one small store, by the gradient else."""
    if _small(case, most_lead=4):
        _, level, cap = exact.LostSales.of(case).best_capped()
        name = case.nodes[0]
        levels, caps = {name: float(level)}, {name: float(cap)}
        return {"rule": "capped_base_stock", "levels": levels, "caps": caps}
    return _fitted(case, time_limit, seed, capped=True)


def echelon_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """Echelon levels: Clark and Scarf's for a serial system, by the pathwise gradient else."""
    nodes = chain(case)
    if nodes is not None and case.kind[nodes[0]] == NORMAL and not case.lost[nodes[0]]:
        return {"rule": "echelon_stock", "levels": exact.clark_scarf(case)[1]}
    return _fitted(case, time_limit, seed, echelon=True)


def newsvendor(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """Levels at the quantile p / (p + h) of the demand of lead time + 1 periods.

    Of observed demand the quantile is that of all runs of so many periods in the history (the
    generalised newsvendor with quantiles). Nodes without demand cover what is below them. Optimal
    for one backlogged store; a rule of thumb elsewhere, above all where sales are lost.
    """
    about = outline(case)
    levels = {}
    for node, name in enumerate(case.nodes):
        below = about.below[node] & (case.kind > 0)
        periods = round(about.reach[node]) + 1
        if not below.any():
            levels[name] = 0.0
        elif case.history is not None:
            levels[name] = _observed(case.history[:, below].sum(1), periods, about.ratio[node])
        elif below.sum() == 1 and case.kind[below][0] in DISCRETE:
            store = int(np.flatnonzero(below)[0])
            levels[name] = _counted(exact.probabilities(case, store), periods, about.ratio[node])
        else:
            levels[name] = float(about.level[node])
    rule = "echelon_stock" if (case.source >= 0).any() else "base_stock"
    return {"rule": rule, "levels": levels}


def _small(case: Case, most_lead: int) -> bool:
    """One store with lost sales of whole units, small enough for exact evaluation."""
    if len(case.nodes) != 1 or not case.lost[0] or case.kind[0] not in DISCRETE:
        return False
    mean = float(case.mean[0]) * (1 if case.kind[0] == DISCRETE[0] else 2)
    fits = case.price[0] == 0 and case.cost[0] == 0 and mean <= 10
    return bool(fits and 1 <= int(case.lead[0]) <= most_lead)


def _observed(demand: np.ndarray, periods: int, ratio: float) -> float:
    """The quantile of sums over runs of `periods` in the history, scaled where it is too short."""
    run = min(periods, len(demand))
    sums = np.convolve(demand, np.ones(run), "valid")
    return float(np.quantile(sums, ratio) * periods / run)


def _counted(chances: np.ndarray, periods: int, ratio: float) -> float:
    total = np.ones(1)
    for _ in range(periods):
        total = np.convolve(total, chances)
    return float(np.searchsorted(total.cumsum(), ratio))


def _fitted(
    case: Case, limit: float | None, seed: int, *, echelon: bool = False, capped: bool = False
) -> Rule:
    from nco.problems.inventory.fit import fitted

    return fitted(case, seed=seed, echelon=echelon, capped=capped, time_limit=limit)


# ---- plans of a known trace


def just_in_time(
    case: Case, *, time_limit: float | None, seed: int, start: Plan | None = None
) -> Plan | None:
    """Orders what arrives in the very period that it is wanted, by the quickest way.

    The oracle of HDPO: no shortage after the first lead times and no stock, but edges that cost
    less are not sought. Returns None where a trace is not known.
    """
    if case.trace is None:
        return None
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
    found: Plan = plan.tolist()
    return found


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
        InstanceError: where a backlogged node supplies others, which is no linear program.
    """
    if case.trace is None:
        return None
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

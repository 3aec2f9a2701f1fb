"""Classical policies of one network.

The solvers named in `policies` return a rule, ``{"rule": NAME, "levels": {node: level}}``, which is
simulated; `plans` has those that plan a known trace.
"""

from typing import Any

import numpy as np

from nco.problems.inventory import exact
from nco.problems.inventory.files import Case
from nco.problems.inventory.network import chain, outline
from nco.problems.inventory.parts import KINDS
from nco.problems.inventory.plans import hindsight, just_in_time
from nco.registry.interface import Solver

NORMAL, HISTORY = KINDS.index("normal"), KINDS.index("history")
DISCRETE = (KINDS.index("poisson"), KINDS.index("geometric"))
Rule = dict[str, Any]


FIT = ("nco.problems.inventory.fit",)


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "base_stock": Solver(base_stock, modules=FIT),
        "capped_base_stock": Solver(capped_base_stock, modules=FIT),
        "echelon_stock": Solver(echelon_stock, modules=FIT),
        "min_max": Solver(min_max, modules=FIT),
        "echelon_min_max": Solver(echelon_min_max, modules=FIT),
        "newsvendor": Solver(newsvendor),
        "hindsight": Solver(hindsight, modules=("ortools.linear_solver.pywraplp",)),
        "just_in_time": Solver(just_in_time),
    }


def improvers() -> list[str]:
    """A policy is not improved on the way as a tour is."""
    return []


def policies(case: Case) -> list[str]:
    """The rules worth comparing for a case, the most promising first."""
    inner = bool((case.source >= 0).any())
    if case.order_cost is not None:
        return ["echelon_min_max", "min_max"] if inner else ["min_max"]
    if chain(case) is not None and len(case.nodes) > 1:
        return ["echelon_stock"]
    if inner:
        return ["echelon_stock", "base_stock"]
    if case.lost.any():
        return ["capped_base_stock", "base_stock"]
    if case.simple and case.history is None:
        return ["newsvendor"]
    return ["newsvendor", "base_stock"]


def at_once(case: Case) -> Rule | None:
    """The newsvendor's levels, for when there is no time for more."""
    return newsvendor(case, time_limit=None, seed=0)


# ---- rules


def base_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The best level of every node: exact for one small store, by the pathwise gradient else."""
    if len(case.nodes) == 1 and not case.lost[0] and case.kind[0] == NORMAL and case.simple:
        return newsvendor(case, time_limit=time_limit, seed=seed)
    if _small(case, most_lead=3):
        level = exact.LostSales.of(case).best_base_stock()[1]
        return {"rule": "base_stock", "levels": {case.nodes[0]: float(level)}}
    return _fitted(case, time_limit, seed, start)


def capped_base_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The best level and cap of every node: exact for one small store, by the gradient else."""
    if _small(case, most_lead=4):
        _, level, cap = exact.LostSales.of(case).best_capped()
        name = case.nodes[0]
        levels, caps = {name: float(level)}, {name: float(cap)}
        return {"rule": "capped_base_stock", "levels": levels, "caps": caps}
    return _fitted(case, time_limit, seed, start, capped=True)


def echelon_stock(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """Echelon levels: Clark and Scarf's for a serial system, by the pathwise gradient else."""
    nodes = chain(case)
    normal = nodes is not None and case.kind[nodes[0]] == NORMAL and case.simple
    if nodes is not None and normal and not case.lost[nodes[0]]:
        return {"rule": "echelon_stock", "levels": exact.clark_scarf(case)[1]}
    return _fitted(case, time_limit, seed, start, echelon=True)


def min_max(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The best reorder point s and level S of every node, by search from economic lots."""
    return _fitted(case, time_limit, seed, start, gapped=True)


def echelon_min_max(
    case: Case, *, time_limit: float | None, seed: int, start: Rule | None = None
) -> Rule | None:
    """The same of echelon positions, which count what is below a node as well."""
    return _fitted(case, time_limit, seed, start, gapped=True, echelon=True)


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
        periods = round(about.cover[node])
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
    """Whether it is one store with lost sales of whole units, small enough for exact values."""
    if len(case.nodes) != 1 or not case.lost[0] or case.kind[0] not in DISCRETE:
        return False
    mean = float(case.mean[0]) * (1 if case.kind[0] == DISCRETE[0] else 2)
    fits = case.price[0] == 0 and case.cost[0] == 0 and mean <= 10 and case.simple
    return bool(fits and 1 <= int(case.lead[0]) <= most_lead)


def _observed(demand: np.ndarray, periods: int, ratio: float) -> float:
    """The quantile of sums over runs of `periods` in the history, scaled where it is too short."""
    run = min(periods, len(demand))
    sums = np.convolve(demand, np.ones(run), "valid")
    return float(np.quantile(sums, ratio) * periods / run)


def _counted(chances: np.ndarray, periods: int, ratio: float) -> float:
    """The smallest stock that covers the demand of so many periods with probability `ratio`."""
    total = np.ones(1)
    for _ in range(periods):
        total = np.convolve(total, chances)
    return float(np.searchsorted(total.cumsum(), ratio))


def _fitted(
    case: Case,
    limit: float | None,
    seed: int,
    start: Rule | None,
    *,
    echelon: bool = False,
    capped: bool = False,
    gapped: bool = False,
) -> Rule:
    """A rule whose numbers are fitted by simulation, from one of the same kind if given."""
    from nco.problems.inventory.fit import Kind, fitted

    return fitted(
        case, seed=seed, kind=Kind(echelon, capped, gapped), time_limit=limit, start=start
    )

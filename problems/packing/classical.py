"""Classical solvers of one case; they block, and run in a child process (`nco.workers.pool`).

`hindsight` returns a packing of a trace that it knows, which is a bound. The others return a rule
``{"rule": NAME}`` that places item by item, for `Packing.rule` to follow.
"""

import math
from typing import Any

import numpy as np

from nco.core.errors import NCOError
from nco.problems._common import with_cpsat
from nco.problems._common.decimals import exact, scale
from nco.problems.packing.check import check
from nco.problems.packing.files import Case
from nco.registry.interface import Solver

LARGEST = 10**9  # of the whole numbers that decimals are multiplied up to


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "best_fit": Solver(best_fit),
        "first_fit": Solver(first_fit),
        "sum_of_squares": Solver(sum_of_squares),
        "hindsight": Solver(hindsight, modules=("ortools.sat.python.cp_model",)),
    }


def improvers() -> list[str]:
    """None: a plan that improves on a policy would have to know the future."""
    return []


def policies(case: Case) -> list[str]:
    """The rules that suit a case; levels mean little in several resources, or when items leave."""
    rules = ["best_fit", "first_fit"]
    alone = len(case.capacity) == 1 and bool(np.isinf(case.stays).all())
    return [*rules, "sum_of_squares"] if alone else rules


def best_fit(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """The open bin that will be fullest."""
    return {"rule": "best_fit"}


def first_fit(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """The first open bin with room."""
    return {"rule": "first_fit"}


def sum_of_squares(case: Case, *, time_limit: float | None, seed: int, start: Any = None) -> Any:
    """Keeps the numbers of open bins of each level even (Csirik et al. 2006)."""
    return {"rule": "sum_of_squares"}


def hindsight(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: list[list[int]] | None = None,
) -> list[list[int]] | None:
    """The optimum for the known trace by CP-SAT on one core, begun from first fit.

    Every item goes to itself or to an earlier item that opens its bin; at each arrival the items
    of a bin that are there fit; a running bin costs the periods until its last item leaves.
    """
    from ortools.sat.python import cp_model

    if case.arrivals is None or case.leaves is None:
        raise NCOError("the case has no trace of items that could be planned for")
    items = [t for t, kind in enumerate(case.arrivals.tolist()) if kind >= 0]
    first = start if start is not None else case.construct()
    if not items:
        return []
    model = cp_model.CpModel()
    to = _assignment(model, case, items)
    leaves = {t: int(case.leaves[t]) for t in items}
    costs = []
    for opener in items:
        if not case.running:
            costs.append(to[opener, opener])
            continue
        end = model.new_int_var(opener, case.size, "")
        for item in (t for t in items if t >= opener):
            model.add(end >= leaves[item]).only_enforce_if(to[item, opener])
        costs.append(end - opener)
    model.minimize(sum(costs))
    for part in first:
        for item in part:
            model.add_hint(to[item, min(part)], True)
    solver = with_cpsat.solver(seed, time_limit)
    if not with_cpsat.has_solution(solver.solve(model)):
        return first
    filled: dict[int, list[int]] = {}
    for (item, opener), variable in to.items():
        if solver.value(variable):
            filled.setdefault(opener, []).append(item)
    bins = sorted(sorted(part) for part in _split(case, list(filled.values())))
    return bins if check(case, bins).feasible else first


def _assignment(model: Any, case: Case, items: list[int]) -> dict[tuple[int, int], Any]:
    """Variables: item goes into the bin that `opener` (itself or earlier) opens."""
    assert case.arrivals is not None
    assert case.leaves is not None
    to = {(t, s): model.new_bool_var("") for t in items for s in items if s <= t}
    for t in items:
        model.add_exactly_one(to[t, s] for s in items if s <= t)
        for s in items:
            if s < t:
                model.add_implication(to[t, s], to[s, s])
                there = [to[u, s] for u in items if s <= u < t and case.leaves[u] > t]
                model.add_bool_or(there).only_enforce_if(to[t, s])  # a bin is not open for nothing
    for column, limit in enumerate(case.capacity.tolist()):
        factor = scale([*case.needs[:, column].tolist(), limit], LARGEST)
        weight = {t: math.ceil(exact(case.needs[case.arrivals[t], column]) * factor) for t in items}
        most = math.floor(exact(limit) * factor)
        for s in items:
            for now in (t for t in items if t >= s):
                present = [t for t in items if s <= t <= now and case.leaves[t] > now]
                model.add(sum(weight[t] * to[t, s] for t in present) <= most * to[s, s])
    return to


def _split(case: Case, bins: list[list[int]]) -> list[list[int]]:
    """Bins cut where they stand empty."""
    assert case.leaves is not None
    runs = []
    for part in bins:
        until, run = -1, list[int]()
        for item in sorted(part):
            if run and item >= until:
                runs.append(run)
                run = []
            run.append(item)
            until = max(until, int(case.leaves[item]))
        runs.append(run)
    return runs

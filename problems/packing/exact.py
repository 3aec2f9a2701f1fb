"""Exact figures of a setting whose items stay: the optimal policy's value, and the fluid bound.

They sandwich every policy: fluid bound <= expected hindsight optimum <= the optimal policy's value
<= the policy's (costs are minimised).
"""

import numpy as np

from nco.core.errors import NCOError
from nco.problems.packing.files import Case
from nco.problems.packing.planner import Planner

TOLERANCE = 1e-9
DIGITS = 9
MOST_STATES = 30_000  # in one period
Bins = tuple[tuple[float, ...], ...]  # what each open bin has left, sorted


def optimal_value(case: Case) -> float:
    """The expected number of bins of the optimal policy, by dynamic programming.

    Raises:
        NCOError: where items leave again, or there are too many states.
    """
    _need_stay(case)
    values: dict[Bins, float] = {}
    for states in reversed(_reachable(case)):
        values = _earlier(case, values, states)
    return values[()]


def fluid_bound(case: Case) -> float:
    """Bins that the expected items need at least, when bins may be divided; by OR-Tools' GLOP.

    The pattern bound of Gilmore & Gomory (1961) at the expected counts: a convex function of them,
    so no more than the expected hindsight optimum.
    """
    from ortools.linear_solver import pywraplp

    _need_stay(case)
    planner = Planner(case.capacity, case.needs)
    patterns = planner.patterns(tuple(case.capacity.tolist()))
    solver = pywraplp.Solver.CreateSolver("GLOP")
    uses = [solver.NumVar(0.0, solver.infinity(), "") for _ in patterns]
    for kind, chance in enumerate(case.probability.tolist()):
        constraint = solver.Constraint(chance * case.size, solver.infinity())
        for use, pattern in zip(uses, patterns, strict=True):
            constraint.SetCoefficient(use, float(pattern[kind]))
    solver.Minimize(sum(uses))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise NCOError("GLOP did not solve the fluid bound")
    return float(solver.Objective().Value())


def _need_stay(case: Case) -> None:
    """Refuses cases whose items leave again, or whose bins cost by the period."""
    if not np.isinf(case.stays).all() or case.running:
        raise NCOError("exact values are of items that stay, in bins that cost when opened")


def _after(case: Case, bins: Bins, kind: int) -> list[tuple[int, Bins]]:
    """Bins opened and what is left of all, for each different place of an item."""
    need = case.needs[kind]
    opening: dict[Bins, int] = {}
    whole = tuple(case.capacity.tolist())
    for room in {*bins, whole}:
        after = np.array(room) - need
        if (after < -TOLERANCE).any():
            continue
        rest = list(bins)
        if room in bins:
            rest.remove(room)
        changed = tuple(np.round(after, DIGITS).clip(0).tolist())
        if any((case.needs[k] <= after + TOLERANCE).all() for k in range(len(case.needs))):
            rest.append(changed)  # a bin that takes nothing more is forgotten
        key = tuple(sorted(rest))
        opened = 0 if room in bins else 1
        opening[key] = min(opened, opening.get(key, 1))
    return [(opened, key) for key, opened in opening.items()]


def _reachable(case: Case) -> list[set[Bins]]:
    """What may be open before each period."""
    reached: list[set[Bins]] = [{()}]
    for _ in range(case.size - 1):
        following = set(reached[-1]) if case.probability.sum() < 1 - TOLERANCE else set()
        for bins in reached[-1]:
            for kind in np.flatnonzero(case.probability > 0):
                following |= {after for _, after in _after(case, bins, int(kind))}
        if len(following) > MOST_STATES:
            raise NCOError(f"the dynamic programme has more than {MOST_STATES} states a period")
        reached.append(following)
    return reached


def _earlier(case: Case, later: dict[Bins, float], states: set[Bins]) -> dict[Bins, float]:
    """Expected bins still to be opened before a period, given those after it."""
    nobody = 1 - float(case.probability.sum())
    values = {}
    for bins in states:
        value = nobody * later.get(bins, 0.0) if nobody > TOLERANCE else 0.0
        for kind in np.flatnonzero(case.probability > 0):
            places = _after(case, bins, int(kind))
            best = min(opened + later.get(after, 0.0) for opened, after in places)
            value += float(case.probability[kind]) * best
        values[bins] = value
    return values

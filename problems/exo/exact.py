"""Exact figures of a setting: the optimal policy's value, the fluid bound; and a trace's optimum.

They sandwich every policy (Sinclair et al. 2023): its value <= the optimal policy's <= the expected
hindsight optimum <= the fluid bound.
"""

import numpy as np

from nco.core.errors import NCOError
from nco.problems.exo.files import Case

TOLERANCE = 1e-9
MOST_STATES = 2_000_000  # of the dynamic programme
SOON = 100_000  # states that take a few seconds
DIGITS = 9  # to which capacities that are left are told apart


def small(case: Case) -> bool:
    """Whether the dynamic programme is sure to be short: by the box of what may be left."""
    ways = 1.0
    for limit, row in zip(case.capacity, case.uses, strict=True):
        used = row[row > 0]
        if len(used):
            step = used.min() if (used % used.min() == 0).all() else 1.0
            ways *= limit / step + 1
    return ways * case.size <= SOON


class Optimal:
    """The optimal policy, by dynamic programming over what is left.

    Args:
        case: a setting; its trace is not looked at.

    Raises:
        NCOError: when more than `MOST_STATES` states are reached.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self._columns = case.uses.T
        self._reached = self._forward()
        self._values = self._backward()

    @property
    def value(self) -> float:
        """The expected revenue from the start."""
        return self._values[0][self._key(self.case.capacity)]

    def accepts(self, step: int, free: np.ndarray, kind: int) -> bool:
        """Whether to accept class `kind` in period `step` with ``free [R]`` left."""
        after = free - self._columns[kind]
        if (after < -TOLERANCE).any():
            return False
        later = self._values[step + 1]
        gain = float(self.case.revenue[kind]) + later[self._key(after)]
        return gain >= later[self._key(free)]

    def _key(self, free: np.ndarray) -> tuple[float, ...]:
        return tuple(np.round(free, DIGITS).clip(0).tolist())

    def _forward(self) -> list[set[tuple[float, ...]]]:
        """What may be left before each period."""
        reached = [{self._key(self.case.capacity)}]
        total = 1
        for chance in self.case.probability:
            following = set(reached[-1])
            for key in reached[-1]:
                free = np.array(key)
                for kind in np.flatnonzero(chance > 0):
                    after = free - self._columns[kind]
                    if (after >= -TOLERANCE).all():
                        following.add(self._key(after))
            total += len(following)
            if total > MOST_STATES:
                raise NCOError(f"the dynamic programme has more than {MOST_STATES} states")
            reached.append(following)
        return reached

    def _backward(self) -> list[dict[tuple[float, ...], float]]:
        values = [dict.fromkeys(self._reached[-1], 0.0)]
        for step in range(self.case.size - 1, -1, -1):
            values.append(self._values_at(step, values[-1]))
        return values[::-1]

    def _values_at(
        self, step: int, later: dict[tuple[float, ...], float]
    ) -> dict[tuple[float, ...], float]:
        """Expected revenue from each state before a period, given those after it."""
        chance, revenue = self.case.probability[step], self.case.revenue.tolist()
        kinds = [(k, float(chance[k])) for k in np.flatnonzero(chance > 0)]
        values = {}
        for key in self._reached[step]:
            free, kept = np.array(key), later[key]
            value = kept
            for kind, odds in kinds:
                after = free - self._columns[kind]
                if (after >= -TOLERANCE).all():
                    value += odds * max(0.0, revenue[kind] + later[self._key(after)] - kept)
            values[key] = value
        return values


def fluid(capacity: np.ndarray, expected: np.ndarray, case: Case) -> tuple[float, np.ndarray]:
    """The fluid bound and how many of each class ``[J]`` it accepts, by OR-Tools' GLOP.

    Maximise ``revenue . x`` under ``uses x <= capacity`` and ``0 <= x <= expected``.
    """
    from ortools.linear_solver import pywraplp

    solver = pywraplp.Solver.CreateSolver("GLOP")
    amounts = [solver.NumVar(0.0, float(most), "") for most in expected]
    for limit, row in zip(capacity.tolist(), case.uses.tolist(), strict=True):
        constraint = solver.Constraint(-solver.infinity(), limit)
        for amount, used in zip(amounts, row, strict=True):
            constraint.SetCoefficient(amount, used)
    objective = solver.Objective()
    for amount, earned in zip(amounts, case.revenue.tolist(), strict=True):
        objective.SetCoefficient(amount, earned)
    objective.SetMaximization()
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise NCOError("GLOP did not solve the fluid bound")
    return objective.Value(), np.array([amount.solution_value() for amount in amounts])


def fluid_bound(case: Case) -> float:
    """An upper bound on the expected revenue of any policy, even one that knows the trace."""
    return fluid(case.capacity, case.probability.sum(0), case)[0]

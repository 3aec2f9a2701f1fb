"""Classical solvers of one knapsack; they block, and run in a child process (`workers.pool`)."""

import importlib.util
import math
import time
from fractions import Fraction
from typing import NamedTuple

from nco.problems._common import with_cpsat
from nco.problems._common.decimals import exact
from nco.problems.knapsack.check import check
from nco.problems.knapsack.files import Case
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools, same=True, modules=("ortools.algorithms.python.knapsack_solver",)
        ),
        "cpsat": Solver(cpsat, modules=("ortools.sat.python.cp_model",)),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return [name for name in ("ortools",) if importlib.util.find_spec(name)]


MAX_TOTAL = 2**53  # any case in whole numbers is exact; far from the overflow of int64
BRANCHING_SECONDS = 60.0


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: list[int] | None = None
) -> list[int] | None:
    """OR-Tools' branch and bound for knapsacks; never worse than `start`.

    It takes neither a seed nor a start. Without a `time_limit` it still stops after a minute,
    because its queue of open nodes grows by some 60 MB a second on instances it cannot close.
    """
    from ortools.algorithms.python import knapsack_solver

    began = time.perf_counter()
    whole = _scale(case)
    choice = whole.certain
    if whole.items:
        solver = knapsack_solver.KnapsackSolver(
            knapsack_solver.SolverType.KNAPSACK_MULTIDIMENSION_BRANCH_AND_BOUND_SOLVER, "knapsack"
        )
        limit = BRANCHING_SECONDS if time_limit is None else time_limit
        solver.set_time_limit(_left(limit, began))
        solver.init(whole.values, [whole.weights], [whole.capacity])
        solver.solve()
        taken = enumerate(whole.items)
        choice = choice + [item for place, item in taken if solver.best_solution_contains(place)]
    return _better(case, choice, start)


def cpsat(
    case: Case, *, time_limit: float | None, seed: int, start: list[int] | None = None
) -> list[int] | None:
    """OR-Tools' CP-SAT on one core, hinted with `start` and never worse than it."""
    from ortools.sat.python import cp_model

    began = time.perf_counter()
    whole = _scale(case)
    if not whole.items:
        return _better(case, whole.certain, start)
    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"item {item}") for item in whole.items]
    weight = cp_model.LinearExpr.weighted_sum(chosen, whole.weights)
    model.add(weight <= whole.capacity)
    model.maximize(cp_model.LinearExpr.weighted_sum(chosen, whole.values))
    if start is not None:
        hinted = set(start)
        for item, variable in zip(whole.items, chosen, strict=True):
            model.add_hint(variable, item in hinted)
    solver = with_cpsat.solver(seed, None if time_limit is None else _left(time_limit, began))
    choice = None
    if with_cpsat.has_solution(solver.solve(model)):
        pairs = zip(whole.items, chosen, strict=True)
        choice = whole.certain + [item for item, variable in pairs if solver.value(variable)]
    return _better(case, choice, start)


def _left(limit: float, began: float) -> float:
    """The seconds left of a limit; both solvers still answer when it is a millisecond."""
    return max(limit - (time.perf_counter() - began), 0.001)


class Whole(NamedTuple):
    """A knapsack in whole numbers, in which every feasible choice is feasible in the case too."""

    certain: list[int]  # items that are in an optimal solution without a search
    items: list[int]  # the case's numbers of the items left to choose from
    values: list[int]
    weights: list[int]
    capacity: int


def _scale(case: Case) -> Whole:
    """The case in whole numbers whose totals stay below `MAX_TOTAL`.

    Decimals are multiplied up where they fit, which is exact. Otherwise the weights are rounded up
    and the capacity down, by less than one part in `MAX_TOTAL` of the total weight an item.
    """
    values = [exact(value) for value in case.values.tolist()]
    weights = [exact(weight) for weight in case.weights.tolist()]
    capacity = exact(case.capacity)
    items = [item for item in range(case.size) if values[item] > 0 and weights[item] <= capacity]
    if sum((weights[item] for item in items), Fraction(0)) <= capacity:
        return Whole(items, [], [], [], 0)
    certain = [item for item in items if weights[item] == 0]
    items = [item for item in items if weights[item] > 0]
    value_scale = _factor([values[item] for item in items])
    weight_scale = _factor([weights[item] for item in items])
    return Whole(
        certain,
        items,
        [math.floor(values[item] * value_scale) for item in items],
        [math.ceil(weights[item] * weight_scale) for item in items],
        math.floor(capacity * weight_scale),
    )


def _factor(numbers: list[Fraction]) -> Fraction:
    """The least factor that makes all numbers whole, or the greatest that keeps their total."""
    total = sum(numbers, Fraction(0))
    denominator = 1
    for number in numbers:
        denominator = math.lcm(denominator, number.denominator)
        if denominator * total > MAX_TOTAL:
            return Fraction(MAX_TOTAL) / total
    return Fraction(denominator)


def _better(case: Case, answer: list[int] | None, start: list[int] | None) -> list[int] | None:
    """The feasible one of greater value, sorted; a start that breaks a rule does not count."""
    best: list[int] | None = None
    least = math.inf
    for choice in (answer, start):
        if choice is None:
            continue
        report = check(case, choice)
        if report.feasible and report.cost is not None and report.cost < least:
            best, least = sorted(choice), float(report.cost)
    return best

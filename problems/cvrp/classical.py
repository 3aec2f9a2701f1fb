"""Classical solvers on a CVRP case: OR-Tools routing, twice, PyVRP, and ruin and recreate.

All count loads in whole numbers, and OR-Tools and PyVRP distances too
(`nco.problems._routing.integers`).
"""

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from nco.problems._common import clock
from nco.problems._common.decimals import exact
from nco.problems._routing import integers, with_ortools, with_pyvrp
from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import Case
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools,
            found=True,
            variants=("ortools", "ortools_pci"),
            modules=with_ortools.MODULES,
            largest=LARGEST_WHOLE,
        ),
        "ortools_pci": Solver(ortools_pci, found=True, modules=with_ortools.MODULES),
        "pyvrp": Solver(
            pyvrp, found=True, iterations=1, modules=with_pyvrp.MODULES, largest=LARGEST_WHOLE
        ),
        "sisr": Solver(
            sisr,
            found=True,
            cores=True,
            together=shares_cores,
            iterations=100,
            modules=("nco.problems._routing.kernels.together",),
            kernels="nco.problems._routing.kernels.warm",
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"sisr": "numba", "pyvrp": "pyvrp", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]


Routes = list[list[int]]
Found = Callable[[Routes], None]

LARGEST_WHOLE = 3000  # customers: the others' tables grow with the square
TOGETHER = 1000  # customers from which on cores gain more by sharing them than by other seeds
STEPS, LEAST_STEPS = 500, 10_000  # of ruin and recreate without a limit: a customer, and in all


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Found | None = None,
) -> Routes | None:
    """OR-Tools: path of cheapest arcs, then guided local search until the time is up.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None stops at the first solution.
        seed: unused; the search is deterministic but for its clock.
        start: routes to improve instead of a first solution; ignored where they are infeasible.
        found: is called with each better solution on the way.

    Returns:
        Routes of customers from 1 to n, or None where no solution was found.
    """
    return _ortools(case, "PATH_CHEAPEST_ARC", time_limit, start, found)


def ortools_pci(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Found | None = None,
) -> Routes | None:
    """Searches as `ortools` does, from a first solution by parallel cheapest insertion."""
    return _ortools(case, "PARALLEL_CHEAPEST_INSERTION", time_limit, start, found)


def pyvrp(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Found | None = None,
    iterations: int | None = None,
) -> Routes | None:
    """PyVRP's iterated local search; its best feasible solution or None.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first feasible solution.
        seed: of PyVRP's own random numbers.
        start: routes to begin from; ignored where they are infeasible.
        found: is called with each better solution on the way.
        iterations: of its search, after which it stops wherever the clock stands.
    """
    library = with_pyvrp.load()
    deadline = clock.deadline(time_limit)
    if case.size == 0:
        return []
    start = _feasible(case, start)
    demand, capacity = _loads(case)
    table, fleet = _distances(case), _vehicles(case, demand, capacity, start)
    model = with_pyvrp.Model(
        clients=[library.Client(i, delivery=[demand[i]]) for i in range(1, case.size + 1)],
        vehicles=[library.VehicleType(fleet, capacity=[capacity])],
        distances=[table],
    )
    routes = with_pyvrp.solve(
        model,
        with_pyvrp.Limit(deadline, iterations),
        seed=seed,
        start=None if start is None else [with_pyvrp.Route([c - 1 for c in r]) for r in start],
        tell=None if found is None else lambda better: found(_customers(better)),
        price=4 * int(table.max()),  # one unit too much may cost more than another route
    )
    return None if routes is None else _customers(routes)


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Found | None = None,
    iterations: int | None = None,
    cores: int = 1,
) -> Routes | None:
    """Ruin and recreate by a compiled kernel: strings of customers leave their routes and return.

    Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
    Problems". Its first routes, by savings, are there after a second or so of 30,000 customers.

    Args:
        case: the case.
        time_limit: seconds from here on, importing numba included; None for `STEPS` of its steps a
            customer, where there is no number of `iterations` either.
        seed: of the random numbers.
        start: routes to begin from; ignored where they are infeasible.
        found: is called with better solutions on the way.
        iterations: steps, after which it stops unless the time is up before; equal numbers of
            steps give equal answers on every machine.
        cores: threads, where the case is large enough and there is a limit.

    Returns:
        Routes of customers from 1 to n, or None where the vehicles have not sufficed.
    """
    until = None if time_limit is None else time.perf_counter() + time_limit
    from nco.problems._routing.kernels import capacitated, together

    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * case.size)
    settings = capacitated.Settings()
    first = _feasible(case, start)
    if first is None and case.vehicles is not None:  # its own routes may need more vehicles
        first = _feasible(case, case.construct())
        settings = replace(settings, warm=settings.hot)  # there is little to lose
    demand, capacity = _loads(case)
    task = capacitated.Task(
        metric=case.metric,
        coords=case.coords,
        distances=case.distances,
        demand=np.array(demand, dtype=np.int64),
        capacity=capacity,
        vehicles=case.vehicles,
    )
    if until is not None and iterations is None and cores > 1 and shares_cores(case):
        return together.ruin_recreate_together(
            task, until=until, cores=cores, seed=seed, start=first, tell=found, settings=settings
        ).routes
    answer = capacitated.ruin_recreate(
        task,
        until=until,
        iterations=iterations,
        seed=seed,
        start=first,
        tell=found,
        settings=settings,
    )
    return None if answer is None else answer.routes


def shares_cores(case: Case) -> bool:
    """Whether `sisr` is better on all cores at once than alone on each with a seed of its own."""
    return case.size >= TOGETHER and case.coords is not None and case.vehicles is None


def _customers(routes: Sequence[with_pyvrp.Route]) -> Routes:
    """The routes by the customers' own numbers, without empty ones."""
    return [[client + 1 for client in route.clients] for route in routes if route.clients]


def _feasible(case: Case, start: Routes | None) -> Routes | None:
    """The non-empty routes of a warm start that breaks no rule."""
    if start is None or not check(case, start).feasible:
        return None
    return [list(route) for route in start if route]


def _ortools(
    case: Case,
    strategy: str,
    time_limit: float | None,
    start: Routes | None,
    found: Found | None,
) -> Routes | None:
    """Vehicles of one capacity that start at the depot and come back."""
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    if case.size == 0:
        return []
    start = _feasible(case, start)
    demand, capacity = _loads(case)
    fleet = _vehicles(case, demand, capacity, start)
    model = with_ortools.Model(
        nodes=case.size + 1,
        starts=[0] * fleet,
        costs=[_distances(case)],
        dimensions=[with_ortools.Dimension("load", [demand], [capacity] * fleet)],
    )
    routes = with_ortools.solve(
        model,
        with_ortools.Search(deadline, strategy),
        start=start,
        tell=None if found is None else lambda better: found([route for route in better if route]),
    )
    return None if routes is None else [route for route in routes if route]


def _distances(case: Case) -> np.ndarray:
    """Whole distances, int64 ``[n+1, n+1]``; routes have at most 2 n legs."""
    return integers.table(case, integers.scale(case, 2 * (case.size + 1)))


def _loads(case: Case) -> tuple[list[int], int]:
    """Whole demands of all nodes, the depot's 0 included, and the capacity.

    A capacity above the total demand is stated as that.
    """
    demand = [exact(value) for value in case.demand.tolist()]
    capacity = min(exact(case.capacity), sum(demand, Fraction(0)))
    whole = integers.loads(demand, [capacity])
    return whole.demands, whole.capacities[0]


def _vehicles(case: Case, demand: Sequence[int], capacity: int, start: Routes | None) -> int:
    """The fleet: the case's own, or a fifth and three more than the total demand needs.

    Large items may not pack that well, so a free fleet holds at least the vehicles that first-fit
    decreasing takes, and those of the warm start.
    """
    if case.vehicles is not None:
        return max(1, min(case.vehicles, case.size))
    fleet = math.ceil(Fraction(6, 5) * sum(demand) / max(capacity, 1)) + 3
    loads = np.zeros(case.size, dtype=np.int64)
    for item in sorted(demand[1:], reverse=True):
        loads[np.argmax(loads + item <= capacity)] += item
    return min(max(fleet, int((loads > 0).sum()), len(start or []), 1), case.size)

"""Solvers on a case of open pickup and delivery: OR-Tools routing, and an annealing of our own.

OR-Tools counts in integers: times are multiplied by the power of ten that puts the diagonal of the
case between 15,000 and 150,000. Its ends cost nothing to reach, which leaves the routes open.
"""

import importlib.util
import math
import time
from collections.abc import Callable

import numpy as np

from nco.problems._common import clock
from nco.problems._routing import with_ortools
from nco.problems._routing.integers import power_of_ten
from nco.problems.omdcpdp import annealing
from nco.problems.omdcpdp.check import check
from nco.problems.omdcpdp.files import Case, Routes
from nco.registry.interface import Solver

# Of a leg beside what it delays: guided local search looks for dear legs to avoid, and there must
# be some. Chosen by trial.
LEG_SHARE = 0.3
LARGEST_SUM = 2**50  # of arrivals; leaves room for the penalties of guided local search


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "anneal": Solver(anneal, found=True, iterations=1),
        "polish": Solver(polish, found=True, iterations=1, modules=with_ortools.MODULES),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", "ortools"] if importlib.util.find_spec("ortools") else ["anneal"]


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: Routes | None = None
) -> Routes | None:
    """OR-Tools: guided local search from the construction until the time is up.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None is the construction alone.
        seed: unused; the search is deterministic but for its clock.
        start: routes to improve instead of the construction; ignored where they are infeasible.

    Returns:
        For each vehicle its stops; never worse than where it began.
    """
    if time_limit is None:
        return _first(case, start)
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    best = _first(case, start)
    least = _cost(case, best)

    def keep(nodes: Routes) -> None:
        """Remembers what is best by the arrivals alone; OR-Tools counts a share of legs, too."""
        nonlocal best, least
        routes = [[_stop(case, node) for node in route] for route in nodes]
        if (cost := _cost(case, routes)) < least:
            best, least = routes, cost

    initial = [[_node(case, stop) for stop in route] for route in best]
    search = with_ortools.Search(deadline)
    with_ortools.solve(_model(case), search, start=initial, tell=keep, every=True)
    return best


def anneal(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int = annealing.STEPS,
) -> Routes:
    """Ruin and recreate under simulated annealing, never worse than where it begins.

    Args:
        case: the case; more than `annealing.LARGEST` orders are left as they are.
        time_limit: seconds from here on; None for `iterations` steps.
        seed: of the random numbers.
        start: routes to improve instead of the construction; ignored where they are infeasible.
        found: is called with better routes on the way.
    """
    begun = time.perf_counter()
    first = _first(case, start)
    if time_limit is not None:
        time_limit -= time.perf_counter() - begun
    return annealing.improve(
        case.depots,
        case.pickups,
        case.deliveries,
        case.capacity,
        first,
        time_limit=time_limit,
        seed=seed,
        found=found,
        iterations=iterations,
    )


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int = annealing.STEPS,
) -> Routes | None:
    """`anneal`, and OR-Tools where there are too many orders for it."""
    if case.size > annealing.LARGEST:
        return ortools(case, time_limit=time_limit, seed=seed, start=start)
    return anneal(
        case, time_limit=time_limit, seed=seed, start=start, found=found, iterations=iterations
    )


def _first(case: Case, start: Routes | None) -> Routes:
    """A warm start; the construction where there is none or it breaks a rule."""
    if start is None or not check(case, start).feasible:
        return case.construct()
    return [list(route) for route in start]


def _cost(case: Case, routes: Routes) -> float:
    """The checker's cost of feasible routes."""
    cost = check(case, routes).cost
    assert cost is not None
    return cost


def _model(case: Case) -> with_ortools.Model:
    """Depots, pickups and deliveries, in this order, are its nodes."""
    vehicles, orders = len(case.depots), case.size
    pickups = range(vehicles, vehicles + orders)
    deliveries = range(vehicles + orders, vehicles + 2 * orders)
    times = _times(case)
    longest = int(times.sum(1).max()) + int(times.max()) * 2 * orders
    board = [0] * vehicles + [1] * orders + [-1] * orders
    late = dict.fromkeys(deliveries, (0, 1))  # each unit of an arrival costs 1
    return with_ortools.Model(
        nodes=vehicles + 2 * orders,
        starts=range(vehicles),
        costs=[np.rint(times * LEG_SHARE).astype(np.int64)],
        dimensions=[
            with_ortools.Dimension(
                "time", [times], [min(longest, LARGEST_SUM)] * vehicles, late=late
            ),
            with_ortools.Dimension("board", [board], [case.capacity] * vehicles),
        ],
        pairs=list(zip(pickups, deliveries, strict=True)),
    )


def _times(case: Case) -> np.ndarray:
    """Whole times between all nodes, int64 ``[N, N]``; to a depot, where routes end, 0."""
    points = np.concatenate([case.depots, case.pickups, case.deliveries])
    diagonal = math.hypot(*np.ptp(points, axis=0))
    gap = points[:, None] - points
    times = np.rint(np.hypot(gap[..., 0], gap[..., 1]) * power_of_ten(diagonal))
    times[:, : len(case.depots)] = 0
    return times.astype(np.int64)


def _node(case: Case, stop: int) -> int:
    """The model's node of a stop: of order n the pickup is n, the delivery -n."""
    return len(case.depots) - 1 + (stop if stop > 0 else case.size - stop)


def _stop(case: Case, node: int) -> int:
    """The inverse of `_node`."""
    stop = node - len(case.depots) + 1
    return stop if stop <= case.size else case.size - stop

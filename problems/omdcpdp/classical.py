"""Solvers on a case of open pickup and delivery: OR-Tools routing, and ruin and recreate.

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
from nco.problems.omdcpdp.check import check
from nco.problems.omdcpdp.files import Case, Routes
from nco.registry.interface import Solver

# Of a leg beside what it delays: guided local search looks for dear legs to avoid, and there must
# be some. Chosen by trial.
LEG_SHARE = 0.3
STEPS, LEAST_STEPS = 500, 10_000  # of ruin and recreate without a limit: an order, and in all
LARGEST_SUM = 2**50  # of arrivals; leaves room for the penalties of guided local search


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "sisr": Solver(
            sisr,
            found=True,
            iterations=100,
            modules=("nco.problems._routing.kernels.orders",),
            kernels="nco.problems._routing.kernels.warm",
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"sisr": "numba", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]


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


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int | None = None,
) -> Routes:
    """Ruin and recreate by a compiled kernel, never worse than where it begins.

    Near one another, along one route or anywhere orders are taken out, and go back each to the
    vehicle and places that add least to the sum of arrivals, under simulated annealing.

    Args:
        case: the case; what would take more than a gigabyte is left as it is.
        time_limit: seconds from here on, importing numba included; None for `STEPS` of its steps an
            order, where there is no number of `iterations` either.
        seed: of the random numbers.
        start: routes to improve instead of the construction; ignored where they are infeasible.
        found: is called with better routes on the way.
        iterations: steps, after which it stops unless the time is up before; equal numbers of
            steps give equal answers on every machine.
    """
    until = None if time_limit is None else time.perf_counter() + time_limit
    from nco.problems._common.kernels.driver import Span, anneal
    from nco.problems._routing.kernels import orders

    first = _first(case, start)
    if not orders.fits(len(case.depots), case.size):
        return first
    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * case.size)
    search = orders.Search(case.depots, case.pickups, case.deliveries, case.capacity, first, seed)
    hot = orders.HOT if start is None else orders.WARM
    anneal(search, hot, orders.COLD, Span(until, iterations, search.stop), found)
    return search.best()


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

"""Classical solvers on a CVRP case: OR-Tools routing, twice, and PyVRP.

Both count in integers. Distances that are not are multiplied by the power of ten that puts the
longest between 15,000 and 150,000 (100,000 on the unit square). Demands are divided by their
greatest common measure, which is exact; where that leaves a capacity above 10^9 (arbitrary real
demands) they are rounded up to millionths of the capacity, so that an answer always fits, though
a route that fills its vehicle to the last millionth may be missed.
"""

import importlib.util
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from nco.core.errors import NCOError
from nco.problems._routing import tsplib
from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import Case
from nco.problems.tsp.classical import watched
from nco.registry.interface import Solver

ROUTING = (
    "ortools.constraint_solver.pywrapcp",
    "ortools.constraint_solver.routing_enums_pb2",
    "ortools.constraint_solver.routing_parameters_pb2",
)
PYVRP = ("pyvrp", "pyvrp.exceptions", "pyvrp.stop")


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools, found=True, variants=("ortools", "ortools_pci"), modules=ROUTING
        ),
        "ortools_pci": Solver(ortools_pci, found=True, modules=ROUTING),
        "pyvrp": Solver(pyvrp, found=True, iterations=True, modules=PYVRP),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return [name for name in ("pyvrp", "ortools") if importlib.util.find_spec(name)]


Routes = list[list[int]]
Found = Callable[[Routes], None]

DEEPEST_CAPACITY = 10**9
FALLBACK_CAPACITY = 10**6
LARGEST_SUM = 2.0**50  # of distances; leaves room for the penalties that solvers multiply by
LARGEST_TABLE = 3000  # nodes; OR-Tools copies a table from Python lists, 40 bytes an entry


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
    """As `ortools`, from a first solution by parallel cheapest insertion."""
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
    try:
        import pyvrp as solver
        from pyvrp.exceptions import PenaltyBoundWarning
        from pyvrp.stop import FirstFeasible, MaxIterations, MaxRuntime, MultipleCriteria
    except ImportError as error:
        raise NCOError("pyvrp is not installed: pip install 'nco-solver[solvers]'") from error
    begun = time.monotonic()
    if case.size == 0:
        return []
    start = _feasible(case, start)
    data = _pyvrp_data(solver, case, start)
    initial = None
    if start is not None:
        initial = solver.Solution(data, [[c - 1 for c in route] for route in start])
    stop = MultipleCriteria([FirstFeasible(), MaxIterations(10_000)])
    if iterations is not None:
        stop = MultipleCriteria([MaxIterations(iterations)])
    if time_limit is not None:
        left = time_limit - (time.monotonic() - begun)
        stop = MultipleCriteria([MaxRuntime(max(0.0, left))])
    tell = None if found is None else lambda best: found(_pyvrp_routes(best))
    with warnings.catch_warnings():  # it tells that feasible solutions are rare
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        result = solver.solve(
            data,
            stop,
            seed=seed,
            collect_stats=False,
            display=False,
            params=_pyvrp_parameters(solver, data, watched(tell)),
            initial_solution=initial,
        )
    if not result.best.is_feasible():
        return None
    return _pyvrp_routes(result.best)


def _pyvrp_routes(best: Any) -> Routes:
    routes = [
        [activity.idx + 1 for activity in route.schedule() if activity.is_client()]
        for route in best.routes()
    ]
    return [route for route in routes if route]


def _feasible(case: Case, start: Routes | None) -> Routes | None:
    """The non-empty routes of a warm start that breaks no rule."""
    if start is None or not check(case, start).feasible:
        return None
    return [list(route) for route in start if route]


def _pyvrp_data(solver: Any, case: Case, start: Routes | None) -> Any:
    """PyVRP's own model of the case: location 0 is the depot, client i - 1 is customer i."""
    demand, capacity = _loads(case)
    distances = _distances(case).astype(np.int64)
    fleet = _vehicles(case, demand, capacity, start)
    # PyVRP measures by its matrices; coordinates only serve its pictures.
    locations = [solver.Location(0.0, 0.0) for _ in range(case.size + 1)]
    clients = [solver.Client(i, delivery=[demand[i]]) for i in range(1, case.size + 1)]
    return solver.ProblemData(
        locations,
        clients,
        [solver.Depot(0)],
        [solver.VehicleType(fleet, capacity=[capacity])],
        [distances],
        [np.zeros_like(distances)],
    )


def _pyvrp_parameters(solver: Any, data: Any, search: Any) -> Any:
    """PyVRP's defaults, but one unit too much on a vehicle may cost more than another route."""
    load = sum(client.delivery[0] for client in data.clients())
    dear = 4 * int(data.distance_matrix(0).max())
    dear = min(max(100_000, dear), 2**62 // max(load, 1))  # the product must not overflow
    return solver.SolveParams(ils=search, penalty=solver.PenaltyParams(max_penalty=float(dear)))


def _ortools(
    case: Case,
    strategy: str,
    time_limit: float | None,
    start: Routes | None,
    found: Found | None,
) -> Routes | None:
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    begun = time.monotonic()
    if case.size == 0:
        return []
    start = _feasible(case, start)
    manager, model = _ortools_model(pywrapcp, case, start)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    parameters.first_solution_strategy = getattr(first, strategy)
    if time_limit is None:
        parameters.solution_limit = 1
    else:
        search = routing_enums_pb2.LocalSearchMetaheuristic
        parameters.local_search_metaheuristic = search.GUIDED_LOCAL_SEARCH
        left = time_limit - (time.monotonic() - begun)
        if left <= 0:
            return None
        parameters.time_limit.FromMilliseconds(max(1, int(left * 1000)))
    model.CloseModelWithParameters(parameters)
    if found is not None:
        best = [math.inf]

        def tell() -> None:  # guided local search also accepts worse solutions
            if model.CostVar().Value() < best[0]:
                best[0] = model.CostVar().Value()
                found(_ortools_routes(manager, model, lambda at: model.NextVar(at).Value()))

        model.AddAtSolutionCallback(tell)
    initial = None
    if start is not None:
        initial = model.ReadAssignmentFromRoutes(start, True)
    if initial is None:
        answer = model.SolveWithParameters(parameters)
    else:
        answer = model.SolveFromAssignmentWithParameters(initial, parameters)
    if answer is None:
        return None
    return _ortools_routes(manager, model, lambda at: answer.Value(model.NextVar(at)))


def _ortools_model(pywrapcp: Any, case: Case, start: Routes | None) -> tuple[Any, Any]:
    demand, capacity = _loads(case)
    fleet = _vehicles(case, demand, capacity, start)
    manager = pywrapcp.RoutingIndexManager(case.size + 1, fleet, 0)
    model = pywrapcp.RoutingModel(manager)
    distances = _distances(case)
    if len(distances) <= LARGEST_TABLE:
        evaluator = model.RegisterTransitMatrix(distances.tolist())
    else:
        evaluator = model.RegisterTransitCallback(_lookup(manager, distances, fleet))
    model.SetArcCostEvaluatorOfAllVehicles(evaluator)
    model.AddDimensionWithVehicleCapacity(
        model.RegisterUnaryTransitVector(demand), 0, [capacity] * fleet, True, "load"
    )
    return manager, model


def _lookup(manager: Any, distances: np.ndarray, fleet: int) -> Callable[[int, int], int]:
    """Reads the table of a large case in place."""
    indices = len(distances) - 1 + 2 * fleet  # customers, and a start and an end a vehicle
    node = [manager.IndexToNode(index) for index in range(indices)]
    rows = [memoryview(row) for row in distances]

    def distance(start: int, end: int) -> int:
        return rows[node[start]][node[end]]

    return distance


def _ortools_routes(manager: Any, model: Any, follower: Callable[[int], int]) -> Routes:
    routes = []
    for vehicle in range(model.vehicles()):
        index, route = model.Start(vehicle), []
        while not model.IsEnd(index):
            route.append(manager.IndexToNode(index))
            index = follower(index)
        if len(route) > 1:
            routes.append(route[1:])  # without the depot
    return routes


def _distances(case: Case) -> np.ndarray:
    """Integer distances between all nodes, int64 [n+1, n+1]; see the module's docstring."""
    size = case.size + 1
    blocks: Iterable[tuple[int, np.ndarray]]
    if case.distances is not None:
        blocks, longest = [(0, case.distances)], float(case.distances.max())
        rounded = case.distances.dtype == np.int64
    else:
        assert case.coords is not None
        blocks = tsplib.distance_rows(case.coords, case.metric)
        longest = math.hypot(*np.ptp(case.coords, axis=0))
        rounded = case.metric != "EUCLIDEAN"
        if rounded:  # MAN_2D is longer than the straight line, GEO at most half round the earth
            longest = 25_000.0 if case.metric == "GEO" else 2 * longest + 1
    if rounded:  # a solution has at most 2 n legs
        scale = min(1.0, LARGEST_SUM / max(longest * 2 * size, 1.0))
    else:
        power = 5 - math.ceil(math.log10(longest / 1.5)) if longest > 0 else 0
        scale = 10.0 ** min(power, 300)
    table = np.empty((size, size), dtype=np.int64)
    for first, block in blocks:
        table[first : first + len(block)] = np.rint(block * scale)
    return table


def _loads(case: Case) -> tuple[list[int], int]:
    """Integer demands of all nodes, the depot's 0 included, and the capacity."""
    demand = [Fraction(repr(value)) for value in case.demand.tolist()]
    capacity = min(Fraction(repr(float(case.capacity))), sum(demand, Fraction(0)))
    shared = math.lcm(*(value.denominator for value in demand))
    measure = Fraction(math.gcd(*(int(value * shared) for value in demand)), shared)
    if not measure:  # nobody demands anything
        return [0] * len(demand), 0
    if capacity / measure <= DEEPEST_CAPACITY:
        return [int(value / measure) for value in demand], math.floor(capacity / measure)
    millionth = capacity / FALLBACK_CAPACITY
    return [math.ceil(value / millionth) for value in demand], FALLBACK_CAPACITY


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

"""Classical solvers on a mixed fleet: OR-Tools routing, PyVRP, and an annealing of our own.

The first two count in integers: distances, times and costs are multiplied so that the greatest is
about a million, speeds are those beside the fastest. Demands are divided by their greatest common
measure, which is exact; where that leaves a capacity above 10^9 they are rounded up to millionths
of the largest capacity, so that an answer always fits.
"""

import importlib.util
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from nco.core.errors import NCOError
from nco.problems.hcvrp import annealing
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.registry.interface import Solver

Routes = list[list[int]]

GREATEST = 1e6  # of the distances that solvers see
SLOWEST = 1e-6  # of the fastest vehicle's speed
SPAN = 1000  # weight of the last vehicle's time beside all distances
SPARE = 3  # visits to the depot beyond those that the demands need
DEEPEST, COARSE = 10**9, 10**6  # capacities: the largest that is kept exact, and else
# PyVRP is asked to shorten the best time by this share, and by half as much where it finds nothing
FIRST, LEAST = 0.15, 0.01
ROUND = 150  # iterations until it has found nothing; twice as many each time at the least share


ROUTING = (
    "ortools.constraint_solver.pywrapcp",
    "ortools.constraint_solver.routing_enums_pb2",
    "ortools.constraint_solver.routing_parameters_pb2",
)
PYVRP = ("pyvrp", "pyvrp.exceptions", "pyvrp.stop")


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=ROUTING),
        "pyvrp": Solver(pyvrp, modules=PYVRP),
        "anneal": Solver(anneal, found=True, iterations=True),
        "polish": Solver(polish, found=True, iterations=True, modules=PYVRP),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", *(name for name in ("pyvrp", "ortools") if importlib.util.find_spec(name))]


def _feasible(case: Case, start: Routes | None) -> Routes | None:
    """A warm start that breaks no rule."""
    return start if start is not None and check(case, start).feasible else None


def _loads(case: Case) -> tuple[list[int], list[int]]:
    """Integer demands of all nodes, the depot's 0 included, and the vehicles' capacities."""
    demand, capacities = (
        [Fraction(repr(value)) for value in values.tolist()]
        for values in (case.demand, case.capacities)
    )
    shared = math.lcm(*(value.denominator for value in demand))
    measure = Fraction(math.gcd(*(int(value * shared) for value in demand)), shared) or Fraction(1)
    most = max(capacities)
    if most / measure > DEEPEST:
        measure = most / COARSE
    return [math.ceil(value / measure) for value in demand], [
        math.floor(value / measure) for value in capacities
    ]


def _distances(case: Case) -> np.ndarray:
    """float64 [n+1, n+1], the longest GREATEST."""
    table = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1)
    return table * (GREATEST / max(float(table.max()), 1e-300))


def _speeds(case: Case) -> np.ndarray:
    """Of the fastest: counted in integers, a file's own unit may leave nothing of the times.

    What is a millionth as fast is not driven anyway, and its times must not overflow.
    """
    return np.maximum(case.speeds / case.speeds.max(), SLOWEST)


def _offered(case: Case, start: Routes | None) -> list[list[int]]:
    """The vehicles that solvers are told of, equal ones in a list; some of many equal ones.

    Of equal vehicles, any two that carry no more than one can may as well be one: fewer than 2 D /
    Q + 1 carry a total demand D in some plan of the least cost.
    """
    demand, capacities = _loads(case)
    used = {vehicle for vehicle, route in enumerate(start or []) if route}
    kinds: dict[tuple[float, ...], list[int]] = {}
    columns = np.stack([case.capacities, case.speeds, case.fixed, case.unit], 1).tolist()
    for vehicle, size in enumerate(capacities):
        equal = kinds.setdefault(tuple(columns[vehicle]), [])
        enough = case.objective != MIN_MAX and len(equal) > 2 * sum(demand) / max(size, 1)
        if vehicle in used or not enough:
            equal.append(vehicle)
    return list(kinds.values())


def _trips(route: Sequence[int]) -> list[list[int]]:
    """The non-empty runs of customers between the zeros."""
    trips: list[list[int]] = [[]]
    for node in route:
        if node:
            trips[-1].append(node)
        else:
            trips.append([])
    return [trip for trip in trips if trip]


def _joined(trips: Sequence[Sequence[int]]) -> list[int]:
    """The route of some trips."""
    return [node for trip in trips if trip for node in (0, *trip)][1:]


def anneal(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int = annealing.STEPS,
) -> Routes:
    """Ruin and recreate for the time of the last vehicle, never worse than where it begins.

    A case of the total cost, or of more than `annealing.LARGEST` customers, is left as it is.

    Args:
        case: the case.
        time_limit: seconds from here on; None for `iterations` steps.
        seed: of the random numbers.
        start: routes to improve instead of the construction; ignored where they are infeasible.
        found: is called with better routes on the way.
    """
    begun = time.perf_counter()
    first = _feasible(case, start) or case.construct()
    if case.objective != MIN_MAX or not 0 < case.size <= annealing.LARGEST:
        return first
    demand, capacities = _loads(case)
    speeds = _speeds(case).tolist()
    table = _distances(case)
    search = annealing.Annealing(table, demand, capacities, speeds, first, Random(seed))
    if time_limit is not None:
        time_limit -= time.perf_counter() - begun
    return annealing.improve(search, time_limit=time_limit, found=found, iterations=iterations)


def polish(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int = annealing.STEPS,
) -> Routes | None:
    """`anneal` where it can; large cases and the total cost go to PyVRP, or else to OR-Tools."""
    if case.objective == MIN_MAX and case.size <= annealing.LARGEST:
        return anneal(
            case, time_limit=time_limit, seed=seed, start=start, found=found, iterations=iterations
        )
    other = pyvrp if importlib.util.find_spec("pyvrp") else ortools
    return other(case, time_limit=time_limit, seed=seed, start=start)


# --------------------------------------------------------------------------------------------------
# OR-Tools


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: Routes | None = None
) -> Routes | None:
    """OR-Tools: parallel cheapest insertion, then guided local search until the time is up.

    The time of the last vehicle is the span of a dimension in which every vehicle has its own
    transits; optional copies of the depot stand for visits on the way.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None stops at the first solution.
        seed: unused; the search is deterministic but for its clock.
        start: routes to improve instead of a first solution; ignored where they are infeasible.

    Returns:
        One route a vehicle, or None where no solution was found.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    begun = time.monotonic()
    if case.size == 0:
        return [[] for _ in case.capacities]
    start = _feasible(case, start)
    node = _nodes(case, start)
    fleet = [vehicle for equal in _offered(case, start) for vehicle in equal]
    manager = pywrapcp.RoutingIndexManager(len(node), len(fleet), 0)
    model = pywrapcp.RoutingModel(manager)
    _add_loads(model, manager, case, node, fleet)
    _add_costs(model, case, node, fleet)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    parameters.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION
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
    initial = None
    if start is not None:
        copies = iter(range(case.size + 1, len(node)))
        chosen = [_joined(_trips(start[vehicle])) for vehicle in fleet]
        stops = [[stop or next(copies) for stop in route] for route in chosen]
        initial = model.ReadAssignmentFromRoutes(stops, True)
    if initial is None:
        answer = model.SolveWithParameters(parameters)
    else:
        answer = model.SolveFromAssignmentWithParameters(initial, parameters)
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    for vehicle, route in zip(fleet, _ortools_routes(manager, model, answer, node), strict=True):
        routes[vehicle] = route
    return routes


def _nodes(case: Case, start: Routes | None) -> list[int]:
    """What each node of the model stands for: the depot, the customers, copies of the depot."""
    copies = 0
    if case.objective == MIN_MAX:
        demand, capacities = _loads(case)
        copies = math.ceil(sum(demand) / max(min(capacities), max(demand), 1)) + SPARE
        # bin packing may need more: as many as suffice for certain
        known = start if start is not None else case.construct()
        copies = max(copies, sum(route.count(0) for route in known))
    return [*range(case.size + 1), *[0] * copies]


def _add_loads(
    model: Any, manager: Any, case: Case, node: Sequence[int], fleet: Sequence[int]
) -> None:
    demand, every = _loads(case)
    capacities, most = [every[vehicle] for vehicle in fleet], max(every)
    taken = [demand[stop] for stop in node]
    copies = range(case.size + 1, len(node))
    for copy in copies:  # whatever is on board may be unloaded there
        taken[copy] = -most
    evaluator = model.RegisterUnaryTransitVector(taken)
    model.AddDimensionWithVehicleCapacity(evaluator, most, capacities, True, "load")
    load = model.GetDimensionOrDie("load")
    for index in range(1, case.size + 1):
        load.SlackVar(manager.NodeToIndex(index)).SetValue(0)
    for vehicle in range(len(capacities)):
        load.SlackVar(model.Start(vehicle)).SetValue(0)
    for copy in copies:
        model.AddDisjunction([manager.NodeToIndex(copy)], 0)


def _add_costs(model: Any, case: Case, node: Sequence[int], fleet: Sequence[int]) -> None:
    table = _distances(case)[np.ix_(node, node)]

    def evaluator(factor: float) -> Any:
        return model.RegisterTransitMatrix(np.rint(table * factor).astype(np.int64).tolist())

    if case.objective == MIN_MAX:
        speeds = _speeds(case)
        every = {speed: evaluator(1 / speed) for speed in set(speeds.tolist())}
        own = [every[float(speeds[vehicle])] for vehicle in fleet]
        most = int(2 * len(node) * GREATEST / speeds.min())
        model.AddDimensionWithVehicleTransits(own, 0, most, True, "time")
        model.GetDimensionOrDie("time").SetGlobalSpanCostCoefficient(SPAN)
        model.SetArcCostEvaluatorOfAllVehicles(evaluator(1.0))
        return
    dear = max(float(case.unit.max()), 1e-300)  # costs are counted in units of this
    every = {unit: evaluator(unit / dear) for unit in set(case.unit.tolist())}
    for number, vehicle in enumerate(fleet):
        model.SetArcCostEvaluatorOfVehicle(every[float(case.unit[vehicle])], number)
        fixed = float(case.fixed[vehicle]) / dear * _factor(case)
        model.SetFixedCostOfVehicle(round(min(fixed, 2.0**50)), number)


def _factor(case: Case) -> float:
    """What `_distances` multiplies lengths by."""
    spread = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1).max()
    return GREATEST / max(float(spread), 1e-300)


def _ortools_routes(
    manager: Any, model: Any, answer: Any, node: Sequence[int]
) -> Iterator[list[int]]:
    for vehicle in range(model.vehicles()):
        index, stops = model.Start(vehicle), []
        while not model.IsEnd(index):
            stops.append(node[manager.IndexToNode(index)])
            index = answer.Value(model.NextVar(index))
        yield _joined(_trips(stops))


# --------------------------------------------------------------------------------------------------
# PyVRP


def pyvrp(
    case: Case, *, time_limit: float | None, seed: int, start: Routes | None = None
) -> Routes | None:
    """PyVRP's iterated local search.

    It adds up costs and does not know the time of the last vehicle, but the longest that a route
    may take: so it is asked again and again for any plan that takes a little less than the best
    one so far, from that one on; by half as much less where it finds none.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first feasible solution.
        seed: of PyVRP's own random numbers.
        start: routes to begin from; ignored where they are infeasible.
    """
    try:
        import pyvrp as solver
        from pyvrp.exceptions import PenaltyBoundWarning
    except ImportError as error:
        raise NCOError("pyvrp is not installed: pip install 'nco-solver[solvers]'") from error
    begun = time.monotonic()
    if case.size == 0:
        return [[] for _ in case.capacities]
    start = _feasible(case, start)
    deadline = None if time_limit is None else begun + time_limit
    with warnings.catch_warnings():  # it tells that feasible solutions are rare
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        if case.objective == MIN_MAX:
            return _shortened(solver, case, deadline, seed, start)
        fleet = _offered(case, start)
        data = _pyvrp_data(solver, case, None, fleet)
        return _pyvrp(solver, case, data, fleet, deadline, seed, start)


def _shortened(
    solver: Any, case: Case, deadline: float | None, seed: int, start: Routes | None
) -> Routes | None:
    """Plans of ever less time until the deadline; without one the first."""
    best = start if start is not None else case.construct()
    latest = check(case, best).cost
    assert latest is not None
    share, rounds, fleet = FIRST, ROUND, _offered(case, None)
    while deadline is not None and time.monotonic() < deadline and latest > 0:
        data = _pyvrp_data(solver, case, float(latest) * (1 - share), fleet)
        found = _pyvrp(solver, case, data, fleet, deadline, seed, best, rounds)
        cost = None if found is None else check(case, found).cost
        if found is not None and cost is not None and cost < latest:
            best, latest = found, cost
        else:
            rounds = rounds if share > LEAST else 2 * rounds
            seed, share = (seed + 1) % 2**31, max(share / 2, LEAST)
    return best


def _pyvrp(
    solver: Any,
    case: Case,
    data: Any,
    fleet: Sequence[Sequence[int]],
    deadline: float | None,
    seed: int,
    start: Routes | None,
    rounds: int | None = None,
) -> Routes | None:
    """One run; with `rounds` it ends at the first feasible plan, or after so many iterations."""
    from pyvrp.stop import FirstFeasible, MaxIterations, MaxRuntime, MultipleCriteria

    stops: list[Any] = []
    if deadline is None:
        stops = [FirstFeasible(), MaxIterations(10_000)]
    else:
        stops = [MaxRuntime(max(0.0, deadline - time.monotonic()))]
    if rounds is not None:
        stops += [FirstFeasible(), MaxIterations(rounds)]
    initial = None if start is None else _pyvrp_solution(solver, data, fleet, start)
    result = solver.solve(
        data,
        MultipleCriteria(stops),
        seed=seed,
        collect_stats=False,
        display=False,
        params=_pyvrp_parameters(solver, data),
        initial_solution=initial,
    )
    return _pyvrp_routes(case, fleet, result.best) if result.best.is_feasible() else None


def _pyvrp_data(
    solver: Any, case: Case, latest: float | None, fleet: Sequence[Sequence[int]]
) -> Any:
    """PyVRP's own model: location 0 is the depot, client i - 1 is customer i."""
    demand, capacities = _loads(case)
    table, factor = _distances(case), _factor(case)
    places = [solver.Location(0.0, 0.0) for _ in range(case.size + 1)]  # it measures by matrices
    clients = [solver.Client(i, delivery=[demand[i]]) for i in range(1, case.size + 1)]
    dear = max(float(case.unit.max()), 1e-300)  # costs are counted in units of this
    kinds, near, times = [], [], []
    for number, equal in enumerate(fleet):
        vehicle = equal[0]
        options: dict[str, Any] = {"capacity": [capacities[vehicle]], "profile": number}
        near.append(np.rint(table * (float(case.unit[vehicle]) / dear)).astype(np.int64))
        times.append(np.zeros_like(near[-1]))
        if latest is None:
            fixed = float(case.fixed[vehicle]) / dear * factor
            options["fixed_cost"] = round(min(fixed, 2.0**50))
        else:  # rounded up, so that what keeps the limit keeps it exactly
            times[-1] = np.ceil(table / float(_speeds(case)[vehicle])).astype(np.int64)
            shift = math.floor(latest * factor * float(case.speeds.max()))
            options |= {"shift_duration": shift, "reload_depots": [0]}
        kinds.append(solver.VehicleType(len(equal), **options))
    return solver.ProblemData(places, clients, [solver.Depot(0)], kinds, near, times)


def _pyvrp_parameters(solver: Any, data: Any) -> Any:
    """PyVRP's defaults, but one unit too much on a vehicle may cost more than another vehicle."""
    load = sum(client.delivery[0] for client in data.clients())
    fixed = max(kind.fixed_cost for kind in data.vehicle_types())
    dear = max(100_000, 4 * int(GREATEST) + fixed)
    dear = min(dear, 2**62 // max(load, 1))  # the product must not overflow
    return solver.SolveParams(penalty=solver.PenaltyParams(max_penalty=float(dear)))


def _pyvrp_solution(solver: Any, data: Any, fleet: Sequence[Sequence[int]], start: Routes) -> Any:
    client, depot = solver.ActivityType.CLIENT, solver.ActivityType.DEPOT
    routes = []
    for number, equal in enumerate(fleet):
        for vehicle in equal:
            stops = [
                solver.Activity(client, stop - 1) if stop else solver.Activity(depot, 0)
                for stop in _joined(_trips(start[vehicle]))
            ]
            if stops:
                routes.append(solver.Route(data, stops, number))
    return solver.Solution(data, routes)


def _pyvrp_routes(case: Case, fleet: Sequence[Sequence[int]], best: Any) -> Routes:
    routes: Routes = [[] for _ in case.capacities]
    free = [iter(equal) for equal in fleet]
    for route in best.routes():
        stops = [part.idx + 1 if part.is_client() else 0 for part in route.schedule()]
        routes[next(free[route.vehicle_type()])] = _joined(_trips(stops))
    return routes

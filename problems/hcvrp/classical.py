"""Classical solvers on a mixed fleet: OR-Tools routing, PyVRP, and an annealing of our own.

The first two count in whole numbers: distances, times and costs are multiplied so that the greatest
is about a million, and speeds are shares of the fastest one. Demands are whole as
`nco.problems._routing.integers` makes them.
"""

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from nco.problems._common import clock
from nco.problems._common.decimals import exact
from nco.problems._routing import integers, with_ortools, with_pyvrp
from nco.problems.hcvrp import annealing
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.registry.interface import Solver

Routes = list[list[int]]

GREATEST = 1e6  # of the distances that solvers see
SLOWEST = 1e-6  # of the fastest vehicle's speed
SPAN = 1000  # weight of the last vehicle's time beside all distances
SPARE = 3  # visits to the depot beyond those that the demands need
# PyVRP is asked to shorten the best time by this share, and by half as much where it finds nothing
FIRST, LEAST = 0.15, 0.01
LARGEST_FIXED = 2.0**50  # cost of a vehicle
ROUND = 150  # iterations until it has found nothing; twice as many each time at the least share


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "pyvrp": Solver(pyvrp, modules=with_pyvrp.MODULES),
        "anneal": Solver(anneal, found=True, iterations=True),
        "polish": Solver(polish, found=True, iterations=True, modules=with_pyvrp.MODULES),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return ["polish", *(name for name in ("pyvrp", "ortools") if importlib.util.find_spec(name))]


def _feasible(case: Case, start: Routes | None) -> Routes | None:
    """A warm start that breaks no rule."""
    return start if start is not None and check(case, start).feasible else None


def _loads(case: Case) -> integers.Loads:
    """Whole demands of all nodes, the depot's 0 included, and the vehicles' capacities."""
    demand, capacities = (
        [exact(value) for value in values.tolist()] for values in (case.demand, case.capacities)
    )
    return integers.loads(demand, capacities)


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
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    if case.size == 0:
        return [[] for _ in case.capacities]
    start = _feasible(case, start)
    node = _nodes(case, start)
    fleet = [vehicle for equal in _offered(case, start) for vehicle in equal]
    model = _ortools_model(case, node, fleet)
    initial = None
    if start is not None:
        copies = iter(range(case.size + 1, len(node)))
        chosen = [_joined(_trips(start[vehicle])) for vehicle in fleet]
        initial = [[stop or next(copies) for stop in route] for route in chosen]
    search = with_ortools.Search(deadline, "PARALLEL_CHEAPEST_INSERTION")
    answer = with_ortools.solve(model, search, start=initial)
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    for vehicle, stops in zip(fleet, answer, strict=True):
        routes[vehicle] = _joined(_trips([node[stop] for stop in stops]))
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


def _ortools_model(case: Case, node: Sequence[int], fleet: Sequence[int]) -> with_ortools.Model:
    """The depot and the customers, of `node`s; copies of the depot are visited where it pays."""
    copies = range(case.size + 1, len(node))
    dimensions = [_load_dimension(case, node, fleet)]
    table = _distances(case)[np.ix_(node, node)]
    costs, fixed = [_whole(table)], []
    if case.objective == MIN_MAX:
        dimensions.append(_time_dimension(case, table, fleet))
    else:
        dear = _dearest(case)
        every = {unit: _whole(table * (unit / dear)) for unit in set(case.unit.tolist())}
        costs = [every[float(case.unit[vehicle])] for vehicle in fleet]
        fixed = [_fixed(case, vehicle) for vehicle in fleet]
    return with_ortools.Model(
        nodes=len(node),
        starts=[0] * len(fleet),
        costs=costs,
        fixed=fixed,
        dimensions=dimensions,
        optional=dict.fromkeys(copies, 0),
    )


def _load_dimension(
    case: Case, node: Sequence[int], fleet: Sequence[int]
) -> with_ortools.Dimension:
    """What is on board; at a copy of the depot it may be unloaded, all or in part."""
    demand, every = _loads(case)
    most = max(every)
    taken = [demand[stop] for stop in node]
    for copy in range(case.size + 1, len(node)):
        taken[copy] = -most
    capacities = [every[vehicle] for vehicle in fleet]
    customers = range(1, case.size + 1)
    return with_ortools.Dimension("load", [taken], capacities, slack=most, firm=customers)


def _time_dimension(case: Case, table: np.ndarray, fleet: Sequence[int]) -> with_ortools.Dimension:
    """How long each vehicle is under way, by its own speed."""
    speeds = _speeds(case)
    every = {speed: _whole(table * (1 / speed)) for speed in set(speeds.tolist())}
    most = int(2 * len(table) * GREATEST / speeds.min())
    own = [every[float(speeds[vehicle])] for vehicle in fleet]
    return with_ortools.Dimension("time", own, [most] * len(fleet), span=SPAN)


def _whole(table: np.ndarray) -> np.ndarray:
    """The nearest integers, int64."""
    return np.rint(table).astype(np.int64)


def _dearest(case: Case) -> float:
    """The greatest cost of a unit of length, in which solvers count costs."""
    return max(float(case.unit.max()), 1e-300)


def _fixed(case: Case, vehicle: int) -> int:
    """The whole cost of using a vehicle."""
    cost = float(case.fixed[vehicle]) / _dearest(case) * _factor(case)
    return round(min(cost, LARGEST_FIXED))


def _factor(case: Case) -> float:
    """What `_distances` multiplies lengths by."""
    spread = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1).max()
    return GREATEST / max(float(spread), 1e-300)


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
    with_pyvrp.load()
    deadline = clock.deadline(time_limit)
    if case.size == 0:
        return [[] for _ in case.capacities]
    start = _feasible(case, start)
    if case.objective == MIN_MAX:
        return _shortened(case, deadline, seed, start)
    fleet = _offered(case, start)
    return _pyvrp(case, _pyvrp_model(case, fleet), fleet, with_pyvrp.Limit(deadline), seed, start)


def _shortened(
    case: Case, deadline: float | None, seed: int, start: Routes | None
) -> Routes | None:
    """Plans of ever less time until the deadline; without one the first."""
    best = start if start is not None else case.construct()
    latest = check(case, best).cost
    assert latest is not None
    share, rounds, fleet = FIRST, ROUND, _offered(case, None)
    while deadline is not None and time.monotonic() < deadline and latest > 0:
        model = _pyvrp_model(case, fleet, float(latest) * (1 - share))
        limit = with_pyvrp.Limit(deadline, rounds, feasible=True)
        routes = _pyvrp(case, model, fleet, limit, seed, best)
        cost = None if routes is None else check(case, routes).cost
        if routes is not None and cost is not None and cost < latest:
            best, latest = routes, cost
        else:
            rounds = rounds if share > LEAST else 2 * rounds
            seed, share = (seed + 1) % 2**31, max(share / 2, LEAST)
    return best


def _pyvrp(
    case: Case,
    model: with_pyvrp.Model,
    fleet: Sequence[Sequence[int]],
    limit: with_pyvrp.Limit,
    seed: int,
    start: Routes | None,
) -> Routes | None:
    """One run; `fleet` holds the vehicles of each of the model's types."""
    dearest = max(kind.fixed_cost for kind in model.vehicles)
    answer = with_pyvrp.solve(
        model,
        limit,
        seed=seed,
        start=None if start is None else _pyvrp_routes(fleet, start),
        price=4 * int(GREATEST) + dearest,  # one unit too much may cost more than a vehicle
    )
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    free = [iter(equal) for equal in fleet]
    for route in answer:
        stops = [stop + 1 if stop >= 0 else 0 for stop in route.stops]
        routes[next(free[route.vehicle])] = _joined(_trips(stops))
    return routes


def _pyvrp_routes(fleet: Sequence[Sequence[int]], start: Routes) -> list[with_pyvrp.Route]:
    """Routes to start from; customer i is client i - 1, and a 0 is a visit to depot 0."""
    routes = []
    for kind, equal in enumerate(fleet):
        for vehicle in equal:
            stops = _joined(_trips(start[vehicle]))
            routes.append(with_pyvrp.Route([stop - 1 if stop else ~0 for stop in stops], kind))
    return routes


def _pyvrp_model(
    case: Case, fleet: Sequence[Sequence[int]], latest: float | None = None
) -> with_pyvrp.Model:
    """A type of vehicle, with matrices of its own, for each list of equal ones.

    Args:
        case: the case.
        fleet: lists of equal vehicles.
        latest: when the last vehicle must be back; None: costs count and times do not.
    """
    library = with_pyvrp.load()
    demand, capacities = _loads(case)
    table, factor, dear = _distances(case), _factor(case), _dearest(case)
    kinds, distances, durations = [], [], []
    for number, equal in enumerate(fleet):
        vehicle = equal[0]
        options: dict[str, Any] = {"capacity": [capacities[vehicle]], "profile": number}
        distances.append(_whole(table * (float(case.unit[vehicle]) / dear)))
        durations.append(np.zeros_like(distances[-1]))
        if latest is None:
            options["fixed_cost"] = _fixed(case, vehicle)
        else:  # rounded up, so that what keeps the limit keeps it exactly
            durations[-1] = np.ceil(table / float(_speeds(case)[vehicle])).astype(np.int64)
            shift = math.floor(latest * factor * float(case.speeds.max()))
            options |= {"shift_duration": shift, "reload_depots": [0]}
        kinds.append(library.VehicleType(len(equal), **options))
    clients = [library.Client(i, delivery=[demand[i]]) for i in range(1, case.size + 1)]
    return with_pyvrp.Model(clients, kinds, distances, durations)

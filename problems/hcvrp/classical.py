"""Classical solvers on a mixed fleet: OR-Tools routing, PyVRP, and ruin and recreate.

The first two count in whole numbers: distances, times and costs are multiplied so that the greatest
is about a million, and speeds are shares of the fastest one. Demands are whole as
`nco.problems._routing.integers` makes them.
"""

import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.problems._common import clock
from nco.problems._common.decimals import exact
from nco.problems._routing import integers, with_ortools, with_pyvrp
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.registry.interface import Solver

if TYPE_CHECKING:  # it imports numba
    from nco.problems._routing.kernels import fleet

Routes = list[list[int]]

GREATEST = 1e6  # of the distances that solvers see
SLOWEST = 1e-6  # of the fastest vehicle's speed
SPAN = 1000  # weight of the last vehicle's time beside all distances
SPARE = 3  # visits to the depot beyond those that the demands need
# PyVRP is asked to shorten the best time by this share, and by half as much where it finds nothing
FIRST, LEAST = 0.15, 0.01
LARGEST_FIXED = 2.0**50  # cost of a vehicle
STEPS, LEAST_STEPS = 500, 10_000  # of ruin and recreate without a limit: a customer, and in all
ROUND = 150  # iterations until it has found nothing; twice as many each time at the least share


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "pyvrp": Solver(pyvrp, modules=with_pyvrp.MODULES),
        "sisr": Solver(
            sisr,
            found=True,
            iterations=100,
            modules=("nco.problems._routing.kernels.fleet",),
            kernels="nco.problems._routing.kernels.warm",
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"sisr": "numba", "pyvrp": "pyvrp", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]


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
    """Speeds as shares of the fastest one, so that the unit of a file makes no difference.

    They are at least `SLOWEST`, so that no time overflows: a slower vehicle is not used anyway.
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


def _tidy(route: Sequence[int]) -> list[int]:
    """The route without visits to the depot at its ends, or after one another."""
    stops: list[int] = []
    for node in route:
        if node or (stops and stops[-1]):
            stops.append(node)
    return stops[:-1] if stops and not stops[-1] else stops


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int | None = None,
) -> Routes:
    """Ruin and recreate by a compiled kernel: strings of customers leave their routes and return.

    Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
    Problems", with vehicles that drive several trips, and routes that change their vehicle.

    Args:
        case: the case.
        time_limit: seconds from here on, importing numba included; None for `STEPS` of its steps a
            customer, where there is no number of `iterations` either.
        seed: of the random numbers.
        start: routes to begin from; ignored where they are infeasible.
        found: is called with better solutions on the way.
        iterations: steps, after which it stops unless the time is up before; equal numbers of
            steps give equal answers on every machine.
    """
    until = None if time_limit is None else time.perf_counter() + time_limit
    from nco.problems._common.kernels import chance
    from nco.problems._common.kernels.driver import Span, anneal_anew
    from nco.problems._routing.kernels import fleet
    from nco.problems._routing.kernels.searching import length

    if case.size == 0:
        return [[] for _ in case.capacities]
    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * case.size)
    start = _feasible(case, start)
    owners = _owners(case, start)
    task = _task(case, owners)
    first, settings = None if start is None else _owned(owners, start), fleet.usual(task)

    def begin(number: int) -> "tuple[fleet.Search, float]":
        own = chance.further(seed, number)
        search = fleet.Search(task, own, None if number else first)
        if search.best() is None:  # a fleet with hardly any room to spare
            search = fleet.Search(task, own, _owned(owners, case.construct()))
        return search, settings.hot if first is None or number else settings.warm

    annealed = anneal_anew(
        begin,
        settings.cold,
        Span(until, iterations),
        length(case.size),
        None if found is None else lambda owned: found(_driven(case, owners, owned)),
    )
    best = annealed.search.best()
    assert best is not None  # it began with all customers served
    return _driven(case, owners, best)


def _owners(case: Case, start: Routes | None) -> list[list[int]]:
    """The vehicles whose routes the search does not tell apart."""
    if case.objective == MIN_MAX:
        return [[vehicle] for vehicle in range(len(case.capacities))]
    return _offered(case, start)


def _task(case: Case, owners: Sequence[Sequence[int]]) -> "fleet.Task":
    """What the kernel solves, in units of which the width and height together are 1."""
    from nco.problems._routing.kernels import fleet

    demand, capacities = _loads(case)
    first = [equal[0] for equal in owners]
    width = float(np.ptp(case.coords, axis=0).sum()) or 1.0
    counts, fixed = [fleet.MANY] * len(owners), np.zeros(len(owners))
    if case.objective == MIN_MAX:
        rates = 1.0 / _speeds(case)[first]
    else:
        dear = _dearest(case)
        counts = [len(equal) for equal in owners]
        fixed = np.minimum(case.fixed[first] / dear / width, LARGEST_FIXED)
        rates = case.unit[first] / dear
    return fleet.Task(
        coords=case.coords / width,
        demand=np.array(demand, dtype=np.int64),
        capacities=np.array(capacities, dtype=np.int64)[first],
        counts=np.array(counts, dtype=np.int64),
        fixed=fixed,
        rates=rates,
        last=case.objective == MIN_MAX,
    )


def _owned(owners: Sequence[Sequence[int]], routes: Routes) -> "fleet.Owned":
    """All trips, each with the number of its owner."""
    owned = []
    for owner, equal in enumerate(owners):
        for vehicle in equal:
            trips = itertools.groupby(routes[vehicle], bool)
            owned += [(owner, list(stops)) for customers, stops in trips if customers]
    return owned


def _driven(case: Case, owners: Sequence[Sequence[int]], owned: "fleet.Owned") -> Routes:
    """A route of each vehicle, with a visit to the depot between two trips."""
    routes: Routes = [[] for _ in case.capacities]
    free = [itertools.cycle(equal) for equal in owners]
    for owner, stops in owned:
        vehicle = next(free[owner])
        routes[vehicle] += [0, *stops] if routes[vehicle] else stops
    return routes


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
        chosen = [_tidy(start[vehicle]) for vehicle in fleet]
        initial = [[stop or next(copies) for stop in route] for route in chosen]
    search = with_ortools.Search(deadline, "PARALLEL_CHEAPEST_INSERTION")
    answer = with_ortools.solve(model, search, start=initial)
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    for vehicle, stops in zip(fleet, answer, strict=True):
        routes[vehicle] = _tidy([node[stop] for stop in stops])
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
    """The answer of one run; `fleet` holds the vehicles of each of the model's types."""
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
        routes[next(free[route.vehicle])] = _tidy(stops)
    return routes


def _pyvrp_routes(fleet: Sequence[Sequence[int]], start: Routes) -> list[with_pyvrp.Route]:
    """Routes to start from; customer i is client i - 1, and a 0 is a visit to depot 0."""
    routes = []
    for kind, equal in enumerate(fleet):
        for vehicle in equal:
            stops = _tidy(start[vehicle])
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

"""OR-Tools' routing on a mixed fleet."""

import math
from collections.abc import Sequence

import numpy as np

from nco.problems._common import clock
from nco.problems._routing import with_ortools
from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.problems.hcvrp.solvers import scaled
from nco.problems.hcvrp.solvers.scaled import Routes

SPAN = 1000  # weight of the last vehicle's time beside all distances
SPARE = 3  # visits to the depot beyond those that the demands need


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
    start = scaled.feasible(case, start)
    node = _nodes(case, start)
    fleet = [vehicle for equal in scaled.offered(case, start) for vehicle in equal]
    model = _ortools_model(case, node, fleet)
    initial = None
    if start is not None:
        copies = iter(range(case.size + 1, len(node)))
        chosen = [scaled.tidy(start[vehicle]) for vehicle in fleet]
        initial = [[stop or next(copies) for stop in route] for route in chosen]
    search = with_ortools.Search(deadline, "PARALLEL_CHEAPEST_INSERTION")
    answer = with_ortools.solve(model, search, start=initial)
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    for vehicle, stops in zip(fleet, answer, strict=True):
        routes[vehicle] = scaled.tidy([node[stop] for stop in stops])
    return routes


def _nodes(case: Case, start: Routes | None) -> list[int]:
    """What each node of the model stands for: the depot, the customers, copies of the depot."""
    copies = 0
    if case.objective == MIN_MAX:
        demand, capacities = scaled.loads(case)
        copies = math.ceil(sum(demand) / max(min(capacities), max(demand), 1)) + SPARE
        # bin packing may need more: as many as suffice for certain
        known = start if start is not None else case.construct()
        copies = max(copies, sum(route.count(0) for route in known))
    return [*range(case.size + 1), *[0] * copies]


def _ortools_model(case: Case, node: Sequence[int], fleet: Sequence[int]) -> with_ortools.Model:
    """The depot and the customers, of `node`s; copies of the depot are visited where it pays."""
    copies = range(case.size + 1, len(node))
    dimensions = [_load_dimension(case, node, fleet)]
    table = scaled.distances(case)[np.ix_(node, node)]
    costs, fixed = [scaled.whole(table)], []
    if case.objective == MIN_MAX:
        dimensions.append(_time_dimension(case, table, fleet))
    else:
        dear = scaled.dearest(case)
        every = {unit: scaled.whole(table * (unit / dear)) for unit in set(case.unit.tolist())}
        costs = [every[float(case.unit[vehicle])] for vehicle in fleet]
        fixed = [scaled.fixed(case, vehicle) for vehicle in fleet]
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
    demand, every = scaled.loads(case)
    most = max(every)
    taken = [demand[stop] for stop in node]
    for copy in range(case.size + 1, len(node)):
        taken[copy] = -most
    capacities = [every[vehicle] for vehicle in fleet]
    customers = range(1, case.size + 1)
    return with_ortools.Dimension("load", [taken], capacities, slack=most, firm=customers)


def _time_dimension(case: Case, table: np.ndarray, fleet: Sequence[int]) -> with_ortools.Dimension:
    """How long each vehicle is under way, by its own speed."""
    speeds = scaled.speeds(case)
    every = {speed: scaled.whole(table * (1 / speed)) for speed in set(speeds.tolist())}
    most = int(2 * len(table) * scaled.GREATEST / speeds.min())
    own = [every[float(speeds[vehicle])] for vehicle in fleet]
    return with_ortools.Dimension("time", own, [most] * len(fleet), span=SPAN)

"""PyVRP on a mixed fleet."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from nco.problems._common import clock
from nco.problems._routing import with_pyvrp
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.problems.hcvrp.solvers import scaled
from nco.problems.hcvrp.solvers.scaled import Routes

# PyVRP is asked to shorten the best time by this share, and by half as much where it finds nothing
FIRST, LEAST = 0.15, 0.01
ROUND = 150  # iterations until it has found nothing; twice as many each time at the least share


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
    start = scaled.feasible(case, start)
    if case.objective == MIN_MAX:
        return _shortened(case, deadline, seed, start)
    fleet = scaled.offered(case, start)
    return _pyvrp(case, _pyvrp_model(case, fleet), fleet, with_pyvrp.Limit(deadline), seed, start)


def _shortened(
    case: Case, deadline: float | None, seed: int, start: Routes | None
) -> Routes | None:
    """Plans of ever less time until the deadline; without one the first."""
    best = start if start is not None else case.construct()
    latest = check(case, best).cost
    assert latest is not None
    share, rounds, fleet = FIRST, ROUND, scaled.offered(case, None)
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
        price=4 * int(scaled.GREATEST) + dearest,  # one unit too much may cost more than a vehicle
    )
    if answer is None:
        return None
    routes: Routes = [[] for _ in case.capacities]
    free = [iter(equal) for equal in fleet]
    for route in answer:
        stops = [stop + 1 if stop >= 0 else 0 for stop in route.stops]
        routes[next(free[route.vehicle])] = scaled.tidy(stops)
    return routes


def _pyvrp_routes(fleet: Sequence[Sequence[int]], start: Routes) -> list[with_pyvrp.Route]:
    """Routes to start from; customer i is client i - 1, and a 0 is a visit to depot 0."""
    routes = []
    for kind, equal in enumerate(fleet):
        for vehicle in equal:
            stops = scaled.tidy(start[vehicle])
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
    demand, capacities = scaled.loads(case)
    table, factor, dear = scaled.distances(case), scaled.factor(case), scaled.dearest(case)
    kinds, distances, durations = [], [], []
    for number, equal in enumerate(fleet):
        vehicle = equal[0]
        options: dict[str, Any] = {"capacity": [capacities[vehicle]], "profile": number}
        distances.append(scaled.whole(table * (float(case.unit[vehicle]) / dear)))
        durations.append(np.zeros_like(distances[-1]))
        if latest is None:
            options["fixed_cost"] = scaled.fixed(case, vehicle)
        else:  # rounded up, so that what keeps the limit keeps it exactly
            durations[-1] = np.ceil(table / float(scaled.speeds(case)[vehicle])).astype(np.int64)
            shift = math.floor(latest * factor * float(case.speeds.max()))
            options |= {"shift_duration": shift, "reload_depots": [0]}
        kinds.append(library.VehicleType(len(equal), **options))
    clients = [library.Client(i, delivery=[demand[i]]) for i in range(1, case.size + 1)]
    return with_pyvrp.Model(clients, kinds, distances, durations)

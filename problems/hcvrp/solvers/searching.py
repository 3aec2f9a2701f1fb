"""Ruin and recreate by the compiled kernel of different vehicles."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.problems.hcvrp.files import MIN_MAX, Case
from nco.problems.hcvrp.solvers import scaled
from nco.problems.hcvrp.solvers.scaled import Routes

if TYPE_CHECKING:  # it imports numba
    from nco.problems._routing.kernels import fleet

STEPS, LEAST_STEPS = 500, 10_000  # of ruin and recreate without a limit: a customer, and in all


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
    start = scaled.feasible(case, start)
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
    return scaled.offered(case, start)


def _task(case: Case, owners: Sequence[Sequence[int]]) -> "fleet.Task":
    """What the kernel solves, in units of which the width and height together are 1."""
    from nco.problems._routing.kernels import fleet

    demand, capacities = scaled.loads(case)
    first = [equal[0] for equal in owners]
    width = float(np.ptp(case.coords, axis=0).sum()) or 1.0
    counts, fixed = [fleet.MANY] * len(owners), np.zeros(len(owners))
    if case.objective == MIN_MAX:
        rates = 1.0 / scaled.speeds(case)[first]
    else:
        dear = scaled.dearest(case)
        counts = [len(equal) for equal in owners]
        fixed = np.minimum(case.fixed[first] / dear / width, scaled.LARGEST_FIXED)
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

"""Planning again: from yesterday's plan, or from one that is partly driven, to a better one.

What has happened becomes data of a normal case (`remaining`), which every solver takes. With a
price for changes, each former route has matrices of costs of its own, in which the way to a client
of another one costs more by the price: solvers then weigh changes as any other cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.checking.schedule import schedule
from nco.problems.vrp.formats import clock
from nco.problems.vrp.remaining import Match, Remaining
from nco.problems.vrp.ways import ways

LARGEST = 5 * 10**7  # numbers of all matrices of costs together


@dataclass(frozen=True)
class Again:
    """What is left to plan.

    Attributes:
        case: of what is left.
        start: the former plan in its numbers.
        priced: the same case for solvers, with a price for changes; `case` where there is none.
        priced_start: the former plan in its numbers.
        kinds: for each type of `priced` its type in `case`.
        stability: the price of a client that changes vehicle.
    """

    case: Case
    start: list[Route]
    priced: Case
    priced_start: list[Route]
    kinds: Sequence[int]
    stability: float

    def back(self, solution: Sequence[Any]) -> list[Route]:
        """A plan of `priced` as one of `case`."""
        return [Route(self.kinds[vehicle], list(stops)) for vehicle, stops in solution if stops]

    def measures(self, solution: Sequence[Any]) -> dict[str, float]:
        """How many clients of a plan of `priced` changed their vehicle, and what that is worth."""
        changed = _changed(self.priced, self.priced_start, solution)
        return {"changed vehicle": float(changed), "price of changes": changed * self.stability}


def again(
    case: Case,
    start: Sequence[Any],
    before: Case,
    frozen: float | str | Sequence[int] | None,
    stability: float,
) -> Again:
    """The case of what is left of a plan, and the plan in it.

    Args:
        case: with all customers, those that were served included.
        start: the plan so far, of `before`.
        before: the case that it was made for, which may be `case`. Clients, depots and types of
            vehicles are the same by their names where both cases have such, else by their numbers.
        frozen: what has happened: the time now, also as a time of the day, or for each route with
            stops how many of them are driven. None: nothing.
        stability: what it costs that a client changes its vehicle.

    Raises:
        InstanceError: what does not fit together.
    """
    if isinstance(frozen, str):
        frozen = _time(frozen)
    routes = [route for route in before.indexed(start) if route.stops]
    matched = Match(before, case)
    ahead = Remaining(case, before, routes, schedule(before, routes), matched, frozen)
    left, plan = ahead.made() if ahead.has_begun else (case, matched.plan(routes))
    if not stability:
        return Again(left, plan, left, plan, range(len(left.vehicles)), 0.0)
    priced, priced_plan, kinds = _priced(left, plan, stability)
    return Again(left, plan, priced, priced_plan, kinds, stability)


def _time(text: str) -> float:
    """A time of the day in minutes, or a number."""
    minutes = clock.minutes(text)
    if minutes is not None:
        return minutes
    try:
        return float(text)
    except ValueError:
        reason = "must be a time such as 10:30 or 630, or counts of stops such as 2,0,3"
        raise InstanceError(reason, field="frozen", value=text) from None


def _priced(case: Case, plan: list[Route], price: float) -> tuple[Case, list[Route], list[int]]:
    """The case with costs as distances, of which each route of the plan has its own."""
    kinds = [route.vehicle for route in plan]
    used = {kind: kinds.count(kind) for kind in kinds}
    others = [
        position
        for position, kind in enumerate(case.vehicles)
        if kind.count is None or kind.count > used.get(position, 0)
    ]
    size = case.first_client + case.size
    if (len(kinds) + len(others)) * size * size > LARGEST:
        reason = f"{len(kinds)} routes of {size} places are too many: change plans without it"
        raise InstanceError(reason, field="stability", value=price, path=case.path)
    limited = next((kind for kind in case.vehicles if np.isfinite(kind.max_distance)), None)
    if limited is not None:
        reason = "is not for vehicles with a maximal distance, as it prices the ways"
        raise InstanceError(reason, field="stability", value=price, path=case.path)
    clients = [stop for route in plan for stop in route.stops if stop >= case.first_client]
    vehicles, distances, durations = [], [], []
    for number, position in enumerate([*kinds, *others]):
        kind, own = case.vehicles[position], ways(case, position)
        dearer = np.zeros(size)
        dearer[clients] = price
        count: int | None = 1
        if number < len(plan):
            dearer[plan[number].stops] = 0
        elif kind.count is None:
            count = None
        else:
            count = kind.count - used.get(position, 0)
        vehicles.append(replace(kind, count=count, unit_distance=1.0, profile=number))
        distances.append(own.distance * kind.unit_distance + dearer[None])
        durations.append(own.duration)
    all_kinds = [*kinds, *others]
    allowed = tuple(
        None if some is None else tuple(k for k, kind in enumerate(all_kinds) if kind in some)
        for some in case.allowed
    )
    priced = replace(
        case,
        vehicles=tuple(vehicles),
        metric="EXPLICIT",
        distances=tuple(distances),
        durations=tuple(durations),
        allowed=allowed,
    )
    return priced, [Route(k, route.stops) for k, route in enumerate(plan)], all_kinds


def _changed(case: Case, before: Sequence[Any], after: Sequence[Any]) -> int:
    """Clients that another vehicle serves than before: routes are those that share most clients."""
    first = case.first_client
    old = [(vehicle, {s for s in stops if s >= first}) for vehicle, stops in before]
    new = [(vehicle, {s for s in stops if s >= first}) for vehicle, stops in after]
    shared = sorted(
        (-len(clients & others), k, j)
        for k, (vehicle, clients) in enumerate(old)
        for j, (other, others) in enumerate(new)
        if vehicle == other
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    stayed = 0
    for count, k, j in shared:
        if k not in taken[0] and j not in taken[1]:
            taken[0].add(k)
            taken[1].add(j)
            stayed -= count
    served = set().union(*(clients for _, clients in new)) if new else set()
    return len({c for _, clients in old for c in clients} & served) - stayed

"""A certified lower bound of rich routing plans, by q-routes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.core.case import Bound
from nco.problems._routing import metrics, q_routes
from nco.problems.vrp.case import Backhauls, Case, VehicleType
from nco.problems.vrp.ways import Ways, ways

LARGEST = 500  # clients
TABLE = 1e-7  # seconds for each pair of clients and type of vehicle
SLACK = 1e-6  # relative, by which a client must be too late for a leg to be left out


class Load(NamedTuple):
    """Something of which a route takes the sum over its clients, up to a limit of its vehicle.

    Attributes:
        each: float64 [n], at least 0.
        limits: of each type of vehicle; infinite: none.
    """

    each: np.ndarray
    limits: list[float]

    def trips(self) -> float:
        """How many of the largest vehicles it needs."""
        most = max(self.limits)
        return float(self.each.sum()) / most if most > 0 else 0.0


def applies(case: Case) -> bool:
    """Whether a case has a bound, if there is time for it."""
    members = [place for group in case.groups for place in group.clients]
    return 0 < case.size <= LARGEST and len(set(members)) == len(members)


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The bound by q-routes (`_routing.q_routes`) of a relaxed case.

    Proof. A plan's trips, each from a depot or a reload to the next one, are the routes. A leg
    costs at least what its type of vehicle pays for the distance and for the time of travel and of
    half the service at either end; the fixed cost of a vehicle is part of the leg from its own
    depot. A leg that would be too late even from the first opening of a window, or leads from a
    pickup to a delivery that must come before, is in no feasible plan. Of all that a trip has a
    limit of - a dimension of what it delivers or picks up, its stops, its distance, its time - the
    one counts that needs most trips; a client's part of a distance or a time is its service and the
    shortest way to it. Waiting, overtime, breaks and all other rules only add to the cost, or
    forbid plans. A client that is not served costs its prize. Of a group one client at most is
    served: it is one client, at the cheapest of its members' costs, and all its prizes but the
    greatest are lost in every plan.

    With tight windows a plan costs much more than such routes, and the bound is weak.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed number of passes.
        known: the cost of a plan, where the search ends.

    Returns:
        None for more than `LARGEST` clients, where a client is in two groups, or where there is no
        time.
    """
    fleet = [position for position, kind in enumerate(case.vehicles) if kind.count != 0]
    seconds = time_limit
    if time_limit is not None:
        seconds = time_limit - TABLE * len(fleet) * case.size**2
    members = [[case.client(place) for place in group.clients] for group in case.groups]
    grouped = {row for rows in members for row in rows}
    if not applies(case) or not fleet or (seconds is not None and seconds <= 0):
        return None
    driven = [ways(case, position) for position in fleet]
    load = max(_loads(case, fleet, driven), key=Load.trips)
    legs = [
        q_routes.Legs(*_legs(case, position, _surely(case, way)), limit)
        for position, way, limit in zip(fleet, driven, load.limits, strict=True)
    ]
    loads, prize, lost = load.each, np.where(case.required, np.inf, case.prize), 0.0
    for group, rows in zip(case.groups, members, strict=True):
        prizes = case.prize[rows]
        lost += float(prizes.sum() - prizes.max())
        prize[rows] = np.inf if group.required else prizes.max()
    if members:
        nodes = [*([row] for row in range(case.size) if row not in grouped), *members]
        legs = [_joined(each, nodes) for each in legs]
        loads, prize = _least(loads, nodes), _least(prize, nodes)
    wanted = None if known is None else 2 * (float(known) - lost)
    twice_cost = q_routes.bound(legs, loads.tolist(), 2 * prize, wanted, seconds)
    if twice_cost is None:
        return None
    value = twice_cost / 2 + lost
    return Bound(
        int(value) if isinstance(twice_cost, int) and value.is_integer() else value, "q-routes"
    )


def _least(values: np.ndarray, nodes: Sequence[Sequence[int]]) -> np.ndarray:
    """The least value of the members of each node, along the first axis."""
    return np.stack([values[rows].min(0) for rows in nodes])


def _joined(legs: q_routes.Legs, nodes: Sequence[Sequence[int]]) -> q_routes.Legs:
    """Members of each node as one customer."""
    between = _least(_least(legs.between, nodes).T, nodes).T
    return q_routes.Legs(
        between, _least(legs.first, nodes), _least(legs.last, nodes), legs.capacity
    )


def _legs(case: Case, position: int, way: Ways) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Between clients [n, n], to a first one and from a last one [n]; twice what a type pays.

    Twice, so that halves of whole services are whole.
    """
    kind, depots = case.vehicles[position], len(case.depots)
    cost = 2 * (kind.unit_distance * way.distance + kind.unit_duration * way.duration)
    service = kind.unit_duration * case.service
    between = cost[depots:, depots:] + service[:, None] + service
    between[_backwards(case) | _too_late(case, way.duration[depots:, depots:])] = np.inf
    first, last = np.full(case.size, np.inf), np.full(case.size, np.inf)
    for depot, fixed in _beginnings(kind):
        first = np.minimum(first, cost[depot, depots:] + service + 2 * fixed)
    for end in (kind.end, *kind.reloads):
        last = np.minimum(last, service if end is None else cost[depots:, end] + service)
    barred = [some is not None and position not in some for some in case.allowed]
    between[barred] = between[:, barred] = first[barred] = last[barred] = np.inf
    return between, first, last


def _beginnings(kind: VehicleType) -> list[tuple[int, float]]:
    """Where trips begin, and what is paid for that."""
    return [(kind.start, kind.fixed), *((depot, 0.0) for depot in kind.reloads)]


def _surely(case: Case, way: Ways) -> Ways:
    """What distances and times are at least, however their formula is computed."""
    if case.distances:
        return way
    distance = metrics.surely(way.distance, case.metric)
    stated = bool(case.durations)
    return Ways(distance, way.duration if stated else metrics.surely(way.duration, case.metric))


def _too_late(case: Case, duration: np.ndarray) -> np.ndarray:
    """Bool [n, n], whether a client cannot be reached from another within any of its windows."""
    opens = np.array([some[0].open if some else -np.inf for some in case.windows])
    closes = np.array([some[-1].close if some else np.inf for some in case.windows])
    arrival = (opens + case.service)[:, None] + duration
    slack = SLACK * np.maximum(1.0, np.where(np.isfinite(closes), np.abs(closes), 0.0))
    return np.asarray(arrival > closes + slack)


def _backwards(case: Case) -> np.ndarray:
    """Bool [n, n], whether a leg leads from a pickup to a delivery, which must come before it."""
    if case.backhauls is Backhauls.MIXED:
        return np.zeros((case.size, case.size), dtype=bool)
    shipped = _shipped(case)
    delivers = (case.delivery > 0).any(1) & ~shipped
    picks = (case.pickup > 0).any(1) & ~shipped
    return np.asarray((picks & ~delivers)[:, None] & (delivers & ~picks))


def _shipped(case: Case) -> np.ndarray:
    """Bool [n], whether a client is one end of a shipment: a vehicle need not hold all of them."""
    shipped = np.zeros(case.size, dtype=bool)
    shipped[[case.client(place) for pair in case.shipments for place in pair]] = True
    return shipped


def _loads(case: Case, fleet: Sequence[int], driven: Sequence[Ways]) -> list[Load]:
    """All that trips have a limit of; a limit is never less than the case's."""
    kinds, size, depots = (
        [case.vehicles[position] for position in fleet],
        case.size,
        len(case.depots),
    )
    stops = [float(size if kind.max_stops is None else kind.max_stops) for kind in kinds]
    found = [Load(np.ones(size), [min(limit, float(size)) for limit in stops])]
    shipped = _shipped(case)
    for dimension in range(case.delivery.shape[1]):
        limits = [
            kind.capacity[dimension] if dimension < len(kind.capacity) else math.inf
            for kind in kinds
        ]
        for amounts in (case.delivery, case.pickup):
            found.append(Load(np.where(shipped, 0.0, amounts[:, dimension]), limits))
    near, soon = (
        np.min([np.min(values[:, depots:] + _self(values[:, depots:]), 0) for values in parts], 0)
        for parts in zip(*driven, strict=True)
    )
    found.append(Load(near, [kind.max_distance for kind in kinds]))
    lasts = [
        min(kind.max_duration + kind.max_overtime, kind.shift.close - kind.shift.open)
        for kind in kinds
    ]
    found.append(Load(soon + case.service, lasts))
    return [load for load in found if all(map(math.isfinite, load.limits))]


def _self(values: np.ndarray) -> np.ndarray:
    """Infinite where a place leads to itself, else 0; both [D+n, n]."""
    depots = values.shape[0] - values.shape[1]
    alone = np.zeros_like(values)
    alone[np.arange(depots, len(values)), np.arange(values.shape[1])] = np.inf
    return alone

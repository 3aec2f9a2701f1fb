"""Neighbouring routes of a large plan as smaller cases, which keep their vehicles.

A client that the plan leaves out goes to the part it is nearest to, so that it may find a place
there. The members of a group and of a shipment stay together.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

import numpy as np

from nco.problems._routing.grouping import grouped
from nco.problems.vrp.case import Case, Group, Route, Shipment
from nco.registry.interface import Part


class Members(NamedTuple):
    """Where a part lies in the whole.

    Attributes:
        places: the whole's number of each of the part's places; vehicles: of each of its types.
    """

    places: list[int]
    vehicles: list[int]


def cut(case: Case, solution: Sequence[Route], most: int, random: Random) -> list[Part]:
    """Groups of routes that lie side by side, with at most `most` clients or one route each.

    The groups are about equal and as few as can be (`grouped`), along lines of random direction.
    Without coordinates, routes are grouped in the order of their distance from one of them.
    """
    routes = [Route(vehicle, list(stops)) for vehicle, stops in solution if stops]
    if not routes:
        return []
    centres = np.array([_centre(case, routes[0], route) for route in routes])
    sizes = [len(route.stops) for route in routes]
    groups = grouped(sizes, centres, most, random.uniform(0, math.pi))
    added = _left_out(case, routes, groups, centres)
    return [
        _part(case, [routes[number] for number in group], more)
        for group, more in zip(groups, added, strict=True)
    ]


def join(case: Case, solution: Sequence[Route], part: Part, better: Sequence[Route]) -> list[Route]:
    """The solution with the routes of a part's clients replaced by those of `better`."""
    members: Members = part.members
    inside = set(members.places[case.first_client :])
    kept = [Route(vehicle, list(stops)) for vehicle, stops in solution]
    kept = [route for route in kept if route.stops and not inside & set(route.stops)]
    return kept + [
        Route(members.vehicles[vehicle], [members.places[stop] for stop in stops])
        for vehicle, stops in better
        if stops
    ]


def _centre(case: Case, first: Route, route: Route) -> np.ndarray:
    """A point in the plane for a route ``[2]``; without coordinates, one on a line."""
    clients = [stop for stop in route.stops if stop >= case.first_client]
    if case.coords is not None:
        return np.asarray(case.coords[clients or [0]].mean(0))
    table = case.distances[case.vehicles[route.vehicle].profile]
    return np.array([float(table[first.stops[0], clients or [0]].mean()), 0.0])


def _left_out(
    case: Case, routes: Sequence[Route], groups: Sequence[Sequence[int]], centres: np.ndarray
) -> list[list[int]]:
    """For each group of routes the clients that no route serves, but one of its parts may."""
    of_client = {
        stop: part
        for part, group in enumerate(groups)
        for number in group
        for stop in routes[number].stops
    }
    middles = np.array([centres[list(group)].mean(0) for group in groups])
    together: dict[int, tuple[int, ...]] = {
        place: (place,) for place in range(case.first_client, _places(case))
    }
    for pair in case.shipments:
        together |= dict.fromkeys(pair, tuple(pair))
    for each in case.groups:
        together |= dict.fromkeys(each.clients, each.clients)
    added: list[list[int]] = [[] for _ in groups]
    for place, friends in together.items():
        if place in of_client:
            continue
        known = [of_client[friend] for friend in friends if friend in of_client]
        part = known[0] if known else _nearest(case, friends[0], middles)
        added[part].append(place)
    return added


def _places(case: Case) -> int:
    return case.first_client + case.size


def _nearest(case: Case, place: int, middles: np.ndarray) -> int:
    """The part whose middle is nearest to a place; without coordinates the first one."""
    if case.coords is None:
        return 0
    return int(np.square(middles - case.coords[place]).sum(1).argmin())


def _part(case: Case, routes: Sequence[Route], more: Sequence[int]) -> Part:
    """Some routes, and clients that they may serve beside theirs, as a case of their own."""
    first = case.first_client
    served = [stop for route in routes for stop in route.stops if stop >= first]
    places = [*range(first), *served, *more]
    number = {place: position for position, place in enumerate(places)}
    types = sorted({route.vehicle for route in routes})
    used = {vehicle: sum(route.vehicle == vehicle for route in routes) for vehicle in types}
    rows = np.array(places[first:]) - first
    small = replace(
        case,
        name=f"{case.name}, {len(rows)} clients",
        names={},
        degrees=None,
        vehicles=tuple(
            kind if kind.count is None else replace(kind, count=used[vehicle])
            for vehicle, kind in ((vehicle, case.vehicles[vehicle]) for vehicle in types)
        ),
        coords=None if case.coords is None else case.coords[places],
        distances=tuple(table[np.ix_(places, places)] for table in case.distances),
        durations=tuple(table[np.ix_(places, places)] for table in case.durations),
        windows=tuple(case.windows[row] for row in rows),
        allowed=tuple(_allowed(case, row, types) for row in rows),
        groups=tuple(
            Group(tuple(number[place] for place in group.clients), group.required)
            for group in case.groups
            if group.clients[0] in number
        ),
        shipments=tuple(
            Shipment(number[pair.pickup], number[pair.delivery])
            for pair in case.shipments
            if pair.pickup in number
        ),
        **{
            name: getattr(case, name)[rows]
            for name in ("delivery", "pickup", "service", "release", "prize", "required")
        },
    )
    own = [Route(types.index(route.vehicle), [number[s] for s in route.stops]) for route in routes]
    return Part(small, own, Members(places, types))


def _allowed(case: Case, row: int, types: Sequence[int]) -> tuple[int, ...] | None:
    """The positions, among a part's types, of those that may serve a client."""
    stated = case.allowed[row]
    if stated is None:
        return None
    return tuple(position for position, vehicle in enumerate(types) if vehicle in stated)

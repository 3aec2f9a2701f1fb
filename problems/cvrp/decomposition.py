"""Neighbouring routes of a solution as smaller CVRPs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np

from nco.problems._routing.grouping import grouped
from nco.problems.cvrp.files import Case
from nco.registry.interface import Part

Routes = list[list[int]]


def cut(case: Case, solution: Routes, most: int, random: Random) -> list[Part]:
    """Groups of routes that lie side by side, with at most `most` customers or one route each.

    The groups are about equal and as few as can be (`grouped`), along lines of random direction.
    Without coordinates, routes are grouped in the order of their distance from one of them.
    """
    routes = [list(route) for route in solution if route]
    if not routes:
        return []
    centres = _centres(case, routes)
    groups = grouped([len(route) for route in routes], centres, most, random.uniform(0, math.pi))
    return [_part(case, [routes[i] for i in group]) for group in groups]


def join(case: Case, solution: Routes, part: Part, better: Routes) -> Routes:
    """The solution with the routes of a part's customers replaced by those of `better`."""
    inside = set(part.members)
    kept = [list(route) for route in solution if route and route[0] not in inside]
    return kept + [[part.members[customer - 1] for customer in route] for route in better if route]


def _centres(case: Case, routes: Routes) -> np.ndarray:
    """A point in the plane for each route ``[R, 2]``."""
    if case.coords is not None:
        return np.array([case.coords[route].mean(0) for route in routes])
    assert case.distances is not None
    firsts = [route[len(route) // 2] for route in routes]
    apart = case.distances[firsts[0], firsts].astype(np.float64)
    return np.stack([apart, np.zeros_like(apart)], 1)


def _part(case: Case, routes: Routes) -> Part:
    """Some routes as a case of their own, whose customers count from 1."""
    members = [customer for route in routes for customer in route]
    nodes = np.array([0, *members])
    small = replace(
        case,
        name=f"{case.name}, {len(members)} customers",
        coords=None if case.coords is None else case.coords[nodes],
        distances=None if case.distances is None else case.distances[np.ix_(nodes, nodes)],
        demand=case.demand[nodes],
        vehicles=None if case.vehicles is None else len(routes),
        display=None,
    )
    return Part(small, _numbered(routes), members)


def _numbered(routes: Sequence[Sequence[int]]) -> Routes:
    """The same routes with customers counted from 1 in their order."""
    count = 0
    numbered = []
    for route in routes:
        numbered.append(list(range(count + 1, count + len(route) + 1)))
        count += len(route)
    return numbered

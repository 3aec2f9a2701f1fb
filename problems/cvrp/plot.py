"""Draws routes, a colour each, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.core.words import amount
from nco.problems._routing import pictures
from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import Case
from nco.problems.cvrp.sheet import table
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: Sequence[Sequence[int]], ax: "Axes") -> None:
    """Draws the routes from and to the depot; the title says the name and the cost.

    Args:
        case: without coordinates (an explicit matrix alone), its customers stand on a circle
            around the depot in their own order.
        solution: routes of customers from 1 to n, the depot left out.
        ax: where to draw; its aspect becomes equal.
    """
    points = pictures.places_around_depot(case, case.size)
    routes = [list(route) for route in solution if len(route)]
    paths = [points[[0, *route, 0]] for route in routes]
    rows = table(case, routes)
    lengths = pictures.lengths(rows)
    looks = pictures.dealt(paths)
    for k, (route, path) in enumerate(zip(routes, paths, strict=True)):
        load = float(case.demand[route].sum())
        label = pictures.measures(f"route {k + 1}", lengths[k + 1], load, case.capacity)
        few = case.size <= pictures.FEW
        pictures.draw_route(ax, path, looks[k], f"route-{k + 1}", label, few)
    pictures.draw_depot(ax, points[0], case.called("stops", 0) or "depot")
    own = Table(rows.columns, [row for row in rows.rows if row[2]])
    stops = np.array([row[2] for row in own.rows], dtype=np.int64)
    groups = [f"route-{row[0]}" for row in own.rows]
    demand = {"demand": case.demand[stops].tolist()}
    pictures.add_stops(ax, case, own, points[stops], groups, demand)
    cost = check(case, routes).cost
    shown = "" if cost is None else f": length {amount(cost, case.cost_unit)}"
    pictures.legend(ax, len(routes))
    count = f"{len(routes)} route{'s' * (len(routes) != 1)}"
    pictures.entitle(ax, case.name, f"{shown}, {count}", pictures.aspect_of(case))

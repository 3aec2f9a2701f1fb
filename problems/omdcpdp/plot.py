"""Draws routes, a colour each: depots as squares, pickups as triangles, deliveries as dots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.core.words import amount
from nco.pictures import colours, things
from nco.problems._routing import pictures
from nco.problems.omdcpdp.check import check
from nco.problems.omdcpdp.files import Case
from nco.problems.omdcpdp.sheet import table
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 100  # orders up to which marks are of full size


def plot(case: Case, solution: Sequence[Sequence[int]], ax: "Axes") -> None:
    """Draws each vehicle's way from its depot to its last delivery, and the legend of the marks.

    Args:
        case: M vehicles and n orders.
        solution: for each vehicle its stops; an order's number, negative where it is delivered.
        ax: where to draw; its aspect becomes equal.
    """
    routes = case.indexed(solution)
    few = case.size <= FEW
    rows = table(case, solution)
    lengths = pictures.lengths(rows)
    ways = [
        np.array([depot, *(_where(case, stop) for stop in route)])
        for depot, route in zip(case.depots, routes, strict=False)
    ]
    used = [vehicle for vehicle, route in enumerate(routes[: len(ways)]) if len(route)]
    looks = dict(zip(used, pictures.dealt([ways[k] for k in used]), strict=True))
    for vehicle in used:
        name = case.called("vehicles", vehicle) or f"vehicle {vehicle + 1}"
        label = pictures.measures(name, lengths[vehicle + 1])
        gid, look = f"route-{vehicle + 1}", looks[vehicle]
        pictures.draw_route(ax, ways[vehicle], look, gid, label, few, marked=False)
        for kind, marker in ((1, "^"), (-1, "o")):
            own = ways[vehicle][1:][np.sign(routes[vehicle]) == kind]
            mark: dict[str, Any] = {"color": colours.line(look), "linestyle": "none"}
            ax.plot(*own.T, marker=marker, markersize=5.0 if few else 2.5, zorder=3, **mark)
    pictures.draw_depot(ax, case.depots, "")
    for label, marker in (("pickup", "^"), ("delivery", "o")):
        ax.plot([], [], color="0.4", marker=marker, linestyle="none", label=label)
    _add_things(ax, case, rows)
    cost = check(case, routes).cost
    shown = "" if cost is None else f": cost {amount(cost, case.cost_unit)}"
    pictures.legend(ax, len(used))
    pictures.entitle(ax, case.name, f"{shown}, {len(used)} of {len(case.depots)} vehicles")


def _add_things(ax: "Axes", case: Case, rows: Table) -> None:
    """What is known of each stop, and of each vehicle's depot."""
    count = len(case.depots)
    names = [case.called("vehicles", k) or f"depot {k + 1}" for k in range(count)]
    gids = [f"route-{k + 1}" for k in range(count)]
    things.add(ax, "depot", names, case.depots, {}, gids, reach=pictures.DEPOT)
    stops = Table(rows.columns, [row for row in rows.rows if row[3]])
    places = np.array([_where(case, row[3]) for row in stops.rows]).reshape(-1, 2)
    groups = [f"route-{row[0]}" for row in stops.rows]
    pictures.add_stops(ax, case, stops, places, groups)


def _where(case: Case, stop: int) -> np.ndarray:
    """The place of a stop."""
    return case.pickups[stop - 1] if stop > 0 else case.deliveries[-stop - 1]

"""Draws routes, a colour a vehicle, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.core.words import amount
from nco.problems._routing import pictures
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import Case
from nco.problems.hcvrp.sheet import table
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: Sequence[Sequence[int]], ax: "Axes") -> None:
    """Draws every vehicle's route from the depot and back; the title says the name and the cost.

    Args:
        case: its coordinates are drawn.
        solution: one route a vehicle, 0 where it is loaded anew.
        ax: where to draw; its aspect becomes equal.
    """
    used = [vehicle for vehicle, route in enumerate(solution) if any(route)]
    paths = [case.coords[[0, *solution[vehicle], 0]] for vehicle in used]
    rows = table(case, solution)
    lengths = pictures.lengths(rows)
    looks = pictures.dealt(paths)
    for k, (vehicle, path) in enumerate(zip(used, paths, strict=True)):
        load = float(case.demand[list(solution[vehicle])].sum())
        of = None if 0 in solution[vehicle] else float(case.capacities[vehicle])
        name = case.called("vehicles", vehicle) or f"vehicle {vehicle + 1}"
        label = pictures.measures(name, lengths[vehicle + 1], load, of)
        gid, few = f"route-{vehicle + 1}", case.size <= pictures.FEW
        pictures.draw_route(ax, path, looks[k], gid, label, few)
    pictures.draw_depot(ax, case.coords[0], case.called("stops", 0) or "depot")
    own = Table(rows.columns, [row for row in rows.rows if row[3]])
    stops = np.array([row[3] for row in own.rows], dtype=np.int64)
    groups = [f"route-{row[0]}" for row in own.rows]
    demand = {"demand": case.demand[stops].tolist()}
    pictures.add_stops(ax, case, own, case.coords[stops], groups, demand)
    cost = check(case, solution).cost
    shown = "" if cost is None else f": cost {amount(cost, case.cost_unit)}"
    pictures.legend(ax, len(used))
    pictures.entitle(ax, case.name, f"{shown}, {len(used)} of {len(case.capacities)} vehicles")

"""Draws routes, a colour a vehicle, and the depot as a square."""

import colorsys
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOLDEN = (math.sqrt(5) - 1) / 2  # steps of this fraction keep any number of hues apart


def plot(case: Case, solution: Sequence[Sequence[int]], ax: "Axes") -> None:
    """Draws every vehicle's route from the depot and back; the title says the name and the cost.

    Args:
        case: its coordinates are drawn.
        solution: one route a vehicle, 0 where it is loaded anew.
        ax: where to draw; its aspect becomes equal.
    """
    used = 0
    for vehicle, route in enumerate(solution):
        if not len(route):
            continue
        used += 1
        path = case.coords[[0, *route, 0]]
        colour = colorsys.hsv_to_rgb(vehicle * GOLDEN % 1.0, 0.85, 0.55 + 0.3 * (vehicle % 2))
        ax.plot(
            path[:, 0],
            path[:, 1],
            color=colour,
            linewidth=1.0,
            marker=".",
            markersize=4,
            label=f"vehicle {vehicle + 1}",
        )
    ax.plot(*case.coords[0], color="black", marker="s", markersize=7, linestyle="none", zorder=3)
    if 0 < used <= 12:
        ax.legend(fontsize="small")
    cost = check(case, solution).cost
    shown = "" if cost is None else f": {cost:.6g}"
    ax.set_title(f"{case.name}{shown}, {used} vehicles")
    ax.set_aspect("equal", adjustable="datalim")

"""Draws routes, a colour a vehicle, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nco.problems._routing import pictures
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        ax.plot(
            path[:, 0],
            path[:, 1],
            color=pictures.colour(vehicle),
            linewidth=1.0,
            marker=".",
            markersize=4,
            label=f"vehicle {vehicle + 1}",
        )
    pictures.draw_depot(ax, case.coords[0])
    if 0 < used <= 12:
        ax.legend(fontsize="small")
    cost = check(case, solution).cost
    shown = "" if cost is None else f": {cost:.6g}"
    pictures.entitle(ax, case.name, f"{shown}, {used} vehicles")

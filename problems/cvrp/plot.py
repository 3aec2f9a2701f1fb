"""Draws routes, a colour each, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nco.problems._routing import pictures
from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import Case

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
    for number, route in enumerate(routes):
        path = points[[0, *route, 0]]
        colour = pictures.colour(number)
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.0, marker=".", markersize=4)
    pictures.draw_depot(ax, points[0])
    cost = check(case, routes).cost
    shown = "" if cost is None else f": {cost:.6g}" if isinstance(cost, float) else f": {cost}"
    pictures.entitle(ax, case.name, f"{shown}, {len(routes)} routes")

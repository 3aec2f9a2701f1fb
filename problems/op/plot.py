"""Draws a route, the prizes by size, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.problems._routing import pictures
from nco.problems.op.check import check
from nco.problems.op.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 60.0  # area of the marker of the highest prize, in square points, up to `pictures.FEW`


def plot(case: Case, solution: Sequence[int], ax: "Axes") -> None:
    """Draws the route from and to the depot; the title says the name and the prize.

    Args:
        case: without coordinates (an explicit matrix alone), its customers stand on a circle
            around the depot in their own order.
        solution: the visited customers' numbers, the depot left out.
        ax: where to draw; its aspect becomes equal.
    """
    route = np.array(case.indexed(solution), dtype=np.int64)
    points = pictures.places_around_depot(case, case.size)
    path = points[np.concatenate([[0], route, [0]])]
    ax.plot(
        path[:, 0],
        path[:, 1],
        color="tab:blue",
        linewidth=1.2 if case.size <= pictures.FEW else 0.6,
    )
    visited = np.zeros(case.size + 1, dtype=bool)
    visited[route] = True
    area = case.prizes / max(float(case.prizes.max()), 1e-300) * LARGEST
    area = np.maximum(area * min(1.0, pictures.FEW / max(case.size, 1)), 1.0)
    for chosen, colour in ((visited, "tab:blue"), (~visited, "0.75")):
        chosen[0] = False
        shrink = 1.0 if colour == "tab:blue" else 0.4
        x, y = points[chosen].T
        ax.scatter(x, y, s=area[chosen] * shrink, color=colour, zorder=3, linewidths=0)
    pictures.draw_depot(ax, points[0])
    prize = check(case, list(solution)).objective
    figures = f": prize {prize:.6g}, {len(route)} of {case.size} visited"
    pictures.entitle(ax, case.name, figures)

"""Draws routes, a colour each, and the depot as a square."""

import colorsys
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.problems.cvrp.check import check
from nco.problems.cvrp.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOLDEN = (math.sqrt(5) - 1) / 2  # steps of this fraction keep any number of hues apart


def plot(case: Case, solution: Sequence[Sequence[int]], ax: "Axes") -> None:
    """Draws the routes from and to the depot; the title says the name and the cost.

    Args:
        case: without coordinates (an explicit matrix alone), its customers stand on a circle
            around the depot in their own order.
        solution: routes of customers from 1 to n, the depot left out.
        ax: where to draw; its aspect becomes equal.
    """
    points = _points(case)
    routes = [list(route) for route in solution if len(route)]
    for number, route in enumerate(routes):
        path = points[[0, *route, 0]]
        ax.plot(
            path[:, 0], path[:, 1], color=_colour(number), linewidth=1.0, marker=".", markersize=4
        )
    ax.plot(*points[0], color="black", marker="s", markersize=7, linestyle="none", zorder=3)
    cost = check(case, routes).cost
    shown = "" if cost is None else f": {cost:.6g}" if isinstance(cost, float) else f": {cost}"
    ax.set_title(f"{case.name}{shown}, {len(routes)} routes")
    ax.set_aspect("equal", adjustable="datalim")


def _points(case: Case) -> np.ndarray:
    """Where each node is drawn, [n+1, 2]."""
    points = case.display if case.display is not None else case.coords
    if points is None:
        angle = np.linspace(0.0, 2 * np.pi, case.size, endpoint=False)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        return np.concatenate([np.zeros((1, 2)), circle])
    # A GEO row is latitude, longitude: north belongs on top.
    return points[:, ::-1] if case.metric == "GEO" and case.display is None else points


def _colour(number: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.85, 0.55 + 0.3 * (number % 2))

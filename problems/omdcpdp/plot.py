"""Draws routes, a colour each: depots as squares, pickups as triangles, deliveries as dots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.problems._routing import pictures
from nco.problems.omdcpdp.check import check
from nco.problems.omdcpdp.files import Case

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
    size = 5.0 if case.size <= FEW else 2.5
    for number, (depot, route) in enumerate(zip(case.depots, routes, strict=False)):
        colour = pictures.colour(number)
        path = np.array([depot, *(_where(case, stop) for stop in route)])
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.0)
        for kind, marker in ((1, "^"), (-1, "o")):
            own = path[1:][np.sign(route) == kind]
            ax.plot(
                own[:, 0], own[:, 1], color=colour, marker=marker, markersize=size, linestyle="none"
            )
    marks = [("depot", "s", case.depots), ("pickup", "^", None), ("delivery", "o", None)]
    for label, marker, points in marks:
        x, y = np.zeros((2, 0)) if points is None else points.T
        ax.plot(x, y, color="black", marker=marker, markersize=6, linestyle="none", label=label)
    ax.legend(loc="best", fontsize="small")
    cost = check(case, routes).cost
    shown = "" if cost is None else f": {cost:.6g}"
    used = sum(1 for route in routes if route)
    pictures.entitle(ax, case.name, f"{shown}, {used} of {len(case.depots)} vehicles")


def _where(case: Case, stop: int) -> np.ndarray:
    """The place of a stop."""
    return case.pickups[stop - 1] if stop > 0 else case.deliveries[-stop - 1]

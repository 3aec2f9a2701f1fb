"""Draws a route, the prizes by size, and the depot as a square."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems._routing import pictures
from nco.problems.op.check import check
from nco.problems.op.files import Case
from nco.problems.op.sheet import table
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 60.0  # area of the marker of the highest prize, in square points, up to `pictures.FEW`
PALE = "#b9c4cf"  # of what is not visited


def plot(case: Case, solution: Sequence[int], ax: "Axes") -> None:
    """Draws the route from and to the depot; the title says the name and the prize.

    Places that are not visited are pale.

    Args:
        case: without coordinates (an explicit matrix alone), its customers stand on a circle
            around the depot in their own order.
        solution: the visited customers' numbers, the depot left out.
        ax: where to draw; its aspect becomes equal.
    """
    route = np.array(case.indexed(solution), dtype=np.int64)
    points = pictures.places_around_depot(case, case.size)
    few = case.size <= pictures.FEW
    path = points[np.concatenate([[0], route, [0]])]
    rows = table(case, solution)
    length = rows.rows[-1][4]
    label = f"route: length {axes.figure(length)} of {axes.figure(case.limit)}"
    pictures.draw_route(ax, path, 0, "route", label, few, marked=False)
    visited = np.zeros(case.size + 1, dtype=bool)
    visited[route] = True
    left = ~visited
    left[0] = False
    area = case.prizes / max(float(case.prizes.max()), 1e-300) * LARGEST
    area = np.maximum(area * min(1.0, pictures.FEW / max(case.size, 1)), 1.0)
    looks = ((visited, colours.line(0), "visited"), (left, PALE, "not visited"))
    for chosen, colour, words in looks:
        x, y = points[chosen].T
        ax.scatter(x, y, s=area[chosen], color=colour, zorder=3, linewidths=0, label=words)
    pictures.draw_depot(ax, points[0], case.called("stops", 0) or "depot")
    visits = Table(rows.columns, rows.rows[1:-1])
    own = {"own prize": case.prizes[route].tolist()}
    pictures.add_stops(ax, case, visits, points[route], ["route"] * len(route), own, reach=6.0)
    _add_others(ax, case, np.flatnonzero(left), points)
    prize = check(case, list(solution)).objective
    shown = "" if prize is None else f": prize {axes.number(prize)}"
    if axes.roomy(ax):
        axes.legend_below(ax, 2)
    figures = f"{shown}, {len(route)} of {case.size} visited"
    pictures.entitle(ax, case.name, figures, pictures.aspect_of(case))


def _add_others(ax: "Axes", case: Case, left: np.ndarray, points: np.ndarray) -> None:
    """What is known of the places that are not visited."""
    numbers = case.ids[left].tolist()
    names = [
        case.called("stops", place) or str(number)
        for place, number in zip(left.tolist(), numbers, strict=True)
    ]
    facts = {"own prize": case.prizes[left].tolist(), "visited": ["no"] * len(names)}
    most = pictures.most_names(case)
    things.add(ax, "stop", names, points[left], facts, most=most, reach=6.0)

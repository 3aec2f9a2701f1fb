"""Draws a tour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.problems._routing import pictures
from nco.problems.tsp.check import check
from nco.problems.tsp.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: Sequence[int], ax: "Axes") -> None:
    """Draws the nodes and the closed tour, with name and length as the title.

    Geographical coordinates are drawn with the east to the right. A case that has no coordinates
    is drawn on a circle, its nodes in the order of the tour.
    """
    tour = np.array(case.indexed(solution), dtype=np.int64)
    places = pictures.stated_places(case)
    points = pictures.places_on_circle(tour, case.size) if places is None else places
    closed = points[np.append(tour, tour[:1])]
    few = case.size <= pictures.FEW
    ax.plot(closed[:, 0], closed[:, 1], color="tab:blue", linewidth=1.2 if few else 0.5)
    ax.scatter(points[:, 0], points[:, 1], s=14 if few else 1, color="black", zorder=3)
    cost = check(case, list(solution)).cost
    length = f"{cost:,.6g}" if isinstance(cost, float) else f"{cost:,}"
    pictures.entitle(ax, case.name, f": length {length}")

"""Draws a tour with its direction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.core.geometry import classical_scaling
from nco.pictures import axes, colours
from nco.problems._routing import pictures
from nco.problems._routing.embedding import LARGEST_SCALING
from nco.problems.atsp.check import check
from nco.problems.atsp.files import Case
from nco.problems.atsp.sheet import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: Sequence[int], ax: "Axes") -> None:
    """Draws the cities and an arrow for each leg, with name and length as the title.

    Cities without coordinates for pictures are put where the mean distances of both directions
    draw them (classical scaling); thousands of them on a circle in the order of the tour.
    """
    tour = np.array(case.indexed(solution), dtype=np.int64)
    points = _points(case, tour)
    starts, ends = points[tour], points[np.roll(tour, -1)]
    few = case.size <= pictures.FEW
    ax.quiver(
        *starts.T,
        *(ends - starts).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.004 if few else 0.001,
        color=colours.line(0),
        gid="tour",
        zorder=2,
    )
    pictures.draw_nodes(ax, points, few)
    pictures.add_visits(ax, case, tour, points, table(case, solution))
    cost = check(case, list(solution)).cost
    length = "" if cost is None else f": length {axes.number(cost)}"
    pictures.entitle(ax, case.name, length, 0.0 if case.display is None else 1.0)


def _points(case: Case, tour: np.ndarray) -> np.ndarray:
    """Where to draw each city, [n, 2]."""
    if case.display is not None:
        return case.display
    if case.size <= LARGEST_SCALING:
        matrix = case.matrix().astype(np.float64)
        return classical_scaling((matrix + matrix.T) / 2)
    return pictures.places_on_circle(tour, case.size)

"""Draws a tour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nco.core.words import amount
from nco.problems._routing import pictures
from nco.problems.tsp.check import check
from nco.problems.tsp.files import Case
from nco.problems.tsp.sheet import table

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
    pictures.draw_tour(ax, case, tour, points)
    pictures.add_visits(ax, case, tour, points, table(case, solution))
    cost = check(case, list(solution)).cost
    length = "" if cost is None else f": length {amount(cost, case.cost_unit)}"
    pictures.entitle(ax, case.name, length, pictures.aspect_of(case))

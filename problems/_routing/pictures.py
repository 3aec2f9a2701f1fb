"""What pictures of tours and routes share: where nodes are drawn, colours, and the title."""

import colorsys
import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nco.problems._routing.tsplib import GLOBE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOLDEN = (math.sqrt(5) - 1) / 2  # steps of this fraction keep any number of hues apart
FEW = 200  # nodes up to which marks and lines have their full size


class Drawn(Protocol):
    """What is read of a case of n nodes."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [n, 2]
    @property
    def display(self) -> np.ndarray | None: ...  # float64 [n, 2], for pictures only


def stated_places(case: Drawn) -> np.ndarray | None:
    """Where the source puts the nodes ``[n, 2]``; None where it does not say.

    A row of a globe is latitude and longitude: the east belongs to the right.
    """
    if case.display is not None:
        return case.display
    if case.coords is None:
        return None
    return case.coords[:, ::-1] if case.metric in GLOBE else case.coords


def places_around_depot(case: Drawn, size: int) -> np.ndarray:
    """Where to draw a depot and `size` customers; without places, on a circle around it."""
    places = stated_places(case)
    if places is not None:
        return places
    angle = np.linspace(0.0, 2 * np.pi, size, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.concatenate([np.zeros((1, 2)), circle])


def places_on_circle(tour: np.ndarray, size: int) -> np.ndarray:
    """The nodes of a tour on a circle in its order, ``[size, 2]``; others in the middle."""
    angle = 2 * np.pi * np.arange(len(tour)) / max(len(tour), 1)
    places = np.zeros((size, 2))
    places[tour] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return places


def colour(number: int) -> tuple[float, float, float]:
    """A colour for the route of this number, far from those of its neighbours."""
    return colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.85, 0.55 + 0.3 * (number % 2))


def draw_depot(ax: "Axes", place: np.ndarray) -> None:
    """A black square above all routes."""
    ax.plot(*place, color="black", marker="s", markersize=7, linestyle="none", zorder=4)


def entitle(ax: "Axes", name: str, figures: str) -> None:
    """The title, and equal scales of both axes."""
    ax.set_title(f"{name}{figures}")
    ax.set_aspect("equal", adjustable="datalim")

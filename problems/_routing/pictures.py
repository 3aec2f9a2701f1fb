"""What pictures of tours and routes share: where nodes are drawn, routes, depots, the title."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems._routing.metrics import GLOBE
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 200  # nodes up to which marks and lines have their full size
NUMBERED = 60  # nodes up to which those without names show their numbers
DEPOT = 6.0  # points from the middle of a depot to its name
LISTED = 12  # routes up to which there is a legend
PLACE = ("x", "y")  # columns that a map shows by itself


class Drawn(Protocol):
    """What is read of a case of n nodes."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [n, 2]
    @property
    def display(self) -> np.ndarray | None: ...  # float64 [n, 2], for pictures only


class Named(Protocol):
    """A case whose stops may have names."""

    @property
    def size(self) -> int: ...
    @property
    def names(self) -> Mapping[str, Sequence[str]]: ...
    def called(self, kind: str, position: int) -> str | None: ...


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


def dealt(paths: Sequence[np.ndarray]) -> list[int]:
    """A number for `colours.line` and `colours.dash` for each path ``[k, 2]``.

    Paths near each other have different colours; where one is used again, the line is dashed.
    """
    if not paths:
        return []
    middles = np.array([path.mean(0) for path in paths])
    chosen = colours.apart(colours.near(middles), min(len(paths), len(colours.LINES)))
    used: dict[int, int] = {}
    numbers = []
    for colour in chosen:
        numbers.append(colour + len(colours.LINES) * used.get(colour, 0))
        used[colour] = used.get(colour, 0) + 1
    return numbers


def draw_route(
    ax: "Axes", path: np.ndarray, look: int, gid: str, label: str, few: bool, marked: bool = True
) -> None:
    """A line through the places of a path ``[k, 2]``, a dot at each stop between its ends.

    Where there are many stops, the ways from and to the depot are pale: they would cover the rest.
    """
    line: dict[str, Any] = {
        "color": colours.line(look),
        "linestyle": colours.dash(look),
        "linewidth": 1.3 if few else 0.6,
        "solid_joinstyle": "round",
    }
    inner = path if few or len(path) < 4 else path[1:-1]
    ax.plot(inner[:, 0], inner[:, 1], gid=gid, label=label, zorder=2, **line)
    if inner is not path:
        gap = np.full((1, 2), np.nan)
        ends = np.concatenate([path[:2], gap, path[-2:]])
        ax.plot(ends[:, 0], ends[:, 1], zorder=1, alpha=0.25, **line)
    if marked:
        dots: dict[str, Any] = {"marker": "o", "markersize": 4.5 if few else 1.5}
        dots |= {"markeredgewidth": 0.5 if few else 0.0, "markeredgecolor": "white"}
        ax.plot(*path[1:-1].T, color=colours.line(look), linestyle="none", zorder=3, **dots)


def draw_nodes(ax: "Axes", points: np.ndarray, few: bool) -> None:
    """A black dot at each place ``[n, 2]``."""
    look: dict[str, Any] = {"color": "black", "marker": "o", "linestyle": "none"}
    look |= {"markeredgewidth": 0.0, "markersize": 4.0 if few else 1.2}
    ax.plot(points[:, 0], points[:, 1], zorder=3, **look)


def draw_tour(ax: "Axes", case: Named, tour: np.ndarray, points: np.ndarray) -> None:
    """All nodes, and a closed tour ``[n]`` through their places ``[n, 2]``."""
    few = case.size <= FEW
    closed = points[np.append(tour, tour[:1])]
    width = 1.4 if few else 0.6
    ax.plot(closed[:, 0], closed[:, 1], color=colours.line(0), linewidth=width, gid="tour")
    draw_nodes(ax, points, few)


def add_visits(ax: "Axes", case: Named, tour: np.ndarray, points: np.ndarray, rows: Table) -> None:
    """What is known of each visit of a tour ``[n]``; the last row of the table is the return."""
    visits = Table(rows.columns, rows.rows[:-1])
    add_stops(ax, case, visits, points[tour], ["tour"] * len(tour))


def draw_depot(ax: "Axes", places: np.ndarray, name: str = "depot", label: str = "depot") -> None:
    """Black squares above all routes, at a place ``[2]`` or several ``[m, 2]``."""
    many = places.reshape(-1, 2)
    look: dict[str, Any] = {"color": "black", "marker": "s", "linestyle": "none"}
    ax.plot(*many.T, markersize=8, markeredgecolor="white", zorder=4, label=label, **look)
    if name:
        things.add(ax, "depot", [name] * len(many), many, {}, reach=DEPOT)


def add_stops(
    ax: "Axes",
    case: Named,
    rows: Table,
    places: np.ndarray,
    groups: Sequence[str],
    more: Mapping[str, Sequence[Any]] | None = None,
    reach: float = things.REACH,
) -> None:
    """What is known of each stop that is visited, from the table of the solution.

    Args:
        ax: where they are drawn.
        case: whose stops.
        rows: of the stops alone, with the columns stop and name.
        places: of the rows, ``[n, 2]``.
        groups: of each row the gid of its route.
        more: columns that the table has not.
        reach: points from the middle of a stop to its name.
    """
    facts = {
        name: [row[k] for row in rows.rows]
        for k, name in enumerate(rows.columns)
        if name not in PLACE
    }
    names = [
        str(name or abs(stop)) for name, stop in zip(facts["name"], facts["stop"], strict=True)
    ]
    most = most_names(case)
    things.add(ax, "stop", names, places, {**facts, **(more or {})}, groups, most=most, reach=reach)


def most_names(case: Named) -> int:
    """Stops above which a picture of a case shows no names, or numbers."""
    return things.MOST_NAMES if case.names else NUMBERED


def lengths(rows: Table) -> dict[Any, str]:
    """How long each route of a solution's table is, with the unit: its last row has it all."""
    column = rows.columns.index("distance")
    unit = next(figure.unit for figure in rows.figures if figure.column == "distance")
    return {row[0]: f"{axes.figure(row[column])} {unit}".rstrip() for row in rows.rows}


def measures(name: str, length: str, load: float | None = None, of: float | None = None) -> str:
    """A line of the legend: a route's name, length with its unit, and load of a capacity."""
    words = f"{name}: length {length}"
    if load is not None:
        words += f", load {axes.figure(load)}"
    return words if of is None else f"{words} of {axes.figure(of)}"


def legend(ax: "Axes", routes: int) -> None:
    """The routes below the picture, where they are few enough to be read."""
    if routes <= LISTED and axes.roomy(ax):
        axes.legend_below(ax, 1 if routes <= 4 else 2)


def entitle(ax: "Axes", name: str, figures: str, aspect: float = 1.0) -> None:
    """The title, and equal scales of both axes with plain numbers.

    Args:
        ax: with everything drawn.
        name: of the case.
        figures: what follows it.
        aspect: of the map, see `aspect_of`; 0 where the places are made up, so that coordinates
            mean nothing.
    """
    axes.entitle(ax, f"{axes.shortened(name, 40)}{figures}")
    ax.set_aspect(aspect or 1.0, adjustable="datalim")
    if aspect:
        axes.plain(ax, most=6)
    else:
        ax.set(xticks=[], yticks=[])


def aspect_of(case: Drawn) -> float:
    """How much longer a degree of latitude is than one of longitude, in the middle of a map.

    1 of other coordinates, and 0 where the source has none.
    """
    if stated_places(case) is None:
        return 0.0
    if case.metric not in GLOBE or case.display is not None or case.coords is None:
        return 1.0
    middle = np.radians((case.coords[:, 0].min() + case.coords[:, 0].max()) / 2)
    return float(min(1 / max(np.cos(middle), 0.1), 10.0))

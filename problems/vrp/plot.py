"""Draws routes on a map, a colour each, and below it when each vehicle drives, waits and serves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.core.words import amount
from nco.pictures import axes, colours, things
from nco.problems._routing import pictures
from nco.problems._routing.metrics import GLOBE
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.check import check
from nco.problems.vrp.checking.schedule import BREAK, Drive, schedule
from nco.problems.vrp.formats import clock
from nco.problems.vrp.sheet import table, vehicle_name
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 120  # vehicles beyond which there is no timeline
HEIGHT = 0.7  # of a bar, where the rows are 1 apart
LONGEST = 18  # characters of a vehicle's name
DRIVES, WAITS = "0.55", "0.85"
RESTS = {"facecolor": "white", "edgecolor": "black", "hatch": "////", "linewidth": 0.6}


def plot(case: Case, solution: Sequence[Any], ax: "Axes") -> None:
    """Draws the routes; the title says the name, the cost and how many vehicles are used.

    Args:
        case: without coordinates (matrices alone), its clients stand on a circle around the depots.
        solution: routes.
        ax: where to draw; its aspect becomes equal.
    """
    points = _points(case)
    used = _used(case, solution)
    drives = schedule(case, used)
    paths = [_path(points, drive) for drive in drives]
    looks = pictures.dealt(paths)
    few = case.size <= pictures.FEW
    rows = table(case, used)
    lengths = pictures.lengths(rows)
    for k, (drive, path) in enumerate(zip(drives, paths, strict=True)):
        label = pictures.measures(_label(case, k, drive), lengths[k + 1])
        _draw(ax, case, drive, path, looks[k], f"route-{k + 1}", label, few)
    names = [case.called("stops", depot) or "depot" for depot in range(case.first_client)]
    pictures.draw_depot(ax, points[: case.first_client], "")
    things.add(ax, "depot", names, points[: case.first_client], {}, reach=pictures.DEPOT)
    _add_stops(ax, case, rows, points)
    report = check(case, solution)
    _unserved(ax, case, used, points, few)
    cost = "" if report.cost is None else f": cost {amount(report.cost, case.cost_unit)}"
    left = f", {len(report.unassigned)} unassigned" if report.unassigned else ""
    pictures.legend(ax, len(drives))
    count = f", {len(drives)} route{'s' * (len(drives) != 1)}"
    pictures.entitle(ax, case.name, f"{cost}{count}{left}", _aspect(case))


def _used(case: Case, solution: Sequence[Any]) -> list[Route]:
    return [route for route in case.indexed(solution) if route.stops]


def _label(case: Case, position: int, drive: Drive) -> str:
    plain = len(case.vehicles) == 1 and not case.vehicles[0].name
    whose = "" if plain else f" ({vehicle_name(case, drive.vehicle)})"
    return f"route {position + 1}{whose}"


def _points(case: Case) -> np.ndarray:
    """Where to draw all places ``[D+n, 2]``."""
    if case.degrees is not None:
        return np.array(case.degrees, dtype=np.float64)[:, ::-1]
    if case.coords is not None:
        return case.coords[:, ::-1] if case.metric in GLOBE else case.coords
    inner, outer = (
        np.arange(count) * 2 * np.pi / count for count in (case.first_client, case.size)
    )
    near = 0.15 * (case.first_client > 1)
    rings = [(near, inner), (1.0, outer)]
    return np.concatenate([r * np.stack([np.cos(a), np.sin(a)], axis=1) for r, a in rings])


def _aspect(case: Case) -> float:
    """As `pictures.aspect_of`: of degrees by their latitude, 0 of places that are made up."""
    if case.degrees is None and case.coords is None:
        return 0.0
    if case.degrees is None and case.metric not in GLOBE:
        return 1.0
    latitudes = _points(case)[:, 1]
    middle = np.radians((latitudes.min() + latitudes.max()) / 2)
    return float(min(1 / max(np.cos(middle), 0.1), 10.0))


def _path(points: np.ndarray, drive: Drive) -> np.ndarray:
    return points[[stop.place for stop in drive.stops if stop.place is not None]]


def _draw(
    ax: "Axes",
    case: Case,
    drive: Drive,
    path: np.ndarray,
    look: int,
    gid: str,
    label: str,
    few: bool,
) -> None:
    """A route; an open one ends at a client, which has its dot, too."""
    if case.vehicles[drive.vehicle].end is None:
        path = np.concatenate([path, path[-1:]])
    pictures.draw_route(ax, path, look, gid, label, few)


def _add_stops(ax: "Axes", case: Case, rows: Table, points: np.ndarray) -> None:
    """What is known of each visit of a client."""
    stop = rows.columns.index("stop")
    own = [row for row in rows.rows if row[stop] is not None and row[stop] >= case.first_client]
    places = points[[row[stop] for row in own]] if own else np.zeros((0, 2))
    groups = [f"route-{row[0]}" for row in own]
    pictures.add_stops(ax, case, Table(rows.columns, own), places, groups)


def _unserved(ax: "Axes", case: Case, used: Sequence[Route], points: np.ndarray, few: bool) -> None:
    """Crosses at the clients that no route serves."""
    served = {stop for route in used for stop in route.stops}
    clients = range(case.first_client, case.first_client + case.size)
    left = [client for client in clients if client not in served]
    if not left:
        return
    where = points[left]
    look: dict[str, Any] = {"color": "black", "marker": "x", "linestyle": "none"}
    ax.plot(*where.T, markersize=5 if few else 2, zorder=3, label="not served", **look)
    names = [case.called("stops", client) or str(client) for client in left]
    things.add(ax, "not served", names, where, {"stop": left}, most=pictures.most_names(case))


def rows(case: Case, solution: Sequence[Any]) -> int:
    """Rows of the timeline: routes; 0 where there are more than can be read."""
    used = len(_used(case, solution))
    return used if used <= MOST_ROWS else 0


def timeline(case: Case, solution: Sequence[Any], ax: "Axes") -> None:
    """Draws a row for each route: thin where it drives, pale where it waits, wide where it serves.

    Breaks are hatched. Times are those of the least duration of each route.
    """
    used = _used(case, solution)
    drives = schedule(case, used)
    looks = pictures.dealt([_path(_points(case), drive) for drive in drives])
    for k, drive in enumerate(drives):
        _row(ax, drive, k, colours.line(looks[k]))
    _add_bars(ax, case, table(case, used), drives)
    names = [axes.shortened(_label(case, k, drive), LONGEST) for k, drive in enumerate(drives)]
    axes.plain(ax)
    ax.set_yticks(range(len(names)), names)
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    _clocked(ax, case)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def _row(ax: "Axes", drive: Drive, row: int, colour: str) -> None:
    """Bars of one route, each kind as one artist."""
    driving, waiting, serving, resting = (list[tuple[float, float]]() for _ in range(4))
    leaves = None
    for stop in drive.stops:
        arrival, begin, end = (float(t) for t in (stop.arrival, stop.begin, stop.departure))
        if leaves is not None and arrival > leaves:
            driving.append((leaves, arrival - leaves))
        if begin > arrival:
            waiting.append((arrival, begin - arrival))
        if end > begin:
            (resting if stop.kind == BREAK else serving).append((begin, end - begin))
        leaves = end
    marks: list[tuple[list[tuple[float, float]], float, dict[str, Any]]] = [
        (driving, 0.12, {"facecolor": DRIVES}),
        (waiting, 0.4, {"facecolor": WAITS}),
        (serving, HEIGHT, {"facecolor": colour, "gid": f"times-{row + 1}"}),
        (resting, HEIGHT, RESTS),
    ]
    for bars, height, look in marks:
        ax.broken_barh(bars, (row - height / 2, height), **look)
    begins = [float(stop.begin) for stop in drive.stops if stop.kind != BREAK]
    ax.plot(begins, [row] * len(begins), "|", color=colour, markersize=6, markeredgewidth=1)


def _add_bars(ax: "Axes", case: Case, rows: Table, drives: Sequence[Drive]) -> None:
    """What is known of each visit, where it is drawn."""
    stops = [(k, stop) for k, drive in enumerate(drives) for stop in drive.stops]
    places = np.array(
        [(float(s.begin), k - HEIGHT / 2, float(s.departure - s.begin), HEIGHT) for k, s in stops]
    ).reshape(-1, 4)
    facts = {name: [row[c] for row in rows.rows] for c, name in enumerate(rows.columns)}
    names = [str(name or stop) for name, stop in zip(facts["name"], facts["stop"], strict=True)]
    groups = [f"route-{k + 1}" for k, _ in stops]
    for place in pictures.PLACE:
        facts.pop(place, None)
    things.add(ax, "visit", names, places, facts, groups, named=False)


def _clocked(ax: "Axes", case: Case) -> None:
    """The axis of time: with its unit, or times of a day where the case has such."""
    if "clock" not in case.units:
        unit = case.units.get("time")
        ax.set_xlabel(f"time ({unit})" if unit else "time")
        return
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    low, high = ax.get_xlim()
    step = next((s for s in (5, 10, 15, 30, 60, 120, 240) if (high - low) / s <= 12), 480)
    ax.xaxis.set_major_locator(MultipleLocator(step))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock.text(max(value, 0.0))))
    ax.set_xlabel("time of the day")

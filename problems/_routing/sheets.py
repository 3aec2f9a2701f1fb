"""Tables of stops and of routes: what the ``sheet.py`` of all routing problems share."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nco.core.errors import InstanceError
from nco.tables import matrices
from nco.tables.forms import LAT, LON, NAME, PLACED, Argument, Column, Form, X, Y
from nco.tables.reading import Given, Reading
from nco.tables.table import Figure

if TYPE_CHECKING:
    import numpy as np

PLACES = (NAME, X, Y, LAT, LON)
MOST = 1_000_000  # stops
FAR, FAR_OUT = 300.0, 20  # km, and times the median, from which on a place is remarked on
CALLED = "depot"  # what the row of the depot may be called
DISTANCES = Argument(
    "distances",
    "Of a table: another one with the distances, a square of numbers or the columns from, to, "
    "distance; coordinates are then for pictures.",
    kind="table",
    metavar="TABLE",
)
DEPOT = Argument(
    "depot",
    "Of a table: the name of the depot's row; by default the row that is called depot, or else "
    "the first.",
    kind="text",
    metavar="NAME",
)


def form(
    name: str,
    more: tuple[Column, ...],
    titles: tuple[str, ...] = (),
    optional: tuple[Column, ...] = (),
) -> Form:
    """A table of stops with further columns, which must be there, and others, which may."""
    needed = tuple(column.name for column in more)
    needs = tuple((*needed, *placed) for placed in PLACED)
    columns = (*PLACES, *more, *optional)
    return Form(name, columns, needs, (*titles, "stops", "locations"), needed)


def only_value(reading: Reading, name: str) -> float | None:
    """The one number in a column whose cells are equal or empty; None without one.

    Raises:
        InstanceError: for two different numbers.
    """
    if not reading.has(name):
        return None
    first: float | None = None
    for row, value in enumerate(reading.numbers(name)):
        if value is not None and first not in (None, value):
            reason = f"is {first:g} in a row above: vehicles that differ are a table of their own"
            raise reading.error(reason, name, row, f"{value:g}")
        first = value if first is None else first
    return first


@dataclass(frozen=True)
class Stops:
    """The rows of a table of stops, in the order of the case.

    Attributes:
        order: the row of each position.
        names: of each position; empty where no row has one.
        coords: float64 [n, 2], None without coordinates; latitude and longitude under HAVERSINE.
        distances: float64 [n, n], None where they are measured.
        metric: ``EUCLIDEAN``, ``HAVERSINE`` or ``EXPLICIT``.
        degrees: latitude and longitude, where the table has them.
        remarks: how it was read.
    """

    order: list[int]
    names: list[str]
    coords: "np.ndarray | None"
    distances: "np.ndarray | None"
    metric: str
    degrees: list[list[float]] | None
    remarks: list[str]

    @property
    def named(self) -> dict[str, list[str]]:
        """As a case has names."""
        return {"stops": self.names} if any(self.names) else {}


def stops(given: Given, kind: Form, *, depot: bool) -> Stops:
    """The stops of a table, the depot first where there is one.

    Args:
        given: with a table of this form, or with distances alone where the form allows that.
        kind: the form.
        depot: whether one of the rows is a depot, which moves to position 0.

    Raises:
        InstanceError: coordinates that are missing or impossible, no or two depots, distances of
            other stops.
    """
    import numpy as np

    reading = given.find(kind)
    stated = matrices.distances(given) if given.has_distances else None
    if reading is None:
        assert stated is not None
        order = _depot_first(stated.names, len(stated.rows), given, None) if depot else None
        order = list(range(len(stated.rows))) if order is None else order
        matrix = np.array(stated.rows)[np.ix_(order, order)]
        names = [stated.names[row] for row in order] if stated.names else []
        return Stops(order, names, None, matrix, "EXPLICIT", None, [stated.remark])
    if not len(reading):
        raise reading.error("there is no row below the headers")
    if len(reading) > MOST:
        raise reading.error(f"at most {MOST:,} rows are read", value=len(reading))
    names = reading.texts("name") if reading.has("name") else []
    order = _depot_first(names, len(reading), given, reading) if depot else [*range(len(reading))]
    coords, metric = _coordinates(reading, order)
    degrees = coords.tolist() if coords is not None and metric == "HAVERSINE" else None
    remarks = [reading.remark]
    arranged = None
    if stated is not None:
        arranged = _arranged(stated, [names[row] for row in order] if names else [], order, reading)
        remarks.append(stated.remark)
        metric = "EXPLICIT"
        if degrees is not None and coords is not None:
            coords = coords[:, ::-1]  # for pictures, the east to the right
    own = [names[row] for row in order] if names else []
    twice = [name for name, count in Counter(own).items() if name and count > 1]
    if twice:
        remarks.append(f"{len(twice)} names are there more than once, such as {twice[0]}")
    if metric == "HAVERSINE":
        remarks.append("distances are great circles in kilometres")
    if degrees is not None:
        remarks += _outliers(degrees, own)
    return Stops(order, own, coords, arranged, metric, degrees, remarks)


def _outliers(degrees: Sequence[Sequence[float]], names: Sequence[str]) -> list[str]:
    """A remark on the place that lies furthest from all others, where that is hardly meant."""
    import numpy as np

    from nco.problems._routing import metrics

    places = np.array(degrees, dtype=np.float64)
    middle = np.median(places, axis=0)[None].repeat(len(places), 0)
    away = metrics.distances(middle, places, "HAVERSINE")
    last = int(away.argmax())
    if away[last] <= max(FAR, FAR_OUT * float(np.median(away))):
        return []
    name = names[last] if names and names[last] else f"place {last}"
    where = f"{places[last, 0]:g}, {places[last, 1]:g}"
    return [f"{name} ({where}) lies {away[last]:,.0f} km from the others: is its position right?"]


def _depot_first(
    names: Sequence[str], count: int, given: Given, reading: Reading | None
) -> list[int]:
    """The rows, that of the depot first."""
    wanted = given.arguments.get(DEPOT.name)
    sought = str(wanted or CALLED).casefold()
    found = [row for row, name in enumerate(names) if name.casefold() == sought]
    place = reading.table.place if reading else given.path
    if wanted is not None and not found:
        reason = "no row is called so" if names else "the rows have no names"
        raise InstanceError(reason, field=DEPOT.name, value=wanted, path=place)
    if len(found) > 1:
        reason = f"{len(found)} rows are called so: there must be one"
        raise InstanceError(reason, field=DEPOT.name, value=names[found[0]], path=place)
    first = found[0] if found else 0
    return [first, *(row for row in range(count) if row != first)]


def pairs_of(reading: Reading, first: str, second: str) -> list[list[float]]:
    """Two columns without gaps as coordinates ``[rows, 2]``."""
    return [list(pair) for pair in zip(*map(reading.all_numbers, (first, second)), strict=True)]


def _coordinates(reading: Reading, order: list[int]) -> "tuple[np.ndarray | None, str]":
    """Coordinates in the order of the case, and their metric."""
    import numpy as np

    from nco.problems._routing import metrics

    if reading.has("lat", "lon"):
        columns, metric = ("lat", "lon"), "HAVERSINE"
    elif reading.has("x", "y"):
        columns, metric = ("x", "y"), "EUCLIDEAN"
    else:
        return None, "EXPLICIT"
    coords = np.array(pairs_of(reading, *columns), dtype=np.float64)
    if metric == "HAVERSINE":
        check_degrees(reading, coords.tolist(), columns)
    elif (fault := metrics.overflow(coords, metric)) is not None:
        raise reading.error(fault[1], "x", fault[0])
    return coords[order], metric


def check_degrees(
    reading: Reading, degrees: Sequence[Sequence[float]], columns: tuple[str, str]
) -> None:
    """Refuses what is no latitude and longitude."""
    for row, values in enumerate(degrees):
        for name, value, most in zip(columns, values, (90.0, 180.0), strict=True):
            if not -most <= value <= most:
                reason = f"must be degrees from -{most:g} to {most:g}"
                if name == columns[0] and abs(value) <= 180 and abs(values[1]) <= 90:
                    reason += ": are latitude and longitude swapped?"
                raise reading.error(reason, name, row, f"{value:g}")


def _arranged(
    stated: matrices.Distances, names: list[str], order: list[int], reading: Reading
) -> "np.ndarray":
    """Distances in the order of the case: by names where both have them, else by rows."""
    import numpy as np

    matrix = np.array(stated.rows)
    if stated.names and names:
        places = {name: place for place, name in enumerate(stated.names)}
        for name in names:
            if name not in places:
                raise reading.error("has no distances: add its row", "name", value=name)
        picked = [places[name] for name in names]
        return matrix[np.ix_(picked, picked)]
    if len(matrix) != len(order):
        reason = f"there are distances of {len(matrix)} nodes: the two must agree"
        raise reading.error(reason, value=f"{len(order)} rows")
    return matrix[np.ix_(order, order)]


def depots_zero(
    values: list[float | None], stops: Stops, reading: Reading, name: str
) -> list[float]:
    """A column in the order of the case, from 0 on; the depot's may be empty and must be 0."""
    ordered: list[float] = []
    for position, row in enumerate(stops.order):
        value = values[row]
        if position == 0 and value:
            reason = (
                f"the depot, which is this row, has a {name}: set it to 0, or say which row is the "
                "depot (call it depot, or --depot NAME)"
            )
            raise reading.error(reason, name, row, f"{value:g}")
        if value is None and position:
            raise reading.error("is empty: a number belongs here", name, row)
        if value is not None and value < 0:
            raise reading.error("must not be negative", name, row, f"{value:g}")
        ordered.append(value or 0.0)
    return ordered


# --------------------------------------------------------------------------------------------------
# Solutions


class Located(Protocol):
    """A case whose positions are placed."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> "np.ndarray | None": ...
    @property
    def distances(self) -> "np.ndarray | None": ...
    @property
    def degrees(self) -> Sequence[Sequence[float]] | None: ...
    def called(self, kind: str, position: int) -> str | None: ...


def leg(case: Located, start: int, end: int) -> float:
    """The distance between two positions."""
    from nco.problems._routing import metrics

    if start == end:
        return 0
    if case.distances is not None:
        stated: float = case.distances[start, end].item()
        return stated
    assert case.coords is not None
    measured: float = metrics.distances(case.coords[start], case.coords[end], case.metric).item()
    return measured


def length(unit: str, limit: float | None = None) -> Figure:
    """How long each route is, of the column ``distance``."""
    return Figure("distance", "last", word="" if unit else "length", unit=unit, limit=limit)


def rounded(distance: float) -> float:
    """A distance in a table: to a millionth, without the noise of floating-point sums."""
    return round(distance, 6)


def where(case: Located) -> tuple[tuple[str, ...], Callable[[int], list[Any]]]:
    """The columns that say where a position is, and its cells."""
    degrees, coords = case.degrees, case.coords
    if degrees is None and case.metric == "HAVERSINE" and coords is not None:
        degrees = coords.tolist()
    if degrees is None and (coords is None or case.metric == "GEO"):
        return (), lambda position: []
    return placed(degrees, coords)


def placed(
    degrees: Sequence[Sequence[float]] | None, coords: "np.ndarray | None"
) -> tuple[tuple[str, ...], Callable[[int], list[Any]]]:
    """Latitude and longitude where there are such, and else the coordinates: columns and cells."""
    if degrees is not None:
        return ("lat", "lon"), lambda position: list(degrees[position])
    assert coords is not None
    return ("x", "y"), lambda position: coords[position].tolist()


def flattened(degrees: Sequence[Sequence[float]], reading: Reading) -> "tuple[np.ndarray, str]":
    """Kilometres on a flat map, and a remark on its error.

    Raises:
        InstanceError: where straight lines on any map would be wrong by more than a hundredth.
    """
    import numpy as np

    from nco.problems._routing import plane

    coords, error = plane.flat(np.array(degrees, dtype=np.float64))
    if error > plane.WORST:
        reason = (
            f"the places are so far apart that straight lines on a map are wrong by "
            f"{100 * error:.1f} %: solve regions apart, or give x and y"
        )
        raise reading.error(reason, "lat")
    remark = f"distances are kilometres on a flat map, wrong by {100 * error:.2g} % at most"
    return coords, remark

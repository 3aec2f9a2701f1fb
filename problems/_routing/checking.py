"""What checkers share: scalar arithmetic and sentences of their own.

Nothing here is used by readers, problems or solvers, and nothing of theirs is used here, so that a
checker does not repeat their mistakes. Distances are computed one pair at a time by the rules of
TSPLIB 95 (Reinelt, section 2).
"""

import math
import operator
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nco.problems._common import verdicts

LARGEST = 2**63 - 1  # whole numbers of a route


class Located(Protocol):
    """What distances are computed from: of N nodes, coordinates or a matrix."""

    @property
    def metric(self) -> str: ...
    @property
    def coords(self) -> np.ndarray | None: ...  # float64 [N, 2]
    @property
    def distances(self) -> np.ndarray | None: ...  # [N, N]


def distance(case: Located, start: int, end: int) -> float | int:
    """Between two positions, an int where distances are whole by rule; a node's own is 0."""
    if start == end:
        return 0
    if case.distances is not None:
        stated: float | int = case.distances[start, end].item()
        return stated
    if case.coords is None:
        raise ValueError("a case needs coordinates or distances")
    return metric_distance(case.metric, case.coords[start].tolist(), case.coords[end].tolist())


def metric_distance(metric: str, start: Sequence[float], end: Sequence[float]) -> float | int:
    """The distance between two points by the rule of a metric."""
    if metric == "GEO":
        return _geographical(start, end)
    if metric == "HAVERSINE":
        return _great_circle(start, end)
    x, y = abs(start[0] - end[0]), abs(start[1] - end[1])
    if metric == "EUCLIDEAN":
        return math.hypot(x, y)
    if metric == "EUC_2D":
        return int(math.sqrt(x * x + y * y) + 0.5)
    if metric == "CEIL_2D":
        return math.ceil(math.sqrt(x * x + y * y))
    if metric == "MAN_2D":
        return int(x + y + 0.5)
    if metric == "MAX_2D":
        return max(int(x + 0.5), int(y + 0.5))
    if metric == "ATT":
        pseudo = math.sqrt((x * x + y * y) / 10.0)
        rounded = int(pseudo + 0.5)
        return rounded + 1 if rounded < pseudo else rounded
    raise ValueError(f"unknown metric {metric!r}")


def _geographical(start: Sequence[float], end: Sequence[float]) -> int:
    """Whole kilometres on TSPLIB's sphere; coordinates are DDD.MM, latitude first."""
    (latitude, longitude), (other_latitude, other_longitude) = (
        [_radians(value) for value in point] for point in (start, end)
    )
    q1 = math.cos(longitude - other_longitude)
    q2 = math.cos(latitude - other_latitude)
    q3 = math.cos(latitude + other_latitude)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return int(6378.388 * math.acos(max(-1.0, min(1.0, cosine))) + 1.0)


def _great_circle(start: Sequence[float], end: Sequence[float]) -> float:
    """Kilometres between decimal degrees, latitude first: the angle between two unit vectors.

    By its tangent, which is exact for near and for opposite points, and on the mean radius of the
    Earth (IUGG).
    """
    (north, east), (other_north, other_east) = (map(math.radians, point) for point in (start, end))
    turn = other_east - east
    across = math.cos(other_north) * math.sin(turn)
    along = math.cos(north) * math.sin(other_north) - (
        math.sin(north) * math.cos(other_north) * math.cos(turn)
    )
    inner = math.sin(north) * math.sin(other_north) + (
        math.cos(north) * math.cos(other_north) * math.cos(turn)
    )
    return 6371.0088 * math.atan2(math.hypot(across, along), inner)


def _radians(value: float) -> float:
    """TSPLIB's radians of degrees and minutes, DDD.MM."""
    degrees = int(value)
    minutes = value - degrees
    return 3.141592 * (degrees + 5.0 * minutes / 3.0) / 180.0  # TSPLIB's own pi


def routes(
    solution: object, stops: str = "customers", number: str = "customer number"
) -> tuple[list[list[int]] | None, list[str]]:
    """Routes as plain integers, or None and a sentence on the first thing that is no route."""
    listed = _listed(solution)
    if listed is None:
        return None, [f"the solution is no list of routes but {type(solution).__name__}"]
    whole_routes: list[list[int]] = []
    for place, route in enumerate(listed, 1):
        entries = _listed(route)
        if entries is None:
            return None, [f"route {place} is no list of {stops}: {shown(route)}"]
        integers: list[int] = []
        for entry in entries:
            whole = _integer(entry)
            if whole is None or abs(whole) > LARGEST:
                return None, [f"route {place} holds {shown(entry)}, which is no {number}"]
            integers.append(whole)
        whole_routes.append(integers)
    return whole_routes, []


def visits(
    size: int,
    routes: Sequence[Sequence[int]],
    where: str,
    most: int,
    names: Sequence[str] = (),
) -> list[str]:
    """Sentences on the customers 1 to `size` that routes visit twice or never, `most` of a kind.

    `where` comes before the numbers of the routes, which count from 1: "in routes", "by vehicles".
    `names` are those of depot and customers, where they have some.
    """
    places: dict[int, list[int]] = {}
    for number, route in enumerate(routes, 1):
        for customer in route:
            places.setdefault(customer, []).append(number)
    doubled = [
        f"{verdicts.titled('customer', customer, names)} is visited {len(numbers)} times, "
        f"{where} {', '.join(map(str, numbers[:most]))}"
        for customer, numbers in places.items()
        if len(numbers) > 1 and 1 <= customer <= size
    ]
    missing = [
        f"{verdicts.titled('customer', customer, names)} is not visited"
        for customer in range(1, size + 1)
        if customer not in places
    ]
    return [
        *verdicts.shortened(doubled, most, "customers visited twice"),
        *verdicts.shortened(missing, most, "customers not visited"),
    ]


def numbers(solution: object, what: str, most: int) -> tuple[list[int], list[str]]:
    """A tour or a route (`what`) as plain integers; or sentences on its form, `most` at most."""
    listed = solution.tolist() if hasattr(solution, "tolist") else solution
    if not isinstance(listed, list | tuple):
        return [], [f"a {what} is a list of node numbers, not {type(listed).__name__}"]
    whole = [_integer(entry) for entry in listed]
    wrong = [
        f"entry {place} of the {what}, {verdicts.shown(entry, 40)}, is no node number"
        for place, entry in enumerate(listed)
        if whole[place] is None
    ]
    return [number for number in whole if number is not None], verdicts.shortened(wrong, most)


def _listed(value: object) -> Sequence[object] | None:
    """A list or tuple as it is, an array as a list; None for all else."""
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim else None
    return value if isinstance(value, list | tuple) else None


def _integer(value: object) -> int | None:
    """The whole number that `value` is, of any integer type; None for all else."""
    if type(value) is int:  # most are
        return value
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        return None
    try:
        number = operator.index(value)
    except TypeError:  # such as a tensor of several numbers
        return None
    return number


def shown(value: object) -> str:
    """`value` in a few characters."""
    if isinstance(value, int) and value.bit_length() > 63:  # Python may refuse to print it
        return "a huge integer"
    text = repr(value) if isinstance(value, int | float | str) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."

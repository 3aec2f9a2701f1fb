"""Exact cases of open multi-depot capacitated pickup and delivery: our own file, and arrays.

The file is YAML (or JSON, which is YAML)::

    problem: omdcpdp
    name: couriers
    capacity: 3                     # orders on board at once; without it 3
    vehicles: [[0, 0], [9, 5]]      # where each begins; none returns
    orders:
      - {from: [1, 2], to: [4, 4]}  # order 1
      - {from: [8, 3], to: [2, 5]}  # order 2

Coordinates have any unit; a vehicle drives straight, one unit of length in one unit of time. A
solution holds for each vehicle, in the file's order, the list of its stops: order i is picked up
at the stop ``i`` and delivered at the stop ``-i``. ``[[1, 2, -2, -1], []]`` says that the first
vehicle does all and the second stays where it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import nco.core.case
from nco.core.errors import InstanceError
from nco.problems._common import yamlfile
from nco.problems._common.yamlfile import (
    array,
    check_present,
    exactly,
    parse,
    required,
    whole,
)
from nco.problems._routing import metrics
from nco.problems.omdcpdp.insertion import insert

SUFFIX = ".yaml"  # of the files that `write` makes
CAPACITY = 3  # of the literature
FARTHEST = 1e12  # coordinates whose distances and their sums are far from overflow
MOST = 100_000  # orders, and vehicles
KEYS = {"problem", "name", "capacity", "vehicles", "orders"}
PLACES = ("depots", "pickups", "deliveries")
ARRAYS = {*PLACES, "capacity", "name"}
ORDER = "{from: [x, y], to: [x, y]}"
Routes = list[list[int]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(nco.core.case.Case):
    """M vehicles, each at a depot of its own, and n orders.

    A solution is a list of M routes; a stop is the order's number from 1 where it is picked up and
    minus that number where it is delivered.

    Attributes:
        depots: where each vehicle begins, float64 [M, 2].
        pickups, deliveries: of each order, float64 [n, 2].
        capacity: the most orders on board of a vehicle.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "omdcpdp"
    view: ClassVar[str] = "routes"
    depots: np.ndarray
    pickups: np.ndarray
    deliveries: np.ndarray
    capacity: int = CAPACITY

    def __post_init__(self) -> None:
        whole(self.capacity, "capacity", self.path)
        for field in PLACES:
            _check(field, getattr(self, field), self.path)
        if len(self.pickups) != len(self.deliveries):
            reason = f"must be as many as the pickups, {len(self.pickups)}"
            value = len(self.deliveries)
            raise InstanceError(reason, field="deliveries", value=value, path=self.path)

    @property
    def cost_unit(self) -> str:
        """Kilometres of places on the globe."""
        return "" if self.degrees is None else metrics.KILOMETRES

    @property
    def size(self) -> int:
        """The number of orders; the literature's N counts pickups and deliveries, 2 for each."""
        return len(self.pickups)

    def construct(self) -> Routes:
        """Order by order the insertion that adds least to the sum of arrivals."""
        return insert(self.depots, self.pickups, self.deliveries, self.capacity)

    def numbered(self, solution: Iterable[Iterable[int]]) -> Routes:
        """Stops carry the same numbers here."""
        return [[int(stop) for stop in route] for route in solution]

    def indexed(self, solution: Iterable[Iterable[int]]) -> Routes:
        """The same routes; an `InstanceError` names the stop of an order that does not exist."""
        routes = self.numbered(solution)
        for route in routes:
            for stop in route:
                if not 1 <= abs(stop) <= self.size:
                    reason = f"orders go from 1 to {self.size}, and stops are order or minus order"
                    raise InstanceError(reason, field="stop", value=stop, path=self.path)
        return routes


def recognise(text: str) -> bool:
    """Whether the text says ``problem: omdcpdp`` within its first 4096 characters."""
    return yamlfile.states_problem(text, "omdcpdp")


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text.

    Raises:
        InstanceError: for every defect, naming the field and the value.
    """
    data = parse(text, "omdcpdp", KEYS, path)
    vehicles = _listed(data, "vehicles", path)
    orders = _listed(data, "orders", path)
    depots = [_point(point, f"vehicles: vehicle {i}", path) for i, point in enumerate(vehicles, 1)]
    ends: dict[str, list[list[float]]] = {"from": [], "to": []}
    for number, order in enumerate(orders, 1):
        place = f"orders: order {number}"
        for key, point in exactly(order, ends, place, path, ORDER).items():
            ends[key].append(_point(point, f"{place}: {key}", path))
    return Case(
        name=str(data.get("name") or "unnamed"),
        path=path,
        depots=np.array(depots),
        pickups=np.array(ends["from"]),
        deliveries=np.array(ends["to"]),
        capacity=whole(data.get("capacity", CAPACITY), "capacity", path),
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with ``depots [M, 2]``, ``pickups [n, 2]``, ``deliveries [n, 2]`` and
    perhaps `capacity`, `name`.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS:
        return None
    if "pickups" not in data and "deliveries" not in data:
        return None
    check_present(data, PLACES, ", ".join(sorted(data)))
    capacity = data.get("capacity", CAPACITY)
    capacity = capacity.item() if isinstance(capacity, np.generic) else capacity
    return Case(
        name=str(data.get("name", "unnamed")),
        depots=array("depots", data["depots"]),
        pickups=array("pickups", data["pickups"]),
        deliveries=array("deliveries", data["deliveries"]),
        capacity=whole(capacity, "capacity", None),
    )


def write(case: Case) -> str:
    """YAML from which `read` makes the same numbers, to the last bit."""
    pairs = zip(case.pickups.tolist(), case.deliveries.tolist(), strict=True)
    lines = [
        *yamlfile.head("omdcpdp", case.name),
        f"capacity: {case.capacity}",
        "vehicles:",
        *[f"  - {_shown(point)}" for point in case.depots.tolist()],
        "orders:",
        *[f"  - {{from: {_shown(start)}, to: {_shown(end)}}}" for start, end in pairs],
    ]
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> Routes:
    """A list of stops for each vehicle: a JSON list of lists, or an object with it under
    ``solution``.

    Raises:
        InstanceError: where the text is neither.
    """
    data = yamlfile.read_list(text)
    for number, route in enumerate(data, 1):
        if not isinstance(route, list) or not all(type(stop) is int for stop in route):
            reason = "must be a list of stops, such as [1, 2, -1, -2]"
            raise InstanceError(reason, field=f"vehicle {number}", value=repr(route))
    return data


def write_solution(case: Case, solution: Iterable[Iterable[int]], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` and ``solution``."""
    return yamlfile.write_list(case.name, cost, case.numbered(solution))


# --------------------------------------------------------------------------------------------------
# From YAML to numbers


def _listed(data: Mapping[str, Any], field: str, path: str | None) -> list[Any]:
    """A list of 1 to `MOST` entries."""
    entries = required(data, field, path)
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        value = len(entries) if isinstance(entries, list) else entries
        raise InstanceError(f"must be a list of 1 to {MOST}", field=field, value=value, path=path)
    return entries


def _point(value: Any, field: str, path: str | None) -> list[float]:
    """Two numbers."""
    try:
        point = [float(number) for number in value if type(number) in (int, float)]
    except (TypeError, ValueError, OverflowError):
        point = []
    if not isinstance(value, list) or len(value) != 2 or len(point) != 2:
        raise InstanceError("must be two numbers, [x, y]", field=field, value=value, path=path)
    for number in point:
        if not abs(number) <= FARTHEST:  # not a number is not, either
            reason = f"coordinates must be finite and within {FARTHEST:g}"
            raise InstanceError(reason, field=field, value=number, path=path)
    return point


def _check(field: str, points: np.ndarray, path: str | None) -> None:
    """Refuses what is no ``[n, 2]`` of coordinates."""
    if points.ndim != 2 or points.shape[1] != 2 or not 1 <= len(points) <= MOST:
        reason = f"must be [n, 2] with 1 to {MOST} rows; this is its shape"
        raise InstanceError(reason, field=field, value=list(points.shape), path=path)
    wrong = np.argwhere(~(np.abs(points) <= FARTHEST))
    if wrong.size:
        row, column = wrong[0].tolist()
        reason = f"row {row}: coordinates must be finite and within {FARTHEST:g}"
        value = float(points[row, column])
        raise InstanceError(reason, field=field, value=value, path=path)


def _shown(point: Sequence[float]) -> str:
    """A point as YAML, without loss."""
    return f"[{point[0]!r}, {point[1]!r}]"

"""Exact CVRP cases: reads and writes CVRPLIB `.vrp` and `.sol` files, and takes arrays.

The format is that of `nco.problems._routing.tsplib` with CAPACITY, DEMAND_SECTION and
DEPOT_SECTION. The depot moves to position 0; the others keep the order of the file and are the
customers 1 to n, as CVRPLIB counts them in `.sol` files.
"""

import itertools
import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

import nco.core.case
from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._common.decimals import exact, rational
from nco.problems._routing import depots, metrics, ordering, routes, tsplib
from nco.problems._routing.savings import LARGEST, savings

SECTIONS = (
    "NODE_COORD_SECTION",
    "EDGE_WEIGHT_SECTION",
    "DISPLAY_DATA_SECTION",
    "DEMAND_SECTION",
    "DEPOT_SECTION",
)
ARRAYS = {"coords", "distances", "demand", "capacity", "vehicles", "name", "names"}

# What other vehicle-routing formats state by keyword and would be lost if it were skipped.
_REFUSED = {
    "DISTANCE": "route length limits",
    "SERVICE_TIME": "service times",
    "VEHICLES_": "fleets of different vehicles",
    "PICKUP": "pickups",
    "BACKHAUL": "backhauls",
    "TIME_WINDOW": "time windows",
}
_TYPE = re.compile(r"^[ \t\ufeff]*TYPE[ \t]*:[ \t]*([A-Z0-9_-]+)", re.IGNORECASE | re.MULTILINE)
_CAPACITY = re.compile(r"^[ \t]*CAPACITY[ \t]*:", re.IGNORECASE | re.MULTILINE)
_DEMAND = re.compile(r"^[ \t]*DEMAND_SECTION\b", re.IGNORECASE | re.MULTILINE)
_MIXED_FLEET = re.compile(
    r"^[ \t]*(VEHICLES_[A-Z_]+|CAPACITY_SECTION)\b", re.IGNORECASE | re.MULTILINE
)

DIRECTED = f"for roads with directions give --problem vrp, or {depots.MEAN}"
SUFFIX = ".vrp"  # of the files that `write` makes


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(nco.core.case.Case):
    """A depot, n customers with a demand each, and vehicles of one capacity.

    A solution is a list of routes, each a list of customers from 1 to n without the depot.

    Attributes:
        coords: float64 [n+1, 2] in the source's units, the depot first; None without coordinates.
        distances: int64 or float64 [n+1, n+1], symmetric, where the source states them.
        metric: ``EXPLICIT`` for stated distances, otherwise one of `metrics.METRICS`;
            ``EUCLIDEAN`` (not rounded) for coordinates given as an array.
        demand: float64 [n+1]; the depot's is 0.
        capacity: of every vehicle, in the unit of the demands.
        vehicles: how many routes are allowed; None for any number.
        display: float64 [n+1, 2], where the source says nodes are to be drawn.
    """

    problem: ClassVar[str] = "cvrp"
    view: ClassVar[str] = "routes"
    coords: np.ndarray | None
    distances: np.ndarray | None = None
    metric: str
    demand: np.ndarray
    capacity: float
    vehicles: int | None = None
    display: np.ndarray | None = None

    @property
    def cost_unit(self) -> str:
        """Kilometres of places on the globe."""
        return metrics.unit(self.metric)

    @property
    def size(self) -> int:
        return len(self.demand) - 1

    def construct(self) -> list[list[int]]:
        """Savings where these keep to the fleet; else, and for very many customers, `_nearest`."""
        if self.size <= LARGEST:
            apart = self.distances
            if apart is None:
                assert self.coords is not None
                apart = metrics.distance_matrix(self.coords, self.metric)
            loads = [rational(load) for load in self.demand.tolist()]
            joined = savings(apart, loads, rational(float(self.capacity)))
            if self.vehicles is None or len(joined) <= self.vehicles:
                return joined
        return self._nearest()

    def _nearest(self) -> list[list[int]]:
        """The nearest customer next, on a new route whenever that one does not fit."""
        routes: list[list[int]] = []
        demand = [rational(load) for load in self.demand.tolist()]
        room: Fraction | int = 0
        for customer in ordering.nearest_order(self.coords, self.distances)[1:]:
            load = demand[customer]
            if not routes or load > room:
                routes.append([])
                room = rational(float(self.capacity))
            routes[-1].append(customer)
            room -= load
        return routes

    def indexed(self, solution: Any) -> Any:
        """Customers count from 1 and the depot is position 0, so that numbers are positions."""
        for route in solution:
            for customer in route:
                if not 1 <= customer <= self.size:
                    reason = f"the customers are 1 to {self.size}"
                    raise InstanceError(reason, field="customer", value=customer, path=self.path)
        return solution


def recognise(text: str) -> bool:
    """Whether a text is a CVRP file; a plain VRP is one too, so that `read` can refuse its type."""
    if _MIXED_FLEET.search(text):
        return False
    if stated := _TYPE.search(text):
        if stated[1].upper() == "CVRP":
            return True
        if stated[1].upper() != "VRP":
            return False
    return bool(_CAPACITY.search(text) and _DEMAND.search(text))


def read(text: str, *, path: str | None = None) -> Case:
    """Reads a `.vrp` file.

    Args:
        text: the whole file.
        path: its name, for error messages and the case.

    Raises:
        InstanceError: the file breaks its format, or states a rule that CVRP does not have.
    """
    document = tsplib.parse(text, sections=SECTIONS, path=path)
    depots.check_type(document, "CVRP")
    depots.check_rules(document, _REFUSED)
    tsplib.dimension(document)
    metric = document.choice("EDGE_WEIGHT_TYPE", (*metrics.METRICS, "EXPLICIT"))
    points, distances, demand = depots.nodes(document, metric, "DEMAND_SECTION", DIRECTED)
    order = depots.first(document, demand.ids)
    capacity = document.number("CAPACITY")
    if capacity <= 0:
        value = document.text("CAPACITY")
        raise document.error("the capacity must be positive", field="CAPACITY", value=value)
    loads = demand.values[order, 0]
    if fault := _demand_fault(loads, capacity):
        position, reason = fault
        row = order[position]
        node = f"node {demand.ids[row]}"
        value = f"{node} with {tsplib.number_text(loads[position])}"
        line = demand.lines[row]
        raise document.error(reason, field="DEMAND_SECTION", value=value, line=line)
    return Case(
        name=document.text("NAME", "unnamed") or "unnamed",
        path=path,
        coords=None if points is None else points[order],
        distances=None if distances is None else distances[np.ix_(order, order)],
        metric=metric,
        demand=loads,
        capacity=capacity,
        vehicles=_vehicles(document, loads, capacity),
        display=depots.display(document, demand.ids, order),
    )


def _demand_fault(demand: np.ndarray, capacity: float) -> tuple[int, str] | None:
    """The first position whose demand is impossible, the depot at 0, and the reason."""
    wrong = (demand < 0) | (demand > capacity) | ~np.isfinite(demand)
    wrong[0] = demand[0] != 0
    if not wrong.any():
        return None
    position = int(wrong.argmax())
    if position == 0:
        return 0, "the depot's demand must be 0"
    if demand[position] > capacity:
        stated = tsplib.number_text(capacity)
        return position, f"customer {position} demands more than the capacity {stated}"
    return position, f"the demand of customer {position} must be 0 or a positive number"


def _vehicles(document: tsplib.Document, loads: np.ndarray, capacity: float) -> int | None:
    """How many routes the file allows; None for any number."""
    if "VEHICLES" not in document.keywords:
        return None
    token = document.text("VEHICLES")
    vehicles = tsplib.integer(document, token, "VEHICLES", document.keywords["VEHICLES"][1])
    if vehicles < 1:
        reason = "the number of vehicles must be positive: remove the line for any number"
        raise document.error(reason, field="VEHICLES", value=token)
    if fault := _fleet_fault(loads, capacity, vehicles):
        line = document.keywords["VEHICLES"][1]
        raise document.error(fault, field="VEHICLES", value=token, line=line)
    return vehicles


def _fleet_fault(demand: np.ndarray, capacity: float, vehicles: int) -> str | None:
    """Why the demands [n+1] cannot be carried by that many vehicles, where that is certain."""
    loads = [exact(load) for load in demand.tolist()]
    least = least_bins(loads, exact(capacity))
    if least <= vehicles:
        return None
    total = tsplib.number_text(float(sum(loads)))
    stated = tsplib.number_text(capacity)
    return (
        f"the demands, {total} in all, need at least {least} vehicles of capacity {stated}: "
        f"allow {least} or more, or state no limit; as problem vrp, what fits is planned"
    )


def least_bins(loads: Sequence[Fraction], capacity: Fraction) -> int:
    """A number of bins below which `loads` cannot be packed (Martello & Toth 1990, bound L2).

    For any a up to half the capacity: loads above half of it need a bin each; those from a to half
    of it find no room beside loads above the capacity less a, and only so much beside the others.
    """
    loads = sorted(load for load in loads if load > 0)
    sums = [Fraction(0), *itertools.accumulate(loads)]
    middle = bisect_right(loads, capacity / 2)
    best = math.ceil(sums[-1] / capacity)
    for low in range(middle):
        full = bisect_right(loads, capacity - loads[low])
        beside = capacity * (full - middle) - (sums[full] - sums[middle])
        more = math.ceil((sums[middle] - sums[low] - beside) / capacity)
        best = max(best, len(loads) - middle + max(0, more))
    return max(best, len(loads) - middle)


def from_arrays(data: object) -> Case | None:
    """A case from a dict of arrays; None where its keys are not those of a CVRP.

    Args:
        data: ``coords`` [n+1, 2], the depot first, or ``distances`` [n+1, n+1], or both (then the
            distances count and the coordinates are drawn); ``demand`` [n+1], the depot's being 0;
            ``capacity``; optionally ``vehicles`` (the largest number of routes), ``name``, and
            ``names`` [n+1].

    Raises:
        InstanceError: the arrays do not fit together or hold impossible numbers.
    """
    if not isinstance(data, Mapping):
        return None
    keys = {key for key in data if data[key] is not None}
    if not keys <= ARRAYS or "demand" not in keys or not keys & {"coords", "distances"}:
        return None
    if isinstance(data.get("vehicles"), list | tuple):  # a fleet, which is a case of vrp
        return None
    demand = depots.array(data["demand"], "demand", decimal=True)
    if demand.ndim != 1 or len(demand) == 0:
        raise InstanceError(
            "must be one row of numbers, the depot's 0 first", field="demand", value=demand.shape
        )
    if "capacity" not in keys:
        raise InstanceError("this key is missing: add the vehicles' capacity", field="capacity")
    capacity = depots.array(data["capacity"], "capacity", decimal=True)
    if capacity.ndim != 0 or not np.isfinite(capacity) or capacity <= 0:
        raise InstanceError(
            "must be one positive number", field="capacity", value=str(data["capacity"])
        )
    if fault := _demand_fault(demand, float(capacity)):
        position, reason = fault
        value = f"at position {position} with {float(demand[position])}"
        raise InstanceError(reason, field="demand", value=value)
    coords = distances = None
    if "coords" in keys:
        coords = depots.coordinates(data["coords"], len(demand), "demand")
    if "distances" in keys:
        distances = depots.distances(data["distances"], len(demand), "demand", DIRECTED)
    return Case(
        name=str(data["name"]) if "name" in keys else "unnamed",
        names=names.named(data, "stops", len(demand)),
        coords=coords,
        distances=distances,
        metric="EUCLIDEAN" if distances is None else "EXPLICIT",
        demand=demand,
        capacity=float(capacity),
        vehicles=_fleet(data["vehicles"], demand, float(capacity)) if "vehicles" in keys else None,
    )


def _fleet(value: object, demand: np.ndarray, capacity: float) -> int:
    """How many routes a user allows."""
    vehicles = _integer(value)
    if vehicles is None or vehicles < 1:
        raise InstanceError("must be a positive integer", field="vehicles", value=str(value))
    if reason := _fleet_fault(demand, capacity, vehicles):
        raise InstanceError(reason, field="vehicles", value=vehicles)
    return vehicles


def write(case: Case) -> str:
    """The case as the text of a `.vrp` file; the depot becomes node 1."""
    lines = [
        f"NAME : {tsplib.one_line(case.name)}",
        "TYPE : CVRP",
        f"DIMENSION : {case.size + 1}",
        f"EDGE_WEIGHT_TYPE : {case.metric}",
        f"CAPACITY : {tsplib.number_text(case.capacity)}",
    ]
    if case.vehicles is not None:
        lines.append(f"VEHICLES : {case.vehicles}")
    if case.distances is not None:
        lines += ["EDGE_WEIGHT_FORMAT : FULL_MATRIX", "EDGE_WEIGHT_SECTION"]
        lines += tsplib.matrix_rows(case.distances)
    lines += tsplib.rows("NODE_COORD_SECTION", case.coords)
    lines += tsplib.rows("DISPLAY_DATA_SECTION", case.display)
    lines += tsplib.rows("DEMAND_SECTION", case.demand)
    return "\n".join([*lines, "DEPOT_SECTION", "1", "-1", "EOF", ""])


def read_solution(text: str, case: Case) -> list[list[int]]:
    """Reads routes in CVRPLIB's `.sol` form or as JSON; what they contain is for the checker.

    Args:
        text: lines ``Route #1: 21 31 19`` and a ``Cost``, a JSON list of lists, or a JSON object
            with the key ``solution``.
        case: the case they belong to.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return routes.from_json(text)
    stated = [customers for _, _, customers in routes.read(text)]
    if not stated and case.size:
        raise InstanceError("there is no line 'Route #1: ...'", field="solution")
    return stated


def _integer(value: object) -> int | None:
    """A whole number of Python's or numpy's; None for all else."""
    return (
        int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None
    )


def write_solution(case: Case, solution: Sequence[Sequence[int]], cost: float | None) -> str:
    """Routes in CVRPLIB's `.sol` form; no ``Cost`` line where the cost is None."""
    return routes.write([list(route) for route in solution if len(route)], cost)

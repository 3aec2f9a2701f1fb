"""Fleets of different vehicles: reads and writes VRPLIB files with vehicle sections, takes arrays.

The format is that of `nco.problems._routing.tsplib` with CAPACITY_SECTION, a row for each vehicle,
and

- ``TYPE : HCVRP``, the last vehicle home as early as possible: VEHICLES_SPEED_SECTION (1 without);
- ``TYPE : HFVRP``, the form of PyVRP's instances, the least total cost:
  VEHICLES_FIXED_COST_SECTION and VEHICLES_UNIT_DISTANCE_COST_SECTION (0 and 1 without).

Distances are straight lines and not rounded, as those of the published results are, although
EDGE_WEIGHT_TYPE says EUC_2D. The depot moves to position 0; the others are the customers 1 to n.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np

import nco.core.case
from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._common.decimals import exact
from nco.problems._routing import depots, metrics, ordering, routes, tsplib

MIN_MAX, TOTAL = "min_max", "total"  # objectives
TYPES = {"HCVRP": MIN_MAX, "HFVRP": TOTAL}
SECTIONS = (
    "NODE_COORD_SECTION",
    "DEMAND_SECTION",
    "CAPACITY_SECTION",
    "VEHICLES_SPEED_SECTION",
    "VEHICLES_FIXED_COST_SECTION",
    "VEHICLES_UNIT_DISTANCE_COST_SECTION",
    "DEPOT_SECTION",
)
OF_TYPE = {"HCVRP": {SECTIONS[3]}, "HFVRP": {SECTIONS[4], SECTIONS[5]}}
KEYWORDS = ("NAME", "COMMENT", "TYPE", "DIMENSION", "VEHICLES", "EDGE_WEIGHT_TYPE")
ARRAYS = {"coords", "demand", "capacities", "speeds", "fixed", "unit", "objective", "name", "names"}
TRIALS = 200  # of packing all customers into a fleet with hardly any room to spare
SUFFIX = ".vrp"  # of the files that `write` makes

_TYPE = re.compile(r"^[ \t\ufeff]*TYPE[ \t]*:[ \t]*(\w+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(nco.core.case.Case):
    """A depot, n customers with a demand each, and vehicles that differ.

    A solution is a list of one route a vehicle, in the order of the vehicles: customers from 1 to
    n, and 0 where the vehicle is loaded anew at the depot, which `TOTAL` does not allow.

    Attributes:
        coords: float64 [n+1, 2] in the source's units, the depot first.
        demand: float64 [n+1]; the depot's is 0.
        capacities: float64 [M], in the unit of the demands.
        speeds: float64 [M]; `MIN_MAX` minimises the greatest route length / speed.
        fixed, unit: float64 [M]; `TOTAL` minimises the sum over used vehicles of ``fixed + unit *
            route length``.
        objective: `MIN_MAX` or `TOTAL`.
    """

    problem: ClassVar[str] = "hcvrp"
    view: ClassVar[str] = "routes"
    coords: np.ndarray
    demand: np.ndarray
    capacities: np.ndarray
    speeds: np.ndarray
    fixed: np.ndarray
    unit: np.ndarray
    objective: str

    @property
    def size(self) -> int:
        return len(self.demand) - 1

    @property
    def cost_unit(self) -> str:
        """Kilometres of places on the globe, where neither speed nor price changes them."""
        factors = self.speeds if self.objective == MIN_MAX else self.unit
        plain = bool((factors == 1).all()) and (self.objective == MIN_MAX or not self.fixed.any())
        return metrics.KILOMETRES if self.degrees is not None and plain else ""

    @property
    def variant(self) -> str:
        return "" if self.objective == MIN_MAX else self.objective

    def construct(self) -> list[list[int]]:
        """The nearest customer next, by the vehicle that would be home first.

        For the total cost: each customer, the largest first, where it leaves the least room.
        """
        return _in_turn(self) if self.objective == MIN_MAX else _packed(self)

    def indexed(self, solution: Any) -> Any:
        """Numbers are positions already."""
        if len(solution) > len(self.capacities):
            reason = f"there are {len(self.capacities)} vehicles"
            raise InstanceError(reason, field="routes", value=len(solution), path=self.path)
        for route in solution:
            for node in route:
                if not 0 <= node <= self.size:
                    reason = f"the customers are 1 to {self.size}"
                    raise InstanceError(reason, field="customer", value=node, path=self.path)
        return solution


def _total(values: np.ndarray) -> Fraction:
    """The exact sum."""
    return sum((exact(value) for value in values.tolist()), Fraction(0))


def _whole(*values: np.ndarray) -> list[np.ndarray]:
    """Values in units of which all are multiples, so that sums and comparisons are exact."""
    every = [[exact(value) for value in part.tolist()] for part in values]
    unit = math.lcm(*(value.denominator for part in every for value in part))
    counts = [[int(value * unit) for value in part] for part in every]
    small = sum(abs(count) for part in counts for count in part) < 2**62
    return [np.array(part, dtype=np.int64 if small else object) for part in counts]


class _Option(NamedTuple):
    """What a vehicle would do next; the least is the one that is home first."""

    home: float
    vehicle: int
    customer: int
    driven: float
    reload: bool


def _in_turn(case: Case) -> list[list[int]]:
    """Routes by the nearest customer next, always of the vehicle that would be home first."""
    demand, capacity = _whole(case.demand, case.capacities)
    if case.size > ordering.MOST_NEAREST:
        return _in_trips(case, demand.tolist(), capacity.tolist())
    back = np.linalg.norm(case.coords - case.coords[0], axis=1)
    routes: list[list[int]] = [[] for _ in capacity]
    room, length = capacity.copy(), np.zeros(len(capacity))
    left = np.arange(1, case.size + 1)

    def look(vehicle: int) -> _Option | None:
        fits = demand[left] <= room[vehicle]
        reload = not fits.any()
        if reload:
            fits = demand[left] <= capacity[vehicle]
        if not fits.any():
            return None
        here = routes[vehicle][-1] if routes[vehicle] else 0
        if reload:
            way = back[here] + back[left]
        else:
            way = np.linalg.norm(case.coords[left] - case.coords[here], axis=1)
        place = int(np.where(fits, way, np.inf).argmin())
        driven = float(length[vehicle] + way[place])
        home = (driven + back[left[place]]) / case.speeds[vehicle]
        return _Option(home, vehicle, int(left[place]), driven, reload)

    options = [look(vehicle) for vehicle in range(len(routes))]
    while len(left):
        best = min(option for option in options if option is not None)
        vehicle, customer = best.vehicle, best.customer
        length[vehicle] = best.driven
        if best.reload:
            routes[vehicle].append(0)
            room[vehicle] = capacity[vehicle]
        routes[vehicle].append(customer)
        room[vehicle] -= demand[customer]
        left = left[left != customer]
        if len(left):  # the others still want what they wanted, where it is there
            for other, option in enumerate(options):
                if other == vehicle or (option is not None and option.customer == customer):
                    options[other] = look(other)
    return routes


def _in_trips(case: Case, demand: list[int], capacity: list[int]) -> list[list[int]]:
    """Routes of a large case: trips along a curve, each by the vehicle that is free first."""
    order = ordering.along_curve(case.coords)[1:]
    routes: list[list[int]] = [[] for _ in capacity]
    busy = [0.0] * len(capacity)
    place = 0
    while place < len(order):
        able = [i for i, most in enumerate(capacity) if demand[order[place]] <= most]
        vehicle = min(able, key=busy.__getitem__)
        room, first = capacity[vehicle], place
        while place < len(order) and demand[order[place]] <= room:
            room -= demand[order[place]]
            place += 1
        trip = case.coords[[0, *order[first:place], 0]]
        busy[vehicle] += np.linalg.norm(np.diff(trip, axis=0), axis=1).sum() / case.speeds[vehicle]
        routes[vehicle] += [0, *order[first:place]] if routes[vehicle] else order[first:place]
    return routes


def _packed(case: Case) -> list[list[int]]:
    """Routes of what fits together, the nearest customer next."""
    routes = []
    demand, capacity = _whole(case.demand, case.capacities)
    for some in _members(demand.tolist(), capacity.tolist()):
        order = ordering.nearest_order(case.coords[[0, *some]], None)
        routes.append([some[place - 1] for place in order[1:]])
    return routes


def _members(demand: list[int], capacities: list[int]) -> list[list[int]]:
    """Best-fit decreasing; again, first what found no place, until everything does."""
    urgent = [0] * len(demand)
    for _ in range(TRIALS):
        room = list(capacities)
        members: list[list[int]] = [[] for _ in room]
        lost = 0
        for customer in sorted(range(1, len(demand)), key=lambda i: (-urgent[i], -demand[i])):
            fitting = [vehicle for vehicle, free in enumerate(room) if demand[customer] <= free]
            # where nothing is left, in the roomiest: the checker will say so
            vehicle = min(fitting, key=room.__getitem__, default=room.index(max(room)))
            members[vehicle].append(customer)
            room[vehicle] -= demand[customer]
            if not fitting:
                urgent[customer] += 1
                lost += 1
        if not lost:
            break
    return members


def recognise(text: str) -> bool:
    """Whether a text states a mixed fleet."""
    stated = _TYPE.search(text)
    return stated is not None and stated[1].upper() in TYPES


def read(text: str, *, path: str | None = None) -> Case:
    """Reads a file of either type.

    Args:
        text: the whole file.
        path: its name, for error messages and the case.

    Raises:
        InstanceError: the file breaks its format, or states a rule that this problem does not have.
    """
    document = tsplib.parse(text, sections=SECTIONS, path=path)
    kind = document.choice("TYPE", tuple(TYPES))
    for key in document.keywords:
        if key not in KEYWORDS:
            reason = f"is not a rule of {kind}: remove the line to solve without it"
            raise document.error(reason, field=key, value=document.text(key))
    for section in {*SECTIONS[3:6]} - OF_TYPE[kind]:
        if section in document.sections:
            raise document.error(f"does not belong to {kind}: remove it", field=section)
    document.choice("EDGE_WEIGHT_TYPE", ("EUC_2D",))
    points = tsplib.coordinates(document, "EUCLIDEAN")
    demand = tsplib.table(document, "DEMAND_SECTION", 1, points.ids)
    order = depots.first(document, points.ids)
    count = len(document.rows("CAPACITY_SECTION"))
    vehicles = np.arange(1, count + 1)
    if "VEHICLES" in document.keywords:
        stated = tsplib.integer(document, document.text("VEHICLES"), "VEHICLES", None)
        if stated != count:
            reason = f"CAPACITY_SECTION has {count} rows: correct one of the two"
            raise document.error(reason, field="VEHICLES", value=stated)

    def column(section: str, default: float) -> np.ndarray:
        if section not in document.sections:
            return np.full(count, default)
        stated: np.ndarray = tsplib.table(document, section, 1, vehicles).values[:, 0]
        return stated

    try:
        return _case(
            name=document.text("NAME", "unnamed") or "unnamed",
            path=path,
            coords=points.values[order],
            demand=demand.values[order, 0],
            capacities=column("CAPACITY_SECTION", 0.0),
            speeds=column("VEHICLES_SPEED_SECTION", 1.0),
            fixed=column("VEHICLES_FIXED_COST_SECTION", 0.0),
            unit=column("VEHICLES_UNIT_DISTANCE_COST_SECTION", 1.0),
            objective=TYPES[kind],
        )
    except InstanceError as error:
        if error.path is not None or error.field not in _WHERE:
            raise
        field = _WHERE[error.field]
        raise document.error(error.reason, field=field, value=error.value) from error


_WHERE = {
    "coords": "NODE_COORD_SECTION",
    "demand": "DEMAND_SECTION",
    "capacities": "CAPACITY_SECTION",
    "speeds": "VEHICLES_SPEED_SECTION",
    "fixed": "VEHICLES_FIXED_COST_SECTION",
    "unit": "VEHICLES_UNIT_DISTANCE_COST_SECTION",
}


def _case(
    *,
    name: str,
    path: str | None,
    coords: np.ndarray,
    demand: np.ndarray,
    capacities: np.ndarray,
    speeds: np.ndarray,
    fixed: np.ndarray,
    unit: np.ndarray,
    objective: str,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Case:
    """The case, or an error without a place where its numbers are impossible."""
    if (fault := metrics.overflow(coords, "EUCLIDEAN")) is not None:
        raise InstanceError(fault[1], field="coords", value=f"row {fault[0]}")
    if len(capacities) == 0:
        raise InstanceError("there must be a vehicle", field="capacities", value="[]")
    for field, values, least in (
        ("capacities", capacities, "positive"),
        ("speeds", speeds, "positive"),
        ("fixed", fixed, "0 or more"),
        ("unit", unit, "0 or more"),
    ):
        wrong = ~np.isfinite(values) | (values < 0) | ((values == 0) & (least == "positive"))
        if wrong.any():
            vehicle = int(wrong.argmax())
            value = f"{tsplib.number_text(values[vehicle])} of vehicle {vehicle + 1}"
            raise InstanceError(f"must be {least} and finite", field=field, value=value)
    wrong = ~np.isfinite(demand) | (demand < 0) | (demand > capacities.max())
    wrong[0] = demand[0] != 0
    if wrong.any():
        place = int(wrong.argmax())
        reason = f"must be from 0 to the largest capacity, {tsplib.number_text(capacities.max())}"
        reason = "the depot's demand must be 0" if place == 0 else reason
        value = f"{tsplib.number_text(demand[place])} of customer {place}"
        raise InstanceError(reason, field="demand", value=value)
    if objective == TOTAL and _total(demand) > _total(capacities):
        reason = (
            "the vehicles, which make one trip each, cannot carry all demands, "
            f"{demand.sum():g}; as problem vrp, what fits is planned"
        )
        raise InstanceError(reason, field="capacities", value=f"{capacities.sum():g} in all")
    return Case(
        name=name,
        path=path,
        names=names or {},
        coords=coords,
        demand=demand,
        capacities=capacities,
        speeds=speeds,
        fixed=fixed,
        unit=unit,
        objective=objective,
    )


def from_arrays(data: object) -> Case | None:
    """A case from a dict of arrays; None where its keys are not those of this problem.

    Args:
        data: ``coords`` [n+1, 2], the depot first; ``demand`` [n+1], the depot's being 0;
            ``capacities`` [M]; optionally ``speeds`` [M], or ``fixed`` [M] and ``unit`` [M] costs;
            ``objective``, by default `TOTAL` where there are costs and `MIN_MAX` otherwise; and
            ``name``, and ``names`` [n+1] of depot and customers.

    Raises:
        InstanceError: the arrays do not fit together or hold impossible numbers.
    """
    if not isinstance(data, Mapping):
        return None
    keys = {key for key in data if data[key] is not None}
    if not keys <= ARRAYS or not {"coords", "demand", "capacities"} <= keys:
        return None
    demand, capacities = (_row(data[key], key) for key in ("demand", "capacities"))
    if len(demand) == 0:
        reason = "must have a row a node, the depot's 0 first"
        raise InstanceError(reason, field="demand", value=demand.shape)
    coords = depots.coordinates(data["coords"], len(demand), "demand")
    columns = {"speeds": 1.0, "fixed": 0.0, "unit": 1.0}
    given = {}
    for key, default in columns.items():
        given[key] = np.full(len(capacities), default)
        if key in keys:
            given[key] = _row(data[key], key)
            if len(given[key]) != len(capacities):
                reason = f"must have as many numbers as `capacities`, {len(capacities)}"
                raise InstanceError(reason, field=key, value=len(given[key]))
    objective = TOTAL if keys & {"fixed", "unit"} else MIN_MAX
    if "objective" in keys:
        objective = str(data["objective"])
    if objective not in (MIN_MAX, TOTAL):
        reason = f"must be {MIN_MAX} or {TOTAL}"
        raise InstanceError(reason, field="objective", value=objective)
    if keys & ({"fixed", "unit"} if objective == MIN_MAX else {"speeds"}):
        reason = f"{TOTAL} counts `fixed` and `unit` costs, {MIN_MAX} counts `speeds`: state either"
        raise InstanceError(reason, field="objective", value=objective)
    return _case(
        name=str(data["name"]) if "name" in keys else "unnamed",
        names=names.named(data, "stops", len(demand)),
        path=None,
        coords=coords,
        demand=demand,
        capacities=capacities,
        objective=objective,
        **given,
    )


def _row(value: object, field: str) -> np.ndarray:
    """A row of numbers of a user."""
    numbers = depots.array(value, field, decimal=True)
    if numbers.ndim != 1:
        raise InstanceError("must be one row of numbers", field=field, value=numbers.shape)
    return numbers


def write(case: Case) -> str:
    """The case as the text of a file; the depot becomes node 1."""
    kind = next(name for name, objective in TYPES.items() if objective == case.objective)
    lines = [
        f"NAME : {tsplib.one_line(case.name)}",
        f"TYPE : {kind}",
        f"DIMENSION : {case.size + 1}",
        f"VEHICLES : {len(case.capacities)}",
        "EDGE_WEIGHT_TYPE : EUC_2D",
    ]
    columns = {"VEHICLES_SPEED_SECTION": case.speeds}
    if case.objective == TOTAL:
        columns = {SECTIONS[4]: case.fixed, SECTIONS[5]: case.unit}
    lines += tsplib.rows("NODE_COORD_SECTION", case.coords) + tsplib.rows(
        "DEMAND_SECTION", case.demand
    )
    lines += tsplib.rows("CAPACITY_SECTION", case.capacities)
    for section, values in columns.items():
        lines += tsplib.rows(section, values)
    return "\n".join([*lines, "DEPOT_SECTION", "1", "-1", "EOF", ""])


def read_solution(text: str, case: Case) -> list[list[int]]:
    """Reads routes in `.sol` form or as JSON; what they contain is for the checker.

    Args:
        text: lines ``Route #1: 21 31 0 19``, the number being the vehicle's, and a ``Cost``; a JSON
            list of lists, or a JSON object with the key ``solution``.
        case: the case they belong to.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return routes.from_json(text)
    own: list[list[int]] = [[] for _ in case.capacities]
    seen: set[int] = set()
    for line, vehicle, customers in routes.read(text):
        if not 1 <= vehicle <= len(own) or vehicle in seen:
            reason = f"a route each of the vehicles 1 to {len(own)} belongs here"
            raise InstanceError(reason, field="Route", value=vehicle, line=line)
        seen.add(vehicle)
        own[vehicle - 1] = customers
    if not seen and case.size:
        raise InstanceError("there is no line 'Route #1: ...'", field="solution")
    return own


def write_solution(case: Case, solution: Sequence[Sequence[int]], cost: float | None) -> str:
    """Routes in `.sol` form, one a vehicle; no ``Cost`` line where the cost is None."""
    return routes.write([list(route) for route in solution], cost)

"""What the solvers see of a fleet: whole loads, scaled distances, costs and speeds."""

from collections.abc import Sequence

import numpy as np

from nco.problems._common.decimals import exact
from nco.problems._routing import integers
from nco.problems.hcvrp.check import check
from nco.problems.hcvrp.files import MIN_MAX, Case

Routes = list[list[int]]

GREATEST = 1e6  # of the distances that solvers see
SLOWEST = 1e-6  # of the fastest vehicle's speed
LARGEST_FIXED = 2.0**50  # cost of a vehicle


def feasible(case: Case, start: Routes | None) -> Routes | None:
    """A warm start that breaks no rule."""
    return start if start is not None and check(case, start).feasible else None


def loads(case: Case) -> integers.Loads:
    """Whole demands of all nodes, the depot's 0 included, and the vehicles' capacities."""
    demand, capacities = (
        [exact(value) for value in values.tolist()] for values in (case.demand, case.capacities)
    )
    return integers.loads(demand, capacities)


def distances(case: Case) -> np.ndarray:
    """float64 [n+1, n+1], the longest GREATEST."""
    table = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1)
    return table * (GREATEST / max(float(table.max()), 1e-300))


def speeds(case: Case) -> np.ndarray:
    """Speeds as shares of the fastest one, so that the unit of a file makes no difference.

    They are at least `SLOWEST`, so that no time overflows: a slower vehicle is not used anyway.
    """
    return np.maximum(case.speeds / case.speeds.max(), SLOWEST)


def offered(case: Case, start: Routes | None) -> list[list[int]]:
    """The vehicles that solvers are told of, equal ones in a list; some of many equal ones.

    Of equal vehicles, any two that carry no more than one can may as well be one: fewer than 2 D /
    Q + 1 carry a total demand D in some plan of the least cost.
    """
    demand, capacities = loads(case)
    used = {vehicle for vehicle, route in enumerate(start or []) if route}
    kinds: dict[tuple[float, ...], list[int]] = {}
    columns = np.stack([case.capacities, case.speeds, case.fixed, case.unit], 1).tolist()
    for vehicle, size in enumerate(capacities):
        equal = kinds.setdefault(tuple(columns[vehicle]), [])
        enough = case.objective != MIN_MAX and len(equal) > 2 * sum(demand) / max(size, 1)
        if vehicle in used or not enough:
            equal.append(vehicle)
    return list(kinds.values())


def tidy(route: Sequence[int]) -> list[int]:
    """The route without visits to the depot at its ends, or after one another."""
    stops: list[int] = []
    for node in route:
        if node or (stops and stops[-1]):
            stops.append(node)
    return stops[:-1] if stops and not stops[-1] else stops


def whole(table: np.ndarray) -> np.ndarray:
    """The nearest integers, int64."""
    return np.rint(table).astype(np.int64)


def dearest(case: Case) -> float:
    """The greatest cost of a unit of length, in which solvers count costs."""
    return max(float(case.unit.max()), 1e-300)


def fixed(case: Case, vehicle: int) -> int:
    """The whole cost of using a vehicle."""
    cost = float(case.fixed[vehicle]) / dearest(case) * factor(case)
    return round(min(cost, LARGEST_FIXED))


def factor(case: Case) -> float:
    """What `distances` multiplies lengths by."""
    spread = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1).max()
    return GREATEST / max(float(spread), 1e-300)

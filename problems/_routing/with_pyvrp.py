"""PyVRP (Wouda, Lan and Kool 2024) for every routing problem: a model, a run, and its routes.

A problem states its model in PyVRP's own words (`pyvrp.Client`, `pyvrp.VehicleType`, ...), so that
whatever PyVRP models can be asked of it: time windows, pickups, several depots, profiles with
their own matrices, prizes, groups, reloads. All numbers are whole; `integers` makes them.

    pyvrp = with_pyvrp.load()
    model = with_pyvrp.Model(
        clients=[pyvrp.Client(node, delivery=[demand[node]]) for node in range(1, n)],
        vehicles=[pyvrp.VehicleType(fleet, capacity=[capacity])],
        distances=[table],
    )
    routes = with_pyvrp.solve(model, with_pyvrp.Limit(deadline), seed=seed)
"""

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from nco.core.errors import NCOError

MODULES = ("pyvrp", "pyvrp.exceptions", "pyvrp.stop")  # that are imported when a solver is called
HOPELESS = 10_000  # iterations after which a run without another limit gives up
DEAREST = 100_000  # PyVRP's own upper bound of its penalties
LARGEST_PENALTY = 2**62  # of all load in one vehicle: it must not overflow


def load() -> ModuleType:
    """PyVRP, imported.

    Raises:
        NCOError: where it is not installed; it says how to get it.
    """
    try:
        import pyvrp
        import pyvrp.exceptions
        import pyvrp.stop
    except ImportError as error:
        raise NCOError("pyvrp is not installed: pip install 'nco-solver[solvers]'") from error
    return pyvrp


@dataclass(frozen=True)
class Route:
    """The way of one vehicle.

    Attributes:
        stops: the positions of clients in `Model.clients`, of which there are c; c + 2 k is the
            pickup of shipment k and c + 2 k + 1 its delivery. A visit to depot number d on the
            way, where the vehicle reloads, is ``~d`` (-1 for depot 0).
        vehicle: the position of its type in `Model.vehicles`.
    """

    stops: list[int]
    vehicle: int = 0

    @property
    def clients(self) -> list[int]:
        """The stops without the depots."""
        return [stop for stop in self.stops if stop >= 0]


@dataclass(frozen=True, eq=False)
class Model:
    """A routing problem in whole numbers.

    Attributes:
        clients: `pyvrp.Client`s, whose locations are rows of the matrices.
        vehicles: `pyvrp.VehicleType`s.
        distances: int64 ``[L, L]`` between locations, a matrix for each profile of the vehicles.
        durations: the same; None: no way takes time.
        depots: `pyvrp.Depot`s; None: one at location 0.
        groups: `pyvrp.ClientGroup`s, of clients that exclude each other.
        shipments: `pyvrp.Shipment`s, which have places of their own.
    """

    clients: Sequence[Any]
    vehicles: Sequence[Any]
    distances: Sequence[np.ndarray]
    durations: Sequence[np.ndarray] | None = None
    depots: Sequence[Any] | None = None
    groups: Sequence[Any] = ()
    shipments: Sequence[Any] = ()

    @cached_property
    def data(self) -> Any:
        """PyVRP's own form of the model, a `pyvrp.ProblemData`."""
        pyvrp = load()
        durations = self.durations
        if durations is None:
            durations = [np.zeros_like(matrix) for matrix in self.distances]
        # PyVRP measures by the matrices; coordinates only serve its pictures.
        places = [pyvrp.Location(0.0, 0.0) for _ in self.distances[0]]
        depots = [pyvrp.Depot(0)] if self.depots is None else list(self.depots)
        return pyvrp.ProblemData(
            places,
            list(self.clients),
            depots,
            list(self.vehicles),
            list(self.distances),
            list(durations),
            list(self.groups),
            list(self.shipments),
        )

    def solution(self, routes: Iterable[Route]) -> Any:
        """Routes as a `pyvrp.Solution`, to start from."""
        pyvrp = load()
        kinds, count = pyvrp.ActivityType, len(self.clients)

        def activity(stop: int) -> Any:
            if stop < 0:
                return pyvrp.Activity(kinds.DEPOT, ~stop)
            if stop < count:
                return pyvrp.Activity(kinds.CLIENT, stop)
            shipment, step = divmod(stop - count, 2)
            return pyvrp.Activity(kinds.DELIVERY if step else kinds.PICKUP, shipment)

        return pyvrp.Solution(
            self.data,
            [
                pyvrp.Route(self.data, [activity(stop) for stop in route.stops], route.vehicle)
                for route in routes
                if route.stops
            ],
        )


def routes_of(solution: Any, clients: int) -> list[Route]:
    """The routes of a `pyvrp.Solution` of a model with so many clients."""

    def stop(visit: Any) -> int:
        if visit.is_client():
            return int(visit.idx)
        if visit.is_depot():
            return ~int(visit.idx)
        return clients + 2 * int(visit.idx) + visit.is_delivery()

    routes = []
    for route in solution.routes():
        between = route.schedule()[1:-1]  # without the depots where it starts and ends
        routes.append(Route([stop(visit) for visit in between], route.vehicle_type()))
    return routes


@dataclass(frozen=True)
class Limit:
    """When a run ends: at whichever comes first; with no limit, at the first feasible solution.

    Attributes:
        deadline: a reading of `time.monotonic`; None: the clock counts for nothing.
        iterations: of PyVRP's iterated local search.
        feasible: at the first feasible solution, whatever else limits the run.
    """

    deadline: float | None = None
    iterations: int | None = None
    feasible: bool = False

    def criterion(self) -> Any:
        """The limit as one of `pyvrp.stop`; its clock starts now."""
        stop = load().stop
        criteria: list[Any] = []
        if self.deadline is not None:
            criteria.append(stop.MaxRuntime(max(0.0, self.deadline - time.monotonic())))
        if self.iterations is not None:
            criteria.append(stop.MaxIterations(self.iterations))
        if not criteria:
            criteria = [stop.FirstFeasible(), stop.MaxIterations(HOPELESS)]
        elif self.feasible:
            criteria.append(stop.FirstFeasible())
        return stop.MultipleCriteria(criteria)


def solve(
    model: Model,
    limit: Limit,
    *,
    seed: int,
    start: Iterable[Route] | None = None,
    tell: Callable[[list[Route]], None] | None = None,
    price: int = 0,
) -> list[Route] | None:
    """The best feasible routes that PyVRP's iterated local search finds; None where it finds none.

    Args:
        model: what to solve.
        limit: when to end.
        seed: of PyVRP's random numbers.
        start: routes to begin from; None: PyVRP makes its own.
        tell: is called with each better feasible solution on the way, the first one included.
        price: what one unit too much of load, length or time may cost at the most, where that is
            more than PyVRP's own bound: less than what the unit may save, and no solution would
            be feasible.
    """
    pyvrp = load()
    most = min(max(DEAREST, price), LARGEST_PENALTY // max(_load(model), 1))
    parameters = pyvrp.SolveParams(
        ils=_watched(tell, len(model.clients)), penalty=pyvrp.PenaltyParams(max_penalty=float(most))
    )
    initial = None if start is None else model.solution(start)
    with warnings.catch_warnings():  # it warns where feasible solutions are rare
        warnings.simplefilter("ignore", pyvrp.exceptions.PenaltyBoundWarning)
        best = pyvrp.solve(
            model.data,
            limit.criterion(),
            seed=seed,
            collect_stats=False,
            display=False,
            params=parameters,
            initial_solution=initial,
        ).best
    return routes_of(best, len(model.clients)) if best.is_feasible() else None


def _load(model: Model) -> int:
    """All that the clients bring or take, in units of load."""
    shipped = sum(sum(shipment.amount) for shipment in model.shipments)
    return shipped + sum(sum(client.delivery) + sum(client.pickup) for client in model.clients)


def _watched(tell: Callable[[list[Route]], None] | None, clients: int) -> Any:
    """PyVRP's search parameters, by which `tell` is called with each better feasible solution."""
    pyvrp = load()

    class Watch(pyvrp.IteratedLocalSearchCallbacks):  # type: ignore[name-defined]
        def on_start(self, search: Any) -> None:
            self.on_best(search.initial_solution)

        def on_best(self, best: Any) -> None:
            if tell is not None and best.is_feasible():
                tell(routes_of(best, clients))

    return pyvrp.IteratedLocalSearchParams(callbacks=Watch())

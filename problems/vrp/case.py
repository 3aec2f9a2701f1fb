"""The rich vehicle routing case: what can be said of depots, clients, vehicles and costs.

One case holds every constraint as data, as PyVRP's model does (Wouda, Lan and Kool 2024): what it
does not use is empty. How data flows: `files` and `sheet` make a `Case` of text and tables; `check`
says what a plan costs, when each stop is served and which rules it breaks; `explain` says what no
plan can serve and why; `classical` (PyVRP, OR-Tools, compiled ruin and recreate) finds plans;
`problem` lets a network find them; `plot` and `sheet` show them.

Places are numbered once: depots 0 to D-1, then the clients D to D+n-1. Plans use these numbers, so
with one depot the clients are 1 to n, as CVRPLIB counts them. Time and distance are different
units unless the case states no speed and no durations: then one unit of way takes one of time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

import numpy as np

import nco.core.case
from nco.core.errors import InstanceError

INFINITE = math.inf


class Rounding(StrEnum):
    """How a distance or a travel time between coordinates becomes a number of the case.

    Attributes:
        EXACT: not at all.
        ROUND: to the nearest integer; ROUND3: to the nearest 0.001.
        TRUNC1: down to one decimal (DIMACS, for Solomon's and Homberger's instances).
    """

    EXACT = "exact"
    ROUND = "round"
    ROUND3 = "round3"
    TRUNC1 = "trunc1"


class Backhauls(StrEnum):
    """In which order a vehicle may deliver (linehaul) and pick up (backhaul).

    Attributes:
        MIXED: in any order; the load is what is still to be delivered and what was picked up.
        AFTER: all deliveries of a trip before its first pickup.
        AFTER_SOME: the same, and a trip without a delivery is not allowed (Goetschalckx and
            Jacobs-Blecha 1989).
    """

    MIXED = "mixed"
    AFTER = "after"
    AFTER_SOME = "after_some"


class Window(NamedTuple):
    """A time window; both ends belong to it."""

    open: float
    close: float


ALWAYS = Window(0.0, INFINITE)


@dataclass(frozen=True)
class Depot:
    """A place where vehicles start, end or reload.

    Attributes:
        window: when vehicles may begin to load, and return; service: time that loading takes at the
            start of each trip.
    """

    window: Window = ALWAYS
    service: float = 0.0


@dataclass(frozen=True)
class Break:
    """Rest of the driver, taken once between two stops: it begins within `window`.

    It may interrupt driving and waiting, but no service.
    """

    window: Window
    duration: float


@dataclass(frozen=True)
class VehicleType:
    """Vehicles that are alike.

    Attributes:
        count: how many there are; None for any number.
        capacity: K numbers, one for each dimension of the loads; empty: no limit.
        start, end: numbers of depots; an `end` of None: the route ends at its last client (open).
        shift: the earliest departure and the latest end of a route.
        max_duration: from departure to end, waiting included; overtime beyond it up to
            `max_overtime` costs `unit_overtime` a unit of time.
        max_distance: of a route; max_stops: clients of a route.
        fixed, unit_distance, unit_duration: costs of a used vehicle, of a unit of way and of a
            unit of its duration.
        breaks: rests, each of which a route must hold where it is on its way then: one whose
            window opens when the route has ended, or closes before it leaves, is not needed.
        reloads: numbers of depots where it may load anew; max_trips: between reloads at most.
        speed: ways divided by it are times, where no matrix of durations is stated.
        profile: which of the case's matrices it uses.
        name: what it is called.
    """

    count: int | None = 1
    capacity: tuple[float, ...] = ()
    start: int = 0
    end: int | None = 0
    shift: Window = ALWAYS
    max_duration: float = INFINITE
    max_overtime: float = 0.0
    max_distance: float = INFINITE
    max_stops: int | None = None
    fixed: float = 0.0
    unit_distance: float = 1.0
    unit_duration: float = 0.0
    unit_overtime: float = 0.0
    breaks: tuple[Break, ...] = ()
    reloads: tuple[int, ...] = ()
    max_trips: int | None = None
    speed: float = 1.0
    profile: int = 0
    name: str = ""


@dataclass(frozen=True)
class Group:
    """Clients (numbers of places) of which at most one is served, or exactly one if `required`.

    A member's own `required` does not count.
    """

    clients: tuple[int, ...]
    required: bool = True


class Shipment(NamedTuple):
    """What one vehicle takes from one client to another one, in one trip: numbers of places."""

    pickup: int
    delivery: int


class Route(NamedTuple):
    """The way of one vehicle.

    Attributes:
        vehicle: the position of its type in `Case.vehicles`.
        stops: clients in their order; a depot's number is a reload there. Start and end are not
            named.
    """

    vehicle: int
    stops: list[int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(nco.core.case.Case):
    """Depots, n clients and vehicles.

    A solution is a list of `Route`. What is required and not in it is unassigned: the plan is then
    partial.

    Attributes:
        depots: D of them.
        vehicles: the types of vehicles.
        coords: float64 [D+n, 2], depots first; None where only matrices are stated.
        metric: ``EUCLIDEAN``, ``HAVERSINE`` (degrees to km) or one of `metrics.METRICS` for
            coordinates; ``EXPLICIT`` where `distances` are stated.
        rounding: of distances, and of times that are distances divided by a speed.
        distances: for each profile float64 [D+n, D+n], not necessarily symmetric; empty: by the
            coordinates.
        durations: the same in units of time; empty: distance / speed.
        delivery, pickup: float64 [n, K], what a client receives from, and sends to, the depot of
            its trip; of a shipment's pair what is loaded at the one and unloaded at the other is
            the `pickup` of its pickup client, and the same as `delivery` of the other.
        service: float64 [n], time at the client.
        windows: for each client the windows in which service may begin, in order; empty: always.
        release: float64 [n], when its goods are at the depot: no earlier a trip with it leaves.
        prize: float64 [n], what is lost if an optional client is not served.
        required: bool [n].
        allowed: for each client the positions of the vehicle types that may serve it; None: all.
        groups: of clients that exclude each other.
        shipments: pairs of clients.
        backhauls: in which order a trip delivers and picks up.
        units: words for distance, time, load and cost, such as ``{"time": "min"}``; and how times
            of a day are written, ``{"clock": "HH:MM"}``, where time counts from midnight.
        source: what its file says that no plan depends on, such as the ids of VROOM's jobs; by it a
            solution is written in the file's own form.

    Raises:
        InstanceError: `allowed` names a type that `vehicles` does not have.
    """

    problem: ClassVar[str] = "vrp"
    view: ClassVar[str] = "routes"
    depots: tuple[Depot, ...]
    vehicles: tuple[VehicleType, ...]
    coords: np.ndarray | None = None
    metric: str = "EUCLIDEAN"
    rounding: Rounding = Rounding.EXACT
    distances: tuple[np.ndarray, ...] = ()
    durations: tuple[np.ndarray, ...] = ()
    delivery: np.ndarray
    pickup: np.ndarray
    service: np.ndarray
    windows: tuple[tuple[Window, ...], ...]
    release: np.ndarray
    prize: np.ndarray
    required: np.ndarray
    allowed: tuple[tuple[int, ...] | None, ...]
    groups: tuple[Group, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    backhauls: Backhauls = Backhauls.MIXED
    units: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        types = range(len(self.vehicles))
        for client, some in enumerate(self.allowed):
            if some is not None and not all(vehicle in types for vehicle in some):
                reason = f"the types of vehicles are 0 to {len(types) - 1}: state `allowed` anew"
                place = f"allowed of client {self.first_client + client}"
                raise InstanceError(reason, field=place, value=some, path=self.path)

    @property
    def size(self) -> int:
        return len(self.service)

    @property
    def variant(self) -> str:
        """What networks do not know of it; empty where they know all."""
        from nco.problems.vrp.known import refusal

        refused = refusal(self)
        return "" if refused is None else refused[0]

    @property
    def cost_unit(self) -> str:
        """The unit of distances, where nothing else costs anything; empty where none is stated."""
        alone = not self.prize.any() and all(
            vehicle.unit_distance == 1
            and not (vehicle.fixed or vehicle.unit_duration or vehicle.unit_overtime)
            for vehicle in self.vehicles
        )
        return self.units.get("cost") or (self.units.get("distance", "") if alone else "")

    @property
    def first_client(self) -> int:
        """The number of the first client; those below are depots."""
        return len(self.depots)

    def client(self, place: int) -> int:
        """The row of a client in `delivery`, `service` and the other arrays."""
        return place - len(self.depots)

    def construct(self) -> list[Route]:
        """Each client where it costs least, in the order of urgency; some may be left out."""
        from nco.problems.vrp import construct

        return construct.cheapest_insertion(self)

    def numbered(self, solution: Any) -> list[Route]:
        """Numbers are positions already."""
        return [Route(int(vehicle), [int(s) for s in stops]) for vehicle, stops in solution]

    def indexed(self, solution: Any) -> list[Route]:
        """Numbers are positions already; those that do not exist are refused."""
        routes = self.numbered(solution)
        for route in routes:
            if not 0 <= route.vehicle < len(self.vehicles):
                reason = f"the types of vehicles are 0 to {len(self.vehicles) - 1}"
                raise InstanceError(reason, field="vehicle", value=route.vehicle, path=self.path)
            for stop in route.stops:
                if not 0 <= stop < len(self.depots) + self.size:
                    reason = f"the places are 0 to {len(self.depots) + self.size - 1}"
                    raise InstanceError(reason, field="stop", value=stop, path=self.path)
        return routes


def plain(
    clients: int,
    *,
    depots: Sequence[Depot] = (Depot(),),
    vehicles: Sequence[VehicleType] = (VehicleType(count=None),),
    dimensions: int = 1,
    **stated: Any,
) -> Case:
    """A case whose unstated data restrict nothing; `stated` are attributes of `Case`."""
    nothing: dict[str, Any] = {
        "delivery": np.zeros((clients, dimensions)),
        "pickup": np.zeros((clients, dimensions)),
        "service": np.zeros(clients),
        "windows": ((),) * clients,
        "release": np.zeros(clients),
        "prize": np.zeros(clients),
        "required": np.ones(clients, dtype=bool),
        "allowed": (None,) * clients,
    }
    return Case(depots=tuple(depots), vehicles=tuple(vehicles), **{**nothing, **stated})

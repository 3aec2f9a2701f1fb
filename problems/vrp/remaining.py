"""What is left of a plan that is partly driven, as a normal case.

A vehicle on its way becomes a type of its own. It starts where it is: at a depot of its own, at the
place of the last stop that it has reached or drives to, which must be served at the moment at which
it is reached. That stop stays a client, and what the vehicle has picked up so far is its pickup, so
that loads stay exact, also after a reload. What is on board is delivered by this vehicle; what is
still at the depot is released now, so that only a vehicle that loads later can bring it. Limits of
duration, distance, stops and trips are what is left of them, and fixed costs are paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.vrp.case import (
    Backhauls,
    Break,
    Case,
    Depot,
    Group,
    Route,
    Shipment,
    VehicleType,
    Window,
)
from nco.problems.vrp.check import named, vehicle_named
from nco.problems.vrp.checking.schedule import BREAK, CLIENT, RELOAD, Drive, Stop
from nco.problems.vrp.ways import ways


class Match:
    """Which place and type of a case are those of another one; None where there is no such."""

    def __init__(self, old: Case, new: Case) -> None:
        self.old, self.new = old, new

    @cached_property
    def places(self) -> list[int | None]:
        """By number of the old case."""
        if self.old is self.new:
            return list(range(self.old.first_client + self.old.size))
        names, others = (_names(case) for case in (self.old, self.new))
        if names and others:
            found = {name: place for place, name in enumerate(others)}
            return [found.get(name) for name in names]
        depots: list[int | None] = [
            depot if depot < self.new.first_client else None
            for depot in range(self.old.first_client)
        ]
        clients: list[int | None] = [
            row + self.new.first_client if row < self.new.size else None
            for row in range(self.old.size)
        ]
        return depots + clients

    @cached_property
    def vehicles(self) -> list[int | None]:
        """By position of the old case."""
        names, others = ([kind.name for kind in c.vehicles] for c in (self.old, self.new))
        if all(names) and all(others) and len(set(others)) == len(others):
            return [others.index(name) if name in others else None for name in names]
        return [k if k < len(others) else None for k in range(len(names))]

    def vehicle(self, old: int) -> int:
        """The type in the new case; an `InstanceError` where it is gone."""
        new = self.vehicles[old]
        if new is None:
            raise InstanceError(
                "drives in `start`, but the case has no such type",
                field=vehicle_named(self.old, old),
                path=self.new.path,
            )
        return new

    def stops(self, stops: Sequence[int]) -> list[int]:
        """Those of the new case."""
        return [new for stop in stops if (new := self.places[stop]) is not None]

    def plan(self, routes: Sequence[Route]) -> list[Route]:
        """Routes in the new case's numbers, without what is gone."""
        made = [Route(self.vehicle(r.vehicle), self.stops(r.stops)) for r in routes]
        return [route for route in made if any(s >= self.new.first_client for s in route.stops)]


def _names(case: Case) -> list[str]:
    """Names of all places; nothing where some have none, or two the same."""
    names = list(case.names.get("stops", ()))
    full = len(names) == case.first_client + case.size and all(names)
    return names if full and len(set(names)) == len(names) else []


class _Begun(NamedTuple):
    """A vehicle on its way: its route's position, the stops behind it, the last of which it is at
    or drives to, and the row of its schedule."""

    position: int
    driven: list[int]
    last: int


@dataclass
class Remaining:
    """The making of the case of what is left."""

    case: Case
    old: Case
    routes: list[Route]
    drives: list[Drive]
    matched: Match
    frozen: float | Sequence[int] | None
    begun: list[_Begun] = field(init=False)
    now: float = field(init=False)

    def __post_init__(self) -> None:
        counts = self._counts()
        self.begun = []
        for position, (drive, count) in enumerate(zip(self.drives, counts, strict=True)):
            if count:
                rows = [k for k, stop in enumerate(drive.stops) if stop.kind in (CLIENT, RELOAD)]
                stops = self.routes[position].stops[:count]
                self.begun.append(_Begun(position, stops, rows[count - 1]))
        if isinstance(self.frozen, int | float):
            self.now = float(self.frozen)
        else:
            moments = [float(self._row(each).begin) for each in self.begun]
            self.now = max(moments, default=0.0)

    @property
    def has_begun(self) -> bool:
        """Whether anything has happened that restricts what is left."""
        return bool(self.begun) or self.now > 0

    def _counts(self) -> list[int]:
        """Stops of each route that stay as they are."""
        if self.frozen is None:
            return [0] * len(self.routes)
        if isinstance(self.frozen, int | float):
            return [_reached(drive, float(self.frozen)) for drive in self.drives]
        counts = [int(count) for count in self.frozen]
        if len(counts) != len(self.routes):
            reason = f"must be a time, or a count for each of the {len(self.routes)} routes"
            raise InstanceError(reason, field="frozen", value=counts)
        for position, (count, route) in enumerate(zip(counts, self.routes, strict=True), 1):
            if not 0 <= count <= len(route.stops):
                reason = f"route {position} has {len(route.stops)} stops"
                raise InstanceError(reason, field="frozen", value=count)
        return counts

    def _row(self, each: _Begun) -> Stop:
        return self.drives[each.position].stops[each.last]

    def made(self) -> tuple[Case, list[Route]]:
        """The case, and the plan in its numbers."""
        behind = {stop for each in self.begun for stop in self.matched.stops(each.driven)}
        gone = behind | {
            client
            for group in self.case.groups
            if behind.intersection(group.clients)
            for client in group.clients
        }
        first, count = self.case.first_client, len(self.begun)
        kept = [c for c in range(first, first + self.case.size) if c not in gone]
        number = {client: first + 2 * count + k for k, client in enumerate(kept)}
        return self._made(kept, number), self._plan(number)

    def _plan(self, number: dict[int, int]) -> list[Route]:
        """What is left of each route; one that has begun goes on at its own first client."""
        first, count = self.case.first_client, len(self.begun)
        own = {each.position: k for k, each in enumerate(self.begun)}
        plan = []
        for position, route in enumerate(self.routes):
            k = own.get(position)
            driven = 0 if k is None else len(self.begun[k].driven)
            ahead = self.matched.stops(route.stops[driven:])
            stops = [number.get(stop, stop) for stop in ahead if stop in number or stop < first]
            if k is not None:
                plan.append(Route(len(self._waiting) + k, [first + count + k, *stops]))
            elif (kind := self.matched.vehicle(route.vehicle)) in self._waiting:
                plan.append(Route(self._waiting.index(kind), stops))
        return [route for route in plan if any(stop >= first + count for stop in route.stops)]

    def _last(self, each: _Begun) -> int:
        """The place in the new case where a vehicle goes on."""
        place = self.matched.places[each.driven[-1]]
        if place is None:
            raise InstanceError(
                "is where a vehicle goes on, but is not in the case: keep it there",
                field=named(self.old, each.driven[-1]),
                path=self.case.path,
            )
        return place

    def _made(self, kept: list[int], number: dict[int, int]) -> Case:
        case, begun = self.case, self.begun
        first, rows = case.first_client, [case.client(client) for client in kept]
        lasts = [self._last(each) for each in begun]
        nothing, unloaded = [0.0] * len(begun), np.zeros((len(begun), case.delivery.shape[1]))
        picked_up = np.array([self._picked_up(each) for each in begun]).reshape(unloaded.shape)
        leaves = [self._leaves(each) for each in begun]
        begins = [float(self._row(each).begin) for each in begun]
        on_their_way = [self._kind(each, first + k) for k, each in enumerate(begun)]
        own = range(len(self._waiting), len(self._waiting) + len(begun))
        if not self._waiting and not begun:
            raise InstanceError("no vehicle can still leave", field="frozen", path=case.path)
        return replace(
            case,
            depots=(*case.depots, *(Depot(Window(time, time)) for time in leaves)),
            vehicles=(*self._idle(), *on_their_way),
            delivery=np.concatenate([unloaded, case.delivery[rows]]),
            pickup=np.concatenate([picked_up, case.pickup[rows]]),
            service=np.array([*(self._service(each) for each in begun), *case.service[rows]]),
            windows=(
                *((Window(time, time),) for time in begins),
                *(case.windows[row] for row in rows),
            ),
            release=np.array([*nothing, *(self._released(client) for client in kept)]),
            prize=np.array([*nothing, *case.prize[rows]]),
            required=np.array([*(True for _ in begun), *case.required[rows]], dtype=bool),
            allowed=(*((k,) for k in own), *(self._allowed(client) for client in kept)),
            groups=tuple(
                Group(tuple(number[client] for client in group.clients), group.required)
                for group in case.groups
                if all(client in number for client in group.clients)
            ),
            shipments=tuple(
                Shipment(number[pair.pickup], number[pair.delivery])
                for pair in case.shipments
                if pair.pickup in number and pair.delivery in number
            ),
            backhauls=(
                Backhauls.AFTER if case.backhauls is Backhauls.AFTER_SOME else case.backhauls
            ),
            source={},
            **self._places([*range(first), *lasts, *lasts, *kept]),
        )

    def _idle(self) -> list[VehicleType]:
        """The types of the vehicles that have not left, which leave from now on."""
        idle = []
        for position in self._waiting:
            kind = self.case.vehicles[position]
            count = None if kind.count is None else kind.count - self._gone(position)
            shift = Window(max(kind.shift.open, self.now), kind.shift.close)
            idle.append(replace(kind, count=count, shift=shift))
        return idle

    @cached_property
    def _waiting(self) -> list[int]:
        """Types of which some vehicle has not left and still can."""
        return [
            position
            for position, kind in enumerate(self.case.vehicles)
            if (kind.count is None or kind.count > self._gone(position))
            and kind.shift.close >= self.now
        ]

    def _gone(self, position: int) -> int:
        """Vehicles of a type that are on their way."""
        return sum(self._type(each) == position for each in self.begun)

    def _type(self, each: _Begun) -> int:
        return self.matched.vehicle(self.routes[each.position].vehicle)

    def _kind(self, each: _Begun, depot: int) -> VehicleType:
        """The type of a vehicle on its way: what is left of its limits."""
        kind = self.case.vehicles[self._type(each)]
        drive, row, leaves = self.drives[each.position], self._row(each), self._leaves(each)
        elapsed = leaves - float(drive.stops[0].arrival)
        longest = max(kind.max_duration - elapsed, 0.0)
        clients = sum(stop >= self.old.first_client for stop in each.driven)
        trips = None if kind.max_trips is None else kind.max_trips - row.trip + 1
        return replace(
            kind,
            count=1,
            start=depot,
            shift=Window(leaves, kind.shift.close),
            max_duration=longest,
            max_overtime=max(kind.max_duration + kind.max_overtime - elapsed - longest, 0.0)
            if kind.max_overtime
            else 0.0,
            max_distance=max(kind.max_distance - float(row.distance), 0.0),
            max_stops=None if kind.max_stops is None else kind.max_stops - clients + 1,
            max_trips=trips,
            reloads=() if trips == 1 else kind.reloads,
            fixed=0.0,
            breaks=_breaks_left(kind.breaks, drive.stops[: each.last], leaves),
            name=f"{kind.name or 'vehicle'} of route {each.position + 1}",
        )

    def _leaves(self, each: _Begun) -> float:
        """When the vehicle left the stop before."""
        before = [s for s in self.drives[each.position].stops[: each.last] if s.kind != BREAK]
        return float(before[-1].departure)

    def _picked_up(self, each: _Begun) -> np.ndarray:
        """What is on board for a depot, ``[K]``; goods of shipments are their delivery's."""
        old, paired = self.old, {client for pair in self.old.shipments for client in pair}
        amount = np.zeros(old.pickup.shape[1])
        for stop in each.driven:
            if stop < old.first_client:
                amount[:] = 0
            elif stop not in paired:
                amount += old.pickup[old.client(stop)]
        return amount

    def _service(self, each: _Begun) -> float:
        row = self._row(each)
        return float(row.departure - row.begin)

    @cached_property
    def _aboard(self) -> dict[int, int]:
        """Clients of the new case whose goods are on a vehicle, by its place in `begun`."""
        aboard = {}
        for k, each in enumerate(self.begun):
            route = self.routes[each.position].stops
            ahead = []
            for stop in route[len(each.driven) :]:
                if stop < self.old.first_client:
                    break
                ahead.append(stop)
            taken = {pair.pickup for pair in self.old.shipments if pair.pickup in each.driven}
            brought = {p.delivery for p in self.old.shipments if p.pickup in taken}
            own = {stop for stop in ahead if self._has_goods(self.old, stop)}
            for client in self.matched.stops(sorted(own | (brought - set(each.driven)))):
                aboard[client] = k
        return aboard

    @staticmethod
    def _has_goods(case: Case, client: int) -> bool:
        """Whether it gets something from a depot."""
        paired = any(client in pair for pair in case.shipments)
        return not paired and bool(case.delivery[case.client(client)].any())

    def _allowed(self, client: int) -> tuple[int, ...] | None:
        """The types that may serve a client: those that carry, or can still load, its goods."""
        if not self.begun and len(self._waiting) == len(self.case.vehicles):
            return self.case.allowed[self.case.client(client)]
        idle = len(self._waiting)
        if client in self._aboard:
            return (idle + self._aboard[client],)
        stated = self.case.allowed[self.case.client(client)]
        own = range(len(self.case.vehicles)) if stated is None else stated
        goods = self._has_goods(self.case, client)
        waiting = [k for k, position in enumerate(self._waiting) if position in own]
        begun = [
            idle + k
            for k, each in enumerate(self.begun)
            if self._type(each) in own and (not goods or self._kind(each, 0).reloads)
        ]
        return (*waiting, *begun)

    def _released(self, client: int) -> float:
        """When a trip with a client may leave: what is at a depot is there now, not before."""
        own = float(self.case.release[self.case.client(client)])
        at_depot = client not in self._aboard and self._has_goods(self.case, client)
        return max(own, self.now) if at_depot else own

    def _places(self, order: list[int]) -> dict[str, Any]:
        """What is said of places, in a new order, in which some are there twice."""
        case = self.case
        same = np.equal.outer(order, order)
        stated: dict[str, Any] = {"names": {**case.names, "stops": self._names(order)}}
        stated["names"].pop("vehicles", None)
        if case.coords is not None:
            stated["coords"] = case.coords[order]
        if case.degrees is not None:
            stated["degrees"] = [case.degrees[place] for place in order]
        distances = case.distances
        if not distances and case.metric not in ("EUCLIDEAN", "HAVERSINE"):
            distances = (ways(case, 0).distance,)  # a rule may give a place a way to itself
            stated["metric"] = "EXPLICIT"
        for name, matrices in (("distances", distances), ("durations", case.durations)):
            stated[name] = tuple(np.where(same, 0, m[np.ix_(order, order)]) for m in matrices)
        return stated

    def _names(self, order: list[int]) -> list[str]:
        """Names of all places; who has none keeps its old number in it."""
        own = [self.case.called("stops", place) or named(self.case, place) for place in order]
        first = self.case.first_client
        for k, each in enumerate(self.begun):
            own[first + k] = f"{self._kind(each, 0).name} at {own[first + k]}"
        return own


def _reached(drive: Drive, now: float) -> int:
    """Stops of a route that a vehicle has reached, or is driving to."""
    rows = [stop for stop in drive.stops if stop.kind != BREAK]
    stops = [k for k, stop in enumerate(rows) if stop.kind in (CLIENT, RELOAD)]
    return sum(rows[k - 1].departure < now for k in stops)


def _breaks_left(breaks: Sequence[Break], rows: Sequence[Stop], now: float) -> tuple[Break, ...]:
    """The breaks that are not among the rows of a schedule, and not over."""
    left = list(breaks)
    for row in rows:
        if row.kind == BREAK:
            held = next(
                each
                for each in left
                if abs(each.duration - float(row.departure - row.begin)) < 1e-9
                and each.window.open - 1e-9 <= row.begin <= each.window.close + 1e-9
            )
            left.remove(held)
    return tuple(each for each in left if each.window.close > now)

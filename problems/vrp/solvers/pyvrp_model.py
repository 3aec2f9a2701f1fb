"""A rich routing case as a model of PyVRP 0.14 (Wouda, Lan and Kool 2024), and its plans back.

What PyVRP has no word for is said by what it has:

* an open route ends at a depot to which every way is 0;
* several windows are copies of a client, of which a group is served once;
* a vehicle that may not serve a client has ways of `forbidden` length to it, and so have ways from
  a pickup to a delivery where those come first;
* a greatest number of stops is a load of 1 for each client;
* where not all can be served, the required clients become optional, with a prize that no detour
  outweighs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nco.problems._routing import with_pyvrp
from nco.problems.vrp.case import ALWAYS, Backhauls, Case, Route, Shipment, VehicleType, Window
from nco.problems.vrp.solvers import integers
from nco.problems.vrp.solvers.feasible import Judge, tidy

LONGEST_WAY = 2**43  # that PyVRP takes, with room to spare
LARGEST_PRIZE = 2**50


def refusal(case: Case) -> str | None:
    """What of a case PyVRP cannot model, in words; None where it models all."""
    if any(kind.breaks for kind in case.vehicles):
        return "PyVRP knows no breaks"
    if any(kind.max_stops is not None and kind.reloads for kind in case.vehicles):
        return "PyVRP does not count the stops of several trips"
    if case.backhauls is not Backhauls.MIXED and _idle(case).any():
        return "PyVRP does not order clients without a load among deliveries and pickups"
    return _shipment_refusal(case) if case.shipments else None


def _shipment_refusal(case: Case) -> str | None:
    """What of the shipments PyVRP cannot model."""
    first = case.first_client
    both = [place - first for pair in case.shipments for place in pair]
    if any(kind.max_stops is not None for kind in case.vehicles):
        return "PyVRP does not count the stops of shipments"
    if case.backhauls is not Backhauls.MIXED:
        return "PyVRP does not order shipments among deliveries and pickups"
    if len(set(both)) < len(both):
        return "PyVRP has one shipment for a client"
    if np.asarray(case.release)[both].any() or any(len(case.windows[c]) > 1 for c in both):
        return "PyVRP's shipments have neither release times nor several windows"
    if {place - first for group in case.groups for place in group.clients} & set(both):
        return "PyVRP has no groups of shipments"
    return None


def _idle(case: Case) -> np.ndarray:
    """Whether a client neither receives nor sends anything, bool ``[n]``."""
    loads = np.concatenate([case.delivery, case.pickup], axis=1)
    return np.asarray(~(loads > 0).any(1))


@dataclass(frozen=True, eq=False)
class Built:
    """A case in PyVRP's words.

    Attributes:
        case: what it is of.
        partial: whether required clients may be left out.
    """

    case: Case
    partial: bool = False

    @cached_property
    def numbers(self) -> integers.Whole:
        """The case in whole numbers."""
        return integers.whole(self.case)

    @cached_property
    def kinds(self) -> list[list[int]]:
        """The types of vehicles that are alike in all but their names and numbers."""
        alike: dict[Any, list[int]] = {}
        for number, kind in enumerate(self.case.vehicles):
            allowed = self._allowed[number].tobytes()
            key = (*(v for k, v in vars(kind).items() if k not in ("name", "count")), allowed)
            alike.setdefault(key, []).append(number)
        return list(alike.values())

    @cached_property
    def _allowed(self) -> np.ndarray:
        """Whether a vehicle type may serve a client, bool ``[V, n]``."""
        return allowed(self.case)

    @cached_property
    def _paired(self) -> set[int]:
        """The clients of shipments, from 0."""
        return {place - self.case.first_client for pair in self.case.shipments for place in pair}

    @cached_property
    def visits(self) -> list[tuple[int, Window]]:
        """What each client of PyVRP stands for: a client from 0, in one of its windows."""
        return [
            (client, window)
            for client in range(self.case.size)
            if client not in self._paired
            for window in self.case.windows[client] or (ALWAYS,)
        ]

    @cached_property
    def _groups(self) -> list[tuple[list[int], bool]]:
        """Visits of which one is made, and whether one must be."""
        case = self.case
        copies: dict[int, list[int]] = {}
        for visit, (client, _) in enumerate(self.visits):
            copies.setdefault(client, []).append(visit)
        groups = []
        for group in case.groups:
            members = [place - case.first_client for place in group.clients]
            visits = [visit for client in members for visit in copies.pop(client)]
            groups.append((visits, group.required))
        groups += [
            (each, bool(case.required[client])) for client, each in copies.items() if len(each) > 1
        ]
        return groups

    @cached_property
    def model(self) -> with_pyvrp.Model:
        """The model."""
        library = with_pyvrp.load()
        profiles = _Profiles(self)
        vehicles = [self._vehicle(library, alike, profiles) for alike in self.kinds]
        groups = [
            library.ClientGroup(visits, required=required and not self.partial)
            for visits, required in self._groups
        ]
        return with_pyvrp.Model(
            clients=self._clients(library),
            vehicles=vehicles,
            distances=profiles.distances,
            durations=profiles.durations,
            depots=self._depots(library),
            groups=groups,
            shipments=[self._shipment(library, pair) for pair in self.case.shipments],
        )

    def _clients(self, library: Any) -> list[Any]:
        """PyVRP's clients, one for each of `visits`."""
        case, numbers = self.case, self.numbers
        owner = {visit: g for g, (visits, _) in enumerate(self._groups) for visit in visits}
        clients = []
        for visit, (client, window) in enumerate(self.visits):
            early, late = numbers.span(window)
            group = owner.get(visit)
            required = bool(case.required[client]) and not self.partial
            must = bool(case.required[client]) if group is None else self._groups[group][1]
            counted = [1] if self._counts else []
            clients.append(
                library.Client(
                    case.first_client + client,
                    delivery=numbers.loads.delivery[client] + counted,
                    pickup=numbers.loads.pickup[client] + [0] * len(counted),
                    service_duration=numbers.earliest(float(case.service[client])),
                    tw_early=early,
                    tw_late=late,
                    release_time=numbers.earliest(float(case.release[client])),
                    prize=self._prize(float(case.prize[client]), must),
                    required=required and group is None,
                    group=group,
                )
            )
        return clients

    def _prize(self, prize: float, required: bool) -> int:
        return self.dominant if self.partial and required else self.numbers.cost(prize)

    @cached_property
    def dominant(self) -> int:
        """A prize that no detour outweighs: more than all ways and vehicles of a plan."""
        places = len(self.case.depots) + self.case.size
        return min((places + 1) * 2 * self.dearest, LARGEST_PRIZE)

    @cached_property
    def dearest(self) -> int:
        """What the longest way costs, and a vehicle for it."""
        kinds, numbers = self.case.vehicles, self.numbers
        way = numbers.longest * max(numbers.unit_distance(kind) for kind in kinds)
        hour = numbers.slowest * max(numbers.per_time(kind.unit_duration) for kind in kinds)
        return way + hour + max(numbers.cost(kind.fixed) for kind in kinds) + 1

    @property
    def price(self) -> int:
        """What a unit too much of load, length or time may cost: more than it may save."""
        prize = self.numbers.cost(float(np.max(self.case.prize, initial=0.0)))
        return 4 * self.dearest + (self.dominant if self.partial else prize)

    @cached_property
    def _counts(self) -> bool:
        """Whether stops are counted."""
        return any(kind.max_stops is not None for kind in self.case.vehicles)

    @cached_property
    def _has_open(self) -> bool:
        return any(kind.end is None for kind in self.case.vehicles)

    def _depots(self, library: Any) -> list[Any]:
        """The depots, then the end of open routes."""
        numbers = self.numbers
        depots = [
            library.Depot(
                place,
                *numbers.span(depot.window),
                numbers.earliest(depot.service),
            )
            for place, depot in enumerate(self.case.depots)
        ]
        if self._has_open:
            depots.append(library.Depot(len(self.case.depots) + self.case.size))
        return depots

    def _vehicle(self, library: Any, alike: list[int], profiles: "_Profiles") -> Any:
        """One of PyVRP's types for types that are alike."""
        numbers, number = self.numbers, alike[0]
        kind = self.case.vehicles[number]
        early, late = numbers.span(kind.shift)
        most = max(1, self.case.size)
        counts = [self.case.vehicles[each].count for each in alike]
        capacity = list(numbers.loads.capacity[number])
        if self._counts:
            capacity.append(most if kind.max_stops is None else kind.max_stops)
        options: dict[str, Any] = {}
        if kind.reloads:
            options["reload_depots"] = list(kind.reloads)
            if kind.max_trips is not None:
                options["max_reloads"] = kind.max_trips - 1
        return library.VehicleType(
            min(most, sum(most if count is None else count for count in counts)),
            capacity=capacity,
            start_depot=kind.start,
            end_depot=len(self.case.depots) if kind.end is None else kind.end,
            fixed_cost=numbers.cost(kind.fixed),
            tw_early=early,
            tw_late=late,
            shift_duration=numbers.latest(kind.max_duration),
            max_distance=numbers.within(kind.max_distance),
            # where ways cost nothing the matrix holds forbidden ones only (`_Profiles`)
            unit_distance_cost=1 if _is_free(kind) else numbers.unit_distance(kind),
            unit_duration_cost=numbers.per_time(kind.unit_duration),
            profile=profiles.number(number),
            max_overtime=numbers.latest(kind.max_overtime),
            unit_overtime_cost=numbers.per_time(kind.unit_overtime),
            **options,
        )

    def _shipment(self, library: Any, pair: Shipment) -> Any:
        case, numbers = self.case, self.numbers
        steps: dict[str, Any] = {}
        clients = [place - case.first_client for place in pair]
        for step, client in zip(("pickup", "delivery"), clients, strict=True):
            early, late = numbers.span((case.windows[client] or (ALWAYS,))[0])
            steps |= {
                f"{step}_tw_early": early,
                f"{step}_tw_late": late,
                f"{step}_service_duration": numbers.earliest(float(case.service[client])),
            }
        required = bool(case.required[clients].any())
        return library.Shipment(
            pair.pickup,
            pair.delivery,
            amount=numbers.loads.pickup[clients[0]],
            prize=self._prize(float(case.prize[clients].sum()), required),
            required=required and not self.partial,
            **steps,
        )

    # ---- plans

    def start(self, plan: Sequence[Route]) -> list[with_pyvrp.Route]:
        """A plan in PyVRP's numbers, to start from."""
        of_window = {visit: number for number, visit in enumerate(self.visits)}
        of_kind = {number: k for k, alike in enumerate(self.kinds) for number in alike}
        first, count = self.case.first_client, len(self.visits)
        shipped: dict[int, int] = {}
        for number, pair in enumerate(self.case.shipments):
            shipped |= {pair.pickup: count + 2 * number, pair.delivery: count + 2 * number + 1}
        judge, routes = Judge(self.case), []
        for route in plan:
            begins = judge.begins(route.vehicle, route.stops)
            stops = []
            for place, begin in zip(route.stops, begins, strict=True):
                if place < first:
                    stops.append(~place)
                elif place in shipped:
                    stops.append(shipped[place])
                else:
                    windows = self.case.windows[place - first] or (ALWAYS,)
                    within = [w for w in windows if w.open <= begin <= w.close]
                    stops.append(of_window[place - first, (within or windows)[0]])
            if stops:
                routes.append(with_pyvrp.Route(stops, of_kind[route.vehicle]))
        return routes

    def plan(self, routes: Sequence[with_pyvrp.Route]) -> list[Route] | None:
        """The plan of PyVRP's routes; None where it goes a forbidden way."""
        first, count = self.case.first_client, len(self.visits)
        free = [self._free(alike) for alike in self.kinds]
        plan = []
        for route in routes:
            stops = []
            for stop in route.stops:
                if stop < 0:
                    stops.append(~stop)
                elif stop < count:
                    stops.append(first + self.visits[stop][0])
                else:
                    stops.append(self.case.shipments[(stop - count) // 2][(stop - count) % 2])
            stops = tidy(self.case.vehicles[self.kinds[route.vehicle][0]], stops, first)
            if stops:
                plan.append(Route(next(free[route.vehicle]), stops))
        return plan if self._is_permitted(plan) else None

    def _free(self, alike: list[int]) -> Any:
        """The vehicle types of a kind, each as often as there are vehicles."""
        for number in alike:
            count = self.case.vehicles[number].count
            for _ in range(self.case.size if count is None else count):
                yield number

    def _is_permitted(self, plan: list[Route]) -> bool:
        """Whether no vehicle serves whom it may not, and backhauls come after linehauls."""
        first = self.case.first_client
        for route in plan:
            clients = [stop - first for stop in route.stops if stop >= first]
            if not self._allowed[route.vehicle][clients].all():
                return False
        return self.case.backhauls is Backhauls.MIXED or all(
            in_order(self.case, route.stops) for route in plan
        )


def allowed(case: Case) -> np.ndarray:
    """Whether a vehicle type may serve a client, bool ``[V, n]``."""
    table = np.ones((len(case.vehicles), case.size), dtype=bool)
    for client, types in enumerate(case.allowed):
        if types is not None:
            table[:, client] = False
            table[list(types), client] = True
    return table


def in_order(case: Case, stops: Sequence[int]) -> bool:
    """Whether each trip delivers before it picks up, and delivers at all where it must."""
    first = case.first_client
    delivered = picked = False
    for stop in [*stops, -1]:
        if stop < first:
            if case.backhauls is Backhauls.AFTER_SOME and picked and not delivered:
                return False
            delivered = picked = False
            continue
        gives = bool((case.delivery[stop - first] > 0).any())
        if gives and picked:
            return False
        delivered |= gives
        picked |= bool((case.pickup[stop - first] > 0).any())
    return True


def _is_free(kind: VehicleType) -> bool:
    """Whether ways cost nothing, however long; forbidden ones must cost something even so."""
    return kind.unit_distance == 0 and kind.max_distance == np.inf


class _Profiles:
    """PyVRP's matrices: for each sort of vehicle, with forbidden ways and the end of open routes.

    Attributes:
        distances, durations: int64 ``[L, L]``, a matrix for each profile.
    """

    def __init__(self, built: Built) -> None:
        self.built = built
        self.distances: list[np.ndarray] = []
        self.durations: list[np.ndarray] = []
        self._known: dict[Any, int] = {}

    def number(self, vehicle: int) -> int:
        """The profile of a vehicle type."""
        kind = self.built.case.vehicles[vehicle]
        may = self.built._allowed[vehicle]
        key = (kind.profile, kind.speed, _is_free(kind), may.tobytes())
        if key not in self._known:
            self._known[key] = len(self.distances)
            self._add(kind, may)
        return self._known[key]

    def _add(self, kind: VehicleType, may: np.ndarray) -> None:
        """The matrices of a type."""
        built = self.built
        distance, duration = (table.copy() for table in built.numbers.ways(kind))
        if _is_free(kind):
            distance[:] = 0
        first = built.case.first_client
        clients = first + np.flatnonzero(~may)
        distance[:, clients] = distance[clients] = self.forbidden
        if built.case.backhauls is not Backhauls.MIXED:
            gives = first + np.flatnonzero((built.case.delivery > 0).any(1))
            takes = (built.case.pickup > 0).any(1)
            distance[np.ix_(first + np.flatnonzero(takes), gives)] = self.forbidden
            if built.case.backhauls is Backhauls.AFTER_SOME:
                only = takes & ~(built.case.delivery > 0).any(1)
                distance[:first, first + np.flatnonzero(only)] = self.forbidden
        np.fill_diagonal(distance, 0)
        if built._has_open:
            distance, duration = (np.pad(table, (0, 1)) for table in (distance, duration))
        self.distances.append(distance)
        self.durations.append(duration)

    @property
    def forbidden(self) -> int:
        """A length that no plan goes if it can go any other way."""
        places = len(self.built.case.depots) + self.built.case.size
        return min(4 * self.built.numbers.longest * (places + 1), LONGEST_WAY)

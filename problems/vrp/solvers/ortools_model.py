"""A rich routing case as a model of OR-Tools' routing solver, and its plans back.

Times, loads and numbers of stops are dimensions. A client that is left out costs its prize, a
required one more than any plan. What is delivered and what is picked up are separate goods: a
vehicle starts with as much as it delivers. Reloads are copies of their depots, each visited once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nco.problems._routing import with_ortools
from nco.problems._routing.with_ortools import Dimension
from nco.problems.vrp.case import Backhauls, Case, Route, VehicleType, Window
from nco.problems.vrp.solvers import integers
from nco.problems.vrp.solvers.feasible import tidy

LARGEST_COST = 2**50
SPARE = 1.2  # times the vehicles of the construction, where there is any number; and 3 more
DEAREST = 4  # times the costs of the longest way for each place: what a missing client costs


def refusal(case: Case) -> str | None:
    """What of a case is not modelled for OR-Tools, in words; None where all is."""
    if np.any(case.release):
        return "OR-Tools has no release times"
    if any(kind.reloads for kind in case.vehicles):
        if np.any(case.delivery) and np.any(case.pickup):
            return "OR-Tools reloads no vehicle that both delivers and picks up"
        if case.backhauls is not Backhauls.MIXED:
            return "OR-Tools does not order the deliveries and pickups of several trips"
    return None


@dataclass(frozen=True, eq=False)
class Built:
    """A case in OR-Tools' words.

    Attributes:
        case: what it is of.
        plan: that of which there must be enough vehicles and reloads.
    """

    case: Case
    plan: Sequence[Route]

    @cached_property
    def numbers(self) -> integers.Whole:
        """The case in whole numbers."""
        return integers.whole(self.case)

    @cached_property
    def fleet(self) -> list[int]:
        """The type of each vehicle."""
        used = [route.vehicle for route in self.plan]
        enough = math.ceil(SPARE * len(used)) + 3
        fleet = []
        for number, kind in enumerate(self.case.vehicles):
            many = max(enough, used.count(number))
            count = min(many, self.case.size) if kind.count is None else kind.count
            fleet += [number] * min(count, max(self.case.size, 1))
        return fleet

    @cached_property
    def nodes(self) -> list[int]:
        """The place of each node: clients, depots to start and end at, reloads.

        Where a route is open the last one, -1, is where it ends, at no way from everywhere.
        """
        first = self.case.first_client
        clients = list(range(first, first + self.case.size))
        nowhere = [-1] if any(kind.end is None for kind in self.case.vehicles) else []
        return [*clients, *self._ends, *self._reloads, *nowhere]

    @cached_property
    def _ends(self) -> list[int]:
        """Depots where vehicles start or end."""
        kinds = self.case.vehicles
        depots = {kind.start for kind in kinds} | {k.end for k in kinds if k.end is not None}
        return sorted(depots)

    @cached_property
    def _reloads(self) -> list[int]:
        """The depot of each reload that may be made, as many as any plan needs, about."""
        depots = sorted({depot for kind in self.case.vehicles for depot in kind.reloads})
        if not depots:
            return []
        loads = self.numbers.loads
        trips = 0
        for k in range(len(loads.capacity[0])):
            total = sum(row[k] for table in (loads.delivery, loads.pickup) for row in table)
            least = min(max(capacity[k], 1) for capacity in loads.capacity)
            trips = max(trips, math.ceil(total / least))
        made = sum(stop < self.case.first_client for route in self.plan for stop in route.stops)
        return depots * min(max(2 * trips, made) + 1, max(self.case.size, 1))

    @property
    def _first_reload(self) -> int:
        return self.case.size + len(self._ends)

    @property
    def _last(self) -> int:
        """One more than the last reload's node."""
        return self._first_reload + len(self._reloads)

    @property
    def _others(self) -> int:
        """How many nodes are no clients."""
        return len(self.nodes) - self.case.size

    @cached_property
    def model(self) -> with_ortools.Model:
        """The model."""
        kinds = [self.case.vehicles[number] for number in self.fleet]
        depot = {place: self.case.size + node for node, place in enumerate(self._ends)}
        nowhere = len(self.nodes) - 1  # where routes are open
        dimensions = [self._time(kinds), *self._loads(), *self._counts(kinds), *self._phases()]
        if any(kind.max_distance < math.inf for kind in kinds):
            tables = [self._table(kind)[0] for kind in kinds]
            most = [min(self.numbers.within(kind.max_distance), LARGEST_COST) for kind in kinds]
            dimensions.append(Dimension("distance", tables, most))
        names = {dimension.name for dimension in dimensions}
        tied = [(name, f"given {name}") for name in names if f"given {name}" in names]
        first = self.case.first_client
        pairs = [(p - first, d - first) for p, d in self.case.shipments]
        return with_ortools.Model(
            nodes=len(self.nodes),
            starts=[depot[kind.start] for kind in kinds],
            ends=[nowhere if kind.end is None else depot[kind.end] for kind in kinds],
            costs=[self._cost(kind) for kind in kinds],
            fixed=[self.numbers.cost(kind.fixed) for kind in kinds],
            dimensions=dimensions,
            optional=dict.fromkeys(range(self._first_reload, self._last), 0),
            pairs=pairs,
            groups=self._groups(),
            allowed=self._allowed(),
            loaded=tied,
        )

    # ---- ways

    @cached_property
    def _tables(self) -> dict[tuple[int, float], tuple[np.ndarray, np.ndarray]]:
        """Distances and durations between nodes by profile and speed; nowhere is no way off."""
        tables = {}
        for kind in self.case.vehicles:
            if (kind.profile, kind.speed) not in tables:
                both = (np.pad(table, (0, 1)) for table in self.numbers.ways(kind))
                distance, duration = (table[np.ix_(self.nodes, self.nodes)] for table in both)
                tables[kind.profile, kind.speed] = distance, duration
        return tables

    def _table(self, kind: VehicleType) -> tuple[np.ndarray, np.ndarray]:
        return self._tables[kind.profile, kind.speed]

    @cached_property
    def _costs(self) -> dict[tuple[int, float, float], np.ndarray]:
        """Costs of ways, and of what a group's client has less of a prize than the best one."""
        costs = {}
        first = self.case.first_client
        for kind in self.case.vehicles:
            table = self._table(kind)[0] * self.numbers.unit_distance(kind)
            for group in self.case.groups:
                rows = [place - first for place in group.clients]
                prizes = [self.numbers.cost(float(self.case.prize[row])) for row in rows]
                for row, prize in zip(rows, prizes, strict=True):
                    table[row] += max(prizes) - prize
            costs[kind.profile, kind.speed, kind.unit_distance] = table
        return costs

    def _cost(self, kind: VehicleType) -> np.ndarray:
        return self._costs[kind.profile, kind.speed, kind.unit_distance]

    # ---- who is visited

    @cached_property
    def _missing(self) -> int:
        """What a required client costs that is left out: more than any plan."""
        numbers, kinds = self.numbers, self.case.vehicles
        way = max(int(table.max()) for table in self._costs.values())
        hour = max(numbers.per_time(kind.unit_duration + kind.unit_overtime) for kind in kinds)
        vehicle = max(numbers.cost(kind.fixed) for kind in kinds)
        dear = way + hour * numbers.slowest + vehicle + 1
        prizes = numbers.cost(float(np.sum(self.case.prize)))
        return int(min(DEAREST * (len(self.nodes) + 1) * dear + prizes, LARGEST_COST))

    def _groups(self) -> list[tuple[list[int], int]]:
        """Clients of which one is visited, and what it costs to visit none; most are alone."""
        first, prize = self.case.first_client, self.case.prize.tolist()
        groups, grouped = [], set()
        for group in self.case.groups:
            rows = [place - first for place in group.clients]
            grouped |= set(rows)
            most = max(self.numbers.cost(prize[row]) for row in rows)
            groups.append((rows, self._missing if group.required else most))
        required = self.case.required.tolist()
        groups += [
            ([row], self._missing if required[row] else self.numbers.cost(prize[row]))
            for row in range(self.case.size)
            if row not in grouped
        ]
        return groups

    def _allowed(self) -> dict[int, list[int]]:
        """The vehicles that may visit a node, where not all may."""
        allowed = {}
        for row, types in enumerate(self.case.allowed):
            if types is not None:
                allowed[row] = [v for v, number in enumerate(self.fleet) if number in types]
        kinds = self.case.vehicles
        for node, place in enumerate(self._reloads, self._first_reload):
            fleet = enumerate(self.fleet)
            allowed[node] = [v for v, number in fleet if place in kinds[number].reloads]
        return allowed

    # ---- dimensions

    @cached_property
    def _horizon(self) -> int:
        """A time at which every plan is over."""
        case, numbers = self.case, self.numbers
        ends = [kind.shift.close for kind in case.vehicles]
        if max(ends) < math.inf:
            return max(numbers.latest(end) for end in ends)
        opens = [window.open for windows in case.windows for window in windows]
        opens += [depot.window.open for depot in case.depots]
        opens += [kind.shift.open for kind in case.vehicles]
        opens += [rest.window.open for kind in case.vehicles for rest in kind.breaks]
        spent = sum(numbers.earliest(float(each)) for each in case.service)
        spent += sum(
            numbers.earliest(rest.duration) for kind in case.vehicles for rest in kind.breaks
        )
        loading = max(numbers.earliest(depot.service) for depot in case.depots)
        legs = len(self.nodes) * (numbers.slowest + loading)
        return max(numbers.earliest(each) for each in opens) + spent + legs

    def _span(self, window: Sequence[float]) -> tuple[int, int]:
        """A window in whole numbers, within the horizon."""
        early, late = self.numbers.span(Window(*window))
        low = min(early, self._horizon)
        return low, max(low - 1, min(late, self._horizon))

    def _time(self, kinds: Sequence[VehicleType]) -> Dimension:
        """When each node is visited: windows, shifts, durations, overtime and breaks."""
        case, numbers, horizon = self.case, self.numbers, self._horizon
        service = [numbers.earliest(float(each)) for each in case.service]
        stops = [*self._ends, *self._reloads]
        service += [numbers.earliest(case.depots[place].service) for place in stops]
        service += [0] * (len(self.nodes) - len(service))
        transits = {
            key: duration + np.array(service)[:, None]
            for key, (_, duration) in self._tables.items()
        }
        within = {
            row: [self._span(window) for window in windows]
            for row, windows in enumerate(case.windows)
            if windows
        }
        for node, place in enumerate(self._reloads, self._first_reload):
            within[node] = [self._span(case.depots[place].window)]
        starts, ends, limits = [], [], []
        for kind in kinds:
            starts.append(self._both(kind, kind.start))
            low, high = self._both(kind, kind.end)
            ends.append((0 if kind.end is None else min(low, high), high))
            free = min(numbers.latest(kind.max_duration), horizon)
            most = min(numbers.latest(kind.max_duration + kind.max_overtime), horizon)
            limits.append((most, free, numbers.per_time(kind.unit_overtime)))
        return Dimension(
            "time",
            [transits[kind.profile, kind.speed] for kind in kinds],
            [horizon] * len(kinds),
            slack=horizon,
            within=within,
            starts=starts,
            ends=ends,
            limits=limits,
            rates=[numbers.per_time(kind.unit_duration) for kind in kinds],
            breaks=self._breaks(kinds),
            visits=service,
        )

    def _both(self, kind: VehicleType, depot: int | None) -> tuple[int, int]:
        """When a vehicle is on its shift and a depot is open."""
        shift = self._span(kind.shift)
        window = shift if depot is None else self._span(self.case.depots[depot].window)
        return max(shift[0], window[0]), min(shift[1], window[1])

    def _breaks(self, kinds: Sequence[VehicleType]) -> dict[int, list[tuple[int, int, int]]]:
        return {
            vehicle: [
                (*self._span(rest.window), self.numbers.earliest(rest.duration))
                for rest in kind.breaks
            ]
            for vehicle, kind in enumerate(kinds)
            if kind.breaks
        }

    def _loads(self) -> list[Dimension]:
        """What is aboard, of each dimension: of what is only delivered, or only picked up, a sum.

        Shipments are picked up and unloaded on the way.
        """
        loads, dimensions = self.numbers.loads, []
        first = self.case.first_client
        drops = {pair.delivery - first for pair in self.case.shipments}
        size = self.case.size
        rest = [0] * self._others
        for k in range(len(loads.capacity[0])):
            given = [0 if row in drops else loads.delivery[row][k] for row in range(size)]
            unloaded = [loads.delivery[row][k] if row in drops else 0 for row in range(size)]
            taken = [loads.pickup[row][k] for row in range(size)]
            most = [loads.capacity[number][k] for number in self.fleet]
            name = f"load {k}"
            if any(given) and any(taken):
                change = [t - g - u for t, g, u in zip(taken, given, unloaded, strict=True)]
                ranges = [(0, each) for each in most]
                dimensions.append(Dimension(name, [change + rest], most, starts=ranges))
                dimensions.append(Dimension(f"given {name}", [given + rest], most))
            elif any(given) or any(taken):
                moved = [g + t - u for g, t, u in zip(given, taken, unloaded, strict=True)]
                dimensions.append(self._reloaded(name, moved, most))
        return dimensions

    def _reloaded(self, name: str, moved: list[int], most: list[int]) -> Dimension:
        """A load that is 0 again after a reload; what is taken off it there may be less."""
        rest = [0] * self._others
        first = len(self._ends)
        rest[first : first + len(self._reloads)] = [-max(most)] * len(self._reloads)
        if not self._reloads:
            return Dimension(name, [moved + rest], most)
        return Dimension(name, [moved + rest], most, slack=max(most), firm=range(self.case.size))

    def _counts(self, kinds: Sequence[VehicleType]) -> list[Dimension]:
        """Numbers of clients and of reloads, where they are limited."""
        size, dimensions = self.case.size, []
        if any(kind.max_stops is not None for kind in kinds):
            most = [size if kind.max_stops is None else kind.max_stops for kind in kinds]
            dimensions.append(Dimension("stops", [[1] * size + [0] * self._others], most))
        if self._reloads and any(kind.max_trips is not None for kind in kinds):
            count = len(self._reloads)
            ones = [0] * len(self.nodes)
            ones[self._first_reload : self._last] = [1] * count
            most = [count if kind.max_trips is None else kind.max_trips - 1 for kind in kinds]
            dimensions.append(Dimension("reloads", [ones], most))
        return dimensions

    def _phases(self) -> list[Dimension]:
        """Numbers of pickups before a delivery, which are 0, and of deliveries before a pickup."""
        if self.case.backhauls is Backhauls.MIXED:
            return []
        size, first = self.case.size, self.case.first_client
        shipped = {place - first for pair in self.case.shipments for place in pair}
        gives, takes = (
            [bool((table[row] > 0).any()) and row not in shipped for row in range(size)]
            for table in (self.case.delivery, self.case.pickup)
        )
        rest, most = [0] * self._others, [size] * len(self.fleet)
        ordered = {row: [(0, 0)] for row in range(size) if gives[row]}
        dimensions = [Dimension("picked", [[*map(int, takes), *rest]], most, within=ordered)]
        if self.case.backhauls is Backhauls.AFTER_SOME:
            needs = {row: [(1, size)] for row in range(size) if takes[row] and not gives[row]}
            dimensions.append(
                Dimension("delivered", [[*map(int, gives), *rest]], most, within=needs)
            )
        return dimensions

    # ---- plans

    def start(self) -> with_ortools.Routes:
        """The plan in OR-Tools' numbers: for each vehicle its nodes."""
        copies: dict[int, list[int]] = {}
        for node, place in enumerate(self._reloads, self._first_reload):
            copies.setdefault(place, []).append(node)
        routes: with_ortools.Routes = [[] for _ in self.fleet]
        free: dict[int, list[int]] = {}
        for vehicle, number in enumerate(self.fleet):
            free.setdefault(number, []).append(vehicle)
        first = self.case.first_client
        for number, stops in self.plan:
            nodes = [copies[s].pop() if s < first else s - first for s in stops]
            routes[free[number].pop(0)] = nodes
        return routes

    def routes(self, answer: with_ortools.Routes) -> list[Route]:
        """The plan of OR-Tools' routes; those without clients are left out."""
        plan = []
        for number, nodes in zip(self.fleet, answer, strict=True):
            kind, stops = self.case.vehicles[number], [self.nodes[node] for node in nodes]
            if any(stop >= self.case.first_client for stop in stops):
                plan.append(Route(number, tidy(kind, stops, self.case.first_client)))
        return plan

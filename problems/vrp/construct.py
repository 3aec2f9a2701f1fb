"""A plan at once: each client where it adds least to the costs.

First routes are filled one after the other (`sequential`). What is left, what has alternatives and
shipments are then put where they cost least, urgent ones first: by forward time slack (Savelsbergh
1992) all places of all routes are priced as arrays (`slots`), and the cheapest ones are judged
exactly until one is feasible. What finds no place comes first in the next attempt; in the end it is
left out.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nco.problems.vrp.case import ALWAYS, INFINITE, Case, Group, Route
from nco.problems.vrp.solvers import sequential
from nco.problems.vrp.solvers.feasible import Judge, Track
from nco.problems.vrp.solvers.slots import Slots

TRIES = 6  # places that are judged exactly for a client
ROUTES, PAIRS = 6, 8  # of a shipment: routes, and pairs of places in each, that are judged
ATTEMPTS = 2000  # clients up to which what was left out gets another attempt


class Move(NamedTuple):
    """A change of one route: the route's number, or one more than there are for a new one."""

    cost: float
    number: int
    route: Route
    track: Track


def cheapest_insertion(case: Case) -> list[Route]:
    """A plan that breaks no rule, in which required clients may be missing.

    Args:
        case: 100 clients take some hundredths of a second, 1,000 one, 10,000 some.

    Returns:
        Routes with at least one client each; the number of missing required clients is small, but
        not the least. Optional clients are served where that is worth their prize.
    """
    if case.size == 0:
        return []
    judge = Judge(case)
    units = _units(judge)
    # a route that is filled leaves no time for another trip
    several = any(kind.reloads for kind in case.vehicles)
    best: _Insertion | None = None
    for fills in (not several, several, not several) if case.size <= ATTEMPTS else (True,):
        attempt = _Insertion(judge)
        attempt.serve(units, fills=fills)
        if best is None or attempt.rank < best.rank:
            best = attempt
        missing = [unit for unit in best.missing if unit.required]
        if not missing:
            break
        left = set(missing)
        units = [*missing, *(unit for unit in units if unit not in left)]
    assert best is not None
    return [route for route in best.slots.routes if route.stops]


class _Unit(NamedTuple):
    """Clients that are served together or instead of one another.

    Attributes:
        clients: places; of a shipment the pickup and the delivery, otherwise alternatives.
        paired: whether they are a shipment.
        required: whether the plan is partial without it; prize: of one of them, the greatest.
    """

    clients: tuple[int, ...]
    paired: bool
    required: bool
    prize: float


def _units(judge: Judge) -> list[_Unit]:
    """All that can be served, in the order of urgency: required ones before optional ones."""
    case, first = judge.case, judge.first
    prize, required = case.prize.tolist(), case.required.tolist()
    units = []
    for pair in case.shipments:
        both = [place - first for place in pair]
        worth = sum(prize[client] for client in both)
        units.append(_Unit(tuple(pair), True, any(required[c] for c in both), worth))
    grouped = [place for unit in units for place in unit.clients]
    for group in case.groups:
        units.append(_of_group(group, prize, first))
        grouped += group.clients
    alone = set(range(first, first + case.size)) - set(grouped)
    units += [
        _Unit((place,), False, required[place - first], prize[place - first])
        for place in sorted(alone)
    ]
    urgency = _urgency(judge)
    return sorted(
        units, key=lambda unit: (not unit.required, min(urgency[place] for place in unit.clients))
    )


def _of_group(group: Group, prize: Sequence[float], first: int) -> _Unit:
    worth = max(prize[place - first] for place in group.clients)
    return _Unit(tuple(group.clients), False, group.required, worth)


def _urgency(judge: Judge) -> list[float]:
    """For each place: the lower the earlier it is inserted.

    Where times matter it is the last moment to leave for it; elsewhere far clients come first.
    """
    case = judge.case
    far = np.full(judge.ways.nowhere, INFINITE)
    clients = np.arange(judge.first, judge.ways.nowhere)
    for vehicle, kind in enumerate(case.vehicles):
        _, duration = judge.ways.between(judge.ways.of[vehicle], kind.start, clients)
        far[clients] = np.minimum(far[clients], duration)
    closes = np.array([(windows or (ALWAYS,))[-1].close for windows in case.windows])
    urgency = np.zeros(judge.ways.nowhere)
    last = float(np.max(closes[np.isfinite(closes)], initial=0.0))
    urgency[clients] = np.minimum(closes, last) - far[clients]
    for shipment in case.shipments:
        urgency[list(shipment)] = urgency[list(shipment)].min()
    return urgency.tolist()


class _Insertion:
    """A plan in the making.

    Attributes:
        missing: what found no place, or was not worth one.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge, self.case = judge, judge.case
        self.slots = Slots(judge)
        self.missing: list[_Unit] = []
        self._left = self._kinds()

    @property
    def rank(self) -> tuple[int, float]:
        """The fewer required ones are missing the better, then the cheaper."""
        cost = sum(track.cost for track in self.slots.tracks)
        lost = sum(unit.prize for unit in self.missing if not unit.required)
        return sum(unit.required for unit in self.missing), cost + lost

    def serve(self, units: Sequence[_Unit], *, fills: bool) -> None:
        """Inserts all units in their order, and takes out what does not pay.

        Args:
            units: those that must not be left out again first.
            fills: whether routes are filled one after the other as far as that goes.
        """
        optional = []
        served = self._fill(units) if fills else set()
        for unit in units:
            if served.intersection(unit.clients):
                if not unit.required:
                    optional.append(unit)
                continue
            if not unit.required and unit.prize <= 0:
                self.missing.append(unit)
                continue
            self._insert(unit, INFINITE)
            if not unit.required:
                optional.append(unit)
        if optional:
            self._prune(optional)

    def _fill(self, units: Sequence[_Unit]) -> set[int]:
        """Fills routes with clients that have no alternative; those that it serves.

        Routes begin with clients that few vehicles may serve, of these with the far ones.
        """
        clients = [
            unit.clients[0]
            for unit in units
            if len(unit.clients) == 1 and (unit.required or unit.prize > 0)
        ]

        def opened(place: int) -> tuple[Route, Track] | None:
            move = self._new([place])
            if move is None:
                return None
            self._left[move.route.vehicle] -= 1
            return move.route, move.track

        filling = sequential.Filling(self.judge)
        served: set[int] = set()
        for route, track in sequential.routes(filling, clients, opened):
            self.slots.add(route, track)
            served.update(route.stops)
        return served

    def _insert(self, unit: _Unit, most: float) -> None:
        """Inserts a unit where it costs least, and at most so much."""
        move = self._shipped(unit) if unit.paired else self._cheapest(unit.clients)
        if move is None or move.cost > most:
            self.missing.append(unit)
        else:
            self._apply(move)

    def _apply(self, move: Move) -> None:
        if move.number == len(self.slots.routes):
            vehicle = move.route.vehicle
            self._left[vehicle] -= 1
            self.slots.add(move.route, move.track)
        else:
            self.slots.change(move.number, move.route.stops, move.track)

    # ---- a client

    def _cheapest(self, clients: Sequence[int]) -> Move | None:
        """The best move that serves one of several clients."""
        moves = [move for place in clients if (move := self._best(place)) is not None]
        return min(moves, key=lambda move: move.cost, default=None)

    def _best(self, place: int) -> Move | None:
        """The best move that serves a client: on the way, after a reload, or by a new vehicle."""
        moves = [self._on_the_way(place), self._new([place])]
        moves = [move for move in moves if move is not None]
        if not moves:
            moves = [move for move in [self._reloaded(place)] if move is not None]
        return min((m for m in moves if m is not None), key=lambda move: move.cost, default=None)

    def _on_the_way(self, place: int) -> Move | None:
        """The cheapest leg, of those judged, on which a client fits."""
        legs, costs = self.slots.costs(place)
        for leg in _lowest(costs, TRIES):
            number, at = self.slots.where(int(legs[leg]))
            vehicle, stops = self.slots.routes[number]
            move = self._judged(number, vehicle, [*stops[:at], place, *stops[at:]])
            if move is not None:
                return move
        return None

    def _judged(self, number: int, vehicle: int, stops: list[int]) -> Move | None:
        """A change of a route; None where it breaks a rule."""
        track = self.judge.route(vehicle, stops)
        if track is None:
            return None
        return Move(
            track.cost - self.slots.tracks[number].cost, number, Route(vehicle, stops), track
        )

    def _new(self, stops: list[int]) -> Move | None:
        """The new route whose vehicle costs least, a dear one by the share that it fills."""
        best, least = None, INFINITE
        for vehicle, left in self._left.items():
            if left <= 0:
                continue
            track = self.judge.route(vehicle, stops)
            if track is None:
                continue
            fixed = self.case.vehicles[vehicle].fixed
            cost = track.cost - fixed * (1 - self._share(vehicle, stops))
            if cost < least:
                best, least = Move(cost, len(self.slots.routes), Route(vehicle, stops), track), cost
        return best

    def _share(self, vehicle: int, stops: Sequence[int]) -> float:
        """How much of a vehicle the clients fill."""
        loads, first = self.judge.loads, self.judge.first
        share = 0.0
        for k, capacity in enumerate(loads.capacity[vehicle]):
            most = max(
                sum(amounts[stop - first][k] for stop in stops)
                for amounts in (loads.delivery, loads.pickup)
            )
            share = max(share, most / max(capacity, 1))
        return min(share or 1.0, 1.0)

    def _reloaded(self, place: int) -> Move | None:
        """The cheapest route that goes on to a client after a reload."""
        best: Move | None = None
        for number, (vehicle, stops) in enumerate(self.slots.routes):
            kind = self.case.vehicles[vehicle]
            if not stops or not kind.reloads or not self._in_time(number, place):
                continue
            for depot in kind.reloads:
                move = self._judged(number, vehicle, [*stops, depot, place])
                if move is not None and (best is None or move.cost < best.cost):
                    best = move
        return best

    def _in_time(self, number: int, place: int) -> bool:
        """Whether a route's last departure is before a client's last window ends."""
        windows = self.case.windows[place - self.judge.first] or (ALWAYS,)
        return self.slots.tracks[number].leave[-1] <= windows[-1].close

    # ---- a shipment

    def _shipped(self, unit: _Unit) -> Move | None:
        """The best move that serves a shipment."""
        pickup, delivery = unit.clients
        moves = [self._new([pickup, delivery])]
        (legs, costs), (ends, more) = self.slots.costs(pickup), self.slots.costs(delivery)
        best: dict[int, float] = {}
        for route, cost in zip(self.slots.routes_of(legs).tolist(), costs.tolist(), strict=True):
            best[route] = min(best.get(route, INFINITE), cost)
        rest: dict[int, float] = {}
        for route, cost in zip(self.slots.routes_of(ends).tolist(), more.tolist(), strict=True):
            rest[route] = min(rest.get(route, INFINITE), cost)
        chosen = sorted(best, key=lambda route: best[route] + rest.get(route, 0.0))
        for number in chosen[:ROUTES]:
            begins = self._places(number, legs, costs)
            moves.append(self._pair(number, begins, self._places(number, ends, more), unit))
        return min((m for m in moves if m is not None), key=lambda move: move.cost, default=None)

    def _places(self, number: int, legs: np.ndarray, costs: np.ndarray) -> dict[int, float]:
        """The costs by the places in one route."""
        here = self.slots.routes_of(legs) == number
        places = self.slots.places_of(legs[here]).tolist()
        return dict(zip(places, costs[here].tolist(), strict=True))

    def _pair(
        self, number: int, begins: dict[int, float], ends: dict[int, float], unit: _Unit
    ) -> Move | None:
        """The best of the promising pairs of places in one route.

        A delivery that follows its pickup on the same leg may fit where neither alone does.
        """
        vehicle, stops = self.slots.routes[number]
        pickup, delivery = unit.clients
        pairs = [
            (cost + ends.get(end, 0.0), begin, end)
            for begin, cost in begins.items()
            for end in range(begin, len(stops) + 1)
            if end in ends or end == begin
        ]
        best: Move | None = None
        for _, begin, end in sorted(pairs)[:PAIRS]:
            changed = [*stops[:begin], pickup, *stops[begin:end], delivery, *stops[end:]]
            move = self._judged(number, vehicle, changed)
            if move is not None and (best is None or move.cost < best.cost):
                best = move
        return best

    # ---- vehicles and prizes

    def _kinds(self) -> dict[int, int]:
        """How many vehicles of each type there are."""
        many = self.case.size
        return {
            number: many if kind.count is None else kind.count
            for number, kind in enumerate(self.case.vehicles)
        }

    def _prune(self, optional: Sequence[_Unit]) -> None:
        """Takes out optional clients that cost more than their prize, and puts back what pays."""
        owner = {place: unit for unit in optional for place in unit.clients}
        for number in range(len(self.slots.routes)):
            while self._drop(number, owner):
                pass
        for unit in [unit for unit in self.missing if not unit.required and unit.prize > 0]:
            self.missing.remove(unit)
            self._insert(unit, unit.prize)

    def _drop(self, number: int, owner: dict[int, _Unit]) -> bool:
        """Takes the unit that pays least out of a route, or all; False where everything pays."""
        vehicle, stops = self.slots.routes[number]
        here = list(dict.fromkeys(owner[stop] for stop in stops if stop in owner))
        if not here:
            return False
        cost = self.slots.tracks[number].cost
        clients = [stop for stop in stops if stop >= self.judge.first]
        if all(stop in owner for stop in clients) and sum(unit.prize for unit in here) < cost:
            self.missing += here
            self._left[vehicle] += 1
            self.slots.change(number, [], self.slots.tracks[number]._replace(cost=0.0))
            return False
        worst, most = None, 0.0
        for unit in here:
            move = self._judged(number, vehicle, _without(stops, unit.clients, self.judge.first))
            if move is not None and move.route.stops and -move.cost - unit.prize > most:
                worst, most = (unit, move), -move.cost - unit.prize
        if worst is None:
            return False
        self.missing.append(worst[0])
        self._apply(worst[1])
        return True


def _without(stops: Sequence[int], clients: Sequence[int], first: int) -> list[int]:
    """Stops without some clients, and without reloads that lose their trip."""
    kept = [stop for stop in stops if stop not in clients]
    kept = [s for s, then in itertools.pairwise([*kept, -1]) if s >= first or then >= first]
    return kept[1:] if kept and kept[0] < first else kept


def _lowest(costs: np.ndarray, count: int) -> list[int]:
    """The positions of the lowest numbers, in their order."""
    if len(costs) > count:
        few = np.argpartition(costs, count)[:count]
        return few[np.argsort(costs[few])].tolist()
    return np.argsort(costs).tolist()

"""The checker: which rules a plan breaks, what it leaves out, and what it costs, on its own.

Loads, distances and times are exact wherever the case's are (`measure`), and each route is driven
with the least possible duration (`timing`). No code is shared with readers, solvers and networks.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nco.core.case import Report
from nco.problems._common import verdicts
from nco.problems._common.verdicts import names_of, shortened, titled
from nco.problems._routing import checking
from nco.problems.vrp.case import Backhauls, Case, Group, Route
from nco.problems.vrp.checking.every import every_solution
from nco.problems.vrp.checking.measure import Number, exceeds, number, plain, total
from nco.problems.vrp.checking.schedule import Drive, Scheduler, trips

SHOWN = 5  # violations of one kind that are spelled out; the others are counted


class Driven(NamedTuple):
    """A route with its number in the plan, from 1, and its schedule."""

    number: int
    route: Route
    drive: Drive


def check(case: Case, solution: object) -> Report:
    """Checks a list of pairs of a vehicle's type and its stops, and prices it.

    The cost is that of the used vehicles (fixed, distance, duration, overtime) and the prizes of
    the clients that are optional, or of a group, and not served. A route without stops is not used.

    Args:
        case: a `vrp` case.
        solution: each a `Route`, or any pair of a number and a list of numbers.

    Returns:
        The report. Its measures are the number of routes, their distance and duration, and the
        parts of the cost. `unassigned` names the required clients, and groups, that no route
        serves. The cost is None where a vehicle or a place does not exist.
    """
    routes, violations = _routes(solution)
    if routes is None:
        return Report(None, None, violations)
    violations = _unknown(case, routes)
    if violations:
        return Report(None, None, violations)
    scheduler = Scheduler(case)
    driven = [
        Driven(place, route, scheduler.drive(route))
        for place, route in enumerate(routes, 1)
        if route.stops
    ]
    served = {stop for route in routes for stop in route.stops if stop >= case.first_client}
    violations = _visits(case, routes) + _groups(case, served) + _fleet(case, driven)
    for rule in RULES:
        lines = [line for each in driven for line in rule.broken(case, each, scheduler)]
        violations += shortened(lines, SHOWN, "of this kind")
    cost = plain(total([*_costs(driven), *_prizes(case, served)]))
    if not math.isfinite(cost):
        violations.append("the cost is not finite")
        return Report(None, None, violations)
    figures = _figures(driven, _prizes(case, served))
    return Report(
        cost,
        cost,
        violations,
        measures=figures,
        unassigned=unassigned(case, served),
        declined=declined(case, served),
    )


def _figures(driven: Sequence[Driven], prizes: Sequence[Number]) -> dict[str, float]:
    """What the cost is made of, and what the vehicles do in all."""
    drives = [each.drive for each in driven]
    names = dict.fromkeys(name for drive in drives for name in drive.costs)
    costs = {
        f"{name} costs": float(total(drive.costs.get(name, 0) for drive in drives))
        for name in names
    }
    lost = {"prizes lost": float(total(prizes))} if prizes else {}
    return {
        "routes": float(len(drives)),
        "distance": float(total(drive.distance for drive in drives)),
        "duration": float(total(drive.duration for drive in drives)),
        **costs,
        **lost,
    }


def _routes(solution: object) -> tuple[list[Route] | None, list[str]]:
    """The routes as plain integers, or None and a sentence on what is no route."""
    listed = solution.tolist() if hasattr(solution, "tolist") else solution
    if not isinstance(listed, list | tuple):
        return None, [f"the solution is no list of routes but {type(solution).__name__}"]
    routes = []
    for place, entry in enumerate(listed, 1):
        if not isinstance(entry, list | tuple) or len(entry) != 2:
            shown = verdicts.shown(entry)
            return None, [f"route {place} is no pair of a vehicle and its stops: {shown}"]
        if not verdicts.is_integer(entry[0]):
            shown = verdicts.shown(entry[0])
            return None, [f"the vehicle of route {place} is no number of a type: {shown}"]
        stops, lines = checking.numbers(entry[1], "route", SHOWN)
        if lines:
            return None, [f"route {place}: {line}" for line in lines]
        routes.append(Route(int(entry[0]), stops))
    return routes, []


def _unknown(case: Case, routes: Sequence[Route]) -> list[str]:
    """A sentence for each number that stands for nothing."""
    places, kinds = len(case.depots) + case.size, len(case.vehicles)
    lines = [
        f"route {place} has vehicle {route.vehicle}, but the types are 0 to {kinds - 1}"
        for place, route in enumerate(routes, 1)
        if not 0 <= route.vehicle < kinds
    ]
    lines += [
        f"route {place} visits {stop}, but the places are 0 to {places - 1}"
        for place, route in enumerate(routes, 1)
        for stop in route.stops
        if not 0 <= stop < places
    ]
    return shortened(lines, SHOWN, "unknown numbers")


def named(case: Case, place: int) -> str:
    """``client 5 (Bakery)`` or ``depot 0``."""
    word = "client" if place >= case.first_client else "depot"
    return titled(word, place, names_of(case, "stops"))


def vehicle_named(case: Case, vehicle: int) -> str:
    """``vehicle 1 (Van)``: a type by its position and what it is called."""
    name = case.vehicles[vehicle].name or case.called("vehicles", vehicle) or ""
    return f"vehicle {vehicle} ({name})" if name else f"vehicle {vehicle}"


def _title(case: Case, each: Driven) -> str:
    return f"route {each.number} with {vehicle_named(case, each.route.vehicle)}"


def _visits(case: Case, routes: Sequence[Route]) -> list[str]:
    """Clients that are served more than once."""
    found: dict[int, list[int]] = {}
    for place, route in enumerate(routes, 1):
        for stop in route.stops:
            if stop >= case.first_client:
                found.setdefault(stop, []).append(place)
    lines = [
        f"{named(case, client)} is visited {len(numbers)} times, "
        f"in routes {', '.join(map(str, numbers[:SHOWN]))}"
        for client, numbers in found.items()
        if len(numbers) > 1
    ]
    return shortened(lines, SHOWN, "clients visited twice")


def _groups(case: Case, served: set[int]) -> list[str]:
    """Groups of which more than one client is served."""
    lines = []
    for place, group in enumerate(case.groups, 1):
        chosen = [client for client in group.clients if client in served]
        if len(chosen) > 1:
            names = " and ".join(named(case, client) for client in chosen[:SHOWN])
            lines.append(f"group {place} allows one of its clients, but {names} are served")
    return shortened(lines, SHOWN, "groups with several")


def _fleet(case: Case, driven: Sequence[Driven]) -> list[str]:
    """Types of which more vehicles drive than there are."""
    lines = []
    for position, kind in enumerate(case.vehicles):
        used = sum(each.route.vehicle == position for each in driven)
        if kind.count is not None and used > kind.count:
            name = vehicle_named(case, position)
            lines.append(f"{used} routes with {name}, but there are {kind.count} of that type")
    return shortened(lines, SHOWN, "types used too often")


def unassigned(case: Case, served: set[int]) -> list[str]:
    """What is required and not served: clients, and groups of which one is."""
    return _without(case, served, required=True)


def declined(case: Case, served: set[int]) -> list[str]:
    """What need not be served and is not: clients, and groups of which none is."""
    return _without(case, served, required=False)


def _without(case: Case, served: set[int], required: bool) -> list[str]:
    """Clients of no group, and groups, that are not served; `required` ones, or all others."""
    apart = served.union(*(group.clients for group in case.groups))
    lines = [
        named(case, case.first_client + row)
        for row, needed in enumerate(case.required.tolist())
        if needed == required and case.first_client + row not in apart
    ]
    lines += [
        f"group {place} ({_one_of(case, group)})"
        for place, group in enumerate(case.groups, 1)
        if group.required == required and not served.intersection(group.clients)
    ]
    return lines


def _one_of(case: Case, group: Group) -> str:
    """``one of client 3, client 4 and 7 more``."""
    names = ", ".join(named(case, client) for client in group.clients[:SHOWN])
    more = len(group.clients) - SHOWN
    return f"one of {names} and {more} more" if more > 0 else f"one of {names}"


def _costs(driven: Sequence[Driven]) -> list[Number]:
    return [cost for each in driven for cost in each.drive.costs.values()]


def _prizes(case: Case, served: set[int]) -> list[Number]:
    """Those of all clients that may be left out, and are."""
    grouped = {client for group in case.groups for client in group.clients}
    return [
        number(prize)
        for row, (prize, required) in enumerate(
            zip(case.prize.tolist(), case.required.tolist(), strict=True)
        )
        if (client := case.first_client + row) not in served
        and prize
        and (not required or client in grouped)
    ]


def _allowed(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Clients that its type may not serve."""
    vehicle = each.route.vehicle
    lines = []
    for stop in each.route.stops:
        allowed = None if stop < case.first_client else case.allowed[case.client(stop)]
        if allowed is not None and vehicle not in allowed:
            title = _title(case, each)
            lines.append(f"{title} serves {named(case, stop)}, which that type may not serve")
    return lines


def _loads(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Trips whose load is above the capacity, a sentence for each dimension."""
    kind = case.vehicles[each.route.vehicle]
    capacity = [number(value) for value in kind.capacity]
    if not capacity:
        return []
    places = [kind.start, *each.route.stops]
    lines = []
    trip = 0
    heaviest: dict[tuple[int, int], tuple[Number, int]] = {}  # by trip and dimension
    for place, load in zip(places, scheduler.loads(each.route.stops), strict=True):
        trip += place < case.first_client
        for dimension, most in enumerate(capacity):
            amount = load[dimension]
            if amount > most and amount > heaviest.get((trip, dimension), (most, 0))[0]:
                heaviest[trip, dimension] = (amount, place)
    for (trip, dimension), (amount, place) in heaviest.items():
        what = f"dimension {dimension + 1}" if len(capacity) > 1 else "load"
        lines.append(
            f"{_title(case, each)} leaves {named(case, place)} on trip {trip} with {what} "
            f"{_text(amount)}, above its capacity {_text(capacity[dimension])}"
        )
    return lines


def _windows(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Stops that are reached too late."""
    places = scheduler.places(each.route)
    kind = case.vehicles[each.route.vehicle]
    lines = []
    for position, (begin, close) in each.drive.late.items():
        title, time, limit = _title(case, each), timed(case, begin), timed(case, close)
        if position == len(places):
            lines.append(f"{title} ends at {time}, after its shift closes at {limit}")
            continue
        place = places[position]
        name = named(case, place)
        if position == 0:
            lines.append(f"{title} can leave {name} at {time}, but only until {limit}")
        elif place >= case.first_client:
            lines.append(f"{title} reaches {name} at {time}, after its window closes at {limit}")
        elif position == len(places) - 1 and kind.end is not None:
            own = number(case.depots[place].window.close)
            what = "it closes" if own <= close else "its shift ends"
            lines.append(f"{title} returns to {name} at {time}, after {what} at {limit}")
        else:
            lines.append(f"{title} reloads at {name} at {time}, after it closes at {limit}")
    return lines


def _breaks(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Breaks for which there is no time."""
    kind = case.vehicles[each.route.vehicle]
    return [
        f"{_title(case, each)} cannot hold its break of {_text(number(rest.duration))} that begins "
        f"from {timed(case, number(rest.window.open))} to {timed(case, number(rest.window.close))}"
        for rest in (kind.breaks[k] for k in each.drive.missed)
    ]


def _distance(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Routes that are too long."""
    most = number(case.vehicles[each.route.vehicle].max_distance)
    if not exceeds(each.drive.distance, most):
        return []
    far = _text(each.drive.distance)
    return [f"{_title(case, each)} drives {far}, above its maximal distance {_text(most)}"]


def _duration(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Routes that take too long."""
    kind = case.vehicles[each.route.vehicle]
    longest = number(kind.max_duration) + number(kind.max_overtime)
    if not exceeds(each.drive.duration, longest):
        return []
    what = f"maximal duration {'with overtime ' if kind.max_overtime else ''}{_text(longest)}"
    return [f"{_title(case, each)} takes {_text(each.drive.duration)}, above its {what}"]


def _stops(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Routes with too many clients."""
    most = case.vehicles[each.route.vehicle].max_stops
    clients = sum(stop >= case.first_client for stop in each.route.stops)
    if most is None or clients <= most:
        return []
    return [f"{_title(case, each)} serves {clients} clients, but at most {most}"]


def _reloads(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Where it reloads, and how often."""
    kind = case.vehicles[each.route.vehicle]
    visited = [stop for stop in each.route.stops if stop < case.first_client]
    title = _title(case, each)
    lines = [
        f"{title} reloads at {named(case, stop)}, where that type may not reload"
        for stop in visited
        if stop not in kind.reloads
    ]
    if kind.max_trips is not None and len(visited) + 1 > kind.max_trips:
        lines.append(f"{title} makes {len(visited) + 1} trips, but at most {kind.max_trips}")
    return lines


def _backhauls(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """The order of deliveries and pickups within trips; shipments are neither."""
    if case.backhauls is Backhauls.MIXED:
        return []
    lines = []
    for place, trip in enumerate(trips(case, each.route.stops), 1):
        own = [c for c in trip if c not in scheduler.pickups and c not in scheduler.drops]
        delivers = [any(scheduler.delivery[case.client(client)]) for client in own]
        picks = [any(scheduler.pickup[case.client(client)]) for client in own]
        first = picks.index(True) if any(picks) else len(own)
        late = [
            client
            for client, some in zip(own[first + 1 :], delivers[first + 1 :], strict=True)
            if some
        ]
        title = _title(case, each)
        if late:
            lines.append(
                f"{title} delivers to {named(case, late[0])} on trip {place} after its first "
                f"pickup, at {named(case, own[first])}"
            )
        if case.backhauls is Backhauls.AFTER_SOME and any(picks) and not any(delivers):
            lines.append(f"{title} only picks up on trip {place}: a trip must deliver something")
    return lines


def _shipments(case: Case, each: Driven, scheduler: Scheduler) -> list[str]:
    """Pairs that are not picked up before they are delivered, in one trip of one vehicle."""
    if not case.shipments:
        return []
    at = {
        client: (trip, place)
        for trip, some in enumerate(trips(case, each.route.stops))
        for place, client in enumerate(some)
    }
    lines = []
    for pair in case.shipments:
        taken, brought = at.get(pair.pickup), at.get(pair.delivery)
        if taken is None and brought is None:
            continue
        title = _title(case, each)
        start, end = named(case, pair.pickup), named(case, pair.delivery)
        if brought is None:
            lines.append(f"{title} picks up at {start} but does not deliver to {end}")
        elif taken is None:
            lines.append(f"{title} delivers to {end} but does not pick up at {start}")
        elif taken[0] != brought[0]:
            lines.append(f"{title} picks up at {start} and delivers to {end} on different trips")
        elif taken > brought:
            lines.append(f"{title} delivers to {end} before it picks up at {start}")
    return lines


class Rule(NamedTuple):
    """A rule of single routes: what it is about, and the sentences on what breaks it."""

    about: str
    broken: Callable[[Case, Driven, Scheduler], list[str]]


RULES = (
    Rule("the vehicles that are allowed", _allowed),
    Rule("the number of stops", _stops),
    Rule("the number of trips", _reloads),
    Rule("the order of deliveries and pickups", _backhauls),
    Rule("shipments", _shipments),
    Rule("the capacity", _loads),
    Rule("time windows", _windows),
    Rule("breaks", _breaks),
    Rule("the maximal duration", _duration),
    Rule("the maximal distance", _distance),
)


def _text(value: Number) -> str:
    """A number as people write it."""
    shown = plain(value)
    return str(shown) if isinstance(shown, int) else f"{shown:.10g}"


def timed(case: Case, value: Number) -> str:
    """A point in time as people write it: as a time of the day where the source has such."""
    if "clock" not in case.units or not math.isfinite(value):
        return _text(value)
    hours, left = divmod(round(60 * value), 3600)
    minutes, seconds = divmod(left, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")


__all__ = [
    "RULES",
    "Driven",
    "check",
    "declined",
    "every_solution",
    "named",
    "timed",
    "unassigned",
    "vehicle_named",
]

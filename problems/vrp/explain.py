"""Why an input cannot be met: what no plan can do, and why a plan leaves something out.

Only what is proven is said. A client, or a shipment, cannot be served where each type of vehicle
fails even on a route that serves nothing else and drives shortest paths (`reach`). A fleet is too
small where sums of loads, times or stops exceed what all of it can do, or where more clients than
it has vehicles exclude each other in pairs. Small sets are tried in all ways (`together`).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.check import RULES, Driven, named, timed, unassigned, vehicle_named
from nco.problems.vrp.checking import together
from nco.problems.vrp.checking.reach import Reach, above
from nco.problems.vrp.checking.schedule import Scheduler

PLACES = 3000  # beyond which no shortest paths are looked for
SHOWN = 5  # sentences of a kind; the others are counted
REMEDY = "add it there, or search longer"
FEW = 500  # clients up to which it is asked what stands against those that need not be served
ASKED = 50  # of what need not be served, of which it is asked whether it can be
TRIES = 600  # insertions that are tried in all to say why a plan has no room


def impossible(case: Case) -> list[str]:
    """What no plan can do, a sentence each; nothing where no reason is found."""
    reach = Reach(case)
    alone = [
        f"{' and '.join(named(case, client) for client in things)} cannot be served: {reason}"
        for things in _wanted(case)
        if (reason := blocked(case, reach, things))
    ]
    lines = [*alone[:SHOWN]]
    if len(alone) > SHOWN:
        lines.append(f"and {len(alone) - SHOWN} more that no vehicle can serve")
    lines += _sums(case, reach)
    if not lines and _is_small(case):
        lines += together.conflicts(case, reach)
    return lines


def left_out(case: Case, solution: Sequence[Route]) -> list[str]:
    """Why each thing that the checker calls unassigned is: because of itself, or of the plan."""
    reach, scheduler = Reach(case), Scheduler(case)
    served = {stop for route in solution for stop in route[1]}
    tries = [TRIES]
    reasons = []
    for things in _missing(case, served):
        own = [blocked(case, reach, choice) for choice in things]
        if all(own):
            reasons.append(f"no plan can serve it: {own[0]}")
            continue
        free = [choice for choice, reason in zip(things, own, strict=True) if not reason]
        reasons.append(_no_room(case, scheduler, solution, free[0], tries))
    assert len(reasons) == len(unassigned(case, served))
    return reasons


def declined(case: Case, solution: Sequence[Route]) -> list[str]:
    """Why no plan can serve what this one need not; empty where one may be able to.

    The first `ASKED` are looked at, where so many shortest paths take no time worth naming.
    """
    reach = Reach(case)
    served = {stop for route in solution for stop in route[1]}
    reasons: list[str] = []
    for things in _missing(case, served, required=False):
        asked = len(reasons) < ASKED and case.size <= FEW
        own = [blocked(case, reach, choice) for choice in things] if asked else [""]
        reasons.append(f"no plan can serve it: {own[0]}" if all(own) else "")
    return reasons


def _is_small(case: Case) -> bool:
    return len(case.depots) + case.size <= PLACES


def _partners(case: Case) -> dict[int, list[int]]:
    """Of each client of a shipment both, the pickup first."""
    return {client: [*pair] for pair in case.shipments for client in pair}


def _wanted(case: Case) -> list[list[int]]:
    """What must be served by itself: clients, and shipments once."""
    partners = _partners(case)
    grouped = {client for group in case.groups for client in group.clients}
    wanted = {
        tuple(partners.get(client, [client])): None
        for client in range(case.first_client, case.first_client + case.size)
        if case.required[case.client(client)] and client not in grouped
    }
    return [list(things) for things in wanted]


def _missing(case: Case, served: set[int], required: bool = True) -> list[list[list[int]]]:
    """For each entry of the report's `unassigned` the ways to serve it: clients in their order.

    Without `required` for each entry of its `declined`.
    """
    partners = _partners(case)
    apart = served.union(*(group.clients for group in case.groups))
    single = [
        [partners.get(client, [client])]
        for client in range(case.first_client, case.first_client + case.size)
        if case.required[case.client(client)] == required and client not in apart
    ]
    of_groups = [
        [partners.get(client, [client]) for client in group.clients]
        for group in case.groups
        if group.required == required and not served.intersection(group.clients)
    ]
    return single + of_groups


def blocked(case: Case, reach: Reach, clients: list[int]) -> str | None:
    """Why no vehicle can serve these clients in this order; None where one may be able to."""
    reasons: dict[str, list[str]] = {}
    if any(case.allowed[case.client(client)] == () for client in clients):
        return "no vehicle has the skills that it needs, or is allowed to serve it"
    for vehicle, kind in enumerate(case.vehicles):
        if kind.count == 0:
            continue
        reason = _blocked_by(case, reach, vehicle, clients)
        if reason is None:
            return None
        reasons.setdefault(reason, []).append(vehicle_named(case, vehicle))
    if not reasons:
        return "there are no vehicles"
    if len(reasons) == 1:
        return f"{next(iter(reasons))}{', with any vehicle' if len(case.vehicles) > 1 else ''}"
    told = [
        f"{', '.join(names[:SHOWN])}{' ...' if len(names) > SHOWN else ''}: {reason}"
        for reason, names in reasons.items()
    ]
    return "; ".join(told)


def _blocked_by(case: Case, reach: Reach, vehicle: int, clients: list[int]) -> str | None:
    """Why vehicles of a type cannot serve these clients even alone."""
    kind = case.vehicles[vehicle]
    for client in clients:
        allowed = case.allowed[case.client(client)]
        if allowed is not None and vehicle not in allowed:
            return "the vehicle lacks a skill that it needs, or may not serve it"
    for client in clients:
        row = case.client(client)
        for dimension, most in enumerate(kind.capacity):
            amount = max(case.delivery[row, dimension], case.pickup[row, dimension])
            if amount > most:
                of = f" in dimension {dimension + 1}" if len(kind.capacity) > 1 else ""
                return f"its load of {amount:g}{of} is above the capacity {most:g}"
    if kind.max_stops is not None and len(clients) > kind.max_stops:
        return f"the route may have {kind.max_stops} stops"
    return _too_far(case, reach, vehicle, clients) if _is_small(case) else None


def _too_far(case: Case, reach: Reach, vehicle: int, clients: list[int]) -> str | None:
    """Why a type's route that visits only these clients is too long, or somewhere too late."""
    kind = case.vehicles[vehicle]
    length = reach.distance(vehicle, clients)
    if above(length, kind.max_distance):
        return f"the way is at least {length:.6g}, above the maximal distance {kind.max_distance:g}"
    times = reach.timing(vehicle, clients)
    for place, close in times.late:
        time = float(times.begins[place])
        if not above(time, float(close)):
            continue
        latest = _at(case, float(close))
        if place == 0:
            return f"it cannot leave before {_at(case, time)}, and only until {latest}"
        if place <= len(clients):
            row = case.client(clients[place - 1])
            what = "its last window" if len(case.windows[row]) > 1 else "its window"
            where = f" at {named(case, clients[place - 1])}" if len(clients) > 1 else ""
            return (
                f"it is reached{where} at {_at(case, time)} at the earliest, "
                f"after {what} closes at {latest}"
            )
        end = "the route ends" if kind.end is None else "the vehicle is back"
        return f"{end} at {_at(case, time)} at the earliest, but must at {latest}"
    longest = kind.max_duration + kind.max_overtime
    duration = float(times.duration)
    if above(duration, longest):
        return f"it takes at least {duration:.6g}, above the maximal duration {longest:g}"
    return None


def _at(case: Case, time: float) -> str:
    """A point in time, as a number to six digits where it is none of a day."""
    return timed(case, float(f"{float(time):.6g}"))


def _sums(case: Case, reach: Reach) -> list[str]:
    """What the fleet as a whole cannot do."""
    return [*_too_much(case, reach), *_too_many(case), *_too_long(case, reach)]


def _alone(case: Case) -> np.ndarray:
    """Rows of the clients that must be served by themselves, so that sums over them are bounds."""
    grouped = {case.client(client) for group in case.groups for client in group.clients}
    return np.array(
        [row for row in range(case.size) if case.required[row] and row not in grouped], dtype=int
    )


def _too_much(case: Case, reach: Reach) -> list[str]:
    """Loads above the capacity of the vehicles that may carry them."""
    rows = _alone(case)
    everyone = tuple(range(len(case.vehicles)))
    may = [everyone if case.allowed[row] is None else case.allowed[row] for row in rows]
    lines = []
    sets = {tuple(sorted(some)) for some in [everyone, *may] if some}
    for fleet in sorted(sets, key=lambda some: -len(some)):
        trips = [_most_trips(case, vehicle) for vehicle in fleet]
        own = [row for row, some in zip(rows, may, strict=True) if some and {*some} <= {*fleet}]
        for what, loads in zip(("delivered", "picked up"), reach.loads, strict=True):
            for dimension in range(case.delivery.shape[1]):
                limits = [case.vehicles[vehicle].capacity for vehicle in fleet]
                if any(len(limit) <= dimension for limit in limits):
                    continue
                most = sum(
                    _product(t, limit[dimension]) for t, limit in zip(trips, limits, strict=True)
                )
                load = float(loads[own, dimension].sum())
                if above(load, most):
                    whose = "all vehicles" if fleet == everyone else _listed(case, fleet)
                    few = (
                        "1 client that needs" if len(own) == 1 else f"{len(own)} clients that need"
                    )
                    who = "" if fleet == everyone else f" for {few} them"
                    of = f" of dimension {dimension + 1}" if case.delivery.shape[1] > 1 else ""
                    lines.append(
                        f"{load:g}{of} must be {what}{who}, but {whose} together carry {most:g}"
                    )
    return lines[:SHOWN]


def _listed(case: Case, fleet: Iterable[int]) -> str:
    return ", ".join(vehicle_named(case, vehicle) for vehicle in fleet)


def _most_trips(case: Case, vehicle: int) -> float:
    """How often vehicles of a type can be loaded in all."""
    kind = case.vehicles[vehicle]
    trips = 1.0
    if kind.reloads:
        trips = np.inf if kind.max_trips is None else kind.max_trips
    return _product(trips, together.available(kind))


def _product(number: float, each: float) -> float:
    """So many times so much, where either may be without limit."""
    return number * each if number and each else 0.0


def _too_many(case: Case) -> list[str]:
    """More clients than all routes may have stops."""
    rows = _alone(case)
    most = 0.0
    for kind in case.vehicles:
        stops = np.inf if kind.max_stops is None else kind.max_stops
        most += _product(together.available(kind), stops)
    if len(rows) > most:
        return [f"{len(rows)} clients must be served, but all routes together have {most:g} stops"]
    return []


def _too_long(case: Case, reach: Reach) -> list[str]:
    """More time than the vehicles have: service, and the shortest way to each client."""
    rows = _alone(case)
    if not len(rows) or not _is_small(case):
        return []
    least = np.full(case.size, np.inf)
    most = 0.0
    for vehicle, kind in enumerate(case.vehicles):
        if kind.count == 0:
            continue
        matrix = reach.paths(vehicle).duration.matrix.copy()
        np.fill_diagonal(matrix, np.inf)
        least = np.minimum(least, matrix.min(axis=0)[case.first_client :])
        longest = min(kind.max_duration + kind.max_overtime, kind.shift.close - kind.shift.open)
        start = case.depots[kind.start].window
        longest = min(longest, kind.shift.close - start.open)
        if kind.end is not None:
            longest = min(longest, case.depots[kind.end].window.close - start.open)
        most += _product(together.available(kind), max(longest, 0.0))
    need = float((least + case.service)[rows].sum())
    if above(need, most):
        return [
            f"serving {len(rows)} clients takes at least {need:.6g}, the shortest way to each "
            f"included, but all vehicles together have {most:.6g}"
        ]
    return []


def _no_room(
    case: Case, scheduler: Scheduler, plan: Sequence[Route], clients: list[int], tries: list[int]
) -> str:
    """What stands against serving these clients in the plan as it is, route by route."""
    against: dict[str, int] = {}
    used = [route[0] for route in plan if route[1]]
    idle = [
        Route(vehicle, [])
        for vehicle, kind in enumerate(case.vehicles)
        if kind.count is None or used.count(vehicle) < kind.count
    ]
    for place, route in enumerate([*(r for r in plan if r[1]), *idle], 1):
        word = _against(case, scheduler, Route(*route), clients, tries)
        if word == "":
            if not route[1]:
                return f"{vehicle_named(case, route[0])} is free and could serve it: {REMEDY}"
            return f"route {place} has room for it: {REMEDY}"
        if word is None:
            return "no room for it was found, but not all of the plan was tried"
        against[word] = against.get(word, 0) + 1
    told = ", ".join(
        f"{word} ({count} vehicle{'s' * (count != 1)})" for word, count in against.items()
    )
    left = "" if idle else "no vehicle is left, and "
    return f"{left}this plan has no room for it because of {told}"


def _against(
    case: Case, scheduler: Scheduler, route: Route, clients: list[int], tries: list[int]
) -> str | None:
    """What the first rule that is broken is about, at the place where it is the last of all.

    Empty: it fits somewhere. None: there are no tries left.
    """
    best = -1
    for stops in _inserted(route.stops, clients):
        tries[0] -= 1
        if tries[0] < 0:
            return None
        there = Route(route.vehicle, stops)
        driven = Driven(1, there, scheduler.drive(there))
        broken = [k for k, rule in enumerate(RULES) if rule.broken(case, driven, scheduler)]
        if not broken:
            return ""
        best = max(best, broken[0])
        if broken[0] == 0:  # at no place it would be another type
            break
    return RULES[best].about


def _inserted(stops: list[int], clients: list[int]) -> Iterable[list[int]]:
    """The stops with the clients in their order at every place."""
    first, *others = clients
    for place in range(len(stops) + 1):
        head, tail = [*stops[:place], first], stops[place:]
        if not others:
            yield [*head, *tail]
            continue
        for rest in _inserted(tail, others):
            yield [*head, *rest]

"""Clients that cannot all be served by a small fleet, though each of them can: the smallest sets.

A set is tried in all ways: which clients one vehicle can serve, by a dynamic programme over subsets
and last clients that keeps every route which may still be better in time, latest departure, time
driven and distance; and whether the vehicles can share the set. Ways are shortest paths, breaks and
the order of pickups are left out, and a vehicle that reloads has no limit of load: all of this only
makes more possible, so that a set which fails cannot be served by any plan.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nco.problems.vrp.case import Case, VehicleType
from nco.problems.vrp.check import named
from nco.problems.vrp.reach import Reach, above

MOST = 8  # clients of a set that is tried in all ways
FLEET = 7  # vehicles, of which no more can be needed by such a set
SEEDS = 4  # clients from which sets are grown
PAIRS = 250  # places, beyond which pairs are only compared where no way over a third is shorter


class Label(NamedTuple):
    """A route so far: at the last client at ``max(earliest, departure + driven)`` at the earliest.

    Attributes:
        latest: departure; driven: time without waiting; length: distance.
    """

    earliest: float
    latest: float
    driven: float
    length: float


def available(kind: VehicleType) -> float:
    """How many vehicles there are of a type; without end where that is not limited."""
    return np.inf if kind.count is None else kind.count


def conflicts(case: Case, reach: Reach) -> list[str]:
    """A sentence on a smallest set of required clients that the fleet cannot serve together."""
    fleet = sum(available(kind) for kind in case.vehicles)
    rows = [row for row in _required(case) if not _is_blocked(case, reach, row)]
    if not np.isfinite(fleet) or len(rows) <= 1:
        return []
    clients = [row + case.first_client for row in rows]
    direct = all(reach.paths(v).duration.direct for v in range(len(case.vehicles)))
    if len(case.depots) + case.size > PAIRS and not direct:
        return []
    apart = _apart(case, reach, clients)
    alone = _clique(apart, int(fleet) + 1)
    if alone is not None:
        return [_sentence(case, [clients[k] for k in alone], int(fleet), pairs=True)]
    if fleet > FLEET:
        return []
    tightest = sorted(range(len(apart)), key=lambda k: -int(apart[k].sum()))
    for seed in tightest[:SEEDS]:
        near = sorted(range(len(apart)), key=lambda k: (-_closeness(apart, seed, k), k))
        chosen = [seed, *(k for k in near if k != seed)][:MOST]
        found = smallest(case, reach, [clients[k] for k in chosen])
        if found is not None:
            return [_sentence(case, found, int(fleet), pairs=False)]
        if len(clients) <= MOST:  # those were all
            break
    return []


def _required(case: Case) -> list[int]:
    grouped = {case.client(client) for group in case.groups for client in group.clients}
    return [row for row in range(case.size) if case.required[row] and row not in grouped]


def _is_blocked(case: Case, reach: Reach, row: int) -> bool:
    return all(
        not _may_serve(case, vehicle, row + case.first_client)
        for vehicle in range(len(case.vehicles))
    )


def _may_serve(case: Case, vehicle: int, client: int) -> bool:
    allowed = case.allowed[case.client(client)]
    return (allowed is None or vehicle in allowed) and case.vehicles[vehicle].count != 0


def _sentence(case: Case, clients: Sequence[int], fleet: int, *, pairs: bool) -> str:
    names = ", ".join(named(case, client) for client in clients)
    those = "the only vehicle" if fleet == 1 else f"the {fleet} vehicles"
    if pairs:
        return (
            f"{names} need a vehicle each, as no vehicle can serve two of them, "
            f"but there {'is' if fleet == 1 else 'are'} {fleet}"
        )
    return f"{those} cannot serve {names} together"


def _apart(case: Case, reach: Reach, clients: list[int]) -> np.ndarray:
    """Which pairs no vehicle can serve on one route, bool [C, C]."""
    apart = np.ones((len(clients), len(clients)), dtype=bool)
    np.fill_diagonal(apart, False)
    for vehicle, kind in enumerate(case.vehicles):
        if kind.count != 0:
            apart &= ~_compatible(case, reach, vehicle, clients)
    for group in case.shipments:  # one vehicle serves both, or none
        places = [clients.index(client) for client in group if client in clients]
        for one, other in itertools.permutations(places, 2):
            apart[one, other] = False
    return apart


def _compatible(case: Case, reach: Reach, vehicle: int, clients: list[int]) -> np.ndarray:
    """Which pairs one vehicle of a type may be able to serve, by time and load."""
    kind, rows = case.vehicles[vehicle], [case.client(client) for client in clients]
    places = np.array(clients)
    may = np.array([_may_serve(case, vehicle, client) for client in clients])
    time = reach.paths(vehicle).duration
    depot = case.depots[kind.start]
    leaves = max(kind.shift.open, depot.window.open) + depot.service
    windows = [case.windows[row] for row in rows]
    opens = np.array([w[0].open if w else 0.0 for w in windows])
    closes = np.array([w[-1].close if w else np.inf for w in windows])
    begins = np.maximum(leaves + time.start(kind.start)[places], opens)
    service = np.array([case.service[row] for row in rows])
    # the way between two clients is at least the shortest one into the second
    into = _direct(case, reach, vehicle, places)
    arrive = (begins + service)[:, None] + into
    limit = np.minimum(closes, np.inf)
    in_order = ~(arrive > limit[None] + 1e-6 * np.maximum(1.0, np.abs(limit[None])))
    after = np.maximum(arrive, opens[None]) + service[None]
    if kind.end is not None:
        home = min(kind.shift.close, case.depots[kind.end].window.close)
        back = after + time.end(kind.end)[places][None]
    else:
        home, back = kind.shift.close, after
    in_order &= ~(back > home + 1e-6 * max(1.0, abs(home)))
    fits = np.ones_like(in_order)
    if not kind.reloads:
        for loads in reach.loads:
            for dimension, most in enumerate(kind.capacity):
                own = loads[rows, dimension]
                fits &= ~(own[:, None] + own[None] > most + 1e-6 * max(1.0, abs(most)))
    return (in_order | in_order.T) & fits & may[:, None] & may[None]


def _direct(case: Case, reach: Reach, vehicle: int, places: np.ndarray) -> np.ndarray:
    """Shortest paths between clients, float64 [C, C]."""
    time = reach.paths(vehicle).duration
    return np.stack([time.start(int(place))[places] for place in places])


def _clique(apart: np.ndarray, size: int) -> list[int] | None:
    """So many that exclude each other in pairs, grown greedily; None where none is found."""
    degree = apart.sum(1)
    for seed in np.argsort(-degree, kind="stable")[:SEEDS]:
        if degree[seed] < size - 1:
            return None
        chosen, left = [int(seed)], apart[seed].copy()
        while left.any() and len(chosen) < size:
            best = int(np.argmax(np.where(left, (apart & left[None]).sum(1), -1)))
            chosen.append(best)
            left &= apart[best]
        if len(chosen) == size:
            return sorted(chosen)
    return None


def _closeness(apart: np.ndarray, seed: int, other: int) -> int:
    """How much two clients are in each other's way: themselves, and by others of both."""
    return len(apart) * int(apart[seed, other]) + int((apart[seed] & apart[other]).sum())


def smallest(case: Case, reach: Reach, clients: list[int]) -> list[int] | None:
    """A smallest subset that the fleet cannot serve; None where it can serve all of them."""
    full = (1 << len(clients)) - 1
    covered = [False] * (full + 1)
    covered[0] = True
    for vehicle, kind in enumerate(case.vehicles):
        able = _served(case, reach, vehicle, clients)
        for _ in range(int(min(available(kind), len(clients)))):
            before = covered.copy()
            for done in range(full + 1):
                if before[done]:
                    for more in _subsets(full & ~done):
                        covered[done | more] |= able[more]
    for size in range(1, len(clients) + 1):
        for chosen in itertools.combinations(range(len(clients)), size):
            if not covered[sum(1 << k for k in chosen)]:
                return [clients[k] for k in chosen]
    return None


def _subsets(of: int) -> Iterator[int]:
    """All non-empty subsets of a set of bits."""
    some = of
    while some:
        yield some
        some = (some - 1) & of


def _served(case: Case, reach: Reach, vehicle: int, clients: list[int]) -> list[bool]:
    """For each subset whether one vehicle of a type may be able to serve it."""
    kind = case.vehicles[vehicle]
    depot = case.depots[kind.start]
    opens = max(kind.shift.open, depot.window.open)
    closes = min(kind.shift.close, depot.window.close)
    count = len(clients)
    able = [True] + [False] * ((1 << count) - 1)
    fits = [_fits(case, reach, vehicle, clients, done) for done in range(1 << count)]
    begin = Label(opens + depot.service, closes, depot.service, 0.0)
    labels: dict[tuple[int, int], list[Label]] = {(0, -1): [begin]}
    for done in range(1 << count):
        for last in range(-1, count):
            for label in labels.pop((done, last), ()):
                place = kind.start if last < 0 else clients[last]
                if done and not able[done]:
                    able[done] = _ends(case, reach, vehicle, label, place, opens)
                for k in range(count):
                    if done >> k & 1 or not fits[done | 1 << k]:
                        continue
                    for new in _extended(case, reach, vehicle, label, place, clients[k], opens):
                        _add(labels.setdefault((done | 1 << k, k), []), new)
    return able


def _fits(case: Case, reach: Reach, vehicle: int, clients: list[int], done: int) -> bool:
    kind = case.vehicles[vehicle]
    chosen = [client for k, client in enumerate(clients) if done >> k & 1]
    if not all(_may_serve(case, vehicle, client) for client in chosen):
        return False
    if kind.max_stops is not None and len(chosen) > kind.max_stops:
        return False
    if kind.reloads:
        return True
    rows = [case.client(client) for client in chosen]
    return not any(
        above(float(loads[rows, dimension].sum()), most)
        for loads in reach.loads
        for dimension, most in enumerate(kind.capacity)
    )


def _extended(
    case: Case, reach: Reach, vehicle: int, label: Label, place: int, client: int, opens: float
) -> Iterator[Label]:
    """A route with one more client, for each of its windows."""
    ways = reach.paths(vehicle)
    travel = ways.duration.between(place, client)
    row = case.client(client)
    service = float(case.service[row])
    driven, length = label.driven + travel, label.length + ways.distance.between(place, client)
    released = case.release[row]
    for window in case.windows[row] or ((0.0, np.inf),):
        ready = max(window[0], released)
        earliest = max(label.earliest + travel, ready)
        if above(max(earliest, opens + driven), window[1]):
            continue
        latest = max(opens, min(label.latest, window[1] - driven))
        yield Label(earliest + service, latest, driven + service, length)


def _add(labels: list[Label], new: Label) -> None:
    """Keeps a label that none is at least as good as, and drops those that it is as good as."""
    for old in labels:
        if (
            old.earliest <= new.earliest
            and old.driven <= new.driven
            and old.length <= new.length
            and old.latest >= new.latest
        ):
            return
    labels[:] = [
        old
        for old in labels
        if not (
            new.earliest <= old.earliest
            and new.driven <= old.driven
            and new.length <= old.length
            and new.latest >= old.latest
        )
    ]
    labels.append(new)


def _ends(case: Case, reach: Reach, vehicle: int, label: Label, place: int, opens: float) -> bool:
    """Whether a route may end now within all limits."""
    kind = case.vehicles[vehicle]
    ways = reach.paths(vehicle)
    home, travel, way = kind.shift.close, 0.0, 0.0
    earliest_end = 0.0
    if kind.end is not None:
        depot = case.depots[kind.end]
        home, earliest_end = min(home, depot.window.close), depot.window.open
        travel = ways.duration.into(place, kind.end)
        way = ways.distance.into(place, kind.end)
    driven = label.driven + travel
    earliest = max(label.earliest + travel, earliest_end)
    if above(max(earliest, opens + driven), home):
        return False
    departure = min(max(opens, earliest - driven), label.latest, max(opens, home - driven))
    duration = max(earliest, departure + driven) - departure
    longest = kind.max_duration + kind.max_overtime
    return not (above(duration, longest) or above(label.length + way, kind.max_distance))

"""When a vehicle is where: the least possible duration of a route, exactly.

A route's visits are served in their order, each within one of its windows, and its breaks are held
on the way. What is free is when the vehicle departs, which window of a visit is used, and on which
leg a break is held.

With these choices fixed, a vehicle that departs at d is at a visit at ``max(E, d + T)``: T is what
driving, serving and resting took so far, E what it is for a vehicle that departed too early and had
to wait, and d must be at most some D by which the latest windows are still reached. Travel adds to
E and T; a window raises E to its opening and lowers D to its close minus T. T depends on the held
breaks only, so that of all choices with the same breaks one is better than another if its E is not
larger and its D not smaller. What is left, a short list of pairs (E, D) for each set of held
breaks, is the exact earliest time at every visit for every departure. At the end the least duration
of a pair is reached at ``d = min(D, E - T)``, but not before the earliest departure. Savelsbergh's
forward time slack (1992) is the case of one pair; the breaks follow VROOM in that they interrupt
driving, waiting, but no service.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nco.problems.vrp.checking.measure import Number, exceeds


class Span(NamedTuple):
    """From a time to another one; both belong to it."""

    open: Number
    close: Number


@dataclass(frozen=True)
class Visit:
    """A place on a route.

    Attributes:
        travel: time from the visit before; service: time there.
        windows: in which service may begin, in order; none: always.
        ready: before it service may not begin, such as the loading of goods that are released then.
    """

    travel: Number
    service: Number
    windows: tuple[Span, ...] = ()
    ready: Number = 0


@dataclass(frozen=True)
class Rest:
    """A break that begins within `window`, unless the route ends before it or begins after it."""

    window: Span
    duration: Number


class Held(NamedTuple):
    """A break that is held: before which visit, which of the breaks, and when."""

    visit: int
    rest: int
    begin: Number
    end: Number


@dataclass(frozen=True)
class Timing:
    """Times of a route's visits.

    Attributes:
        arrivals, begins, leaves: of each visit: when the vehicle is there, when service begins and
            when it ends. The arrival at the first visit is when the vehicle departs.
        held: the breaks on the way.
        late: visits that are reached only after their last window, with its close. Service begins
            there at once, and the times after it follow from that.
        missed: breaks that cannot be held though the route is on its way then.
    """

    arrivals: list[Number]
    begins: list[Number]
    leaves: list[Number]
    held: list[Held] = field(default_factory=list)
    late: list[tuple[int, Number]] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    @property
    def duration(self) -> Number:
        """From departure to the end of the last visit."""
        return self.leaves[-1] - self.begins[0]


class _Choice(NamedTuple):
    """What was chosen on the way here, as a chain: the window's opening, and the rests before."""

    before: "_Choice | None"
    open: Number
    rests: tuple[int, ...]


class _Pair(NamedTuple):
    """The pair (E, D) of the module's docstring."""

    earliest: Number
    latest: Number
    choice: _Choice | None


States = dict[frozenset[int], list[_Pair]]


def timing(visits: Sequence[Visit], rests: Sequence[Rest] = ()) -> Timing:
    """The times of the least duration, and of the earliest end among these.

    Args:
        visits: the start first, the end last: where a route is open, its last client again with
            no travel and no service. The first has one window at most.
        rests: breaks.
    """
    first = visits[0]
    span = first.windows[0] if first.windows else Span(first.ready, math.inf)
    start = max(span.open, first.ready)
    late = [(0, span.close)] if exceeds(start, span.close) else []
    fixed: dict[frozenset[int], Number] = {frozenset(): first.service}  # T of the held breaks
    states: States = {frozenset(): [_Pair(start + first.service, max(start, span.close), None)]}
    for place, visit in enumerate(visits[1:], 1):
        states, fixed = _driven(states, fixed, start, visit.travel, rests)
        within = _served(states, fixed, start, visit)
        if not within:
            late.append((place, visit.windows[-1].close if visit.windows else math.inf))
            within = _served_late(states, fixed, start, visit)
        states = {
            held: [pair._replace(earliest=pair.earliest + visit.service) for pair in pairs]
            for held, pairs in within.items()
        }
        fixed = {held: fixed[held] + visit.service for held in states}
    departure, choice, missed = _best(states, fixed, start, rests)
    times = _followed(visits, rests, departure, choice)
    return Timing(*times, late, missed)


def _driven(
    states: States,
    fixed: dict[frozenset[int], Number],
    start: Number,
    travel: Number,
    rests: Sequence[Rest],
) -> tuple[States, dict[frozenset[int], Number]]:
    """After a leg, on which any of the breaks that are left may be held in any order."""
    driven: States = {}
    spent: dict[frozenset[int], Number] = {}
    for held, pairs in states.items():
        base = fixed[held]
        for order in _orders([k for k in range(len(rests)) if k not in held]):
            now = held | set(order)
            moved = [
                reached
                for pair in pairs
                if (reached := _rested(pair, base, start, travel, [rests[k] for k in order], order))
            ]
            if moved:
                spent[now] = base + travel + sum(rests[k].duration for k in order)
                driven[now] = _pareto([*driven.get(now, []), *moved])
    return driven, spent


def _orders(left: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every sequence of some of these, the empty one first."""
    yield ()
    for first in left:
        for more in _orders([k for k in left if k != first]):
            yield (first, *more)


def _rested(
    pair: _Pair,
    base: Number,
    start: Number,
    travel: Number,
    rests: Sequence[Rest],
    order: tuple[int, ...],
) -> _Pair | None:
    """After a leg with these breaks, each as early as it may begin; None where one is too late."""
    clock, clock_fixed = pair.earliest, base  # when the next break could begin
    earliest, latest = pair.earliest + travel, pair.latest  # when the leg would end
    for rest in rests:
        if exceeds(max(clock, start + clock_fixed), rest.window.close):
            return None
        latest = max(start, min(latest, rest.window.close - clock_fixed))
        clock = max(clock, rest.window.open) + rest.duration
        earliest = max(earliest, rest.window.open) + rest.duration
        clock_fixed = clock_fixed + rest.duration
    return _Pair(earliest, latest, _Choice(pair.choice, 0, order))


def _served(
    states: States, fixed: dict[frozenset[int], Number], start: Number, visit: Visit
) -> States:
    """When service can begin within the windows; nothing where it cannot."""
    served: States = {}
    for held, pairs in states.items():
        base = fixed[held]
        kept = []
        for pair in pairs:
            for window in visit.windows or (Span(0, math.inf),):
                open_ = max(window.open, visit.ready)
                if exceeds(max(pair.earliest, start + base, open_), window.close):
                    continue
                assert pair.choice is not None
                latest = max(start, min(pair.latest, window.close - base))
                choice = pair.choice._replace(open=open_)
                kept.append(_Pair(max(pair.earliest, open_), latest, choice))
        if kept:
            served[held] = _pareto(kept)
    return served


def _served_late(
    states: States, fixed: dict[frozenset[int], Number], start: Number, visit: Visit
) -> States:
    """Service at the earliest time at which the vehicle can be there, past all windows."""
    now = min(
        max(pair.earliest, start + fixed[held], visit.ready)
        for held, pairs in states.items()
        for pair in pairs
    )
    once = Visit(visit.travel, visit.service, (Span(visit.ready, now),), visit.ready)
    return _served(states, fixed, start, once)


def _pareto(pairs: list[_Pair]) -> list[_Pair]:
    """Those to which no other one is at least as good, by their earliest time."""
    if len(pairs) == 1:
        return pairs
    kept: list[_Pair] = []
    for pair in sorted(pairs, key=lambda pair: (pair.earliest, -pair.latest)):
        if not kept or pair.latest > kept[-1].latest:
            kept.append(pair)
    return kept


def _best(
    states: States, fixed: dict[frozenset[int], Number], start: Number, rests: Sequence[Rest]
) -> tuple[Number, _Choice | None, list[int]]:
    """Departure and choices of the least duration, and the breaks that it misses."""
    best = None
    for held, pairs in states.items():
        base = fixed[held]
        for pair in pairs:
            unheld = [rest for k, rest in enumerate(rests) if k not in held]
            for departure in _departures(pair, base, start, unheld):
                end = max(pair.earliest, departure + base)
                missed = [
                    k
                    for k, rest in enumerate(rests)
                    if k not in held and departure < rest.window.close and end > rest.window.open
                ]
                worth = (len(missed), end - departure, end)
                if best is None or worth < best[0]:
                    best = (worth, departure, pair.choice, missed)
    assert best is not None
    return best[1:]


def _departures(pair: _Pair, base: Number, start: Number, unheld: Sequence[Rest]) -> set[Number]:
    """Departures of which one is best: with no wait, or just before or after a break's window."""
    wished = {pair.earliest - base}
    for rest in unheld:
        wished |= {rest.window.close, rest.window.open - base}
    return {max(start, min(pair.latest, time)) for time in wished if time < math.inf}


def _followed(
    visits: Sequence[Visit], rests: Sequence[Rest], departure: Number, choice: _Choice | None
) -> tuple[list[Number], list[Number], list[Number], list[Held]]:
    """Arrivals, begins, leaves and breaks of a departure, by the choices."""
    chain: list[_Choice] = []
    while choice is not None:
        chain.append(choice)
        choice = choice.before
    arrivals, begins = [departure], [departure]
    leaves = [departure + visits[0].service]
    held: list[Held] = []
    for place, (visit, chosen) in enumerate(zip(visits[1:], reversed(chain), strict=True), 1):
        clock, arrival = leaves[-1], leaves[-1] + visit.travel
        for rest in chosen.rests:
            begin = max(clock, rests[rest].window.open)
            clock = begin + rests[rest].duration
            arrival = max(arrival, rests[rest].window.open) + rests[rest].duration
            held.append(Held(place, rest, begin, clock))
        arrivals.append(arrival)
        begins.append(max(arrival, chosen.open))
        leaves.append(begins[-1] + visit.service)
    return arrivals, begins, leaves, held

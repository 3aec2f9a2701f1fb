"""The least duration of a route, against a search minute by minute over every choice."""

import random
from collections.abc import Sequence

import pytest

from nco.problems.vrp.checking.timing import Rest, Span, Visit, timing

HORIZON = 45


def visits_of(draw: random.Random) -> list[Visit]:
    """A start, up to four clients with up to three windows each, and an end."""

    def windows() -> tuple[Span, ...]:
        count = draw.choice([0, 1, 1, 2, 3])
        times = sorted(draw.sample(range(30), 2 * count))
        return tuple(Span(times[2 * k], times[2 * k + 1]) for k in range(count))

    opens = draw.randint(0, 8)
    span = Span(opens, opens + draw.randint(0, 15))
    visits = [Visit(0, draw.randint(0, 2), (span,), draw.choice([0, 0, 6]))]
    for _ in range(draw.randint(1, 4)):
        ready = draw.choice([0, 0, 0, 10])
        visits.append(Visit(draw.randint(0, 5), draw.randint(0, 3), windows(), ready))
    home = Span(draw.randint(0, 5), draw.randint(15, 40))
    return [*visits, Visit(draw.randint(0, 4), 0, (home,))]


def rests_of(draw: random.Random) -> list[Rest]:
    opens = [draw.randint(0, 20) for _ in range(draw.choice([0, 0, 1, 2]))]
    return [Rest(Span(o, o + draw.randint(0, 8)), draw.randint(1, 4)) for o in opens]


def after_leg(
    leaves: int, held: frozenset[int], visit: Visit, rests: Sequence[Rest]
) -> set[tuple[int, frozenset[int]]]:
    """All times at which service may begin, a minute at a time, with the breaks held by then."""
    seen = {(leaves, visit.travel, held)}
    stack = list(seen)
    begins = set()
    while stack:
        now, left, done = stack.pop()
        if now > HORIZON:
            continue
        steps = [(now + 1, max(left - 1, 0), done)]
        for k, rest in enumerate(rests):
            if k not in done and rest.window.open <= now <= rest.window.close:
                steps.append((now + rest.duration, left, done | {k}))
        within = not visit.windows or any(w.open <= now <= w.close for w in visit.windows)
        if left == 0 and now >= visit.ready and within:
            begins.add((now, done))
        fresh = [step for step in steps if step not in seen]
        seen.update(fresh)
        stack += fresh
    return begins


def best_of_all(visits: Sequence[Visit], rests: Sequence[Rest]) -> tuple[int, int] | None:
    """Least duration, and earliest end with it, of all whole-minute schedules."""
    start = visits[0]
    best = None
    for departure in range(max(start.windows[0].open, start.ready), start.windows[0].close + 1):
        states = {(departure + start.service, frozenset[int]())}
        for visit in visits[1:]:
            states = {
                (begin + visit.service, done)
                for leaves, held in states
                for begin, done in after_leg(leaves, held, visit, rests)
            }
        for end, held in states:
            needless = all(
                k in held or departure >= rest.window.close or end <= rest.window.open
                for k, rest in enumerate(rests)
            )
            if needless and (best is None or (end - departure, end) < best):
                best = (end - departure, end)
    return best


@pytest.mark.parametrize("seed", range(120))
def test_the_duration_is_the_least_of_all(seed: int) -> None:
    """With several windows, releases, breaks on any leg and late departures."""
    draw = random.Random(seed)
    visits, rests = visits_of(draw), rests_of(draw)
    best, found = best_of_all(visits, rests), timing(visits, rests)
    if best is None:
        assert found.late or found.missed
    else:
        assert not found.late
        assert not found.missed
        assert (found.duration, found.leaves[-1]) == best


def test_a_late_stop_is_named_with_its_window_and_the_rest_follows_from_it() -> None:
    """Service begins at once, and the next stop is as late as that makes it."""
    late = timing(
        [
            Visit(0, 0, (Span(0, 100),)),
            Visit(20, 5, (Span(0, 10),)),
            Visit(5, 0, (Span(0, 20),)),
            Visit(5, 0, (Span(0, 100),)),
        ]
    )
    assert late.late == [(1, 10), (2, 20)]
    assert late.begins == [0, 20, 30, 35]


def test_a_break_that_fits_nowhere_is_missed() -> None:
    """The only client must be served within it, and service is not interrupted."""
    visits = [Visit(0, 0, (Span(0, 0),)), Visit(5, 20, (Span(5, 5),)), Visit(0, 0, (Span(0, 30),))]
    assert timing(visits, [Rest(Span(10, 20), 5)]).missed == [0]
    assert timing(visits, [Rest(Span(10, 24), 5)]).missed == [0]
    assert timing(visits, [Rest(Span(10, 25), 5)]).missed == []

"""Many instances in one span of time: in chunks, on all cores, answers in order as they are ready.

Each chunk gets its share of the time that is left, so that what one saves goes to the next. In a
chunk the network solves neighbouring sizes as one batch, and then the classical solver takes one
case after the other on each core. Nothing of a chunk is kept when its answers are handed over.
"""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving import machine
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Ask, cores
from nco.solving.portfolio import GRACE, LATE
from nco.workers import pool
from nco.workers.pool import Found, Outcome
from nco.zoo import cards

CHUNK = 200  # cases that are under way together
SHARE = 0.15  # of a chunk's time, at most, for networks before the classical solver
GREEDY = 0.01  # of what a network's first search takes, for one greedy rollout in a batch
SPARE = 0.002  # seconds of a case in which the solver is not at work

Group = Callable[[list[Case]], Iterator[list[int]]]


def chunks(cases: Sequence[Case], deadline: float) -> Iterator[tuple[list[int], float]]:
    """Indices of the cases that go together, and when they should be through."""
    # cases of one problem and of like sizes share a batch, but answers are due in order
    for first in range(0, len(cases), CHUNK):
        places = list(range(first, min(first + CHUNK, len(cases))))
        now = time.perf_counter()
        share = len(places) / (len(cases) - first)
        yield places, now + max(0.0, deadline - now) * share


def improve(
    cases: list[Case],
    deadline: float,
    ask: Ask,
    improvers: list[Solver[Any] | None],
    group: Group,
) -> Iterator[tuple[Progress, bool]]:
    """Every case's answer, in order, each once nothing more will be done for it.

    After Ctrl-C those that have one, and True.
    """
    every = [Progress([case], time.perf_counter()) for case in cases]
    given = 0
    try:
        for progress in every:
            progress.construct()
        left = len(cases)
        for places in group(cases):
            improver, until = improvers[places[0]], deadline
            if improver is None:  # networks alone would go on until the end: a share for each
                now = time.perf_counter()
                until = now + max(0.0, deadline - now) * len(places) / left
            left -= len(places)
            _begin([every[place] for place in places], until, ask, improver)
        for progress in _finish(every, deadline, ask, improvers):
            given += 1
            yield progress, False
    except KeyboardInterrupt:
        yield from ((progress, True) for progress in every[given:] if progress.best[0] is not None)


def _begin(every: list[Progress], deadline: float, ask: Ask, improver: Solver[Any] | None) -> None:
    """Networks on cases that form one batch."""
    case = max((progress.cases[0] for progress in every), key=lambda case: case.size)
    left = deadline - time.perf_counter()
    if left <= 0 or not cards.are_asked([case], ask.model):
        return
    if improver is not None:
        takes = machine.loading() + GREEDY * len(every) * machine.first_seconds(case)
        if takes > SHARE * left:
            return
    from nco.solving import neural

    together = Progress([progress.cases[0] for progress in every], every[0].begin)
    together.best = [progress.best[0] for progress in every]

    def post(candidate: Candidate) -> None:
        one = Candidate(0, candidate.solution, candidate.actions, candidate.source)
        every[candidate.index].offer(one)
        together.best[candidate.index] = every[candidate.index].best[0]

    if improver is not None:
        neural.greedy(together, ask, post)
    else:
        neural.play(together, ask, deadline, lambda: False, post, short=False)
    for progress in every:
        progress.models = together.models


def _finish(
    every: list[Progress], deadline: float, ask: Ask, improvers: list[Solver[Any] | None]
) -> Iterator[Progress]:
    """Classical solvers, a case to each core; the time is divided among those that are left."""
    waiting = deque(place for place, improver in enumerate(improvers) if improver is not None)
    settled = [improver is None for improver in improvers]
    inbox: queue.SimpleQueue[tuple[int, int, Found | Outcome]] = queue.SimpleQueue()
    handles: dict[int, pool.Handle] = {}
    given = 0

    def submit(lane: int) -> None:
        place = waiting.popleft()
        improver, case = improvers[place], every[place].cases[0]
        assert improver is not None
        now = time.perf_counter()
        until = now + max(0.0, deadline - now) * cores() / (len(waiting) + cores()) - SPARE
        if len(waiting) < cores():
            until = deadline - SPARE
        handles[lane] = pool.lane(lane).submit(
            case,
            improver,
            time_limit=None,
            seed=ask.seed,
            start=every[place].start(0, "network") if every[place].network[0] else None,
            grace=GRACE,
            cores=1,
            until=until,
            tell=lambda news: inbox.put((lane, place, news)),
        )

    try:
        for lane in range(min(cores(), len(waiting))):
            submit(lane)
        while given < len(every):
            while given < len(every) and settled[given]:
                yield every[given]
                given += 1
            if given == len(every):
                return
            try:
                lane, place, news = inbox.get(timeout=max(deadline + LATE - time.perf_counter(), 0))
            except queue.Empty:  # what the others have now is what they will have
                settled = [True] * len(every)
                continue
            progress, improver = every[place], improvers[place]
            assert improver is not None
            if news.solution is not None:
                progress.take(Candidate(0, news.solution, None, improver.name))
            if isinstance(news, Outcome):
                progress.prove(0, news.bound, improver.name)
                settled[place] = True
                if news.error is not None:
                    progress.fault(f"{improver.name}: {news.error}")
                if waiting:
                    submit(lane)
    finally:
        for handle in handles.values():
            if handle.poll() is None:
                handle.cancel()

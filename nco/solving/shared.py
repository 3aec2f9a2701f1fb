"""Many instances in one span of time: in chunks, on all cores, answers in order as they are ready.

Each chunk gets its share of the time that is left, so that what one saves goes to the next. In a
chunk the network solves neighbouring sizes as one batch, and then the classical solver takes one
case after the other on each core. Nothing of a chunk is kept when its answers are handed over.
"""

import queue
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving import account, group, interrupts, machine, optima
from nco.solving.answer import answer
from nco.solving.incumbents import Candidate, Progress
from nco.solving.news import TIMING
from nco.solving.options import Options
from nco.solving.solution import Solution
from nco.workers import lanes, pool
from nco.workers.lanes import Lease
from nco.workers.outcome import Improvement, Outcome
from nco.zoo import cards


@dataclass(frozen=True)
class Shares:
    """How the time of a list is shared.

    Attributes:
        chunk: cases that are under way together: answers are due in order, so that a larger chunk
            would keep its first ones waiting and in memory.
        networks: share of a chunk's time, at most, before the classical solver.
        greedy: share of what a network's first search takes, for one greedy rollout in a batch.
        spare: seconds of a case in which the solver is not at work.
    """

    chunk: int = 200
    networks: float = 0.15
    greedy: float = 0.01
    spare: float = 0.002


SHARES = Shares()


def solutions(cases: list[Case], options: Options, end: float) -> Iterator[Solution]:
    """The answers to all cases until one point in time; after Ctrl-C those that there are.

    Of bounds, there are those that solvers prove on the way.
    """
    options = replace(options, bound=False)
    for places, deadline in chunks(cases, end):
        chunk = Chunk([cases[place] for place in places], deadline, options)
        interrupted = False
        for progress, interrupted in chunk.run():
            yield answer(progress, 0, interrupted, 0.0, options)
        if interrupted:
            return


def chunks(cases: Sequence[Case], deadline: float) -> Iterator[tuple[list[int], float]]:
    """Indices of the cases that go together, and when they should be through."""
    # cases of one problem and of like sizes share a batch, but answers are due in order
    for first in range(0, len(cases), SHARES.chunk):
        places = list(range(first, min(first + SHARES.chunk, len(cases))))
        now = time.perf_counter()
        share = len(places) / (len(cases) - first)
        yield places, now + max(0.0, deadline - now) * share


class Chunk:
    """Cases under way together: each with its best, its classical solver, and a common deadline."""

    def __init__(self, cases: list[Case], deadline: float, options: Options) -> None:
        self.cases, self.deadline, self.options = cases, deadline, options
        self.improvers = [group.improver_of(case, options) for case in cases]
        self.each: list[Progress] = []
        self.proven: set[int] = set()  # places of cases that have an optimum

    def run(self) -> Iterator[tuple[Progress, bool]]:
        """Every case's best, in order, each once nothing more will be done for it.

        After Ctrl-C those that have one, and True.
        """
        self._say()
        begin = time.perf_counter()
        self.each = [Progress([case], begin) for case in self.cases]
        given = 0
        try:
            for progress in self.each:
                progress.construct()
            interrupts.let_through()
            for place, progress in enumerate(self.each):
                if optima.found(progress, self.options):
                    self.improvers[place] = None
                    self.proven.add(place)
            wanted = next((each for each in self.improvers if each is not None), None)
            with lanes.current().lease(until=self.deadline, wanted=wanted) as lease:
                for progress in self.each:
                    account.say_waiting(progress, lease, self.deadline - begin)
                if lease.count:
                    self._let_networks_begin()
                for progress in self._let_solvers_finish(lease):
                    given += 1
                    yield progress, False
        except KeyboardInterrupt:
            left = [progress for progress in self.each[given:] if progress.best[0] is not None]
            yield from ((progress, True) for progress in left)

    def _say(self) -> None:
        if self.options.verbose:
            names = ", ".join(
                sorted({each.name if each else "networks" for each in self.improvers})
            )
            left = self.deadline - time.perf_counter()
            text = f"{len(self.cases)} instances in {left:.2f} s: {names}"
            print(text, file=sys.stderr, flush=True)

    # ---- networks, batch by batch

    def _let_networks_begin(self) -> None:
        open_ = [place for place in range(len(self.cases)) if place not in self.proven]
        left = len(open_)
        for places in group.batches(self.cases, open_):
            improver, until = self.improvers[places[0]], self.deadline
            if improver is None:  # networks alone would go on until the end: a share for each
                now = time.perf_counter()
                until = now + max(0.0, self.deadline - now) * len(places) / left
            left -= len(places)
            if self._is_worthwhile(places, until, improver):
                self._search([self.each[place] for place in places], until, improver is None)

    def _is_worthwhile(
        self, places: Sequence[int], until: float, improver: Solver[Any] | None
    ) -> bool:
        """Whether networks may help with a batch before its time is up."""
        case = max((self.cases[place] for place in places), key=lambda case: case.size)
        left = until - time.perf_counter()
        if left <= 0 or not cards.may_play([case], self.options.model):
            return False
        if improver is None:
            return True
        if improver.kernels:  # it does as well from nothing (`benchmarks/guides.py`)
            return False
        takes = machine.loading() + SHARES.greedy * len(places) * machine.first_seconds(case)
        return takes <= SHARES.networks * left

    def _search(self, members: list[Progress], until: float, alone: bool) -> None:
        from nco.solving import neural

        together = Progress([progress.cases[0] for progress in members], members[0].begin)
        together.best = [progress.best[0] for progress in members]

        def post(candidate: Candidate) -> None:
            members[candidate.index].offer(replace(candidate, index=0))
            together.best[candidate.index] = members[candidate.index].best[0]

        if alone:
            neural.play(together, self.options, until, lambda: False, post, short=False)
        else:
            neural.greedy(together, self.options, post)
        for progress in members:
            progress.models = together.models

    # ---- classical solvers, a case to each core

    def _let_solvers_finish(self, lease: Lease) -> Iterator[Progress]:
        """The time that is left is divided among the cases that are left."""
        waiting = deque(place for place, each in enumerate(self.improvers) if each is not None)
        settled = [each is None or not lease.count for each in self.improvers]
        inbox: queue.SimpleQueue[tuple[int, int, Improvement | Outcome]] = queue.SimpleQueue()
        handles: dict[int, pool.Handle] = {}
        keep = [lease.count]  # children, and no more, once other calls want theirs
        lease.on_surplus(keep.append)
        cores = min(lease.count, len(waiting))
        given = 0
        try:
            for core in range(cores):
                handles[core] = self._submit(lease, core, cores, waiting, inbox)
            while given < len(self.each):
                if settled[given]:
                    yield self.each[given]
                    given += 1
                    continue
                late = self.deadline + TIMING.late - time.perf_counter()
                try:
                    core, place, news = inbox.get(timeout=max(late, 0.0))
                except queue.Empty:  # what the others have now is what they will have
                    settled = [True] * len(self.each)
                    continue
                self._hear(place, news)
                if isinstance(news, Outcome):
                    settled[place] = True
                    if len(lease) > keep[-1]:
                        lease.give_back(core)
                    elif waiting:
                        handles[core] = self._submit(lease, core, cores, waiting, inbox)
        finally:
            for handle in handles.values():
                handle.stop()

    def _submit(
        self,
        lease: Lease,
        core: int,
        cores: int,
        waiting: "deque[int]",
        inbox: "queue.SimpleQueue[tuple[int, int, Improvement | Outcome]]",
    ) -> pool.Handle:
        place = waiting.popleft()
        improver, progress = self.improvers[place], self.each[place]
        assert improver is not None
        now, start = time.perf_counter(), progress.start(0, "network")
        until = now + max(0.0, self.deadline - now) * cores / (len(waiting) + cores) - SHARES.spare
        if len(waiting) < cores:
            until = self.deadline - SHARES.spare
        return lease.lane(core).submit(
            self.cases[place],
            improver,
            time_limit=None,
            seed=self.options.seed,
            start=start.solution if start is not None and progress.network[0] else None,
            grace=TIMING.grace,
            cores=1,
            until=until,
            tell=lambda news: inbox.put((core, place, news)),
        )

    def _hear(self, place: int, news: Improvement | Outcome) -> None:
        """Has a solver's solution judged, and keeps what else its outcome says."""
        progress, improver = self.each[place], self.improvers[place]
        assert improver is not None
        if news.solution is not None:
            start = progress.network[0]
            by = progress.begun_by(improver.name, start)
            progress.take(Candidate(0, news.solution, None, improver.name, by=by))
        if isinstance(news, Outcome):
            progress.prove(0, news.bound, improver.name)
            if news.error is not None:
                progress.fault(f"{improver.name}: {news.error}")

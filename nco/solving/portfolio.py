"""Runs a plan against the clock: networks on a thread, classical solvers in children.

The main thread supervises and judges what they find. At the deadline, or at Ctrl-C, what is best is
there whatever the others are doing.
"""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nco.core.errors import NCOError
from nco.registry.interface import Part, Solver
from nco.solving import decomposition, loading
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.solving.regions import Regions
from nco.solving.schedule import NETWORKS, PARTS, Stage
from nco.workers import pool
from nco.workers.outcome import Improvement, Outcome
from nco.workers.pool import Handle


@dataclass(frozen=True)
class Timing:
    """What the portfolio does around its deadline, in seconds unless said otherwise.

    Attributes:
        spare: before the deadline at which solvers are told to stop: what an answer needs to
            travel and to be checked.
        late: by which a solver may be late, at least; later: the same as a share of the limit.
        grace: after which a child that does not end counts as hanging.
        early: share of its time, before which a solver that ends may have proved its answer.
        lost: share of a round, in which its parts should have come back.
    """

    spare: float = 0.01
    late: float = 0.03
    later: float = 0.012
    grace: float = 0.5
    early: float = 0.8
    lost: float = 0.05


TIMING = Timing()
CLOSE = 1e-5  # of a cost: what counting in integers leaves between an optimum and its proof


@dataclass(frozen=True)
class Ended:
    """A stage is over.

    Attributes:
        fault: what went wrong, which need not cost the answer; refused: an error of the caller's.
        early: the solver stopped long before it had to.
        bound: that it has proven.
    """

    stage: Stage
    fault: str | None = None
    early: bool = False
    refused: NCOError | None = None
    bound: float | int | None = None


News = tuple[Stage, Candidate, Part | None]


def run(
    progress: Progress, stages: Sequence[Stage], options: Options, improvers: Sequence[Solver[Any]]
) -> None:
    """Improves the one case of `progress` by all stages until the last of them ends.

    Args:
        improvers: the classical solvers of the stages; the first is that of `PARTS`.

    Raises:
        KeyboardInterrupt: at once; `progress` holds what was found until then.
    """
    if stages:
        portfolio = Portfolio(progress, list(stages), options, improvers)
        try:
            portfolio.run()
        except BaseException:
            portfolio.stop(kill=True)
            raise
        portfolio.stop(kill=False)


class Portfolio:
    """The stages under way and what they report."""

    def __init__(
        self,
        progress: Progress,
        stages: list[Stage],
        options: Options,
        improvers: Sequence[Solver[Any]],
    ) -> None:
        self.progress, self.options = progress, options
        self.solvers = {solver.name: solver for solver in improvers}
        if improvers:
            self.solvers[PARTS] = improvers[0]
        self.waiting = sorted(stages, key=lambda stage: stage.begin)
        self.running: list[Stage] = []
        self.end = max(stage.end for stage in stages)
        self.deadline = progress.begin + self.end
        self.late = max(TIMING.late, TIMING.later * (self.deadline - progress.begin))
        self.inbox: queue.SimpleQueue[News | Ended] = queue.SimpleQueue()
        self.over = threading.Event()
        self.handles: dict[int, Handle] = {}  # the latest of each core
        self.called: dict[int, Solver[Any]] = {}  # the solver of that
        self.heard: set[Stage] = set()  # those that have told something
        self.sound: set[Stage] = set()  # those that have told something feasible
        self.regions = Regions(progress, options.seed)

    def run(self) -> None:
        """Until the last stage ends, the deadline has passed, or nothing can be better."""
        for stage in self.waiting:  # a child that is needed later gets ready meanwhile
            if stage.begin > self.waiting[0].begin and stage.solver not in (NETWORKS, PARTS):
                pool.warm(self.solvers[stage.solver], core=stage.core)
        while self.waiting or self.running:
            self._start()
            wake = self.deadline
            if self.waiting:
                wake = min(wake, self.progress.begin + self.waiting[0].begin)
            for item in self._received(wake):
                if not isinstance(item, Ended):
                    self._take(*item)
                elif self._ended(item):
                    return
            if time.perf_counter() >= self.deadline:
                self._collect_late()
                return

    def stop(self, kill: bool) -> None:
        """Ends what still runs.

        A child is only killed where that cannot wait, because the next call would have to wait for
        another one: it knows the time, and `Timing.grace` later its own timer kills it.
        """
        self.over.set()
        if not kill and self._is_late():
            for stage in self.running:
                self._blame(stage)
        for core, handle in self.handles.items():
            if handle.poll() is None and (kill or not self._is_late()):
                handle.cancel()
                if not kill:
                    pool.warm(self.called[core], core=core)

    def _blame(self, stage: Stage) -> None:
        """Names a solver that was called, has told nothing, and does not end."""
        handle = self.handles.get(stage.core)
        if stage.solver != NETWORKS and stage not in self.heard and handle and handle.begun:
            seconds = time.perf_counter() - handle.begun
            if seconds > (stage.end - stage.begin) / 2:  # not one that could only just begin
                self.progress.fault(f"{stage.solver}: timed out after {seconds:.2f} s")

    def _is_late(self) -> bool:
        return time.perf_counter() >= self.deadline - TIMING.spare

    def _start(self) -> None:
        now = time.perf_counter() - self.progress.begin
        while self.waiting and self.waiting[0].begin <= now:
            stage = self.waiting.pop(0)
            self.running.append(stage)
            if stage.solver == NETWORKS:
                threading.Thread(target=self._search, args=(stage,), name=NETWORKS).start()
            else:
                self._submit(stage)

    def _received(self, wake: float) -> list[News | Ended]:
        """What has come in until `wake`, without solutions that the same solver has bettered."""
        items: list[News | Ended] = []
        try:
            items.append(self.inbox.get(timeout=max(wake - time.perf_counter(), 0.0)))
            while True:
                items.append(self.inbox.get_nowait())
        except queue.Empty:
            pass
        newest = {item[0]: item for item in items if not isinstance(item, Ended)}
        return [*newest.values(), *(item for item in items if isinstance(item, Ended))]

    def _collect_late(self) -> None:
        """Collects results for up to `late` seconds after the deadline."""
        late = self.deadline + self.late
        while self.running and time.perf_counter() < late:
            for item in self._received(late):
                if isinstance(item, Ended):
                    self._ended(item)
                else:
                    self._take(*item)

    def _ended(self, item: Ended) -> bool:
        """Whether nothing can be better any more."""
        self.running.remove(item.stage)
        if item.refused is not None:
            raise item.refused
        if item.fault is not None:
            self.progress.fault(f"{item.stage.solver}: {item.fault}")
        self.progress.prove(0, item.bound, item.stage.solver)
        if item.stage.solver == NETWORKS:  # what waited for them need not wait any longer
            now = time.perf_counter() - self.progress.begin
            core = item.stage.core
            self.waiting = [
                replace(stage, begin=min(stage.begin, now)) if stage.core == core else stage
                for stage in self.waiting
            ]
            self.waiting.sort(key=lambda stage: stage.begin)
        return item.early and item.stage in self.sound and self._is_best(item)

    def _is_best(self, item: Ended) -> bool:
        """Whether a solver that stopped early did so because nothing is better."""
        if item.stage.solver != NETWORKS and self.solvers[item.stage.solver].same:
            return True
        report, proven = self.progress.report(0), self.progress.proven[0]
        cost = None if report is None else report.cost
        if cost is None or proven is None:
            return False
        return cost - proven.value <= CLOSE * abs(cost)

    # ---- networks, on a thread

    def _search(self, stage: Stage) -> None:
        fault = refused = None

        def post(candidate: Candidate) -> None:
            self.inbox.put((stage, candidate, None))

        try:
            loading.link()
            from nco.solving import neural

            end = self.progress.begin + stage.end - TIMING.spare
            short = stage.end < self.end
            neural.play(self.progress, self.options, end, self.over.is_set, post, short)
        except NCOError as error:
            refused = error
        except Exception as error:  # on this thread nobody else would hear of it
            fault = f"{type(error).__name__}: {error}"
        self.inbox.put(Ended(stage, fault, refused=refused))

    # ---- classical solvers, in children

    def _submit(self, stage: Stage) -> None:
        improver = self.called[stage.core] = self.solvers[stage.solver]
        piece = self.regions.part(stage.seed, stage.core) if stage.solver == PARTS else None
        begun = time.perf_counter()
        until = self.progress.begin + stage.end - TIMING.spare
        if piece is not None:  # what comes after the next cut is lost
            until -= TIMING.lost * (stage.end - stage.begin)

        def tell(news: Improvement | Outcome) -> None:
            if news.solution is not None:
                name = stage.solver if piece is None else f"{improver.name} on parts"
                candidate = Candidate(0, news.solution, None, name)
                self.inbox.put((stage, candidate, piece))
            if isinstance(news, Outcome):
                early = time.perf_counter() < until - (1 - TIMING.early) * (until - begun)
                early = early and news.solution is not None and piece is None
                fault = None if self.over.is_set() else news.error
                bound = news.bound if piece is None else None
                self.inbox.put(Ended(stage, fault, early, bound=bound))

        self.handles[stage.core] = pool.of_core(stage.core).submit(
            self.progress.cases[0] if piece is None else piece.case,
            improver if piece is None else decomposition.on_parts(improver),
            time_limit=None,
            seed=self.options.seed + stage.seed,
            start=self.progress.start(0, stage.start) if piece is None else piece.solution,
            grace=TIMING.grace,
            cores=1,
            until=until,
            tell=tell,
        )

    def _take(self, stage: Stage, candidate: Candidate, piece: Part | None) -> None:
        """Has a candidate judged; a part's is joined with what the other parts have become."""
        self.heard.add(stage)
        if time.perf_counter() > self.deadline + self.late:
            return  # the checker would make the answer late
        if piece is not None:
            whole = self.regions.joined(stage.seed, piece, candidate)
            if whole is None:
                return
            candidate = whole
        if self.progress.take(candidate):
            self.sound.add(stage)
            if piece is not None:
                self.regions.whole = candidate.solution

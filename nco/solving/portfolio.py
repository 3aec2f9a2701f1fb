"""Runs a plan against the clock: networks on a thread, and solvers in children.

The main thread supervises and judges what they find. At the deadline, or at Ctrl-C, what is best is
there whatever the others are doing.
"""

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nco.core.errors import NCOError
from nco.registry.interface import Part, Solver
from nco.solving import limits, loading
from nco.solving.account import Account
from nco.solving.incumbents import Candidate, Progress
from nco.solving.news import TIMING, Ended, Item, Surplus
from nco.solving.options import Options
from nco.solving.runs import Runs
from nco.solving.schedule import ELSEWHERE, NETWORKS, PARTS, Stage
from nco.workers.lanes import Lease

CLOSE = 1e-5  # of a cost: what counting in integers leaves between an optimum and its proof


def run(
    progress: Progress,
    stages: Sequence[Stage],
    options: Options,
    improvers: Sequence[Solver[Any]],
    lease: Lease,
) -> bool:
    """Improves the one case of `progress` by all stages until the last of them ends.

    A limit that nobody gave ends earlier, where the search is through (`limits.over`).

    Args:
        improvers: the classical solvers of the stages; the first is that of `PARTS`.
        lease: the children of the stages, one for each core.

    Returns:
        Whether anything began in time.

    Raises:
        KeyboardInterrupt: at once; `progress` holds what was found until then.
    """
    if not stages:
        return False
    portfolio = Portfolio(progress, list(stages), options, improvers, lease)
    try:
        portfolio.run()
    except BaseException:
        portfolio.stop(kill=True)
        raise
    else:
        portfolio.stop(kill=False)
    finally:
        progress.plan = portfolio.account.lines(progress.plan, stages)
    return bool(portfolio.runs.begun()) or portfolio.searching is not None


class Portfolio:
    """The stages under way and what they report."""

    def __init__(
        self,
        progress: Progress,
        stages: list[Stage],
        options: Options,
        improvers: Sequence[Solver[Any]],
        lease: Lease,
    ) -> None:
        self.progress, self.options, self.lease = progress, options, lease
        self.account = Account(progress, lease)
        self.automatic = isinstance(options.time_limit, limits.Automatic)
        self.waiting = sorted(stages, key=lambda stage: stage.begin)
        self.running: list[Stage] = []
        self.end = max(stage.end for stage in stages)
        self.deadline = progress.begin + self.end
        self.late = max(TIMING.late, TIMING.later * (self.deadline - progress.begin))
        self.inbox: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self.over = threading.Event()
        self.runs = Runs(progress, options, improvers, lease, self.inbox, self.over)
        if any(stage.solver == ELSEWHERE for stage in stages):
            self.runs.allow_networks()
        self.heard: set[Stage] = set()  # those that have told something
        self.sound: set[Stage] = set()  # those that have told something feasible
        self.searching: float | None = None  # since when networks have been at work
        lease.on_surplus(lambda keep: self.inbox.put(Surplus(keep)))

    def run(self) -> None:
        """Until the last stage ends, the deadline has passed, or nothing can be better."""
        for stage in self.waiting:  # a child that is needed later gets ready meanwhile
            if stage.begin > self.waiting[0].begin and stage.solver not in (NETWORKS, PARTS):
                self.runs.warm(stage.core, self.runs.solvers[stage.solver])
        while self.waiting or self.running:
            self._start()
            wake = min(self.deadline, self._through())
            if self.automatic and wake == self.deadline:  # a solver may begin, and tells nobody
                wake = min(wake, time.perf_counter() + TIMING.look)
            if self.waiting:
                wake = min(wake, self.progress.begin + self.waiting[0].begin)
            for item in self._received(wake):
                if self._is_last(item):
                    return
            now = time.perf_counter()
            if now >= self.deadline:
                self._collect_late()
                return
            if now >= self._through():
                seconds = now - self.progress.begin
                self.progress.plan.insert(0, f"nothing better for long: ended at {seconds:.2f} s")
                return

    def _is_last(self, item: Item) -> bool:
        """Whether nothing can be better after an item, which is dealt with."""
        if isinstance(item, Ended):
            return self._ended(item)
        if isinstance(item, Surplus):
            self._keep(item.keep)
        else:
            self._take(*item)
        return False

    def _through(self) -> float:
        """The reading of the clock at which a search that may end early counts as through."""
        begun = self.runs.begun() + ([] if self.searching is None else [self.searching])
        report, history = self.progress.report(0), self.progress.history[0]
        if not self.automatic or self.waiting or not begun or report is None or not report.feasible:
            return math.inf
        latest = self.progress.begin + history[-1].seconds
        return limits.over(min(begun), latest, self.deadline)

    def _keep(self, count: int) -> None:
        """Gives back all cores but so many, not those of networks, which cannot go elsewhere.

        First those whose solver is still loading.
        """
        searching = {stage.core for stage in self.running if stage.solver == NETWORKS}
        cores = [core for core in range(self.lease.count) if self.lease.has(core)]
        free = [core for core in cores if core not in searching]
        free.sort(key=lambda core: (self.runs.loads(core), core))
        for core in free[max(0, count - len(cores) + len(free)) :]:
            self._give_back(core)

    def _give_back(self, core: int) -> None:
        """Ends what a core does, for another call."""
        stages = [stage for stage in self.running if stage.core == core]
        self.waiting = [stage for stage in self.waiting if stage.core != core]
        seconds = time.perf_counter() - self.progress.begin
        for stage in stages:
            self.running.remove(stage)
            why = f", gave way to another call at {seconds:.2f} s"
            self.account.closed(stage, self.runs.of(stage), why)
        self.runs.give_back(core)

    def stop(self, kill: bool) -> None:
        """Ends what still runs.

        A child is only killed where that cannot wait, because the next call would have to wait for
        another one: it knows the time, and `Timing.grace` later its own timer kills it. Before its
        time it is told to stop.
        """
        self.over.set()
        late = self._is_late()
        for stage in self.waiting:
            self.account.idle(stage)
        for stage in self.running:
            if not kill and late:
                self._blame(stage)
            else:
                self.account.closed(stage, self.runs.of(stage), ", ended early")
        self.runs.stop(kill, late)

    def _blame(self, stage: Stage) -> None:
        """Names a solver that never began, or was called, has told nothing, and does not end."""
        if stage.solver == NETWORKS:
            if self.searching is None:
                self.progress.fault(f"{NETWORKS}: never began: they were still loading")
            return
        handle = self.runs.of(stage)
        self.account.closed(stage, handle)
        if stage not in self.heard and handle and handle.begun:
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
                self.runs.begin(stage)

    def _received(self, wake: float) -> list[Item]:
        """What has come in until `wake`, without solutions that the same solver has bettered."""
        items: list[Item] = []
        try:
            items.append(self.inbox.get(timeout=max(wake - time.perf_counter(), 0.0)))
            while True:
                items.append(self.inbox.get_nowait())
        except queue.Empty:
            pass
        newest = {item[0]: item for item in items if isinstance(item, tuple)}
        return [*newest.values(), *(item for item in items if not isinstance(item, tuple))]

    def _collect_late(self) -> None:
        """Collects results for up to `late` seconds after the deadline.

        Networks on a thread are not waited for: what they have found they have told.
        """
        late = self.deadline + self.late
        self._drain(time.perf_counter())
        while any(stage.solver != NETWORKS for stage in self.running):
            if time.perf_counter() >= late:
                return
            self._drain(late)

    def _drain(self, wake: float) -> None:
        for item in self._received(wake):
            self._is_last(item)

    def _ended(self, item: Ended) -> bool:
        """Whether nothing can be better any more."""
        if item.stage not in self.running:  # its core was given back
            return False
        self.running.remove(item.stage)
        self.account.closed(item.stage, self.runs.of(item.stage), failed=item.fault is not None)
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
        if item.stage.solver != NETWORKS and self.runs.solvers[item.stage.solver].same:
            return True
        report, proven = self.progress.report(0), self.progress.proven[0]
        cost = None if report is None or not report.feasible else report.cost
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
            from nco.solving import neural, threads

            self.searching = time.perf_counter()
            end = self.progress.begin + stage.end
            short = stage.end < self.end
            with threads.at_most(stage.threads):
                neural.play(self.progress, self.options, end, self.over.is_set, post, short)
        except NCOError as error:
            refused = error
        except Exception as error:  # on this thread nobody else would hear of it
            fault = f"{type(error).__name__}: {error}"
        self.inbox.put(Ended(stage, fault, refused=refused))

    # ---- judging

    def _take(self, stage: Stage, candidate: Candidate, piece: Part | None) -> None:
        """Has a candidate judged; a part's is joined with what the other parts have become."""
        self.heard.add(stage)
        if time.perf_counter() > self.deadline + self.late:
            return  # the checker would make the answer late
        whole = self.runs.joined(stage, candidate, piece)
        if whole is not None and self.progress.take(whole):
            self.sound.add(stage)
            if piece is not None:
                self.runs.regions.whole = whole.solution

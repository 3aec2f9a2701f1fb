"""The runs of solvers in the children that a call has leased, one at a time on each core.

What they find goes to the portfolio's inbox, from threads of the children.
"""

import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from nco.registry.interface import Part, Solver
from nco.solving import decomposition, elsewhere
from nco.solving.incumbents import Candidate, Progress
from nco.solving.news import TIMING, Ended, Item
from nco.solving.options import Options
from nco.solving.regions import Regions
from nco.solving.schedule import ELSEWHERE, PARTS, Stage
from nco.workers.lanes import Lease
from nco.workers.outcome import Improvement, Outcome
from nco.workers.pool import Handle


class Runs:
    """The latest run of each core.

    Attributes:
        regions: of a case that is improved in parts.
        over: once set, an error of a solver is no fault any more.
    """

    def __init__(
        self,
        progress: Progress,
        options: Options,
        improvers: Sequence[Solver[Any]],
        lease: Lease,
        inbox: "queue.SimpleQueue[Item]",
        over: threading.Event,
    ) -> None:
        self.progress, self.options, self.lease = progress, options, lease
        self.inbox, self.over = inbox, over
        self.solvers = {solver.name: solver for solver in improvers}
        if improvers:
            self.solvers[PARTS] = improvers[0]
        self.regions = Regions(progress, options.seed, lease.count)
        self._latest: dict[int, Handle] = {}  # by core
        self._called: dict[int, Solver[Any]] = {}
        self._of: dict[Stage, Handle] = {}

    def allow_networks(self) -> None:
        """Stages may be of networks in a child, too."""
        found = elsewhere.networks(self.progress.cases[0], self.options)
        assert found is not None, "the plan has them only where there are any"
        self.solvers[ELSEWHERE] = found

    def of(self, stage: Stage) -> Handle | None:
        """The run of a stage, if it was begun."""
        return self._of.get(stage)

    def begun(self) -> list[float]:
        """The readings of the clock at which solvers were called."""
        return [run.begun for run in self._latest.values() if run.begun is not None]

    def loads(self, core: int) -> bool:
        """Whether a core still reads compiled code."""
        run = self._latest.get(core)
        return run is not None and run.begun is None and bool(self._called[core].kernels)

    def warm(self, core: int, solver: Solver[Any]) -> None:
        """Gets a core's child ready, in the background."""
        if self.lease.has(core):
            self.lease.lane(core).warm_later(solver)

    def give_back(self, core: int) -> None:
        """Stops a core's run, and gives its child back."""
        run = self._latest.pop(core, None)
        if run is not None:
            run.stop()
        self.lease.give_back(core)

    def stop(self, kill: bool, late: bool) -> None:
        """Ends all runs: at once, or as soon as each hears of it; late ones know it themselves."""
        for core, run in self._latest.items():
            if run.poll() is None and kill:
                run.cancel()
            elif run.poll() is None and not late:
                run.stop()
                self.warm(core, self._called[core])

    def begin(self, stage: Stage) -> None:
        """Has the stage's solver work in its core's child, until the end of the stage."""
        improver = self._called[stage.core] = self.solvers[stage.solver]
        piece = self.regions.part(stage.seed, stage.core) if stage.solver == PARTS else None
        start = self.progress.start(0, stage.start) if piece is None else None
        given = None if start is None else start.solution
        begun = time.perf_counter()
        until = self.progress.begin + stage.end - TIMING.spare
        if stage.solver == ELSEWHERE:  # they look at the clock between two decisions
            until -= TIMING.late
        if piece is not None:  # what comes after the next cut is lost
            until -= TIMING.lost * (stage.end - stage.begin)

        def tell(news: Improvement | Outcome) -> None:
            if news.solution is not None:
                name = stage.solver if piece is None else f"{improver.name} on parts"
                by = self.progress.begun_by(name, start)
                if (title := elsewhere.title_of(improver)) is not None:
                    by = title
                    self.progress.played(title)
                candidate = Candidate(0, news.solution, None, name, by=by)
                self.inbox.put((stage, candidate, piece))
            if isinstance(news, Outcome):
                early = time.perf_counter() < until - (1 - TIMING.early) * (until - begun)
                early = early and news.solution is not None and piece is None
                fault = None if self.over.is_set() else news.error
                bound = news.bound if piece is None else None
                self.inbox.put(Ended(stage, fault, early, bound=bound))

        self._latest[stage.core] = self._of[stage] = self.lease.lane(stage.core).submit(
            self.progress.cases[0] if piece is None else piece.case,
            improver if piece is None else decomposition.on_parts(improver),
            time_limit=None,
            seed=self.options.seed + stage.seed,
            start=given if piece is None else piece.solution,
            grace=TIMING.grace,
            cores=stage.threads,
            until=until,
            tell=tell,
        )

    def joined(self, stage: Stage, candidate: Candidate, piece: Part | None) -> Candidate | None:
        """A candidate for the whole case; None of a part whose round is over."""
        return candidate if piece is None else self.regions.joined(stage.seed, piece, candidate)

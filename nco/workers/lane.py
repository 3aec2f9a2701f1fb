"""One child process that calls take in turn (`lanes`), and what it is doing."""

import threading
import time
from typing import Any, Unpack

from nco.core.case import Case
from nco.registry.interface import Solver
from nco.workers.outcome import Outcome
from nco.workers.pool import Handle, RunOptions, SubmitOptions, Workers

LATE = 0.1  # seconds after its time at which a run is one that hangs
LONG = 3.0  # seconds of loading, after which another process may well be ready sooner


class Lane:
    """One child process, by way of its `Workers`, and the run that it was given last."""

    def __init__(self) -> None:
        self.workers = Workers()
        self._latest: Handle | None = None
        self._until: float | None = None
        self._since = 0.0  # when it was last given something to do

    def warm_later(self, *solvers: Solver[Any]) -> threading.Thread:
        """`Workers.warm_later`."""
        self._since = time.perf_counter()
        return self.workers.warm_later(*solvers)

    def submit(
        self,
        case: Case,
        solver: str | Solver[Any],
        *,
        until: float | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Handle:
        """`Workers.submit`."""
        self._since = time.perf_counter()
        handle = self.workers.submit(case, solver, until=until, **options)
        self._latest, self._until = handle, until
        return handle

    def run(self, case: Case, solver: str | Solver[Any], **options: Unpack[RunOptions]) -> Outcome:
        """`Workers.run`."""
        return self.workers.run(case, solver, **options)

    def rank(self, wanted: Solver[Any] | None) -> tuple[bool, bool, bool, bool]:
        """The lower, the sooner it can begin: not hanging, not loading, kernels loaded, there."""
        cold = wanted is not None and not self.workers.has_loaded(wanted)
        return self.hangs(), self.is_loading(), cold, not self.workers.has_started()

    def is_loading(self) -> bool:
        """Whether its process is busy, and not with a solver."""
        searches = self._latest is not None and self._latest.poll() is None
        searches = searches and self._latest is not None and self._latest.begun is not None
        return self.workers.is_busy() and not searches

    def loads_long(self) -> bool:
        """Whether it is loading, and has been for longer than that should take."""
        return self.is_loading() and time.perf_counter() - self._since > LONG

    def hangs(self) -> bool:
        """Whether its run goes on although its time is over."""
        if self._latest is None or self._latest.poll() is not None or self._until is None:
            return False
        return time.perf_counter() > self._until + LATE

"""One run of a solver in a child process: waiting for it, under way, or done."""

import contextlib
import threading
import time
from collections.abc import Callable

from nco.workers.child import PATIENCE, STOP, Child, one_line, timed
from nco.workers.outcome import Improvement, Outcome
from nco.workers.usage import Usage

AGAIN = 0.03  # seconds between two signals to stop


class Handle:
    """A run that is waiting for a child, under way, or done."""

    def __init__(
        self,
        request: bytes,
        limit: float | None,
        tell: Callable[[Improvement | Outcome], None] | None = None,
        kernels: str = "",
    ) -> None:
        self._request, self._limit, self._tell = request, limit, tell
        self._kernels = kernels
        self.begun: float | None = None  # the reading of the clock when the solver was called
        self._child: Child | None = None  # where it is under way, and not yet through
        self._before: Usage | None = None  # of the child, when the solver was called
        self._usage: Usage | None = None  # of the whole run
        self._lock = threading.Lock()  # guards those below
        self._kill: Callable[[], None] | None = None
        self._signal: Callable[[], None] | None = None
        self._stopping = False
        self._reason: str | None = None
        self._outcome: Outcome | None = None
        self._done = threading.Event()

    def poll(self) -> Outcome | None:
        """The outcome, if there is one already."""
        return self._outcome

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The outcome, waited for; None when `timeout` seconds pass first."""
        self._done.wait(timeout)
        return self._outcome

    def usage(self) -> Usage | None:
        """What the run has had of the processors so far; None where nobody knows.

        Seconds that another run of the same child had are not among them.
        """
        child, before = self._child, self._before
        if child is not None and before is not None:
            now = child.used()
            if self._child is not None and now is not None:
                return now.since(before)
        return self._usage

    def cancel(self, reason: str = "cancelled") -> None:
        """Ends the run, killing its child; its outcome then has `reason` as the error."""
        with self._lock:
            if self._outcome is not None or self._reason is not None:
                return
            self._reason = reason
            if self._kill is not None:
                self._kill()  # the thread that serves the child sees its end, and settles
            else:
                self._settle(Outcome(None, 0.0, reason))

    def stop(self) -> None:
        """Ends the run, and not its child where the solver hears of it; returns at once.

        What the solver has told before counts; the outcome has no further solution. A child that
        is not ready yet gets ready first.
        """
        with self._lock:
            if self._outcome is not None or self._reason is not None or self._stopping:
                return
            self._stopping = True
            waiting = self._kill is None
            if self.begun is not None:
                self._interrupt()
        if waiting or STOP is None:
            self.cancel("stopped")

    def _interrupt(self) -> None:
        """Signals the solver to stop, and kills its child if it does not; holds `_lock`."""
        self._send_signal()
        threading.Thread(target=self._insist, daemon=True).start()

    def _send_signal(self) -> None:
        assert self._signal is not None
        with contextlib.suppress(OSError):
            self._signal()

    def _insist(self) -> None:
        """Signals again and again: Python 3.11 may forget one beside another thread."""
        until = time.perf_counter() + PATIENCE.stopping
        while time.perf_counter() < until and not self._done.wait(AGAIN):
            with self._lock:  # not once it has ended: the child may have begun with the next run
                if self._outcome is None and self._reason is None:
                    self._send_signal()
        self.cancel("stopped")

    def _settle(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._done.set()
        if self._tell is not None:
            self._tell(outcome)

    def _run(self, child: Child) -> None:
        """Has the child answer; on the thread that serves this child, which holds its lock."""
        with self._lock:
            if self._outcome is not None:
                return
            try:
                # Of this very process, so that a late cancel cannot hit the one after it.
                process = child.start()
            except OSError as error:
                self._settle(Outcome(None, 0.0, one_line(f"cannot start a process: {error}")))
                return
            self._kill = process.kill
            if STOP is not None:
                self._signal = lambda: process.send_signal(STOP)
        outcome = self._outcome_of(child)
        with self._lock:
            self._usage = self.usage()
            self._child = None
            if self._reason is not None:  # killed, or just about to be
                child.stop()
                outcome = Outcome(None, outcome.seconds, self._reason, outcome.improvements)
            self._settle(outcome)

    def _begin(self, child: Child) -> float:
        """The solver is being called; the reading of the clock."""
        child.loaded.add(self._kernels)
        with self._lock:
            self._child, self._before = child, child.used()
            self.begun = time.perf_counter()
            if self._stopping:
                self._interrupt()
        return self.begun

    def _outcome_of(self, child: Child) -> Outcome:
        began = time.perf_counter()
        improvements: list[Improvement] = []
        limit = self._limit
        try:
            with timed(
                PATIENCE.setup, lambda: self.cancel(f"not ready after {PATIENCE.setup:g} s")
            ):
                child.send(self._request)
                child.receive()
            began = self._begin(child)
            with timed(limit, lambda: self.cancel(f"timed out after {limit:g} s")):
                while isinstance(answer := child.receive(), Improvement):
                    if self._tell is not None:
                        self._tell(answer)
                    else:
                        improvements.append(answer)
                solution, seconds, error, bound = answer
                return Outcome(solution, seconds, error, tuple(improvements), bound)
        except (EOFError, OSError):
            seconds = time.perf_counter() - began
            return Outcome(None, seconds, child.stop(), tuple(improvements), died=True)
        except Exception as error:  # whatever unpickling rubbish raises
            seconds = time.perf_counter() - began
            child.stop()  # who knows where in the pipe its next frame begins
            message = one_line(f"unreadable answer: {type(error).__name__}: {error}")
            return Outcome(None, seconds, message, tuple(improvements))

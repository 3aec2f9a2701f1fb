"""Classical solvers in child processes, where a crash or a hang is an error text and no more.

OR-Tools aborts the interpreter on some malformed input, ignores Ctrl-C while it searches, and can
crash when one process builds two routing models. So a solver of a problem's `classical.py` runs in
a child that starts once, answers one case after the other, and is replaced when it dies.
"""

import contextlib
import os
import pickle
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Required, TypedDict

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry.interface import Solver
from nco.workers.child import PATIENCE, Child, Request, timed
from nco.workers.handle import Handle
from nco.workers.outcome import Improvement, Outcome

__all__ = ["Handle", "Improvement", "Outcome", "Workers"]


class RunOptions(TypedDict, total=False):
    """The keywords of `Workers.run`, which says what they are."""

    time_limit: Required[float | None]
    seed: int
    start: Any
    grace: float
    watch: bool
    cores: int | None
    iterations: int | None


class SubmitOptions(RunOptions, total=False):
    """The keywords of `Workers.submit` beside `until`."""

    tell: Callable[[Improvement | Outcome], None] | None


class Workers:
    """Child processes that run solvers; runs beyond their number wait in line.

    A solver is one of the case's folder by its name, or any `Solver` whose function a child can
    import.

    Args:
        count: the number of children, and so of runs at a time.
    """

    def __init__(self, count: int = 1) -> None:
        if count < 1:
            raise NCOError(f"count {count}: at least one worker is needed")
        self._children = [Child() for _ in range(count)]
        self._pending = _Pending()
        # The threads and the finalizer hold the parts and not the object, so that it can be freed.
        threads = [
            threading.Thread(target=_serve_child, args=(child, self._pending), daemon=True)
            for child in self._children
        ]
        self._finish = weakref.finalize(
            self, _finish, os.getpid(), threads, self._pending, self._children
        )
        for thread in threads:
            thread.start()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def warm(self, *solvers: Solver[Any]) -> None:
        """Starts the children and has each import what the solvers need.

        A run does the same when it has to, outside the time it reports. A solver that cannot be
        imported says so in the outcome of its run.
        """
        self._check_open()
        with contextlib.ExitStack() as stack:
            for child in self._children:
                stack.enter_context(child.lock)
            try:
                for child in self._children:
                    child.start()
                    stack.enter_context(child.loads())
                if not self._finish.alive:  # closed before it could see that they load
                    raise EOFError
                for child in self._children:  # all of them import at the same time
                    child.send(pickle.dumps(("import", pickle.dumps(solvers), None, sys.path)))
                for child in self._children:
                    # or one hung import would hold all later runs
                    with timed(PATIENCE.setup, child.kill):
                        child.receive()
                    child.loaded |= {solver.kernels for solver in solvers}
                    child.imported |= {name for solver in solvers for name in solver.modules}
            except BaseException as error:
                for child in self._children:  # an answer left unread would be taken for the next
                    child.stop()
                if not isinstance(error, EOFError | OSError):  # a dead child: its run will tell
                    raise

    def warm_later(self, *solvers: Solver[Any]) -> threading.Thread:
        """`warm` on a thread, which ends when the children are ready."""

        def ready() -> None:
            try:
                self.warm(*solvers)
            except Exception:
                if self._finish.alive:
                    raise  # else it was closed meanwhile, and the children are gone

        thread = threading.Thread(target=ready, daemon=True)
        thread.start()
        return thread

    def has_loaded(self, solver: Solver[Any]) -> bool:
        """Whether all children have the solver's kernels in memory."""
        return not solver.kernels or all(solver.kernels in child.loaded for child in self._children)

    def is_warm(self, solver: Solver[Any]) -> bool:
        """Whether `warm` has made all children ready for a solver."""
        needed = set(solver.modules)
        return self.has_loaded(solver) and all(needed <= one.imported for one in self._children)

    def has_started(self) -> bool:
        """Whether all children are there."""
        return all(child.is_alive() for child in self._children)

    def is_busy(self) -> bool:
        """Whether no child is idle."""
        return all(child.lock.locked() for child in self._children)

    def submit(
        self,
        case: Case,
        solver: str | Solver[Any],
        *,
        time_limit: float | None,
        seed: int = 0,
        start: Any = None,
        grace: float = PATIENCE.grace,
        watch: bool = False,
        cores: int | None = None,
        iterations: int | None = None,
        until: float | None = None,
        tell: "Callable[[Improvement | Outcome], None] | None" = None,
    ) -> "Handle":
        """Starts a run and returns at once.

        Args:
            case: the instance; it travels as a pickle.
            solver: a name or a `Solver`, as the class says.
            time_limit: what the solver is told, in seconds; None for no limit.
            seed: what the solver is told.
            start: a solution in the case's own numbers for the solver to begin with.
            grace: the child is killed this many seconds after `time_limit`.
            watch: have a solver that can (`Solver.found`) tell every better solution on the way.
            cores: threads of a solver that can use several; None is its own default.
            iterations: steps of a solver that can count them.
            until: the `time.perf_counter` reading at which the solver should be through, however
                long the child takes to be ready; it is told the time until then, or `time_limit`
                where that is less.
            tell: called at once, on another thread, with every improvement and then the outcome.

        Raises:
            NCOError: where the problem has no such solver, or after `close`.
        """
        self._check_open()
        if isinstance(solver, str):
            solver = registry.folder(case.problem).solver(solver)
        lasts = time_limit
        if until is not None:
            left = until - time.perf_counter()
            lasts = left if time_limit is None else min(time_limit, left)
        limit = None if lasts is None else max(lasts, 0.0) + grace
        watch = watch or tell is not None
        request = Request(solver, case, time_limit, seed, start, watch, cores, iterations, until)
        # Two pickles: the outer one can be read even where the case's module cannot be imported.
        # The path may have grown since the child began, as in a notebook.
        message = pickle.dumps(("run", pickle.dumps(request), limit, sys.path))
        handle = Handle(message, limit, tell, solver.kernels)
        self._pending.put(handle)
        return handle

    def run(
        self,
        case: Case,
        solver: str | Solver[Any],
        *,
        time_limit: float | None,
        seed: int = 0,
        start: Any = None,
        grace: float = PATIENCE.grace,
        watch: bool = False,
        cores: int | None = None,
        iterations: int | None = None,
    ) -> Outcome:
        """`submit`, and wait for the outcome; Ctrl-C in the wait ends the run and its child."""
        handle = self.submit(
            case,
            solver,
            time_limit=time_limit,
            seed=seed,
            start=start,
            grace=grace,
            watch=watch,
            cores=cores,
            iterations=iterations,
        )
        try:
            outcome = handle.wait()
        except BaseException:
            handle.cancel()
            raise
        assert outcome is not None  # for want of a timeout
        return outcome

    @property
    def is_open(self) -> bool:
        """Whether runs can be submitted."""
        return self._finish.alive

    def close_soon(self) -> None:
        """Begins to `close`, and does not wait for the end of the children."""
        if self._finish.alive:
            self._pending.end(len(self._children))

    def close(self) -> None:
        """Kills the children; runs that have not ended get an outcome that says so."""
        self._finish()

    def _check_open(self) -> None:
        if not self._finish.alive:
            raise NCOError("these workers are closed")


# --------------------------------------------------------------------------------------------------
# The parent's side


class _Pending:
    """The runs that wait for a child, in order, and those under way."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Handle | None] = queue.SimpleQueue()
        self._running: list[Handle] = []
        self._over = False

    def put(self, handle: Handle) -> None:
        """Puts a run at the end of the line."""
        self._waiting.put(handle)
        if self._over:  # `end` may have emptied the line already
            handle.cancel("closed")

    @contextlib.contextmanager
    def take(self) -> Iterator[Handle | None]:
        """The next run, which counts as under way meanwhile; None when all is over."""
        handle = self._waiting.get()
        if handle is None:
            yield None
            return
        self._running.append(handle)
        if self._over:  # `end` may have missed it, out of the line and not yet under way
            handle.cancel("closed")
        try:
            yield handle
        finally:
            self._running.remove(handle)

    def end(self, threads: int) -> None:
        """Ends every run, and then the threads."""
        self._over = True
        with contextlib.suppress(queue.Empty):
            while (handle := self._waiting.get_nowait()) is not None:
                handle.cancel("closed")
        for handle in list(self._running):
            handle.cancel("closed")
        for _ in range(threads):
            self._waiting.put(None)


def _serve_child(child: Child, pending: _Pending) -> None:
    """The thread of one child."""
    over = False
    while not over:
        with pending.take() as handle, child.lock:
            if handle is None:
                child.stop()
                over = True
            else:
                handle._run(child)
        del handle  # or an ended run, and its case, would stay until the next one


def _finish(
    process: int, threads: list[threading.Thread], pending: _Pending, children: list[Child]
) -> None:
    if os.getpid() != process:  # a fork has a copy of the objects, but neither threads nor children
        return
    pending.end(len(threads))
    for child in children:
        if child.is_loading:  # for a later run, which will not come
            child.kill()
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(5.0)

"""What a child process does: it answers requests of its parent (`child`) one after another."""

import contextlib
import faulthandler
import importlib
import math
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import IO, Any

from nco.core.case import Proof
from nco.registry.interface import Solver
from nco.workers import compiling
from nco.workers.child import PATIENCE, STOP, Request, one_line, read_frame, write_frame
from nco.workers.outcome import Improvement


class Stopped(BaseException):
    """The parent has no use for the rest of the run."""


class Stopping:
    """Ends a run at a signal of the parent: at the solver's next step in Python, and only there.

    A signal that comes between two runs is for one that is over.
    """

    def __init__(self) -> None:
        self._open = False  # whether a solver is at work
        self._asked = False

    def listen(self) -> None:
        """Takes the signal from now on."""
        if STOP is not None:
            signal.signal(STOP, self._signalled)

    def expect(self) -> None:
        """A run is about to begin, and a signal from now on is for it."""
        self._asked = False

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """The body may be ended by `Stopped`, which is the caller's to catch."""
        self._open = True
        try:
            if self._asked:
                raise Stopped
            yield
        finally:
            self._open = False

    @contextlib.contextmanager
    def put_off(self) -> Iterator[None]:
        """The body is done whole: half a frame in the pipe would be the last."""
        self._open = False
        try:
            yield
        finally:
            self._open = True
        if self._asked:
            raise Stopped

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._open:
            raise Stopped


STOPPING = Stopping()


def main() -> None:
    """Answers requests until the pipe breaks, which is when the parent closes it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    STOPPING.listen()
    # A solver's own prints go to the log, and its reads find nothing.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    while True:
        kind, message, limit, sys.path[:] = pickle.loads(inbox.get())
        if kind == "import":
            with contextlib.suppress(Exception):  # the run will tell
                for solver in pickle.loads(message):
                    _warm(solver)
            write_frame(answers, pickle.dumps(None))
        else:
            write_frame(answers, _answer(message, limit, answers))


def _listen(requests: IO[bytes], inbox: "queue.SimpleQueue[bytes]") -> None:
    """Puts requests into the inbox; a broken pipe ends the process, even in mid-search."""
    if STOP is not None and hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {STOP})  # it is for the thread of the solver
    while True:
        try:
            inbox.put(read_frame(requests))
        except (EOFError, OSError):
            os._exit(0)


def _answer(message: bytes, limit: float | None, answers: IO[bytes]) -> bytes:
    """Says when it is ready, runs the solver, and returns what makes an `Outcome` as a pickle.

    A solver may fail in any way, and that is its outcome: nothing is hidden by catching it here.
    """
    ready = pickle.dumps(None)
    STOPPING.expect()
    try:
        request: Request = pickle.loads(message)
        _warm(request.solver)
    except (Exception, SystemExit) as error:
        write_frame(answers, ready)
        return _failure(error, 0.0)
    write_frame(answers, ready)
    proof = Proof()
    began = time.perf_counter()
    time_limit = request.time_limit
    if request.until is not None:  # the clock is the same in all processes
        left = request.until - began
        time_limit = left if time_limit is None else min(time_limit, left)
        if left <= 0:
            return pickle.dumps((None, 0.0, "never began: its process was ready too late", None))
    teller = _Teller(request.solver.name, began, answers)
    further = _further(request, proof, teller)
    if limit is not None:  # ends an orphan whose solver never lets go of the interpreter
        faulthandler.dump_traceback_later(limit + PATIENCE.grace, exit=True)
    try:
        solve: Callable[..., Any] = request.solver.solve
        with STOPPING.allowed():
            solution = solve(
                request.case,
                time_limit=time_limit,
                seed=request.seed,
                start=request.start,
                **further,
            )
        seconds = time.perf_counter() - began
        return pickle.dumps((solution, seconds, None, proof.bound))
    except Stopped:
        teller.send_latest()
        return pickle.dumps((None, time.perf_counter() - began, None, proof.bound))
    except (Exception, SystemExit) as error:
        return _failure(error, time.perf_counter() - began)
    finally:
        teller.end()
        faulthandler.cancel_dump_traceback_later()


def _further(request: Request, proof: Proof, teller: "_Teller") -> dict[str, Any]:
    """What the solver is told beside its limits: what it takes of what the request has."""
    solver = request.solver
    further: dict[str, Any] = {}
    if solver.found and request.watch:
        further["found"] = teller
    if solver.cores and request.cores is not None:
        further["cores"] = request.cores
    if solver.iterations and request.iterations is not None:
        further["iterations"] = request.iterations
    if solver.proof:
        further["proof"] = proof
    return further


class _Teller:
    """Sends better solutions on the way; seldom enough not to take the solver's time.

    One that comes too soon after the last is not lost: the latest of such is sent a little later,
    unless the run is over by then.
    """

    def __init__(self, source: str, began: float, answers: IO[bytes]) -> None:
        self._source, self._began, self._answers = source, began, answers
        self._silent = began  # until then nothing is sent
        self._lock = threading.Lock()  # guards the pipe and those below
        self._latest: list[Any] = []  # what is yet to be sent, at most one
        self._over = False

    def __call__(self, better: Any) -> None:
        with STOPPING.put_off(), self._lock:
            left = self._silent - time.perf_counter()
            if left <= 0:
                self._latest.clear()
                self._send(better)
            elif self._latest:
                self._latest[0] = better
            else:
                self._latest.append(better)
                later = threading.Timer(left, self.send_latest)
                later.daemon = True
                later.start()

    def end(self) -> None:
        """Nothing is sent any more."""
        with self._lock:
            self._over = True

    def send_latest(self) -> None:
        """Sends what waits, if anything does."""
        with self._lock:
            if self._latest and not self._over:
                self._send(self._latest.pop())

    def _send(self, better: Any) -> None:
        now, spent = time.perf_counter(), time.thread_time()
        improvement = Improvement(now - self._began, math.nan, self._source, better)
        write_frame(self._answers, pickle.dumps(improvement))
        taken = time.thread_time() - spent
        self._silent = now + max(PATIENCE.between, taken / PATIENCE.telling)


def _failure(error: BaseException, seconds: float) -> bytes:
    return pickle.dumps((None, seconds, one_line(f"{type(error).__name__}: {error}"), None))


def _warm(solver: Solver[Any]) -> None:
    """Imports and compiles what the solver will need, outside the time that it is given."""
    for module in solver.modules:
        with contextlib.suppress(ImportError):  # the call will raise it, or knows a way round it
            importlib.import_module(module)
    if solver.kernels:
        compiling.compile_now(solver.kernels)

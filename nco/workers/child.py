"""A process in which classical solvers run: the parent's handle to it, and what it does itself.

Parent and child speak over the child's stdin and stdout: frames of eight bytes of length and a
pickle. The child is started by a command rather than forked or spawned by `multiprocessing`: no
copy of the parent's threads, no second run of the user's script, and notebooks work.
"""

import contextlib
import faulthandler
import importlib
import math
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from nco.core.case import Case, Proof
from nco.registry.interface import Solver
from nco.workers import compiling
from nco.workers.outcome import Improvement

LENGTH = struct.Struct(">Q")
LONGEST = 1 << 32  # bytes of a frame; a larger number is no length but rubbish in the pipe


@dataclass(frozen=True)
class Patience:
    """How long parent and child wait for one another, in seconds.

    Attributes:
        setup: in which a child must start, import and unpickle; torch takes some on a cold disk.
        grace: after a time limit until the solver counts as hanging. Solvers look at the clock
            seldom on large cases, and a child that is killed has to be started anew.
        dying: in which an idle child ends by itself when its pipe does.
        between: two solutions that a solver tells on the way, at least: people cannot see more.
        telling: share of the time, at most, that telling takes from the solver.
    """

    setup: float = 120.0
    grace: float = 10.0
    dying: float = 0.2
    between: float = 0.02
    telling: float = 0.05


PATIENCE = Patience()


@dataclass(frozen=True)
class Request:
    """One run of a solver, as it travels to a child; `Workers.submit` says what each is."""

    solver: Solver[Any]
    case: Case
    time_limit: float | None
    seed: int
    start: Any = None
    watch: bool = False
    cores: int | None = None
    iterations: int | None = None
    until: float | None = None


class Child:
    """One child process. Whoever uses it holds `lock` until the answer is read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loaded: set[str] = set()  # kernels that the process has in memory, or loads
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """The process, started where there is none alive, with an empty log."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None or self._log is None:
            # The parent's sys.path, and not the child's working folder, says what is imported.
            code = (
                f"import sys; sys.path[:] = {sys.path!r}; "
                "from nco.workers.child import main; main()"
            )
            self.loaded.clear()
            self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by stop
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
            )
        self._log.seek(0)  # parent and child share one position in this file
        self._log.truncate()
        return self._process

    def send(self, message: bytes) -> None:
        """Writes a frame to the process."""
        assert self._process is not None
        assert self._process.stdin is not None
        _write_frame(self._process.stdin, message)

    def receive(self) -> Any:
        """The object in the next frame that the process writes."""
        assert self._process is not None
        assert self._process.stdout is not None
        return pickle.loads(_read_frame(self._process.stdout))

    def stop(self) -> str:
        """Ends the process, and tells in one line how it had ended by itself."""
        if self._process is None or self._log is None:
            return "not running"
        process, log = self._process, self._log
        self._process = self._log = None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what could not be sent is lost anyway
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE.dying)
        process.kill()
        code = process.wait()
        ending = f"ended with code {code}"
        if code < 0:
            ending = f"crashed with signal {-code} ({signal.Signals(-code).name})"
        with log:
            return f"{ending}{_last_words(log)}"


@contextlib.contextmanager
def timed(seconds: float | None, act: Callable[[], object]) -> Iterator[None]:
    """Calls `act` where the body takes longer, on another thread; never, without a limit.

    Killing the child is such an act: it ends a wait for its answer.
    """
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _last_words(log: IO[bytes]) -> str:
    """What a process printed before it died, as the end of a line: a failed check, or the last."""
    end = log.seek(0, os.SEEK_END)
    log.seek(max(0, end - 10_000))
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "check failed" in line.lower()] or lines[-1:]
    return f": {one_line(telling[0])}" if telling else ""


def one_line(text: str) -> str:
    """A text without line breaks, cut at 200 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:197] + "..."


def _write_frame(stream: IO[bytes], message: bytes) -> None:
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def _read_frame(stream: IO[bytes]) -> bytes:
    head = stream.read(LENGTH.size)
    if len(head) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > LONGEST:
            raise pickle.UnpicklingError(f"a frame of {length} bytes")
        message = stream.read(length)
        if len(message) == length:
            return message
    raise EOFError


# --------------------------------------------------------------------------------------------------
# The child's side


def main() -> None:
    """Answers requests until the pipe breaks, which is when the parent closes it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A solver's own prints go to the log, and its reads find nothing.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    while True:
        kind, message, limit = pickle.loads(inbox.get())
        if kind == "import":
            with contextlib.suppress(Exception):  # the run will tell
                for solver in pickle.loads(message):
                    _warm(solver)
            _write_frame(answers, pickle.dumps(None))
        else:
            _write_frame(answers, _answer(message, limit, answers))


def _listen(requests: IO[bytes], inbox: "queue.SimpleQueue[bytes]") -> None:
    """Puts requests into the inbox; a broken pipe ends the process, even in mid-search."""
    while True:
        try:
            inbox.put(_read_frame(requests))
        except (EOFError, OSError):
            os._exit(0)


def _answer(message: bytes, limit: float | None, answers: IO[bytes]) -> bytes:
    """Says when it is ready, runs the solver, and returns what makes an `Outcome` as a pickle.

    A solver may fail in any way, and that is its outcome: nothing is hidden by catching it here.
    """
    ready = pickle.dumps(None)
    try:
        request: Request = pickle.loads(message)
        _warm(request.solver)
    except (Exception, SystemExit) as error:
        _write_frame(answers, ready)
        return _failure(error, 0.0)
    _write_frame(answers, ready)
    proof = Proof()
    began = time.perf_counter()
    time_limit = request.time_limit
    if request.until is not None:  # the clock is the same in all processes
        time_limit = request.until - began
        if time_limit <= 0:
            return pickle.dumps((None, 0.0, None, None))
    further = _further(request, proof, began, answers)
    if limit is not None:  # ends an orphan whose solver never lets go of the interpreter
        faulthandler.dump_traceback_later(limit + PATIENCE.grace, exit=True)
    try:
        solve: Callable[..., Any] = request.solver.solve
        solution = solve(
            request.case, time_limit=time_limit, seed=request.seed, start=request.start, **further
        )
        seconds = time.perf_counter() - began
        return pickle.dumps((solution, seconds, None, proof.bound))
    except (Exception, SystemExit) as error:
        return _failure(error, time.perf_counter() - began)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _further(request: Request, proof: Proof, began: float, answers: IO[bytes]) -> dict[str, Any]:
    """What the solver is told beside its limits: what it takes of what the request has."""
    solver = request.solver
    further: dict[str, Any] = {}
    if solver.found and request.watch:
        further["found"] = _teller(solver.name, began, answers)
    if solver.cores and request.cores is not None:
        further["cores"] = request.cores
    if solver.iterations and request.iterations is not None:
        further["iterations"] = request.iterations
    if solver.proof:
        further["proof"] = proof
    return further


def _teller(source: str, began: float, answers: IO[bytes]) -> Callable[[Any], None]:
    """Sends a better solution on the way; seldom enough not to take the solver's time."""
    silent = [began]  # until then nothing is told

    def tell(better: Any) -> None:
        now, spent = time.perf_counter(), time.thread_time()
        if now >= silent[0]:
            improvement = Improvement(now - began, math.nan, source, better)
            _write_frame(answers, pickle.dumps(improvement))
            taken = time.thread_time() - spent
            silent[0] = now + max(PATIENCE.between, taken / PATIENCE.telling)

    return tell


def _failure(error: BaseException, seconds: float) -> bytes:
    return pickle.dumps((None, seconds, one_line(f"{type(error).__name__}: {error}"), None))


def _warm(solver: Solver[Any]) -> None:
    """Imports and compiles what the solver will need, outside the time that it is given."""
    for module in solver.modules:
        with contextlib.suppress(ImportError):  # the call will raise it, or knows a way round it
            importlib.import_module(module)
    if solver.kernels:
        compiling.compile_now(solver.kernels)

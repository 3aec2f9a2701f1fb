"""A process in which solvers run, as its parent sees it; `serving` is its own side.

Parent and child speak over the child's stdin and stdout: frames of eight bytes of length and a
pickle. The child is started by a command rather than forked or spawned by `multiprocessing`: no
copy of the parent's threads, no second run of the user's script, and notebooks work.
"""

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, ClassVar

from nco.core.case import Case
from nco.registry.interface import Solver
from nco.workers import usage

LENGTH = struct.Struct(">Q")
STOP: "signal.Signals | None" = getattr(signal, "SIGUSR1", None)  # ends a run and not its process
LONGEST = 1 << 32  # bytes of a frame; a larger number is no length but rubbish in the pipe


@dataclass(frozen=True)
class Patience:
    """How long parent and child wait for one another, in seconds.

    Attributes:
        setup: in which a child must start, import and unpickle; torch takes some on a cold disk.
        grace: after a time limit until the solver counts as hanging. Solvers look at the clock
            seldom on large cases, and a child that is killed has to be started anew.
        dying: in which an idle child ends by itself when its pipe does.
        stopping: in which a solver ends that is told to, before its process is killed: one in
            foreign code may not hear of it.
        between: two solutions that a solver tells on the way, at least: people cannot see more.
        telling: share of the time, at most, that telling takes from the solver.
    """

    setup: float = 120.0
    grace: float = 10.0
    dying: float = 0.2
    stopping: float = 0.5
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

    every: ClassVar["weakref.WeakSet[Child]"] = weakref.WeakSet()

    def __init__(self) -> None:
        Child.every.add(self)
        self.lock = threading.Lock()
        self.loaded: set[str] = set()  # kernels that the process has in memory, or loads
        self.imported: set[str] = set()  # modules that it was asked to import beforehand
        self.is_loading = False  # for runs that may come, and not within one
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
                "from nco.workers.serving import main; main()"
            )
            self.loaded.clear()
            self.imported.clear()
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

    def is_alive(self) -> bool:
        """Whether there is a process."""
        process = self._process
        return process is not None and process.returncode is None

    @contextlib.contextmanager
    def loads(self) -> Iterator[None]:
        """Meanwhile the process loads what later runs may need; `kill` may cut that off."""
        self.is_loading = True
        try:
            yield
        finally:
            self.is_loading = False

    def kill(self) -> None:
        """Ends the process at once, from any thread; whoever waits for its answer gets EOFError."""
        process = self._process
        if process is not None:
            process.kill()

    def send(self, message: bytes) -> None:
        """Writes a frame to the process."""
        assert self._process is not None
        assert self._process.stdin is not None
        write_frame(self._process.stdin, message)

    def receive(self) -> Any:
        """The object in the next frame that the process writes."""
        assert self._process is not None
        assert self._process.stdout is not None
        return pickle.loads(read_frame(self._process.stdout))

    def used(self) -> "usage.Usage | None":
        """What the process has had of the processors, where the system tells."""
        return None if self._process is None else usage.of_process(self._process.pid)

    def forget(self) -> None:
        """Lets go of a process of the parent's before a fork: its pipes, and nothing of it ends.

        A pipe that a fork holds open as well would keep the child alive when its parent dies.
        """
        process, log = self._process, self._log
        self._process = self._log = None
        for stream in () if process is None else (process.stdin, process.stdout):
            # the raw file, or what the parent was writing at the fork would be written twice
            getattr(stream, "raw", stream).close()  # type: ignore[union-attr]
        if process is not None:
            process.returncode = 0  # or its finalizer would wait for a process of another parent
        if log is not None:
            log.close()

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


def _forget_all() -> None:
    """In a fork: children are those of the process that started them."""
    for child in list(Child.every):
        child.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


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


def write_frame(stream: IO[bytes], message: bytes) -> None:
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    head = stream.read(LENGTH.size)
    if len(head) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > LONGEST:
            raise pickle.UnpicklingError(f"a frame of {length} bytes")
        message = stream.read(length)
        if len(message) == length:
            return message
    raise EOFError

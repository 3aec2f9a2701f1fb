"""Classical solvers in child processes, where a crash or a hang is an error text and no more.

OR-Tools aborts the interpreter on some malformed input, ignores Ctrl-C while it searches, and can
crash when one process builds two routing models. So a solver of a problem's `baseline.py` runs in
a child that starts once, answers one case after the other, and is replaced when it dies.

Parent and child speak over the child's stdin and stdout: frames of eight bytes of length and a
pickle. The child is started by a command rather than forked or spawned by `multiprocessing`: no
copy of the parent's threads, no second run of the user's script, and notebooks work.
"""

import ast
import contextlib
import faulthandler
import functools
import importlib
import inspect
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import IO, Any

from nco.case import Case, Proof
from nco.errors import NCOError

GRACE = 10.0  # seconds after a time limit until the solver counts as hanging
SETUP = 120.0  # seconds in which a child must start, import and unpickle
RARELY = 0.02  # seconds between two solutions that a solver tells on the way
LENGTH = struct.Struct(">Q")
LONGEST = 1 << 32  # bytes of a frame; a larger number is no length but rubbish in the pipe


@dataclass(frozen=True)
class Found:
    """A better solution on the way: after how many seconds of the solver's call, and which."""

    seconds: float
    solution: Any


@dataclass(frozen=True)
class Options:
    """What a solver may be told beside its limits; `Workers.submit` says what each is."""

    watch: bool = False
    cores: int | None = None
    iterations: int | None = None
    until: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run of a solver came to.

    Attributes:
        solution: in the case's own numbers; None where the solver found nothing or failed.
        seconds: wall time of the solver's call alone, without the start of the process, the
            imports and the transfer. Of a run that was killed, the time until then.
        error: one line when the solver failed; None when it returned, even without a solution.
        found: the solutions on the way, where the run was watched and the solver tells; also of a
            solver that failed later.
        bound: no feasible solution costs less, where the solver has proven one (`nco.case.Proof`).
    """

    solution: Any
    seconds: float
    error: str | None = None
    found: tuple[Found, ...] = ()
    bound: float | int | None = None


def solvers(problem: str) -> list[str]:
    """The names of a problem's classical solvers, the default one first.

    Raises:
        NCOError: where there is no such problem.
    """
    path = f"nco.problems.{problem}.baseline"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise  # the module is there, and something that it imports is not
        raise NCOError(f"{problem}: no problem of this name has classical solvers") from error
    return list(module.__all__)


def takes(problem: str, solver: str, option: str) -> bool:
    """Whether a classical solver has the optional argument ``found``, ``cores`` or ``iterations``.

    One that has ``found`` calls it with each better solution on the way. One that has ``cores``
    uses so many threads; every other one is single-threaded. One that has ``iterations`` can stop
    after so many of its steps, and then gives the same answer on every machine.
    """
    module, _, name = _path(problem, solver).partition(":")
    return option in inspect.signature(getattr(importlib.import_module(module), name)).parameters


def variants(problem: str, solver: str) -> list[str]:
    """The solvers of which the best stands for `solver` in comparisons; mostly itself alone."""
    _path(problem, solver)
    module = importlib.import_module(f"nco.problems.{problem}.baseline")
    named: dict[str, list[str]] = getattr(module, "VARIANTS", {})
    return named.get(solver, [solver])


def same(problem: str) -> frozenset[str]:
    """Solvers to which neither a seed nor a start makes a difference; what ends early is done."""
    module = importlib.import_module(f"nco.problems.{problem}.baseline")
    found: frozenset[str] = getattr(module, "SAME", frozenset())
    return found


def run(
    case: Case,
    solver: str,
    *,
    time_limit: float | None,
    seed: int = 0,
    start: Any = None,
    grace: float = GRACE,
    iterations: int | None = None,
) -> Outcome:
    """`Workers.run` on one child that this process keeps until it ends."""
    return lane(0).run(
        case,
        solver,
        time_limit=time_limit,
        seed=seed,
        start=start,
        grace=grace,
        iterations=iterations,
    )


def warm(problem: str, *names: str, index: int = 0) -> threading.Thread:
    """`Workers.warm` of a lane, on a thread that ends when it is ready."""
    found = threading.Thread(target=lane(index).warm, args=(problem, *names), daemon=True)
    found.start()
    return found


class Workers:
    """Child processes that run solvers; runs beyond their number wait in line.

    A solver is a name in the ``__all__`` of ``nco.problems.<case.problem>.baseline``, or
    ``module:function`` for any function of that signature that a child can import.

    Args:
        count: the number of children, and so of runs at a time.
    """

    def __init__(self, count: int = 1) -> None:
        if count < 1:
            raise NCOError(f"count {count}: at least one worker is needed")
        self._children = [_Child() for _ in range(count)]
        self._pending = _Pending()
        # The threads and the finalizer hold the parts and not the object, so that it can be freed.
        threads = [
            threading.Thread(target=_serve_child, args=(child, self._pending), daemon=True)
            for child in self._children
        ]
        self._finish = weakref.finalize(self, _finish, os.getpid(), threads, self._pending)
        for thread in threads:
            thread.start()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def warm(self, problem: str, *names: str) -> None:
        """Starts the children and has each import the named solvers of a problem (default: all).

        A run does the same when it has to, outside the time it reports. A solver that cannot be
        imported says so in the outcome of its run.
        """
        self._check_open()
        paths = [_path(problem, name) for name in names or solvers(problem)]
        with contextlib.ExitStack() as stack:
            for child in self._children:
                stack.enter_context(child.lock)
            if not self._finish.alive:  # closed while this waited: nobody would end the children
                return
            try:
                for child in self._children:  # all of them import at the same time
                    child.start()
                    child.send(pickle.dumps(("import", paths)))
                for child in self._children:
                    with _killing(child, SETUP):  # or one hung import would hold all later runs
                        child.receive()
            except BaseException as error:
                for child in self._children:  # an answer left unread would be taken for the next
                    child.stop()
                if not isinstance(error, EOFError | OSError):  # a dead child: its run will tell
                    raise

    def submit(
        self,
        case: Case,
        solver: str,
        *,
        time_limit: float | None,
        seed: int = 0,
        start: Any = None,
        grace: float = GRACE,
        watch: bool = False,
        cores: int | None = None,
        iterations: int | None = None,
        until: float | None = None,
        tell: "Callable[[Found | Outcome], None] | None" = None,
    ) -> "Handle":
        """Starts a run and returns at once.

        Args:
            case: the instance; it travels as a pickle.
            solver: a name or ``module:function``, as the class says.
            time_limit: what the solver is told, in seconds; None for no limit.
            seed: what the solver is told.
            start: a solution in the case's own numbers for the solver to begin with.
            grace: the child is killed this many seconds after `time_limit`.
            watch: have a solver that can (see `takes`) tell every better solution on the way.
            cores: threads of a solver that can use several; None is its own default.
            iterations: steps of a solver that can count them.
            until: instead of a time limit, the `time.perf_counter` reading at which the solver
                should be through, however long the child takes to be ready.
            tell: called at once, on another thread, with every `Found` and then the outcome.

        Raises:
            NCOError: where the problem has no such solver, or after `close`.
        """
        self._check_open()
        path = solver if ":" in solver else _path(case.problem, solver)
        if until is not None:
            time_limit = until - time.perf_counter()
        limit = None if time_limit is None else max(time_limit, 0.0) + grace
        # Two pickles: the outer one can be read even where the case's module cannot be imported.
        arguments = pickle.dumps((case, time_limit, seed, start))
        options = Options(watch or tell is not None, cores, iterations, until)
        handle = Handle(pickle.dumps(("run", path, arguments, limit, options)), limit, tell)
        self._pending.put(handle)
        return handle

    def run(
        self,
        case: Case,
        solver: str,
        *,
        time_limit: float | None,
        seed: int = 0,
        start: Any = None,
        grace: float = GRACE,
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

    def close(self) -> None:
        """Kills the children; runs that have not ended get an outcome that says so."""
        self._finish()

    def _check_open(self) -> None:
        if not self._finish.alive:
            raise NCOError("these workers are closed")


class Handle:
    """A run that is waiting for a child, under way, or done."""

    def __init__(
        self,
        request: bytes,
        limit: float | None,
        tell: Callable[[Found | Outcome], None] | None = None,
    ) -> None:
        self._request, self._limit, self._tell = request, limit, tell
        self.begun: float | None = None  # the reading of the clock when the solver was called
        self._lock = threading.Lock()  # guards the three below
        self._kill: Callable[[], None] | None = None
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

    def _settle(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._done.set()
        if self._tell is not None:
            self._tell(outcome)

    def _run(self, child: "_Child") -> None:
        """Has the child answer; on the thread that serves this child, which holds its lock."""
        with self._lock:
            if self._outcome is not None:
                return
            try:
                # Of this very process, so that a late cancel cannot hit the one after it.
                self._kill = child.start().kill
            except OSError as error:
                self._settle(Outcome(None, 0.0, _one_line(f"cannot start a process: {error}")))
                return
        outcome = self._ask(child)
        with self._lock:
            if self._reason is not None:  # killed, or just about to be
                child.stop()
                outcome = Outcome(None, outcome.seconds, self._reason, outcome.found)
            self._settle(outcome)

    def _ask(self, child: "_Child") -> Outcome:
        began = time.perf_counter()
        found: list[Found] = []
        try:
            with self._deadline(SETUP, "not ready"):
                child.send(self._request)
                child.receive()
            self.begun = began = time.perf_counter()
            with self._deadline(self._limit, "timed out"):
                while isinstance(answer := child.receive(), Found):
                    if self._tell is not None:
                        self._tell(answer)
                    else:
                        found.append(answer)
                solution, seconds, error, bound = answer
                return Outcome(solution, seconds, error, tuple(found), bound)
        except (EOFError, OSError):
            return Outcome(None, time.perf_counter() - began, child.stop(), tuple(found))
        except Exception as error:  # whatever unpickling rubbish raises
            seconds = time.perf_counter() - began
            child.stop()  # who knows where in the pipe its next frame begins
            message = _one_line(f"unreadable answer: {type(error).__name__}: {error}")
            return Outcome(None, seconds, message, tuple(found))

    @contextlib.contextmanager
    def _deadline(self, seconds: float | None, reason: str) -> Iterator[None]:
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self.cancel, (f"{reason} after {seconds:g} s",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


# --------------------------------------------------------------------------------------------------
# The parent's side


class _Pending:
    """The runs that wait for a child, in order, and those under way."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Handle | None] = queue.SimpleQueue()
        self._running: list[Handle] = []
        self._over = False

    def put(self, handle: Handle) -> None:
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


def _serve_child(child: "_Child", pending: _Pending) -> None:
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


def _finish(process: int, threads: list[threading.Thread], pending: _Pending) -> None:
    if os.getpid() != process:  # a fork has a copy of the objects, but neither threads nor children
        return
    pending.end(len(threads))
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(5.0)


def lane(index: int) -> Workers:
    """A worker with one child for each of the processors that run side by side; 0 is `run`'s."""
    return _shared(os.getpid()) if index == 0 else _beside(os.getpid(), index)


@functools.cache
def _shared(process: int) -> Workers:
    """The worker of `run`: one a process, for threads do not survive a fork."""
    return Workers()


@functools.cache
def _beside(process: int, index: int) -> Workers:
    return Workers()


def _path(problem: str, solver: str) -> str:
    """A solver as ``module:function``."""
    if ":" in solver:
        return solver
    names = solvers(problem)
    if solver not in names:
        raise NCOError(f"{solver}: no such solver; {problem} has {', '.join(names)}")
    return f"nco.problems.{problem}.baseline:{solver}"


class _Child:
    """One child process. Whoever uses it holds `lock` until the answer is read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """The process, started where there is none alive, with an empty log."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None or self._log is None:
            # The parent's sys.path, and not the child's working folder, says what is imported.
            code = (
                f"import sys; sys.path[:] = {sys.path!r}; from nco.baselines import _main; _main()"
            )
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
        assert self._process is not None
        assert self._process.stdin is not None
        _write_frame(self._process.stdin, message)

    def receive(self) -> Any:
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
            process.wait(0.2)  # an idle child ends when its pipe does
        process.kill()
        code = process.wait()
        ending = f"ended with code {code}"
        if code < 0:
            ending = f"crashed with signal {-code} ({signal.Signals(-code).name})"
        with log:
            return f"{ending}{_last_words(log)}"


@contextlib.contextmanager
def _killing(child: _Child, seconds: float) -> Iterator[None]:
    """Kills the child where the body takes longer, which ends a wait for its answer."""
    timer = threading.Timer(seconds, child.start().kill)
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
    return f": {_one_line(telling[0])}" if telling else ""


def _one_line(text: str) -> str:
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


def _main() -> None:
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
        kind, *rest = pickle.loads(inbox.get())
        if kind == "import":
            for path in rest[0]:
                with contextlib.suppress(Exception):  # the run will tell
                    _load(path)
            _write_frame(answers, pickle.dumps(None))
        else:
            path, arguments, limit, options = rest
            _write_frame(answers, _answer(path, arguments, limit, options, answers))


def _listen(requests: IO[bytes], inbox: "queue.SimpleQueue[bytes]") -> None:
    """Puts requests into the inbox; a broken pipe ends the process, even in mid-search."""
    while True:
        try:
            inbox.put(_read_frame(requests))
        except (EOFError, OSError):
            os._exit(0)


def _answer(
    path: str,
    arguments: bytes,
    limit: float | None,
    asked: Options,
    answers: IO[bytes],
) -> bytes:
    """Says when it is ready, runs the solver, and returns what makes an `Outcome` as a pickle.

    A solver that can prove a bound has a parameter `proof` to leave it in.

    A solver may fail in any way, and that is its outcome: nothing is hidden by catching it here.
    """
    ready = pickle.dumps(None)
    try:
        solver = _load(path)
        case, time_limit, seed, start = pickle.loads(arguments)
    except (Exception, SystemExit) as error:
        _write_frame(answers, ready)
        return _failure(error, 0.0)
    _write_frame(answers, ready)
    proof = Proof()
    began = time.perf_counter()

    if asked.until is not None:  # the clock is the same in all processes
        time_limit = asked.until - began
        if time_limit <= 0:
            return pickle.dumps((None, 0.0, None, None))

    silent = [began]  # until then nothing is told: telling is not to take the solver's time

    def found(better: Any) -> None:
        now, spent = time.perf_counter(), time.thread_time()
        if now >= silent[0]:
            _write_frame(answers, pickle.dumps(Found(now - began, better)))
            silent[0] = now + max(RARELY, 20 * (time.thread_time() - spent))

    wanted: dict[str, Any] = {"found": found if asked.watch else None}
    wanted |= {"cores": asked.cores, "iterations": asked.iterations, "proof": proof}
    known = inspect.signature(solver).parameters
    options = {key: it for key, it in wanted.items() if it is not None and key in known}
    if limit is not None:  # ends an orphan whose solver never lets go of the interpreter
        faulthandler.dump_traceback_later(limit + GRACE, exit=True)
    try:
        solution = solver(case, time_limit=time_limit, seed=seed, start=start, **options)
        seconds = time.perf_counter() - began
        return pickle.dumps((solution, seconds, None, proof.bound))
    except (Exception, SystemExit) as error:
        return _failure(error, time.perf_counter() - began)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _failure(error: BaseException, seconds: float) -> bytes:
    return pickle.dumps((None, seconds, _one_line(f"{type(error).__name__}: {error}"), None))


@functools.cache
def _load(path: str) -> Callable[..., Any]:
    """The function ``module:function``, after the imports that its body would do.

    Solvers import heavy packages when called; done here, that is outside the time they are given.
    """
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    for statement in _imports(function, set()):
        code = compile(ast.Module([statement], []), f"<imports of {path}>", "exec")
        with contextlib.suppress(ImportError):  # the call will raise it, or knows a way round it
            exec(code, {"__name__": module, "__package__": module.rpartition(".")[0]})
    return function


def _imports(code: object, seen: set[object]) -> Iterator[ast.stmt]:
    """The import statements in a function's or class's body and in those of nco that it names."""
    if not isinstance(code, FunctionType | type) or code in seen:
        return
    seen.add(code)
    try:
        source = inspect.getsource(code)
    except (OSError, TypeError):  # installed without sources: then the first call imports
        return
    names = vars(sys.modules[code.__module__])
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.Name) and node.id in names:
            named = names[node.id]
            if getattr(named, "__module__", None) == code.__module__:
                yield from _imports(named, seen)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id)  # as in `cpsat.solve(...)`
            if isinstance(module, ModuleType) and module.__name__.startswith("nco."):
                yield from _imports(getattr(module, node.attr), seen)

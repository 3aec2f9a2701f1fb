"""Labelled sets that a child process makes while this one trains.

Parent and child speak in lines of JSON. The parent says once which chunks of which sets are to be
made and in which order, and then how far to go; the child answers with every chunk that it has
made. It ends when the parent closes the pipe or dies. What has been made is on the disk, so that
whoever comes next goes on from there.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from nco.core.errors import NCOError
from nco.labels.store import LabelSpec, chunk_digests, chunk_path, claim, complete, file_digest

POLL = 0.05  # seconds between two looks for a chunk's file
LATE = 4.0  # seconds in which a child ends what it is writing


@dataclass(frozen=True)
class Product:
    """A set that is to be made.

    Attributes:
        spec: what it holds.
        folder: where it is kept.
        base: the set that it improves.
    """

    spec: LabelSpec
    folder: Path
    base: Path | None = None

    def missing(self) -> list[int]:
        """The chunks that have to be made; damaged ones are deleted first.

        A set that was stopped just before its end is completed.

        Raises:
            NCOError: where the folder holds another set.
        """
        claim(self.spec, self.folder)
        digests = chunk_digests(self.folder)
        missing = []
        for index in range(self.spec.chunks()):
            path = chunk_path(self.folder, index)
            if digests is not None and path.exists() and file_digest(path) != digests[index]:
                path.unlink()
            if not path.exists():
                missing.append(index)
        if not missing and digests is None:
            complete(self.folder)
        return missing

    def wait(self, index: int) -> None:
        """Returns when the file of chunk `index` is there, which another process makes."""
        while not chunk_path(self.folder, index).exists():
            time.sleep(POLL)


class Production:
    """A child process that makes chunks of labelled sets in a given order.

    Args:
        products: the sets.
        order: (number of the set, chunk), each once, as they will be needed.
        workers: solvers at a time.
        ahead: make all chunks at once; otherwise each when it is waited for.
        made: told the number of a set and the chunk that was made, on another thread.
    """

    def __init__(
        self,
        products: Sequence[Product],
        order: Sequence[tuple[int, int]],
        *,
        workers: int,
        ahead: bool,
        made: Callable[[int, int], None],
    ) -> None:
        self._place = {chunk: place for place, chunk in enumerate(order)}
        self._products, self._asked, self._errors = list(products), 0, list[str]()
        self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by `stop`
        # The parent's sys.path, and not the child's working folder, says what is imported.
        path = f"import sys; sys.path[:] = {sys.path!r}"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"{path}; from nco.labels.produce import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
        )
        # The thread and the finalizer do not hold this object, so that it can be freed.
        listener = threading.Thread(
            target=_listen, args=(self._process.stdout, made, self._errors), daemon=True
        )
        self._finish = weakref.finalize(self, _end, self._process, listener, self._log)
        listener.start()
        self._tell(_task(products, order, workers))
        if ahead:
            self._ask(len(order))

    def wait(self, number: int, chunk: int) -> None:
        """Returns when the file of a chunk of set `number` is there.

        Raises:
            NCOError: where the child could not make it.
        """
        path = chunk_path(self._products[number].folder, chunk)
        if (number, chunk) in self._place:
            self._ask(self._place[number, chunk] + 1)
        while not path.exists():
            if not self._finish.alive or self._process.poll() is not None:
                if not path.exists():
                    raise NCOError(self._why())
                return
            time.sleep(POLL)

    def stop(self) -> None:
        """Ends the child; what it has not finished is made by the next run."""
        self._finish()

    def _ask(self, count: int) -> None:
        if count > self._asked:
            self._asked = count
            self._tell(count)

    def _tell(self, message: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # of a child that has ended `wait` says why
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _why(self) -> str:
        """In one line why the child has ended."""
        if not self._finish.alive:
            return "labels: their production was stopped"
        time.sleep(POLL)  # the listener may be about to read the child's last line
        if self._errors:
            return self._errors[-1]
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, end - 10_000))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"labels: the process that makes them ended ({lines[-1] if lines else 'no word'})"


def _task(
    products: Sequence[Product], order: Sequence[tuple[int, int]], workers: int
) -> dict[str, Any]:
    """What the child is told first."""
    sets = [
        {
            "spec": asdict(product.spec),
            "folder": str(product.folder),
            "base": None if product.base is None else str(product.base),
        }
        for product in products
    ]
    modules = {module for product in products for module in _modules(product.spec.problem)}
    return {"sets": sets, "order": order, "workers": workers, "modules": sorted(modules)}


def _modules(description: Any) -> Iterator[str]:
    """The modules of all classes that a description names."""
    if isinstance(description, dict):
        if isinstance(description.get("class_path"), str):
            yield description["class_path"].rpartition(".")[0]
        for value in description.values():
            yield from _modules(value)
    elif isinstance(description, list):
        for value in description:
            yield from _modules(value)


def _listen(pipe: IO[str], made: Callable[[int, int], None], errors: list[str]) -> None:
    """Reads the child's answers until it ends."""
    with contextlib.suppress(ValueError):  # the pipe is closed
        for line in pipe:
            answer = json.loads(line)
            if "error" in answer:
                errors.append(answer["error"])
            else:
                made(*answer["made"])


def _end(process: "subprocess.Popen[str]", listener: threading.Thread, log: IO[bytes]) -> None:
    """Closes the pipe, upon which the child ends, and waits for it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(LATE + 1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if listener is not threading.current_thread():
        listener.join()
    process.stdout.close()
    log.close()


# --------------------------------------------------------------------------------------------------
# The child


def main() -> None:
    """Makes what the parent asks for on stdin, until that is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored by the parent
    task = json.loads(sys.stdin.readline())
    asked = _Asked()
    threading.Thread(target=asked.listen, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            for number, chunk in _produced(task, asked):
                print(json.dumps({"made": [number, chunk]}), file=answers, flush=True)
        except NCOError as error:
            print(json.dumps({"error": str(error)}), file=answers, flush=True)
    os._exit(0)  # nothing is left to do, and a solver's thread may hang


class _Asked:
    """How far the parent wants the child to go."""

    def __init__(self) -> None:
        self._count, self._more = 0, threading.Condition()

    def listen(self) -> None:
        """Reads numbers from stdin; interrupts the main thread when the parent has ended."""
        for line in sys.stdin:
            with self._more:
                self._count = int(line)
                self._more.notify()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(LATE)
        os._exit(1)

    def wait(self, place: int) -> None:
        """Returns when the chunk at `place` of the order is wanted."""
        with self._more:
            self._more.wait_for(lambda: self._count > place)


def _produced(task: dict[str, Any], asked: _Asked) -> Iterator[tuple[int, int]]:
    """Makes the chunks in order; each set is completed after its last one."""
    from nco.labels.make import Maker
    from nco.workers.pool import Workers

    for module in task["modules"]:  # of a user: the parent has imported them as well
        importlib.import_module(module)
    left = [
        sum(number == index for number, _ in task["order"]) for index in range(len(task["sets"]))
    ]
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(Workers(task["workers"]))
        makers: dict[int, Maker] = {}
        for place, (number, chunk) in enumerate(task["order"]):
            asked.wait(place)
            if number not in makers:
                item = task["sets"][number]
                base = None if item["base"] is None else Path(item["base"])
                maker = Maker(LabelSpec(**item["spec"]), Path(item["folder"]), pool, base)
                makers[number] = stack.enter_context(maker)
            if makers[number].lacks(chunk):
                makers[number].make(chunk)
            left[number] -= 1
            if not left[number]:
                makers[number].complete()
            yield number, chunk

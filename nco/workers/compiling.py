"""Compiles the kernels of solvers, so that no answer has to wait for it.

Compiled code is kept between processes (`nco.problems._common.kernels.cache`). Where it is not
there yet, a process in the background makes it, and `solve` uses other solvers until it has.
"""

import contextlib
import functools
import importlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from nco.problems._common.kernels import cache
from nco.registry.interface import Solver

ABANDONED = 900.0  # seconds after which whoever was compiling must have been killed
NICENESS = 19  # of the process in the background: answers come first
AUTOGROUP = Path("/proc/self/autogroup")


def is_ready(solver: Solver[Any]) -> bool:
    """Whether a call of the solver begins to search at once."""
    if not solver.kernels or os.environ.get("NUMBA_DISABLE_JIT") == "1":
        return True
    return cache.is_ready(solver.kernels)


@functools.cache  # a solver's next call finds all of it in memory
def compile_now(kernels: str) -> None:
    """Compiles the kernels of a module in this process, or reads them from the cache.

    Args:
        kernels: the module's name, as a `Solver` states it.
    """
    importlib.import_module(kernels).compile_kernels()
    cache.mark_ready(kernels)


def begin(solver: Solver[Any]) -> None:
    """Has a process in the background compile the solver's kernels, unless one is at it.

    It goes on when this process ends. Nothing happens where no folder can keep what it makes.
    """
    folder = cache.folder()
    if folder is None or is_ready(solver) or not _claim(folder / f"{solver.kernels}.lock"):
        return
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from nco.workers.compiling import in_background; in_background({solver.kernels!r})"
    )
    with contextlib.suppress(OSError):  # no process can be started: the others will do
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # so that it does not stay as a zombie in the table of processes
        threading.Thread(target=process.wait, daemon=True).start()


def in_background(kernels: str) -> None:
    """What that process does."""
    give_way()
    folder = cache.folder()
    try:
        compile_now(kernels)
    finally:
        if folder is not None:
            (folder / f"{kernels}.lock").unlink(missing_ok=True)


def give_way() -> None:
    """Lets all other processes go first, those of other sessions too.

    Linux shares a core between sessions (autogroups, sched(7)) before it looks at the niceness of
    their processes, so that a session of its own must state a niceness as well.
    """
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):  # another system, or a kernel without such groups
        AUTOGROUP.write_text(str(NICENESS))


def _claim(lock: Path) -> bool:
    """Makes the file, or takes over one that was left behind; False where somebody is at work."""
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(dir=lock.parent) as fresh:
        # both times are of the file system, whatever the clock of this machine says
        if Path(fresh.name).stat().st_mtime - lock.stat().st_mtime > ABANDONED:
            lock.unlink()
    try:
        lock.touch(exist_ok=False)
    except OSError:
        return False
    return True

"""Where compiled kernels are kept from one process to the next; numba is not imported here."""

import functools
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROBLEMS = Path(__file__).parents[2]


def folder() -> Path | None:
    """A folder of this package version's compiled code that can be written to; it exists.

    The first of these that works: under ``NUMBA_CACHE_DIR``, under the user's cache folder, under
    the temporary folder. None where none works; kernels are then compiled in each process.
    """
    for base in _bases():
        path = base / fingerprint()
        if _writable(path):
            return path
    return None


def is_ready(name: str) -> bool:
    """Whether the kernels of this name were compiled to the end here: their first call is quick."""
    path = folder()
    return path is not None and (path / f"{name}.ready").exists()


def mark_ready(name: str) -> None:
    """Notes that all kernels of this name are in the folder."""
    path = folder()
    if path is not None:
        (path / f"{name}.ready").touch()


@functools.cache
def fingerprint() -> str:
    """Names what compiled code depends on: all kernels' sources, numba, Python and the processor.

    numba itself looks at one source file a function, so that a change in another one, which it
    calls, would go unnoticed. But it keeps the code of each file by its place and time, so that
    another copy of the package finds nothing there.
    """
    digest = hashlib.sha256()
    for path in sorted(PROBLEMS.glob("*/kernels/**/*.py")):
        stamp = f"{path}\0{path.stat().st_mtime_ns}\0"
        digest.update(stamp.encode() + path.read_bytes())
    for part in (_version("numba"), _version("llvmlite"), sys.version, _processor()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _processor() -> str:
    """The model and the features of the first core, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    first = text.split("\n\n")[0].splitlines()
    kept = ("model name", "flags", "Features", "CPU part")
    return platform.machine() + "".join(line for line in first if line.startswith(kept))


def _bases() -> Iterator[Path]:
    if stated := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(stated)
    if (cache := _user_cache()) is not None:
        yield cache / "nco" / "kernels"
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # there is none that can be written to
        return
    yield temporary / f"nco-kernels-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _user_cache() -> Path | None:
    if stated := os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA"):
        return Path(stated)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return None


def _writable(path: Path) -> bool:
    """Whether the folder is there, or can be made, belongs to this user and takes a file.

    Compiled code of somebody else, who could have made the temporary folder first, is not run.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            return False
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False

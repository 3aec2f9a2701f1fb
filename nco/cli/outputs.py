"""Where results go: asked before anything runs, so that no work is lost to a slip; and written."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nco.core.errors import NCOError

if TYPE_CHECKING:
    from nco.solving.solution import Solution

PATIENCE = 1.0  # seconds after which it is said what is being written

# what pictures can be written as, by the ending: a page, and the formats of matplotlib's Figure
PICTURES = ("html", "png", "svg", "pdf", "jpg", "jpeg", "webp", "tif", "tiff", "eps", "ps", "svgz")


def picture(flag: str, path: str | None, formats: Sequence[str] = PICTURES) -> None:
    """Asks whether a picture can be written there.

    Args:
        flag: the option that names the file, for the message.
        path: None, where none is asked for.
        formats: endings that can be written.

    Raises:
        NCOError: for an ending of no picture format, or a place that cannot be written to.
    """
    if path is None:
        return
    ending = Path(path).suffix[1:].lower()
    if ending not in formats:
        written = f"not as .{ending}" if ending else "and the ending says as which"
        raise NCOError(f"{flag} {path}: pictures are written as {', '.join(formats)}, {written}")
    writable(flag, path)


def solution(flag: str, path: str | None, inputs: Iterable[str] = ()) -> None:
    """Asks whether a solution can be written there.

    Args:
        flag, path: as of `picture`.
        inputs: files that must not be overwritten: the instance, tables beside it, plans.

    Raises:
        NCOError: for the ending of another format, an input file, or a place that cannot be
            written to.
    """
    if path is None:
        return
    if any(Path(path).resolve() == Path(file).resolve() for file in inputs):
        raise NCOError(
            f"{flag} {path}: is one of the files that are read, and would be lost: name another"
        )
    from nco.solving import saving

    saving.check_ending(Path(path))
    writable(flag, path)


def writable(flag: str, path: str) -> None:
    """Raises NCOError where a file of that name cannot be written."""
    target = Path(path)
    if target.is_dir():
        raise NCOError(f"{flag} {path}: is a folder; name a file in it")
    if not target.parent.is_dir():
        raise NCOError(f"{flag} {path}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK) or (target.exists() and not os.access(target, 2)):
        raise NCOError(f"{flag} {path}: cannot be written (no permission)")


def folder(flag: str, path: str) -> None:
    """Asks whether a folder can be made there, or written to; makes nothing.

    Raises:
        NCOError: where a file is in the way, or leave to write is missing.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise NCOError(f"{flag} {path}: cannot be made a folder (File exists)")
    there = next(each for each in (target, *target.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NCOError(f"{flag} {path}: cannot be made a folder ({there} is a file)")
    if not os.access(there, os.W_OK):
        raise NCOError(f"{flag} {path}: cannot be written (no permission in {there})")


def keep(solution: "Solution", plot: str | None, save: str | None) -> bool:
    """Writes what was asked for, and says so.

    Returns:
        Whether all of it was written; else stderr says what was not.
    """
    complete = True
    if save:
        complete = _written("saving", save, lambda: solution.save(save))
    if plot:  # whatever became of the other
        complete = _written("drawing", plot, lambda: _draw(solution, Path(plot))) and complete
    return complete


def _written(doing: str, path: str, write: Callable[[], None]) -> bool:
    try:
        with _saying(f"{doing} {path} ..."):
            write()
    except Exception as error:  # the other file may still be written
        return _complain(path, error)
    print(f"nco: wrote {path} ({_size(path)})", file=sys.stderr, flush=True)
    return True


@contextlib.contextmanager
def _saying(words: str) -> Iterator[None]:
    """Prints what is being done, where that takes longer than people wait in silence."""

    def say() -> None:
        print(f"nco: {words}", file=sys.stderr, flush=True)

    timer = threading.Timer(PATIENCE, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _size(path: str) -> str:
    size = Path(path).stat().st_size
    return f"{size} bytes" if size < 1000 else f"{size / 1000:,.0f} kB"


def _complain(path: str, error: Exception) -> bool:
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    own = isinstance(error, NCOError)
    words = str(error) if own else f"{path}: cannot be written ({reason})"
    print(f"nco: {' '.join(words.split())}", file=sys.stderr)
    return False


def _draw(solution: "Solution", path: Path) -> None:
    from nco.core import atomic
    from nco.solving import picture

    atomic.write_bytes(path, picture.written(solution, path.suffix[1:]))

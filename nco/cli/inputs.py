"""The FILES of a command line: folders, patterns, compressed files, and the standard input."""

import contextlib
import glob
import gzip
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from nco.core.errors import InstanceError, NCOError

STDIN = "-"
LARGEST = 2**30  # bytes of a file that is unpacked
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@contextlib.contextmanager
def opened(words: Sequence[str], problem: str | None = None) -> Iterator[dict[str, str]]:
    """The files that are meant, each by the name to show and the path to read.

    Args:
        words: paths, ``example:NAME``, folders (their instance files), patterns with ``*`` (which
            some shells leave to the program), files that end in ``.gz``, and ``-``, the standard
            input.
        problem: of all of them, where the files do not tell.

    Yields:
        Names to paths, each once; unpacked copies are there until the context ends.

    Raises:
        NCOError: for an address of the web, or where a folder or pattern has no instance.
    """
    if not any(_is_special(word) for word in words):
        yield {word: word for word in words}
        return
    with tempfile.TemporaryDirectory(prefix="nco-") as place:
        found: dict[str, str] = {}
        for word in words:
            for name in _names(word, problem):
                if name == STDIN:
                    found[name] = _copy(sys.stdin.buffer.read(), Path(place), "stdin")
                elif name.endswith(".gz"):
                    found[name] = _copy(_unpacked(Path(name)), Path(place), Path(name).stem)
                else:
                    found[name] = name
        yield found


def plan(option: str, path: str | None) -> None:
    """Refuses a plan's file that is not there, before anything is announced or runs.

    Raises:
        NCOError: with the option and the path.
    """
    if path is not None and not Path(path).is_file():
        raise NCOError(f"{option} {path}: no such file; it is a plan, such as --save writes")


def _is_special(word: str) -> bool:
    if ADDRESS.match(word):
        raise NCOError(f"{word}: an address of the web; download it first, such as by curl -LO")
    return (
        word == STDIN
        or word.endswith(".gz")
        or any(c in word for c in "*?[")
        or Path(word).is_dir()
    )


def _names(word: str, problem: str | None) -> list[str]:
    """What a folder or a pattern stands for; another word for itself."""
    if Path(word).is_dir():
        files = [str(path) for path in sorted(Path(word).iterdir()) if path.is_file()]
        found = [file for file in files if _is_instance(file, problem)]
        if not found:
            raise NCOError(f"{word}: no file of this folder is recognised as an instance")
        return found
    if any(c in word for c in "*?[") and not Path(word).exists():
        found = sorted(path for path in glob.glob(word, recursive=True) if Path(path).is_file())
        if not found:
            raise NCOError(f"{word}: no file has such a name")
        return found
    return [word]


def _is_instance(file: str, problem: str | None) -> bool:
    """Whether a problem knows the file by its content."""
    from nco import registry

    try:
        data = _unpacked(Path(file)) if file.endswith(".gz") else Path(file).read_bytes()
    except (OSError, NCOError):
        return False
    if b"\0" in data or not data.strip():
        return False
    text = data.decode("utf-8-sig", errors="replace")
    names = [problem] if problem is not None else registry.names()
    return any(registry.folder(name).files.recognise(text) for name in names)


def _unpacked(path: Path) -> bytes:
    """The content of a compressed file."""
    try:
        with gzip.open(path) as file:
            data = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InstanceError(f"cannot be unpacked: {reason}", path=path) from error
    if len(data) > LARGEST:
        raise InstanceError("larger than a gigabyte when unpacked", path=path)
    return data


def _copy(data: bytes, place: Path, name: str) -> str:
    """A file of that name in a folder of its own."""
    path = Path(tempfile.mkdtemp(dir=place)) / name
    path.write_bytes(data)
    return str(path)


def renamed(error: NCOError, name: str, path: str) -> NCOError:
    """An error that names what the user gave, not the copy that was read."""
    return error if name == path else NCOError(str(error).replace(path, name))

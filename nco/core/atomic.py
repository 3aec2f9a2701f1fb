"""Files that are either the old one or the new one, whole, whenever the machine stops."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # not on Windows, where two processes had better not write the same
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of a file that does not say which, such as that of a full disk, names `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Writes beside the target, flushes to the disk, and renames over it.

    Raises:
        OSError: with the name of the file, which is as it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path), open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 as `write_bytes` does."""
    write_bytes(path, text.encode())


def sha256(data: bytes) -> str:
    """The checksum in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Lock:
    """Keeps other processes from writing what belongs to a file; ends with the process, too.

    Args:
        path: an existing file, which may be replaced (`write_bytes`) by whoever holds the lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Waits until no other process holds the lock."""
        while fcntl is not None:
            file = open(self.path, "rb+")  # noqa: SIM115  closed by release
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_ino == os.stat(self.path).st_ino:
                self._file = file
                return
            file.close()  # the file was replaced while this process waited

    def release(self) -> None:
        """Lets the next one in."""
        if self._file is not None:
            self._file.close()
            self._file = None

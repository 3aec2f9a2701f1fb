"""Files that are either the old one or the new one, whole, whenever the machine stops."""

import contextlib
import hashlib
import os
from pathlib import Path


def write_bytes(path: Path, data: bytes) -> None:
    """Writes beside the target, flushes to the disk, and renames over it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

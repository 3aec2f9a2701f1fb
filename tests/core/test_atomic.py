"""Locks on files that are replaced while somebody waits."""

import threading
from pathlib import Path

import pytest

from nco.core import atomic


@pytest.mark.skipif(atomic.fcntl is None, reason="this system has no such locks")
@pytest.mark.parametrize("replaced", [False, True])
def test_one_holder_at_a_time(tmp_path: Path, replaced: bool) -> None:
    """Also where the holder writes the file anew, so that the waiting one has opened an old one."""
    path = tmp_path / "set.json"
    path.write_text("old")
    first, second = atomic.Lock(path), atomic.Lock(path)
    seen: list[str] = []

    def wait() -> None:
        second.acquire()
        seen.append(path.read_text())
        second.release()

    first.acquire()
    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    if replaced:
        atomic.write_text(path, "new")
    first.release()
    waiting.join(5)
    assert seen == ["new" if replaced else "old"]

"""Where compiled code is kept: the first folder that works, by all that it depends on."""

import os
import tempfile
from pathlib import Path

import pytest

from nco.problems._common.kernels import cache

VARIABLES = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any of the variables, whose home and temporary folder are here."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(cache, "fingerprint", lambda: "print")
    return tmp_path


def blocked(path: Path) -> None:
    """A file in the place of a folder: nothing can be made below it, whoever asks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_the_folder_that_is_stated_comes_first(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the user's cache, then the temporary folder; each where those before do not work."""
    user = f"nco-kernels-{os.getuid()}"
    assert cache.folder() == places / "home/.cache/nco/kernels/print"
    monkeypatch.setenv("XDG_CACHE_HOME", str(places / "xdg"))
    assert cache.folder() == places / "xdg/nco/kernels/print"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(places / "stated"))
    assert cache.folder() == places / "stated/print"
    blocked(places / "blocked")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(places / "blocked"))
    assert cache.folder() == places / "xdg/nco/kernels/print"
    monkeypatch.setenv("XDG_CACHE_HOME", str(places / "blocked"))
    assert cache.folder() == places / "temporary" / user / "print"
    blocked(places / "temporary" / "other")
    monkeypatch.setattr(tempfile, "tempdir", str(places / "temporary/other"))
    assert cache.folder() is None


def test_a_folder_is_made_for_its_user_alone(places: Path) -> None:
    """And leaves nothing of its trial behind."""
    folder = cache.folder()
    assert folder is not None
    assert folder.stat().st_mode & 0o077 == 0
    assert list(folder.iterdir()) == []


def test_code_of_somebody_else_is_not_run(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that belongs to another user is passed over."""
    assert cache.folder() is not None
    monkeypatch.setattr(cache.os, "getuid", lambda: os.geteuid() + 1)
    assert cache.folder() is None


def test_kernels_are_ready_once_they_are_marked(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their name, and of this version only."""
    assert not cache.is_ready("some.kernels")
    cache.mark_ready("some.kernels")
    assert cache.is_ready("some.kernels")
    assert not cache.is_ready("other.kernels")
    monkeypatch.setattr(cache, "fingerprint", lambda: "later")
    assert not cache.is_ready("some.kernels")


def test_without_a_folder_nothing_is_ready(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is noted."""
    monkeypatch.setattr(cache, "folder", lambda: None)
    cache.mark_ready("some.kernels")
    assert not cache.is_ready("some.kernels")


def test_a_fingerprint_depends_on_every_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text, its place, its time, and the versions; not on what is no kernel."""
    source = tmp_path / "problems/tsp/kernels/deep/moves.py"
    source.parent.mkdir(parents=True)
    source.write_text("x = 1\n")
    monkeypatch.setattr(cache, "PROBLEMS", tmp_path / "problems")

    def printed() -> str:
        return cache.fingerprint.__wrapped__()

    first = printed()
    assert first == printed()
    assert len(first) == 16
    (tmp_path / "problems/tsp/files.py").write_text("y = 1\n")
    assert printed() == first
    moment = source.stat().st_mtime_ns
    source.write_text("x = 2\n")
    os.utime(source, ns=(moment, moment))
    second = printed()
    os.utime(source, ns=(moment + 1, moment + 1))
    third = printed()
    monkeypatch.setattr(cache, "_version", lambda package: "0")
    assert len({first, second, third, printed()}) == 4


def test_the_processor_is_known_or_named_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, the platform's own words do."""
    assert cache._processor()

    def missing(self: Path, **_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert cache.platform.machine() in cache._processor()
    assert cache._version("no-such-package") == "none"

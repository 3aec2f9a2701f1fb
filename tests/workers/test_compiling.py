"""Kernels are compiled in the background, once, and a solver is used when they are ready."""

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import nco
from nco import registry
from nco.problems._common.kernels import cache
from nco.solving import group
from nco.solving.options import Options
from nco.workers import compiling

SOLVER = registry.folder("tsp").solver("oropt")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a fresh install."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of processes that would have been started."""
    commands: list[list[str]] = []

    def start(command: list[str], **_: object) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(wait=lambda: 0)

    processes = SimpleNamespace(Popen=start, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(compiling, "subprocess", processes)
    return commands


def test_a_fresh_install_compiles_in_the_background(empty: Path, started: list[list[str]]) -> None:
    """The solver is left out until then; only one process compiles, however many ask."""
    case = registry.folder("tsp").files.from_arrays({"coords": [[i, i * i] for i in range(30)]})
    assert not compiling.is_ready(SOLVER)
    names = [solver.name for solver in group.improvers_of(case, Options())]
    assert SOLVER.name not in names
    assert "ortools" in names
    compiling.begin(SOLVER)
    assert len(started) == 1
    assert SOLVER.kernels in started[0][-1]
    cache.mark_ready(SOLVER.kernels)
    assert SOLVER.name in [solver.name for solver in group.improvers_of(case, Options())]
    assert len(started) == 1


def test_a_lock_that_was_left_behind_is_taken_over(empty: Path, started: list[list[str]]) -> None:
    """Whoever compiled may have been killed."""
    compiling.begin(SOLVER)
    folder = cache.folder()
    assert folder is not None
    lock = folder / f"{SOLVER.kernels}.lock"
    old = lock.stat().st_mtime - 2 * compiling.ABANDONED
    os.utime(lock, (old, old))
    compiling.begin(SOLVER)
    assert len(started) == 2


def test_solvers_without_kernels_are_ready(empty: Path, started: list[list[str]]) -> None:
    """So is every solver where numba is told to compile nothing."""
    plain = replace(SOLVER, kernels="")
    assert compiling.is_ready(plain)
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    try:
        assert compiling.is_ready(SOLVER)
    finally:
        del os.environ["NUMBA_DISABLE_JIT"]
    compiling.begin(plain)
    assert not started


def test_no_folder_takes_compiled_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    """Nothing crashes, nothing is started, and other solvers answer."""
    monkeypatch.setattr(cache, "folder", lambda: None)
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    assert not compiling.is_ready(SOLVER)
    compiling.begin(SOLVER)
    assert not started
    solution = nco.solve({"coords": [[i, i * i] for i in range(30)]}, time_limit=1.0, model="none")
    assert solution.feasible
    assert all("oropt" not in line for line in solution.plan)


@pytest.mark.skipif(not compiling.AUTOGROUP.exists(), reason="a Linux with autogroups")
def test_compiling_gives_way_to_other_sessions() -> None:
    """Linux looks at the niceness of a session before that of its processes."""
    code = (
        "from nco.workers import compiling; compiling.give_way(); "
        "print(compiling.AUTOGROUP.read_text(), open('/proc/self/stat').read().split()[18])"
    )
    said = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    ).stdout
    assert re.fullmatch(r"/autogroup-\d+ nice 19\n 19\n", said)


@pytest.mark.slow
def test_the_first_call_of_a_fresh_install_meets_its_deadline(empty: Path) -> None:
    """It is answered by others; the kernels are there for a later one."""
    cities = {"coords": [[i * i % 97, i * 31 % 89] for i in range(80)]}
    begin = time.perf_counter()
    assert nco.solve(cities, time_limit=1.0, model="none").feasible
    assert time.perf_counter() - begin < 3
    until = time.perf_counter() + 300
    while not compiling.is_ready(SOLVER) and time.perf_counter() < until:
        time.sleep(1)
    assert compiling.is_ready(SOLVER)

"""Calls on many threads: what each gets, what it says of it, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import child_solvers as faulty
import numpy as np
import pytest

import nco
from nco.registry import sources
from nco.registry.interface import Solver
from nco.solving import group
from nco.workers import lanes

BUSY = Solver(faulty.busy, found=True)
LATE = 5.0  # seconds that a loaded machine may take for what takes milliseconds


def points(count: int = 12) -> Any:
    """On a circle, in order, so that this order is the best tour."""
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """The results of calls on so many threads that begin together."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = call(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[nco.Session]:
    """A session of two cores and four workers, whose solver of tours works until its time is up.

    The construction is a bad tour.
    """
    case = type(sources.as_case(points()))
    monkeypatch.setattr(case, "construct", lambda self: [1, 0, *range(2, self.size)])
    monkeypatch.setattr(group, "improvers_of", lambda case, options: [BUSY])
    with nco.Session(cores=2, workers=4) as session:
        for core in range(4):
            session._lanes.lane(core).workers.warm(BUSY)
        yield session


@pytest.mark.long
def test_threads_share_the_cores_and_say_so(busy: nco.Session) -> None:
    """Four calls at once all have a child, which the first one must share as well."""
    begin = time.perf_counter()
    found = at_once(4, lambda seed: busy.solve(points(), model="none", time_limit=2.5, seed=seed))
    assert time.perf_counter() - begin < 2.5 + LATE
    for one in found:
        assert one.found_by == "busy"  # the best tour, which its child has told
        assert one.plan[0].startswith("4 calls at once: ")
        assert any("4 calls at once on 2 cores" in fault for fault in one.faults), one.faults
    kept = [
        [line for line in one.plan if "busy" in line and "gave way" not in line] for one in found
    ]
    assert [len(lines) for lines in kept] == [1, 1, 1, 1]


def test_a_call_that_finds_no_worker_says_so(busy: nco.Session) -> None:
    """Above the workers it waits in line, and then has its construction in time."""
    held = [busy._lanes.lease(1) for _ in range(4)]
    begin = time.perf_counter()
    found = busy.solve(points(), model="none", time_limit=0.3)
    assert 0.2 < time.perf_counter() - begin < 0.3 + LATE
    assert (found.status, found.found_by) == ("FEASIBLE", "construction")
    assert found.faults[0].startswith("no solver began, after 0.")
    assert "in line" in found.faults[0]
    assert found.plan == ["nothing: no worker was free in time"]
    threading.Timer(0.2, held[0].release).start()
    found = busy.solve(points(), model="none", time_limit=1.5)
    assert found.found_by == "busy"
    assert found.faults[0].startswith("waited 0.")


def test_a_solver_that_never_began_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process needs longer to start than there is."""
    monkeypatch.setattr(group, "improvers_of", lambda case, options: [BUSY])
    monkeypatch.setattr(group, "LOADING", 0.0)
    with nco.Session(cores=1) as session:
        found = session.solve(points(), model="none", time_limit=0.1)
        late = session.solve(points(), model="none", time_limit=1e-4)
    assert found.found_by == late.found_by == "construction"
    assert "never began: its process was " in found.faults[0] or "no solver" in found.faults[0]
    began = ("; never began", "had 0.00 s of a processor")  # where it began as time was up
    assert all(any(words in line for words in began) for line in found.plan), found.plan
    assert late.faults[0].startswith("no solver began: reading and the construction took ")


@pytest.mark.long
def test_sixteen_threads_give_the_answers_of_one(tiny: dict[str, str]) -> None:
    """With the same iterations, networks and classical solvers as well."""
    with nco.Session(workers=3) as session:
        for options in ({"model": tiny["tsp"], "classical": False}, {"model": "none"}):

            def call(seed: int, options: dict[str, Any] = options) -> list[int]:
                found = session.solve(points(), iterations=5, seed=seed % 4, **options)
                assert not found.faults
                return list(found.tour)

            alone = [call(seed) for seed in range(4)]
            assert at_once(16, call) == 4 * alone


def test_a_closed_session_solves_no_more() -> None:
    """One that is closed under a call leaves it what it has."""
    session = nco.Session(cores=1)
    assert session.solve(points(), model="none", time_limit=0.05).feasible
    assert [one.n for one in session.solve_iter([points(5)], model="none", total_time=0.05)] == [5]
    session.close()
    session.close()
    with pytest.raises(nco.NCOError, match="this session is closed"):
        session.solve(points(), time_limit=0.1)


def test_a_session_is_that_of_its_calls_alone() -> None:
    """Between two solutions of an iterator, the caller's own calls are not the session's."""
    with nco.Session(cores=1) as session:
        for _ in session.solve_iter([points(4), points(5)], model="none"):
            assert lanes.current() is not session._lanes
        assert lanes.current() is not session._lanes


def test_wrong_numbers_are_one_line() -> None:
    """Of cores and of workers."""
    with pytest.raises(nco.NCOError, match="cores must be a whole number from 1 on, not 0"):
        nco.Session(cores=0)
    with pytest.raises(nco.NCOError, match="workers must be a whole number from 1 on, not 'x'"):
        nco.Session(workers="x")  # type: ignore[arg-type]


CHILDREN = """
import os, nco
from nco.workers import lanes
for core in range(2): lanes.current().lane(core).workers.warm()
print(*[lane.workers._children[0]._process.pid for lane in lanes.current()._all], flush=True)
"""


@pytest.mark.parametrize("end", ["", "raise ValueError", "os.kill(os.getpid(), 9)", "os._exit(1)"])
def test_nothing_is_left_at_the_end(end: str) -> None:
    """However the process ends: children end with it."""
    done = subprocess.run(
        [sys.executable, "-c", CHILDREN + end], capture_output=True, text=True, timeout=120
    )
    children = [int(number) for number in done.stdout.split()]
    assert children, done.stderr
    _wait_for_the_end_of(children)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_solves_at_once_and_keeps_no_child_of_its_parent() -> None:
    """Children of a parent that dies end, although a fork of it goes on."""
    more = (
        "process = os.fork()\n"
        "if process == 0:\n"
        "    items = {'values': [6, 10], 'weights': [1, 2], 'capacity': 2}\n"
        "    found = nco.solve(items, model='none', time_limit=30)\n"
        "    print('fork', found.status, found.faults, os.getpid(), flush=True)\n"
        "    os.close(1); os.close(2)\n"
        "    import time; time.sleep(60)\n"
        "    os._exit(0)\n"
        "else:\n"
        "    os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", CHILDREN + more], capture_output=True, text=True, timeout=120
    )
    first, second = done.stdout.splitlines()
    word, status, faults, fork = second.split()
    try:
        assert (word, status, faults) == ("fork", "OPTIMAL", "[]"), done.stderr
        _wait_for_the_end_of([int(number) for number in first.split()])
        os.kill(int(fork), 0)
    finally:
        os.kill(int(fork), signal.SIGKILL)


def _wait_for_the_end_of(processes: list[int]) -> None:
    until = time.perf_counter() + 2 * LATE
    while time.perf_counter() < until:
        if not any(_is_alive(process) for process in processes):
            return
        time.sleep(0.05)
    pytest.fail(f"of the processes {processes} some are still there")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False

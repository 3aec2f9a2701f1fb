"""Children that many calls share: who has how many, who waits, and what a fork makes of them."""

import os
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from child_solvers import Plain

from nco.core.errors import NCOError
from nco.registry.interface import Solver
from nco.workers import handle as handle_module
from nco.workers import lanes
from nco.workers.child import PATIENCE
from nco.workers.lanes import Lanes
from nco.workers.pool import Workers

CASE = Plain(name="any")


# Solvers that a child imports from this module.


def work(case, *, time_limit, seed, start=None):
    """Asks for its seconds of a processor, step by step in Python."""
    end = time.perf_counter() + time_limit
    while time.perf_counter() < end:
        pass
    return "done"


def tell_and_work(case, *, time_limit, seed, start=None, found=None):
    found("first")
    return work(case, time_limit=time_limit, seed=seed)


def who(case, *, time_limit, seed, start=None):
    return os.getpid()


def deaf(case, *, time_limit, seed, start=None):
    """Foreign code that hears of no signal."""
    import signal

    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    time.sleep(60.0)


@pytest.fixture
def shared() -> Iterator[Lanes]:
    made = Lanes(cores=4, workers=6)
    yield made
    made.close()


def test_a_call_alone_has_all_cores_and_others_have_their_share(shared):
    """Of k calls each has a k-th part; who has more is asked for it, once it can hear."""
    heard: list[int] = []
    first = shared.lease()
    assert (first.count, first.most) == (4, 1)
    first.on_surplus(heard.append)
    assert heard == []
    second = shared.lease()
    assert (second.count, first.most, second.most) == (2, 2, 2)
    assert heard == [2]
    first.give_back(3)
    first.give_back(2)
    assert len(first) == 2
    third = shared.lease()
    assert third.count == 1
    assert heard == [2]  # two of four are the share of the first of three calls
    for lease in (first, second, third):
        lease.release()
    assert shared.lease().count == 4


def test_a_call_that_listens_late_is_asked_all_the_same(shared):
    """Another one may begin while it makes its plan."""
    heard: list[int] = []
    first = shared.lease()
    shared.lease()
    first.on_surplus(heard.append)
    assert heard == [2]


def test_a_call_that_is_nearly_over_keeps_what_it_has(shared):
    """A child that is stopped for a moment of another call helps nobody."""
    heard: list[int] = []
    first = shared.lease(until=time.perf_counter() + lanes.WORTHWHILE / 2)
    first.on_surplus(heard.append)
    shared.lease()
    assert heard == []


def test_above_the_workers_calls_wait_in_line_within_their_time(shared):
    """In the order in which they came; one whose time is over has nothing."""
    held = [shared.lease(1) for _ in range(6)]
    late = shared.lease(until=time.perf_counter() + 0.05)
    assert (late.count, len(late)) == (0, 0)
    assert late.waited >= 0.05
    order: list[int] = []

    def wait(number: int) -> None:
        with shared.lease(1) as lease:
            assert lease.waited > 0
            order.append(number)
            time.sleep(0.01)

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        while len(shared._line) <= number:
            time.sleep(0.001)
    held[0].release()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2]


def test_a_warm_child_is_used_again(shared):
    """One after another, calls have the same process."""
    found = set()
    for _ in range(3):
        with shared.lease(1) as lease:
            found.add(lease.lane(0).run(CASE, Solver(who), time_limit=None).solution)
    assert len(found) == 1


def test_a_hanging_child_is_left_alone(shared):
    """The next call does not wait for it."""
    with shared.lease(1) as lease:
        handle = lease.lane(0).submit(CASE, Solver(deaf), time_limit=None)
        lease.lane(0)._until = 0.0
    with shared.lease(1) as lease:
        outcome = lease.lane(0).run(CASE, Solver(who), time_limit=None)
    assert outcome.error is None
    assert handle.poll() is None


def test_a_solver_that_is_stopped_leaves_its_child_alive(monkeypatch):
    """What it has told counts, and the same process serves the next run."""
    monkeypatch.setattr(handle_module, "PATIENCE", replace(PATIENCE, stopping=10.0))
    with Workers() as workers:
        before = workers.run(CASE, Solver(who), time_limit=None).solution
        told: list[object] = []
        solver = Solver(tell_and_work, found=True)
        handle = workers.submit(CASE, solver, time_limit=60.0, tell=told.append)
        while not told:
            time.sleep(0.01)
        handle.stop()
        outcome = handle.wait(10.0)
        assert outcome is not None
        assert (outcome.solution, outcome.error) == (None, None)
        assert told[0].solution == "first"
        assert workers.run(CASE, Solver(who), time_limit=None).solution == before


def test_a_solver_that_does_not_hear_is_killed():
    """Soon after it was told to stop."""
    with Workers() as workers:
        before = workers.run(CASE, Solver(who), time_limit=None).solution
        handle = workers.submit(CASE, Solver(deaf), time_limit=60.0)
        while handle.begun is None:
            time.sleep(0.01)
        time.sleep(0.05)
        handle.stop()
        outcome = handle.wait(10.0)
        assert outcome is not None
        assert outcome.error == "stopped"
        assert workers.run(CASE, Solver(who), time_limit=None).solution != before


def test_a_run_knows_what_it_had_of_a_processor():
    """Seconds at work are not seconds that passed, and no other run's."""
    with Workers() as workers:
        workers.run(CASE, Solver(work), time_limit=0.3)
        handle = workers.submit(CASE, Solver(who), time_limit=None)
        handle.wait(10.0)
        usage = handle.usage()
        if usage is None:
            pytest.skip("this system does not tell")
        assert usage.processor < 0.2
        handle = workers.submit(CASE, Solver(work), time_limit=0.3)
        handle.wait(10.0)
        usage = handle.usage()
        assert usage is not None
        assert 0 < usage.processor <= 0.35


def test_numbers_below_one_are_refused():
    """In one line with the value."""
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(NCOError, match=f"cores must be a whole number from 1 on, not {wrong}"):
            Lanes(cores=wrong)
    with pytest.raises(NCOError, match="workers must be"):
        Lanes(workers=0)


def test_closed_is_closed(shared):
    """Calls in line end at once, and nothing new begins."""
    for _ in range(6):
        shared.lease(1)
    failed: list[str] = []

    def wait() -> None:
        try:
            shared.lease(1)
        except NCOError as error:
            failed.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    while not shared._line:
        time.sleep(0.001)
    shared.close()
    thread.join(10)
    assert failed == ["this session is closed"]
    with pytest.raises(NCOError, match="this session is closed"):
        shared.lease()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_has_children_of_its_own(shared):
    """Those of before are the parent's, which goes on with them."""
    with shared.lease(1) as lease:
        before = lease.lane(0).run(CASE, Solver(who), time_limit=None).solution
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
            process = os.fork()
        if process == 0:
            code = 1
            try:
                with shared.lease(1) as own:
                    mine = own.lane(0).run(CASE, Solver(who), time_limit=None).solution
                shared.close()
                code = 0 if isinstance(mine, int) and mine != before else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        assert lease.lane(0).run(CASE, Solver(who), time_limit=None).solution == before


def test_a_solver_is_loaded_beside_the_child_that_is_ready(tmp_path, monkeypatch):
    """While a process loads for later calls, a call has the one that was ready."""
    (tmp_path / "long_nap.py").write_text("import time\ntime.sleep(1.5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    loads = Solver(who, modules=("long_nap",))
    for workers in (2, 1):
        shared = Lanes(cores=1, workers=workers)
        try:
            with shared.lease(1) as lease:
                first = lease.lane(0)
                ready = first.run(CASE, Solver(who), time_limit=None).solution
                lease.warm_another(loads)
            begun = time.perf_counter()
            with shared.lease(1, wanted=loads) as lease:
                assert lease.lane(0).run(CASE, Solver(who), time_limit=None).solution == ready
            assert (time.perf_counter() - begun < 1.0) == (workers == 2)  # else both are one
        finally:
            shared.close()


def test_a_child_that_is_loading_is_waited_for(tmp_path, monkeypatch):
    """It is ready before one that is yet to start, unless it loads for longer than it should."""
    (tmp_path / "short_nap.py").write_text("import time\ntime.sleep(1.0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Lanes(cores=1, workers=4).lease(1) as lease:
        lanes_of, lane = lease._lanes, lease.lane(0)
        lane.submit(CASE, Solver(who, modules=("short_nap",)), time_limit=None)
        while not lane.is_loading():  # its thread is about to begin
            time.sleep(0.001)
    try:
        with lanes_of.lease(1) as lease:
            assert lease.lane(0) is lane
        lane._since -= 60.0
        assert lane.loads_long()
        with lanes_of.lease(1) as lease:
            assert lease.lane(0) is not lane
    finally:
        lanes_of.close()

"""Solvers in child processes: what they return, and that no fault of theirs reaches the parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from child_solvers import Plain

from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry.interface import Solver
from nco.workers import lanes
from nco.workers.pool import Outcome, Workers

CASE = Plain(name="any")


def knapsack() -> Case:
    from nco.problems.knapsack.files import Case as Knapsack  # not in every child

    return Knapsack(values=np.array([6.0, 5, 5]), weights=np.array([6.0, 5, 5]), capacity=10.0)


# Solvers that a child imports from this module.


def tell(case, *, time_limit, seed, start=None):
    return os.getpid(), case.name, time_limit, seed, start


def abort(case, *, time_limit, seed, start=None):
    print("Check failed: 1 == 2", file=sys.stderr, flush=True)
    os.abort()


def leave(case, *, time_limit, seed, start=None):
    os._exit(3)


def sleep(case, *, time_limit, seed, start=None):
    time.sleep(60.0)


def nap(case, *, time_limit, seed, start=None):
    began = time.monotonic()  # one clock for all processes
    time.sleep(0.4)
    return began, time.monotonic()


def fail(case, *, time_limit, seed, start=None):
    raise ValueError("no\nsuch luck")


def exit_politely(case, *, time_limit, seed, start=None):
    raise SystemExit("enough")


def nothing(case, *, time_limit, seed, start=None):
    return None


def unpicklable(case, *, time_limit, seed, start=None):
    return lambda: None


def chatter(case, *, time_limit, seed, start=None):
    os.write(1, b"\0" * 100)
    print("noise")
    return sys.stdin.read()


def lonely(case, *, time_limit, seed, start=None):
    return None


def import_slowly(case, *, time_limit, seed, start=None):
    import slow_module_of_a_test

    return slow_module_of_a_test.__name__


def in_a_row(case, *, time_limit, seed, start=None, found=None):
    """Tells three solutions at once, and nothing more for half a second."""
    for solution in ("first", "second", "third"):
        found(solution)
    time.sleep(0.5)
    found("last")
    return "last"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as started:
        yield started


def call(workers: Workers, function, time_limit: float | None = None, **options) -> Outcome:
    options = {"seed": 0, **options}
    return workers.run(CASE, Solver(function), time_limit=time_limit, **options)


def test_arguments_arrive_and_the_solution_comes_back(workers):
    """Limit, seed and start are those of the call."""
    outcome = call(workers, tell, 1.5, seed=7, start=[2, 1])
    assert outcome.solution[1:] == ("any", 1.5, 7, [2, 1])
    assert outcome.error is None


def test_one_process_serves_all_runs(workers):
    """Two runs have one process, which is not ours."""
    first, second = call(workers, tell), call(workers, tell)
    assert first.solution[0] == second.solution[0] != os.getpid()


def test_start_up_is_paid_once_and_not_counted():
    """A second run is faster, and the first one's seconds are the solver's own."""
    with Workers() as fresh:
        began = time.perf_counter()
        first = call(fresh, tell)
        middle = time.perf_counter()
        call(fresh, tell)
        assert time.perf_counter() - middle < middle - began
        assert first.seconds < 0.5 * (middle - began)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (abort, f"crashed with signal {int(signal.SIGABRT)} (SIGABRT): Check failed: 1 == 2"),
        (leave, "ended with code 3"),
        (fail, "ValueError: no such luck"),
        (exit_politely, "SystemExit: enough"),
    ],
)
def test_a_failing_solver_is_an_error_text_and_the_next_run_works(workers, function, error):
    """A crash, an exit or an exception ends one run only."""
    outcome = call(workers, function)
    assert outcome.solution is None
    assert outcome.error == error
    assert call(workers, tell).solution[1] == "any"


def test_a_hanging_solver_is_killed_after_its_grace(workers):
    """The error says when, and the next run works."""
    outcome = call(workers, sleep, 0.1, grace=0.2)
    assert outcome.error == "timed out after 0.3 s"
    assert 0.2 < outcome.seconds < 3.0
    assert call(workers, tell).error is None


def test_no_solution_is_no_error(workers):
    """A solver may return None."""
    outcome = call(workers, nothing)
    assert outcome.solution is None
    assert outcome.error is None


def test_an_unpicklable_solution_is_an_error(workers):
    """The error says so, and the next run works."""
    assert "unpicklable" in str(call(workers, unpicklable).error)
    assert call(workers, tell).error is None


def test_prints_do_not_disturb_the_protocol(workers):
    """What a solver writes to its outputs is not read as an answer."""
    assert call(workers, chatter) == Outcome("", pytest.approx(0.0, abs=1.0))


def test_a_function_that_cannot_be_imported_is_an_error(workers, monkeypatch):
    """As one that only the parent's path or memory has."""
    monkeypatch.setattr(lonely, "__module__", "no_such_module")
    monkeypatch.setitem(sys.modules, "no_such_module", SimpleNamespace(lonely=lonely))
    outcome = call(workers, lonely)
    assert outcome.error == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_folder_that_is_added_later_is_known(workers, tmp_path, monkeypatch):
    """As in a notebook: the process that runs imports from there."""
    before = call(workers, tell).solution[0]
    (tmp_path / "slow_module_of_a_test.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert call(workers, import_slowly).solution == "slow_module_of_a_test"
    assert call(workers, tell).solution[0] == before


def test_imports_of_a_solver_are_not_counted(tmp_path, monkeypatch):
    """Declared modules are imported before its time begins."""
    (tmp_path / "slow_module_of_a_test.py").write_text("import time; time.sleep(0.5)")
    monkeypatch.syspath_prepend(tmp_path)
    with Workers() as fresh:
        solver = Solver(import_slowly, modules=("slow_module_of_a_test", "no_such_module"))
        outcome = fresh.run(CASE, solver, time_limit=None)
    assert outcome.solution == "slow_module_of_a_test"
    assert outcome.seconds < 0.4


def test_close_does_not_wait_for_what_a_child_loads(tmp_path, monkeypatch):
    """A program that has its answer ends, whatever a process still loads for later calls."""
    (tmp_path / "endless_module_of_a_test.py").write_text("import time; time.sleep(60.0)")
    monkeypatch.syspath_prepend(tmp_path)
    workers = Workers()
    warming = workers.warm_later(Solver(tell, modules=("endless_module_of_a_test",)))
    while not workers.has_started():
        time.sleep(0.01)
    time.sleep(0.3)  # it has been sent what to load
    begin = time.perf_counter()
    workers.close()
    assert time.perf_counter() - begin < 3.0  # the pool itself waits for five seconds
    warming.join(5.0)
    assert not warming.is_alive()
    assert not workers.has_started()


def test_two_workers_run_at_the_same_time_and_a_third_run_waits():
    """The third begins when one of the two has ended."""
    with Workers(2) as pair:
        pair.warm(Solver(nap))
        handles = [pair.submit(CASE, Solver(nap), time_limit=None) for _ in range(3)]
        assert handles[0].poll() is None
        assert handles[0].wait(0.01) is None
        outcomes = [handle.wait() for handle in handles]
    first, second, third = [outcome.solution for outcome in outcomes]
    assert max(first[0], second[0]) < min(first[1], second[1])
    assert third[0] >= min(first[1], second[1])
    assert handles[0].poll() is outcomes[0]


def test_cancel_ends_running_and_waiting_runs(workers):
    """Both have an outcome that says so."""
    running = workers.submit(CASE, Solver(sleep), time_limit=None)
    waiting = workers.submit(CASE, Solver(sleep), time_limit=None)
    waiting.cancel()
    assert waiting.poll() == Outcome(None, 0.0, "cancelled")
    assert running.wait(0.3) is None
    running.cancel()
    assert running.wait(5.0).error == "cancelled"
    assert call(workers, tell).error is None


def test_close_ends_everything_and_is_idempotent():
    """Closing twice is allowed, and afterwards nothing can be submitted."""
    workers = Workers()
    handles = [workers.submit(CASE, Solver(sleep), time_limit=None) for _ in range(2)]
    time.sleep(0.1)
    workers.close()
    workers.close()
    assert [handle.wait(5.0).error for handle in handles] == ["closed", "closed"]
    with pytest.raises(NCOError, match="closed"):
        call(workers, tell)


def test_a_child_dies_with_its_parent():
    """A parent killed in mid-search leaves no orphan, though nobody could say goodbye."""
    code = (
        "import os, sys; from nco.workers.pool import Workers; from child_solvers import Plain;"
        "from nco.registry.interface import Solver;"
        "import test_pool as t; w = Workers(); c = Plain();"
        "print(w.run(c, Solver(t.tell), time_limit=None).solution[0], flush=True);"
        "w.submit(c, Solver(t.sleep), time_limit=None).wait(0.2); os.kill(os.getpid(), 9)"
    )
    search = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    parent = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONPATH": search}
    )
    child = int(parent.stdout)
    for _ in range(100):
        if not _is_alive(child):
            return
        time.sleep(0.05)
    pytest.fail(f"process {child} is still there")


def _is_alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        pass
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not os.path.isdir("/proc/self")


def test_ctrl_c_stays_with_the_parent(workers):
    """The terminal signals a whole session; the child sits in its own and ignores it besides."""
    child = call(workers, tell).solution[0]
    assert os.getsid(child) != os.getsid(0)
    os.kill(child, signal.SIGINT)
    assert call(workers, tell).solution[0] == child


def test_solvers_of_a_problem_run_by_name():
    """A run names a solver of its case's folder."""
    for solver in ("ortools", "cpsat"):
        outcome = lanes.run(knapsack(), solver, time_limit=5.0)
        assert outcome == Outcome([1, 2], outcome.seconds)


def test_unknown_names_are_refused_at_once(workers):
    """The error names the solvers that there are."""
    with pytest.raises(NCOError, match="knapsack has ortools, cpsat"):
        workers.submit(knapsack(), "gurobi", time_limit=1.0)
    with pytest.raises(NCOError, match="count 0"):
        Workers(0)


@pytest.mark.parametrize("module", ["knapsack.classical", "knapsack.files", "tsp.files"])
def test_a_child_never_imports_torch(module):
    """Neither the pool nor files and solvers import it."""
    code = f"import sys, nco.workers.pool, nco.problems.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_latest_of_solutions_that_come_too_fast_is_told_soon(workers: Workers) -> None:
    """What waits when the run ends is left to its outcome."""
    solver = Solver(in_a_row, found=True)
    outcome = workers.run(knapsack(), solver, time_limit=5.0, watch=True)
    told = [(step.solution, step.seconds) for step in outcome.improvements]
    assert [solution for solution, _ in told] == ["first", "third", "last"]
    assert told[1][1] < 0.4
    assert outcome.solution == "last"


def tells_twice(case, *, time_limit, seed, start=None, found=None):
    """Tells two solutions at once, and then works until it is stopped."""
    found("first")
    found("second")
    time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGUSR1)  # as its parent does
    time.sleep(5)


def test_what_waits_is_told_when_a_run_is_stopped(workers: Workers) -> None:
    """Its outcome has no solution."""
    solver = Solver(tells_twice, found=True)
    outcome = workers.run(knapsack(), solver, time_limit=10.0, watch=True)
    assert outcome.seconds < 4
    assert outcome.solution is None
    assert [step.solution for step in outcome.improvements] == ["first", "second"]

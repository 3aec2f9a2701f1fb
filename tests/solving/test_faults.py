"""What goes wrong around a solve: the answer stays feasible, and the fault has a name in it."""

import ast
import errno
import glob
import importlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import child_solvers as faulty
import numpy as np
import pytest
from child_solvers import Plain

import nco
from nco import registry
from nco.benchmark import Run
from nco.benchmark import command as benchmark_command
from nco.cli import main as command
from nco.core import atomic
from nco.core.errors import NCOError
from nco.core.seeds import generator
from nco.registry import sources
from nco.registry.interface import Solver
from nco.solving import turns
from nco.workers import lanes, pool
from nco.workers.pool import Outcome, Workers
from nco.zoo import weights

SQUARE = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.5, 0.1]]
LIMIT = 1.0  # seconds; a fault costs no more than the grace of a hung solver beyond them


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> Iterator[None]:
    """What a first solve imports must not use up the limits here."""
    nco.solve(SQUARE, model="none", time_limit=None)
    warm(faulty.honest)
    yield
    for session in SESSIONS:
        session.close()


def improve_by(monkeypatch: pytest.MonkeyPatch, function) -> None:
    """Puts one of the above in the place of the TSP's classical solver."""
    name = f"{faulty.__name__}:{function.__name__}"
    monkeypatch.setattr(registry.folder("tsp").classical, "improvers", lambda: [name])


def solve_with(monkeypatch: pytest.MonkeyPatch, function, **options) -> nco.Solution:
    """`nco.solve` with one of the above in the place of the classical solver."""
    improve_by(monkeypatch, function)
    return warm(function).solve(SQUARE, model="none", time_limit=LIMIT, **options)


SLOW = re.compile("of a processor|never began")  # what a loaded machine adds
SESSIONS: list[nco.Session] = []


def warm(function, cores: int = 1) -> nco.Session:
    """A session whose children know a solver: the limit is not spent on their start."""
    if cores > 1 or not SESSIONS:
        SESSIONS.append(nco.Session(cores=cores))
    session = SESSIONS[0 if cores == 1 else -1]
    for core in range(cores):
        session._lanes.lane(core).workers.warm(Solver(function))
    return session


class TestClassicalSolver:
    @pytest.mark.parametrize(
        ("function", "fault"),
        [
            (faulty.killed, "crashed with signal 9 (SIGKILL)"),
            (faulty.broken, "crashed with signal 6 (SIGABRT)"),
            (faulty.greedy_for_memory, "MemoryError"),
            (faulty.of_wrong_type, "infeasible: a tour is a list of node numbers, not str"),
            (faulty.infeasible, "infeasible: node 2 is not visited"),
            (faulty.not_a_number, "infeasible: "),
            (faulty.unreadable, "unreadable answer: ValueError: "),
            (faulty.rubbish_in_the_pipe, "unreadable answer: UnpicklingError: a frame of"),
        ],
    )
    def test_that_fails_is_named_and_costs_nothing(self, monkeypatch, function, fault):
        """The solution is the one there was before, and the next solve finds a sound child."""
        found = solve_with(monkeypatch, function)
        assert found.feasible
        assert found.status == "FEASIBLE"
        assert sorted(found.tour) == [0, 1, 2, 3, 4]
        (named,) = [fault for fault in found.faults if not SLOW.search(fault)]
        assert named.startswith(f"{function.__name__}: {fault}")
        assert "\n" not in named
        after = solve_with(monkeypatch, faulty.honest)
        assert (after.faults, after.cost) == ([], nco.check(SQUARE, [0, 4, 3, 2, 1]).cost)

    def test_that_is_killed_is_run_again_where_steps_are_counted(self, monkeypatch, tmp_path):
        """An answer by numbers of steps does not depend on what happened to a process."""
        monkeypatch.setenv("KILLED_ONCE", str(tmp_path / "killed"))
        solver = Solver(faulty.killed_once, iterations=1)
        monkeypatch.setattr(registry.folder("tsp").classical, "improvers", lambda: ["it"])
        monkeypatch.setattr(registry.folder("tsp").classical, "solvers", lambda: {"it": solver})
        with nco.Session(cores=1) as session:
            found = session.solve(SQUARE, model="none", iterations=5)
        assert (found.solution, found.faults) == ([0, 4, 3, 2, 1], [])
        assert any("SIGKILL" in line and "run again" in line for line in found.plan)

    def test_that_gives_up_early_does_not_end_the_others(self, monkeypatch):
        """Only a proof says that nothing is better."""
        improve_by(monkeypatch, faulty.hasty)
        session = warm(faulty.hasty, cores=2)
        found = session.solve(SQUARE, model="none", time_limit=LIMIT, seed=0)
        assert found.solution == [0, 4, 3, 2, 1]

    def test_that_hangs_is_killed_and_named(self, monkeypatch):
        """A solver that never returns does not hold the answer."""
        begin = time.perf_counter()
        found = solve_with(monkeypatch, faulty.hung)
        assert time.perf_counter() - begin < LIMIT + 5.0
        assert found.feasible
        assert "timed out after" in found.faults[0]

    def test_that_cannot_start_is_named(self, monkeypatch):
        """A full disk also denies a child the file for its last words."""

        def full(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        improve_by(monkeypatch, faulty.honest)
        with nco.Session(cores=1) as fresh:
            found = fresh.solve(SQUARE, model="none", time_limit=LIMIT)
        assert found.feasible
        assert "cannot start a process: [Errno 28] No space left on device" in found.faults[0]

    def test_that_hangs_in_its_import_does_not_hold_later_runs(self, monkeypatch, tmp_path):
        """The child is killed after its time for setting up."""
        (tmp_path / "hung_module_of_a_test.py").write_text("import time; time.sleep(60)")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(pool, "PATIENCE", replace(pool.PATIENCE, setup=0.5))
        with Workers() as fresh:
            begin = time.perf_counter()
            fresh.warm(Solver(faulty.honest, modules=("hung_module_of_a_test",)))
            assert time.perf_counter() - begin < 10.0
            monkeypatch.setattr(pool, "PATIENCE", replace(pool.PATIENCE, setup=60.0))
            outcome = fresh.run(Plain(), Solver(faulty.tell), time_limit=None)
        assert outcome.solution == "well"

    def test_that_cannot_make_a_rule_for_an_unknown_future_is_named(self, monkeypatch):
        """The policies that are left are compared without it."""
        case = sources.as_case("example:secretary.yaml")
        outcomes = [
            Outcome(None, 0.0, "ended with code 1"),
            *[Outcome({"rule": "greedy"}, 0.0)] * 9,
        ]
        monkeypatch.setattr(turns, "ahead", lambda *given: None)
        monkeypatch.setattr(turns, "run", lambda *arguments, **options: outcomes.pop(0))
        monkeypatch.setattr(weights, "fitting", lambda problem, case: [])
        found = nco.solve(case, traces=10)
        assert found.feasible
        first = registry.folder(case.problem).policies.policies(case)[0]
        assert found.faults == [f"{first}: ended with code 1"]

    def test_faults_are_printed_and_in_the_json_line(self, monkeypatch, capsys, tmp_path):
        """The answer is there all the same, and the exit code is 0."""
        improve_by(monkeypatch, faulty.infeasible)
        session = warm(faulty.infeasible)
        path = tmp_path / "square.tsp"
        path.write_text(registry.folder("tsp").files.write(sources.as_case(SQUARE)))
        arguments = ["solve", str(path), "--model", "none", "--time_limit", "0.5", "--json"]
        with pytest.raises(SystemExit) as ended, lanes.within(session._lanes):
            command(arguments)
        printed = capsys.readouterr()
        assert ended.value.code == 0
        faults = json.loads(printed.out)["faults"]
        (fault,) = [fault for fault in faults if not SLOW.search(fault)]
        assert fault.startswith("infeasible: infeasible: node")
        assert f"nco: {path}: {fault}\n" in printed.err


RUBBISH = [
    *[7, "nonsense", b"x", {}, {"a": 1}, {1, 2}, object(), 1 + 2j, range(3), math.nan],
    *[[None], ["a"], [math.nan], [1e300], [10**30], [-1], [True, False], [{}], [1 + 2j]],
    *[[[]] * 2, [[math.nan]], [[-math.inf, 1]], [[10**30]], [["a"]], [[1, 2], 3], [[[]]]],
    *[{"start": [[math.nan]], "machine": [[0]]}, {"start": 5, "machine": None}],
    np.array([1.5, math.nan]),
]


@pytest.mark.parametrize("problem", registry.names())
def test_checkers_call_rubbish_infeasible_in_words(problem):
    """Whatever a solver returns, a checker neither raises nor takes it for an answer."""
    kind = registry.folder(problem).problem_class()
    case = kind.cases(kind.generate(1, generator(1)))[0]
    check = registry.folder(problem).check.check
    for solution in RUBBISH:
        report = check(case, solution)
        assert not report.feasible, solution
        assert report.violations, solution


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes a few bytes of a file and then no more."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        os.ftruncate(descriptor, 3)
        real(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


class TestFullDisk:
    @pytest.mark.parametrize("name", ["a.json", "a.tour"])
    def test_leaves_the_old_file_and_the_solution(self, tmp_path, full_disk, name):
        """A full disk is an error of one line, and nothing is lost."""
        path = tmp_path / name
        path.write_text("old")
        found = nco.solve(SQUARE, model="none", time_limit=None)
        with pytest.raises(NCOError) as caught:
            found.save(path)
        assert str(caught.value) == f"{path}: cannot be written (No space left on device)"
        assert found.faults == [str(caught.value)]
        assert found.feasible
        assert path.read_text() == "old"
        assert [item.name for item in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("option", ["--save", "--plot"])
    def test_costs_the_command_no_answer(self, tmp_path, full_disk, capsys, option):
        """The solution is printed before the file that cannot be written."""
        path = tmp_path / "square.tsp"
        path.write_text(registry.folder("tsp").files.write(sources.as_case(SQUARE)))
        target = tmp_path / ("out.png" if option == "--plot" else "out.json")
        more = ["--time_limit", "none", option, str(target), "--json"]
        with pytest.raises(SystemExit) as ended:
            command(["solve", str(path), "--model", "none", *more])
        printed = capsys.readouterr()
        assert ended.value.code == 2
        assert json.loads(printed.out)["feasible"]
        lines = [line for line in printed.err.splitlines() if not line.endswith(" ...")]
        assert lines == [f"nco: {target}: cannot be written (No space left on device)"]
        assert not target.exists()

    def test_costs_a_benchmark_its_files_and_not_its_table(self, tmp_path, monkeypatch, capsys):
        """The disk fills up while it measures."""
        run = Run("tsp", "a", 4, "ortools", 1.0, 40.0, 40.0, None, 0.9, None)
        real = os.fsync

        def measure(contest):
            yield run
            monkeypatch.setattr(os, "fsync", full)
            yield run

        def full(descriptor):
            real(descriptor)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(benchmark_command, "measure", measure)
        out = str(tmp_path / "out")
        arguments = ["--problem", "tsp", "--size", "4", "--solvers", "ortools", "--output", out]
        with pytest.raises(SystemExit) as ended:
            command(["benchmark", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == 2
        assert "tsp         4  ortools           1          2         0         40" in printed.out
        assert f"nco: {out}: cannot be written (No space left on device)" in printed.err
        assert (tmp_path / "out" / "runs.csv").read_text().count("ortools") == 2

    def test_of_what_is_written_whole(self, tmp_path, full_disk):
        """No half of a file stays behind."""
        path = tmp_path / "a"
        with pytest.raises(OSError, match="No space left"):
            atomic.write_text(path, "new")
        assert list(tmp_path.iterdir()) == []


class TestClock:
    def test_that_jumps_changes_no_deadline(self, monkeypatch):
        """A clock set an hour on or back, as by a time server, at every look at it."""
        jumps = iter(range(10**9))
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 3600 * (-1) ** next(jumps))
        begin = time.perf_counter()
        found = nco.solve(np.random.default_rng(1).random((30, 2)), model="none", time_limit=LIMIT)
        assert LIMIT * 0.5 < time.perf_counter() - begin < LIMIT + 5.0
        assert found.feasible
        assert not [fault for fault in found.faults if not SLOW.search(fault)]
        assert 0 < found.seconds < LIMIT + 5.0
        seconds = [step.seconds for step in found.history]
        assert seconds == sorted(seconds)

    def test_of_the_wall_is_read_for_the_date_of_a_report_alone(self):
        """Spans of time come from `perf_counter` and `monotonic`, which never jump."""
        found = set()
        for name in ("nco", "nco.problems", "nco.models"):
            for folder in importlib.import_module(name).__path__:
                for name in glob.glob(f"{folder}/**/*.py", recursive=True):  # through links too
                    path = Path(name)
                    found |= {(path.name, read) for read in _reads_of_the_wall(path)}
        assert found == {("setting.py", "datetime.now"), ("folder.py", "datetime.now")}


def _reads_of_the_wall(path: Path) -> set[str]:
    """What a module names of the clocks that people set."""
    names = {"time.time", "time.time_ns", "time.localtime", "datetime.now", "datetime.utcnow"}
    text = path.read_text()
    if not any(name in text for name in ("time.time", "localtime", ".now", "utcnow", "time_ns")):
        return set()
    tree = ast.parse(text)
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    imported = {
        f"time.{item.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for item in node.names
    }
    return names & (used | imported)

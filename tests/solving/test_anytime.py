"""An answer by the deadline, whatever the others are doing; interruption; budgets; lists."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import nco
from nco import registry
from nco.problems._routing import ordering
from nco.registry import sources
from nco.solving import neural, news, portfolio, schedule, shared
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.workers import lanes
from nco.zoo import cards

LATE = 5.0  # seconds that a loaded machine may take for what takes milliseconds


def routes_case(count=12, seed=0, **more):
    random = np.random.default_rng(seed)
    demand = np.concatenate([[0], random.integers(1, 5, count)])
    return {"coords": random.random((count + 1, 2)), "demand": demand, "capacity": 9, **more}


def points(count=12, seed=0):
    return np.random.default_rng(seed).random((count, 2))


def python(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# ---- deadlines


def test_a_fresh_process_does_not_wait_for_torch(tmp_path):
    """Here it takes a minute to import, and the network's thread is left with it."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import time; time.sleep(60)")
    code = (
        "import os, sys, time; import nco; begin = time.perf_counter(); "
        "found = nco.solve('example:random100.tsp', time_limit=0.3, classical=False); "
        "print(time.perf_counter() - begin, found.feasible, found.model, flush=True); os._exit(0)"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    process = python(code, env={**os.environ, "PYTHONPATH": path})
    out, err = process.communicate(timeout=50)
    seconds, feasible, model = out.split()
    assert float(seconds) < 30, err
    assert (feasible, model) == ("True", "none")


@pytest.mark.parametrize("classical", [False, True])
@pytest.mark.parametrize("source", [points(40), routes_case(40)])
def test_the_time_limit_holds_and_the_history_tells_who_found_what(tiny, source, classical):
    """An answer is there in time, and costs only fall."""
    model = tiny["cvrp" if isinstance(source, dict) else "tsp"]
    begin = time.perf_counter()
    found = nco.solve(source, time_limit=0.4, classical=classical, model=model)
    assert time.perf_counter() - begin < 0.4 + LATE
    assert found.feasible
    assert found.plan or found.faults  # a loaded machine may have no time for a plan
    costs = [step.cost for step in found.history]
    assert costs == sorted(costs, reverse=True)
    assert found.cost == costs[-1]
    assert found.history[0].source == "construct"


def test_ten_thousand_nodes_have_a_first_answer_at_once():
    """The construction takes less than a second of computing."""
    for source in (points(10_000), routes_case(10_000)):
        case = sources.as_case(source)
        begin = time.process_time()
        progress = Progress([case], time.perf_counter())
        progress.construct()
        assert time.process_time() - begin < 1.0  # a tenth of that on a machine of 2025
        assert progress.best[0].report.feasible


def test_the_clock_starts_with_the_import_that_a_call_waits_for():
    """Time spent on imports within the call counts."""
    code = (
        "import nco, time; begin = time.perf_counter(); "
        "found = nco.solve([[0, 0], [1, 1], [0, 1]], "
        "time_limit=1e-3, model='none'); print(found.seconds, time.perf_counter() - begin)"
    )
    out, err = python(code).communicate(timeout=50)
    said, passed = map(float, out.split())
    assert passed / 2 < said <= passed, err  # nearly all of it is the import


def test_the_curve_visits_every_point_and_keeps_neighbours_together():
    """The space-filling tour is a permutation of moderate length."""
    coords = points(2000)
    order = ordering.along_curve(coords)
    assert sorted(order) == list(range(2000))
    assert order[0] == 0
    legs = np.linalg.norm(coords[order] - coords[np.roll(order, -1)], axis=1)
    assert legs.sum() < 1.5 * 0.7124 * np.sqrt(2000)
    assert sorted(ordering.along_curve(np.zeros((5, 2)))) == list(range(5))


@pytest.fixture
def solver_module(tmp_path, monkeypatch):
    """Makes the TSP's improver a function of a module written here, which children import, too."""

    def write(body):
        (tmp_path / "someones_solver.py").write_text(
            "import time\n"
            f"def solve(case, *, time_limit, seed, start=None, found=None):\n    {body}\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(
            registry.folder("tsp").classical, "improvers", lambda: ["someones_solver:solve"]
        )

    session = lanes.Lanes()  # whose children have the module on their path
    with lanes.within(session):
        yield write
    session.close()


def test_a_solver_that_does_not_stop_costs_nobody_the_answer(solver_module, tmp_path):
    """A child that neither ends nor hears a signal does not delay the answer, and is named."""
    begun = tmp_path / "begun"
    solver_module(
        f"open({str(begun)!r}, 'w').close()\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except BaseException:\n"
        "            pass"
    )
    best = list(range(12))
    square = [[np.cos(i / 2), np.sin(i / 2)] for i in best]
    begin = time.perf_counter()
    found = nco.solve(square, time_limit=LATE, model="none")
    assert time.perf_counter() - begin < 2 * LATE
    assert begun.exists()
    assert found.feasible
    assert found.found_by == "construction"
    assert found.faults
    assert all("timed out after" in fault for fault in found.faults)


def test_a_solver_that_fails_or_talks_rubbish_is_a_fault_with_a_name(solver_module):
    """An error in a child is reported, and the call does not wait."""
    solver_module("raise ValueError('no luck')")
    found = nco.solve(points(), time_limit=LATE, model="none")
    assert found.feasible
    assert "ValueError: no luck" in found.faults[0]
    assert found.seconds < LATE  # nothing else was left to wait for


def test_rubbish_is_judged(solver_module):
    """An infeasible solution of a solver is a fault and never the answer."""
    solver_module("return [0, 0]")
    found = nco.solve(points(), time_limit=LATE, model="none")
    assert found.feasible
    assert "infeasible" in found.faults[0]


def test_a_network_that_fails_is_a_fault(tiny, monkeypatch):
    """An error on the networks' thread is reported, and the construction is the answer."""

    def broken(*arguments, **options):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(neural, "play", broken)
    found = nco.solve(points(), time_limit=LATE, model=tiny["tsp"], classical=False)
    assert found.feasible
    assert found.faults == ["networks: RuntimeError: out of memory"]


def test_a_proof_ends_the_portfolio_early():
    """A proven optimum ends the call long before its time limit."""
    begin = time.perf_counter()
    nco.solve({"values": [6, 10, 12], "weights": [1, 2, 3], "capacity": 5}, time_limit=60)
    assert time.perf_counter() - begin < 30


# ---- interruption


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_gives_the_best_so_far(tiny):
    # as the terminal does: a signal that wakes the main thread from whatever it waits for
    """An interrupt gives the best solution at once, and the networks' thread ends."""
    main = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    found = nco.solve(routes_case(40), time_limit=60, model=tiny["cvrp"])
    assert time.perf_counter() - begin < 0.5 + LATE
    assert found.status == "INTERRUPTED"
    assert found.feasible
    for thread in threading.enumerate():  # a search looks at the flag at every step
        if thread.name == schedule.NETWORKS:
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_answers_signals_with_the_best_so_far(number):
    """On SIGINT and SIGTERM the command prints its best and exits with 130."""
    code = (
        "import sys; from nco.cli import main; "
        "main(['solve', 'example:random100.vrp', '--time_limit', '60', '--json', '--verbose'])"
    )
    process = python(code)
    assert "core 0" in process.stderr.readline()
    time.sleep(0.3)
    begin = time.perf_counter()
    process.send_signal(number)
    out, err = process.communicate(timeout=50)
    assert time.perf_counter() - begin < 2 * LATE
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "INTERRUPTED"


def test_the_handler_of_sigterm_is_put_back():
    """The command leaves the process's signal handlers as they were."""
    before = signal.getsignal(signal.SIGTERM)
    from nco.cli import main

    with pytest.raises(SystemExit):
        main(["examples"])
    assert signal.getsignal(signal.SIGTERM) is before


# ---- iterations


@pytest.mark.parametrize("source", [points(15), routes_case(15)])
def test_the_same_seed_and_iterations_give_the_same_answer(tiny, source):
    """With counted effort two calls find the same at the same cost."""
    model = tiny["cvrp" if isinstance(source, dict) else "tsp"]
    found = [nco.solve(source, iterations=30, seed=3, model=model) for _ in range(2)]
    one, other = [(f.solution, [(h.cost, h.source) for h in f.history]) for f in found]
    assert one == other
    assert found[0].feasible
    assert not found[0].faults
    alone = nco.solve(source, iterations=30, seed=3, model=model, classical=False)
    assert {h.source for h in alone.history} <= {"construct", "greedy", "multistart", "sampling"}


def test_contradicting_limits_are_refused(tiny):
    """Two kinds of limit at once raise, in one line."""
    with pytest.raises(nco.NCOError, match="time or of iterations"):
        nco.solve(points(), iterations=3, time_limit=1)
    with pytest.raises(nco.NCOError, match="at least 1"):
        nco.solve(points(), iterations=0)
    with pytest.raises(nco.NCOError, match="total_time"):
        nco.solve([points()], total_time=1, time_limit=1)
    with pytest.raises(nco.NCOError, match="total_time"):
        nco.solve(points(), total_time=1)


# ---- lists


def test_solutions_come_before_all_sources_are_read(tiny, monkeypatch):
    """Only one chunk of an endless list is read ahead."""
    monkeypatch.setattr(shared, "SHARES", replace(shared.SHARES, chunk=2))
    taken = []

    def endless():
        for count in itertools.count(5):
            taken.append(count)
            yield points(count)

    found = nco.solve_iter(endless(), model=tiny["tsp"])
    assert [next(found).n for _ in range(3)] == [5, 6, 7]
    assert len(taken) <= 4


def test_a_list_shares_its_time_and_keeps_its_order(tiny, monkeypatch):
    """Mixed problems are all solved within the total time, in order."""
    monkeypatch.setattr(shared, "SHARES", replace(shared.SHARES, chunk=4))
    several = [points(8), routes_case(9), points(30, 1), points(8, 2), points(7), routes_case(5)]
    begin = time.perf_counter()
    found = nco.solve(several, total_time=1.0, progress=False)
    assert time.perf_counter() - begin < 1.0 + LATE
    assert [one.n for one in found] == [8, 9, 30, 8, 7, 5]
    assert all(one.feasible for one in found)
    alone = nco.solve([points(8), points(9)], total_time=0.5, model=tiny["tsp"], classical=False)
    assert all(one.model == "tiny-tsp" for one in alone)


def test_the_time_that_is_left_is_shared_by_the_chunks_that_are_left():
    """Each chunk's deadline is its share by number of cases."""
    cases = [None] * (2 * shared.SHARES.chunk + 100)
    now = time.perf_counter()
    found = list(shared.chunks(cases, now + 100.0))
    assert [len(places) for places, _ in found] == [shared.SHARES.chunk, shared.SHARES.chunk, 100]
    assert found[0][1] - now == pytest.approx(100 * shared.SHARES.chunk / len(cases), abs=1)
    assert found[-1][1] - now == pytest.approx(100, abs=1)


def test_the_command_takes_files_that_share_their_time(capsys):
    """Bad files and online problems get an error of their own, the rest are solved."""
    from nco.cli import main

    files = ["example:items.txt", "nobody.tsp", "example:capitals.tsp", "example:bins.yaml"]
    with pytest.raises(SystemExit, match="2"):
        main(["solve", *files, "--total_time", "1", "--json", "--verbose"])
    text = capsys.readouterr()
    rows = [json.loads(line) for line in text.out.splitlines()]
    assert [row["file"] for row in rows] == files
    assert "cannot be read" in rows[1]["error"]
    assert rows[2]["feasible"]
    assert "use --time_limit" in rows[3]["error"]
    assert "2 instances in " in text.err
    for option in (["--hindsight"], ["--bound", "true"]):
        with pytest.raises(SystemExit, match="2"):
            main(["solve", *files, "--total_time", "1", *option])
        assert "use time_limit" in capsys.readouterr().err


def test_a_list_that_shares_its_time_knows_its_models_and_keeps_what_is_proven():
    """Unknown models raise, and a proven bound makes an optimum."""
    with pytest.raises(nco.NCOError, match="neither shipped"):
        nco.solve([points(8)], total_time=1, model="nobody")
    shop = {"machines": [[0, 1], [1, 0]], "durations": [[3, 2], [2, 4]]}
    (found,) = nco.solve([shop], problem="jssp", total_time=20, progress=False)
    assert (found.status, found.gap) == ("OPTIMAL", 0)


def test_an_interrupted_list_keeps_what_there_is(monkeypatch):
    """Answers that were there before the interrupt are returned."""

    def construct(self):
        if any(case.size == 7 for case in self.cases):
            raise KeyboardInterrupt
        real(self)

    real = Progress.construct
    monkeypatch.setattr(Progress, "construct", construct)
    found = nco.solve([points(5), points(6), points(7), points(8)], iterations=1, model="none")
    assert [one.n for one in found] == [5, 6]
    with pytest.raises(KeyboardInterrupt):
        nco.solve([points(7)], iterations=1, model="none")


# ---- candidates


def test_only_better_feasible_solutions_are_kept():
    """Worse and infeasible candidates change nothing, and the latter are faults."""
    case = sources.as_case([[0, 0], [0, 1], [1, 1], [1, 0]])
    progress = Progress([case], time.perf_counter())
    progress.take(Candidate(0, [0, 2, 1, 3], None, "bad"))
    progress.take(Candidate(0, [0, 1], None, "rubbish"))
    progress.take(Candidate(0, [0, 1, 2, 3], [0, 1, 2, 3], "good"))
    progress.take(Candidate(0, [1, 0, 2, 3], None, "worse"))
    assert progress.best[0].report.cost == 4
    assert [step.source for step in progress.history[0]] == ["bad", "good"]
    assert len(progress.faults) == 1
    assert progress.start(0, "own") is None
    assert progress.start(0, "network").solution == [0, 1, 2, 3]


def test_the_fastest_network_begins_and_the_best_goes_on():
    """A named model has its own searches, and a beginning for something else is one search."""

    def searches(short=False, size=100, **options):
        case = sources.as_case(points(size), None)
        steps = neural.chain(Options(**options), case, short)
        return [
            (step.model.name, step.search, step.rounds, step.patience, step.width) for step in steps
        ]

    rounds, beam, better = (
        ("bq-tsp", "reconstruct", neural.ROUNDS, None, None),
        ("bq-tsp", "beam", None, None, None),
        ("bq-tsp", "reconstruct", None, None, None),
    )
    begun = ("am-tsp", "multistart", None, neural.IDLE, None)
    assert searches() == [begun, rounds, beam, better]
    assert searches(size=200) == [begun, better]
    assert searches(short=True) == [("am-tsp", "multistart", None, None, None)]
    named = [("am-tsp", name, None, None, None) for name in ("multistart", "active", "sampling")]
    assert searches(model="am-tsp") == named
    own_path = ("bq-tsp", "reconstruct", 0, None, None)
    narrow = ("bq-tsp", "beam", None, None, neural.NARROW)
    assert searches(model="bq-tsp") == [own_path, narrow, rounds, beam, better]
    assert searches(model="bq-tsp", size=200) == [own_path, better]
    assert searches(model="none") == []


def test_networks_with_all_the_time_know_it(monkeypatch):
    """Whatever the clock reads: adding the end to it and taking it away again rounds."""
    case, heard = sources.as_case(points(5), None), []
    monkeypatch.setattr(neural, "play", lambda *given: heard.append(given[-1]))
    alone, before = (
        schedule.Stage("networks", 0, 0.0, 11.4),
        schedule.Stage("networks", 0, 0.0, 0.3),
    )
    for begin in np.random.default_rng(0).uniform(0, 1e5, 50):
        progress = Progress([case], time.perf_counter())
        progress.begin = begin
        for stages in ([alone], [before, schedule.Stage("pyvrp", 1, 0.3, 11.4)]):
            with lanes.Lanes().lease(2) as lease:
                portfolio.Portfolio(progress, stages, Options(), [], lease)._search(stages[0])
    assert heard == [False, True] * 50


def test_the_fastest_model_of_two():
    """Of the models for TSP100 the attention model is the fastest."""
    assert cards.fastest(sources.as_case(points(100), None)) == "am-tsp"
    assert news.TIMING.spare < 0.05  # of the 50 ms that an answer may be late

"""Solvers that take turns in one process end in time, or are named as faults."""

import importlib
import time
from collections.abc import Iterator
from typing import Any

import child_solvers
import pytest

import nco
from nco.problems.inventory import files
from nco.registry.interface import Solver
from nco.solving import turns
from nco.workers.lane import Lane

TELL, HUNG = Solver(child_solvers.tell), Solver(child_solvers.hung)
TOLD = Solver(child_solvers.time_limit_here)
TEXT = """problem: inventory
nodes: {store: {holding: 1, penalty: 4, demand: {normal: {mean: 5, sd: 1}}}}
edges: [{from: supplier, to: store, lead_time: 2, order_cost: 3}]
simulation: {periods: 40, warmup: 10}
"""


@pytest.fixture
def lane() -> Iterator[Lane]:
    """A process of its own."""
    made = Lane()
    yield made
    made.workers.close()


def test_a_process_that_is_not_ready_costs_the_turn_and_no_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call answers in time with a rule that it looked for itself; faults say why."""
    importlib.import_module("nco.solving.online")  # with torch, outside the time of the call
    case = files.read(TEXT, path="net.yaml")
    monkeypatch.setattr(turns, "ahead", lambda *given: None)
    monkeypatch.setattr(Lane, "submit", lambda *given, **more: _Never())
    begin = time.perf_counter()
    solution = nco.solve(case, time_limit=1.0, traces=40, model="none")
    assert 0.5 < time.perf_counter() - begin < 5
    found = (solution.found_by, solution.solution["rule"])
    assert found in (("min_max", "min_max"), ("construction", "base_stock"))  # on a busy machine
    assert set(solution.faults) <= {
        "min_max: never began: its process was not ready in time",
        "min_max: never began: there was no time left",  # where this process was not ready, either
    }
    assert solution.faults


class _Never:
    """A run whose process never gets ready."""

    begun = None

    def wait(self, timeout: float | None) -> None:
        assert timeout is not None
        time.sleep(max(timeout, 0.0))

    def stop(self) -> None:
        """There is nothing to stop."""


def test_a_solver_that_goes_on_is_stopped(lane: Lane) -> None:
    """The call goes on soon after the end; no turn begins after it."""
    given: Any = {"time_limit": 0.1, "seed": 0}
    told = turns.run(lane, child_solvers.Plain(name="a"), TELL, until=None, **given)
    assert told.solution == "well"
    begin = time.perf_counter()
    outcome = turns.run(lane, child_solvers.Plain(name="b"), HUNG, until=begin + 0.4, **given)
    assert 0.4 <= time.perf_counter() - begin < 3
    assert outcome.error == "stopped: it did not end in time"
    case = child_solvers.Plain(name="c")
    late = turns.run(lane, case, TELL, until=begin, **given)
    assert late.error == "never began: there was no time left"
    nowhere = turns.run(None, case, TELL, until=None, **given)
    assert nowhere.error == "never began: every process was taken"


def test_a_limit_counts_from_when_the_process_is_ready_and_ends_with_the_turn(lane: Lane) -> None:
    """A solver is told its share, or what is left where that is less."""
    case = child_solvers.Plain(name="d")
    for limit, least, most in ((2.0, 2.0, 2.0), (500.0, 1.0, 60.0)):
        until = time.perf_counter() + 60
        handle = lane.submit(case, TOLD, time_limit=limit, seed=0, until=until)
        outcome = handle.wait(60)
        assert outcome is not None
        assert least <= outcome.solution <= most


@pytest.mark.long
def test_the_first_rule_begins_before_the_caller_has_torch(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn is asked for once, with its share of the time, and its answer is a candidate."""
    from nco.solving.candidates import Contest
    from nco.solving.options import Options

    case = files.read(TEXT, path="net.yaml")
    asked: list[tuple[str, float | None]] = []
    submit = Lane.submit

    def noted(lane: Lane, case: Any, solver: Any, **given: Any) -> Any:
        asked.append((solver, given["time_limit"]))
        return submit(lane, case, solver, **given)

    monkeypatch.setattr(Lane, "submit", noted)
    options = Options(model="none", time_limit=8.0, traces=40)
    begin = time.perf_counter()
    ahead = turns.ahead(lane, case, options, begin)
    assert ahead is not None
    assert asked == [("min_max", pytest.approx(0.25 * 0.7 * 8.0, abs=0.1))]
    contest = Contest(case, options, begin, lane, ahead)
    contest._find(begin + 30.0)
    assert [name for name, _ in asked].count("min_max") == 1
    assert contest.candidates[0].source == "min_max"
    assert contest.candidates[0].solution["rule"] == "min_max"
    without = Options(model="none", classical=False)
    assert turns.ahead(lane, case, without, begin) is None


def test_a_limit_that_an_import_has_eaten_counts_from_then_on() -> None:
    """What is left of it is as long as it was; another limit stays."""
    from nco.solving.options import Options

    begin = time.perf_counter() - 2.5
    start, said = turns.start_of(Options(time_limit=3.0), begin, 2.4)
    assert start == pytest.approx(time.perf_counter(), abs=0.2)
    assert said[0].startswith("the limit of 3 s counts from 2.5 s on")
    for kept in (Options(time_limit=6.0), Options(time_limit=None)):
        assert turns.start_of(kept, begin, 2.4) == (begin, [])


def test_the_caller_looks_for_a_rule_where_no_process_is_ready(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With time left it is the rule of a search, not the construction."""
    from nco.solving.candidates import Contest
    from nco.solving.options import Options

    case = files.read(TEXT, path="net.yaml")
    monkeypatch.setattr(Lane, "submit", lambda *given, **more: _Never())
    contest = Contest(case, Options(model="none", traces=40), time.perf_counter(), lane)
    contest._find(time.perf_counter() + 4.0)
    assert [candidate.source for candidate in contest.candidates] == ["min_max"]
    assert "never began" in contest.faults[0]


@pytest.mark.parametrize(
    ("late", "imported", "words"),
    [
        (0.04, 0.0, []),
        (0.5, 0.1, ["the limit of 2 s was exceeded by 0.5 s: the machine is busy"]),
        (2.0, 1.8, ["the limit of 2 s was exceeded by 2.0 s: importing torch took 1.8 s"]),
    ],
)
def test_a_limit_that_could_not_hold_is_said(
    late: float, imported: float, words: list[str]
) -> None:
    """With the reason, and only beyond what nobody notices."""
    from nco.solving.options import Options

    begin = time.perf_counter() - 2.0 - late
    found = turns.exceeded(Options(time_limit=2.0), begin, imported)
    assert len(found) == len(words)
    assert all(line.startswith(word) for line, word in zip(found, words, strict=True))

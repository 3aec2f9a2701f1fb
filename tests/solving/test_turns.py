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
    """The call answers at its deadline with a rule that needs no search; faults say why."""
    importlib.import_module("nco.solving.online")  # with torch, outside the time of the call
    case = files.read(TEXT, path="net.yaml")
    monkeypatch.setattr(turns, "warm", lambda *given: None)
    monkeypatch.setattr(Lane, "submit", lambda *given, **more: _Never())
    begin = time.perf_counter()
    solution = nco.solve(case, time_limit=1.0, traces=40, model="none")
    assert 0.5 < time.perf_counter() - begin < 5
    assert solution.found_by == "construction"
    assert solution.solution["rule"] == "base_stock"
    (fault,) = solution.faults
    assert fault in (
        "min_max: never began: its process was not ready in time",
        "min_max: never began: there was no time left",  # where this process was not ready, either
    )


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

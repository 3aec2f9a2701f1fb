"""A first call whose limit ends before a solver's process is ready has an answer all the same."""

import time
from collections.abc import Iterator
from typing import Any

import child_solvers
import numpy as np
import pytest

import nco
from nco.registry.interface import Solver
from nco.registry.sources import as_case
from nco.solving import coldstart, group, portfolio

BUSY = Solver(child_solvers.ordered)
LIMIT = 0.6


def points() -> Any:
    """On a circle, in order, so that this order is the best tour."""
    turns = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[nco.Session]:
    """One without processes, on a machine where nothing begins within a limit."""
    case = type(as_case(points()))
    monkeypatch.setattr(case, "construct", lambda self: [1, 0, *range(2, self.size)])
    monkeypatch.setattr(group, "improvers_of", lambda case, options: [BUSY])

    def too_slow(progress: Any, *given: Any) -> bool:
        progress.fault("ordered: never began: its process was not ready in 0.01 s")
        return False

    monkeypatch.setattr(portfolio, "run", too_slow)
    with nco.Session(cores=1) as made:
        yield made


def test_the_limit_counts_from_when_the_first_process_is_ready(session: nco.Session) -> None:
    """The answer is a solver's, and says from when on; the fault that nothing began is gone."""
    begin = time.perf_counter()
    found = session.solve(points(), model="none", time_limit=LIMIT)
    assert time.perf_counter() - begin > LIMIT
    assert found.found_by == "ordered"
    (fault,) = found.faults
    assert fault.startswith(f"the limit of {LIMIT:g} s counts from ")
    assert fault.endswith("when the first solver's process was ready: the machine is busy")
    assert found.plan[-1].startswith("ordered from ")


def test_a_session_with_a_process_keeps_its_limits(session: nco.Session) -> None:
    """Also where nothing began: a later call may not be late."""
    session._lanes.lane(0).workers.warm(BUSY)
    begin = time.perf_counter()
    found = session.solve(points(), model="none", time_limit=LIMIT)
    assert time.perf_counter() - begin < 2 * LIMIT
    assert found.found_by == "construction"
    assert "never began" in found.faults[0]


def test_a_limit_in_which_no_process_can_start_holds(session: nco.Session) -> None:
    """It asks for the construction."""
    found = session.solve(points(), model="none", time_limit=coldstart.COLD.least / 5)
    assert found.found_by == "construction"


def test_a_process_that_never_comes_leaves_the_construction(
    session: nco.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while nobody waits for it any more."""
    monkeypatch.setattr(coldstart, "COLD", coldstart.Cold(least=0.5, most=0.0))
    begin = time.perf_counter()
    found = session.solve(points(), model="none", time_limit=LIMIT)
    assert time.perf_counter() - begin < 2 * LIMIT
    assert found.found_by == "construction"
    assert "never began" in found.faults[0]

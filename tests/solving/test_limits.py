"""The limit that nobody has to give: how long it is, when the search ends, who found the answer."""

import json
import math
import time
from types import SimpleNamespace

import child_solvers as faulty
import numpy as np
import pytest

import nco
from nco.cli import main
from nco.registry import sources
from nco.registry.interface import Solver
from nco.solving import certify, group, limits
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options

LATE = 5.0  # seconds that a loaded machine may take for what takes milliseconds
# of too many digits for a table, which would answer at once
ITEMS = {
    "values": [6.1234567890123, 10.2, 12.3],
    "weights": [1.1234567890123, 2.2, 3.3],
    "capacity": 5.5,
}


def circle(count: int = 12) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


@pytest.mark.parametrize(
    ("size", "seconds"),
    [(0, 1), (100, 1), (318, 3.18), (1000, 10), (6000, 60), (10**6, 60)],
)
def test_the_limit_grows_with_the_size(size: int, seconds: float) -> None:
    """About 1 s at 100 nodes, 10 s at 1,000 and 60 s at most."""
    assert limits.automatic(size) == pytest.approx(seconds)


def test_a_programs_first_call_has_time_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second, where a compiled search may work on the case; not without classical solvers."""
    case = sources.as_case(circle(200), None)
    limit = {}
    for started in (False, True):
        known = SimpleNamespace(has_started=lambda started=started: started)
        monkeypatch.setattr(limits.lanes, "current", lambda known=known: known)
        limit[started] = limits.settle(Options(), case).time_limit
    assert limit == {False: 3.0, True: 2.0}
    monkeypatch.setattr(limits.lanes, "current", lambda: SimpleNamespace(has_started=bool))
    assert limits.settle(Options(classical=False), case).time_limit == 2.0


def test_only_one_instance_that_can_improve_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists, counted searches and online problems keep what they had; numbers are kept."""
    monkeypatch.setattr(limits, "_loading", lambda options, case: 0.0)
    case = sources.as_case(circle(200), None)
    assert limits.settle(Options(), case).time_limit == 2.0
    assert limits.settle(Options(time_limit=None), case).time_limit is None
    assert limits.settle(Options(time_limit=3.0), case).time_limit == 3.0
    assert limits.settle(Options(iterations=2), case).time_limit is None
    online = sources.as_case("example:secretary.yaml", None)
    assert limits.settle(Options(), online).time_limit is None
    assert limits.settle_several(Options()).time_limit is None
    assert limits.settle_several(Options(time_limit=3.0)).time_limit == 3.0


@pytest.mark.parametrize(
    ("latest", "through"),
    [
        (None, 105.0),  # nothing was found: half of the time
        (99.0, 105.0),  # the construction, before the search began
        (101.0, 105.0),
        (103.0, 106.0),  # as long again as it took
        (107.0, 114.0),  # after the end
    ],
)
def test_a_search_is_through_after_as_long_without_as_with_improvement(
    latest: float | None, through: float
) -> None:
    """And not before half of its time."""
    assert limits.over(100.0, latest, 110.0) == pytest.approx(through)
    assert limits.over(100.0, latest, math.inf) == math.inf


def test_the_default_ends_early_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best tour is told at once, and nothing better comes."""
    solver = Solver(faulty.busy, found=True)
    monkeypatch.setattr(group, "improvers_of", lambda case, options: [solver])
    monkeypatch.setattr(limits, "automatic", lambda size: limits.Automatic(4.0))
    case = sources.as_case(circle(), None)
    monkeypatch.setattr(type(case), "construct", lambda self: [1, 0, *range(2, self.size)])
    with nco.Session(cores=1) as session:
        session._lanes.lane(0).workers.warm(solver)
        begin = time.perf_counter()
        found = session.solve(case, model="none", bound=False)
        assert 1.5 < time.perf_counter() - begin < 2.0 + LATE
        process = session._lanes.lane(0).workers._children[0]._process
        assert session.solve(case, model="none", time_limit=1.5).found_by == "busy"
        assert session._lanes.lane(0).workers._children[0]._process is process  # it was not killed
    assert found.found_by == "busy"
    assert found.plan[0].startswith("nothing better for long: ended at ")
    assert not [fault for fault in found.faults if "of a processor" not in fault]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine needs more than a second to start a process."""
    monkeypatch.setattr(limits, "automatic", lambda size: limits.Automatic(20.0))


@pytest.mark.usefixtures("patient")
def test_the_default_is_more_than_a_pass_of_a_network() -> None:
    """A solver takes part where one instance is to be solved."""
    found = nco.solve(ITEMS, model="none")
    assert found.status == "OPTIMAL"
    assert "ortools" in found.plan[0]
    assert found.seconds < 15.0  # a proof ends it
    alone = nco.solve(ITEMS, model="none", time_limit=None)
    assert (alone.plan, alone.found_by) == ([], "construction")
    several = nco.solve([ITEMS, ITEMS], model="none", progress=False)
    assert [one.plan for one in several] == [[], []]


@pytest.mark.usefixtures("patient")
def test_the_command_says_its_limit_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody gave one, in a line before it solves; where somebody did, nothing."""
    with pytest.raises(SystemExit, match="0"):
        main(["solve", "example:items.txt", "--model", "none", "--json"])
    printed = capsys.readouterr()
    assert printed.err.startswith("nco: example:items.txt: at most 20 s (--time_limit), less once")
    row = json.loads(printed.out)
    assert row["model"] == "none"
    assert row["found_by"] in ("dynamic programming", "construction")
    for given in ("none", "20"):
        with pytest.raises(SystemExit, match="0"):
            main(["solve", "example:items.txt", "--model", "none", "--time_limit", given])
        printed = capsys.readouterr()
        assert "at most" not in printed.err
        assert "found by " in printed.out.splitlines()[0]


def test_an_automatic_limit_keeps_time_for_the_bound() -> None:
    """Also one of a second, a twentieth of which would be too little."""
    case = sources.as_case(circle(30), None)
    assert certify.reserve(case, 1.0) == 0
    assert certify.reserve(case, limits.automatic(30)) == pytest.approx(0.1)
    assert certify.reserve(case, limits.Automatic(60.0)) == limits.USUAL.bound_most


def test_networks_are_named_where_they_found_it(tiny: dict[str, str]) -> None:
    """By their own name, whatever their search was called."""
    found = nco.solve(circle(9), model=tiny["tsp"], time_limit=None)
    assert found.found_by in ("tiny-tsp", "construction")
    case = sources.as_case([[0, 0], [0, 1], [1, 1], [1, 0]], None)
    progress = Progress([case], time.perf_counter())
    progress.construct()
    network = Candidate(0, [0, 1, 2, 3], [0, 1, 2, 3], "beam", by="bq-tsp")
    assert progress.begun_by("pyvrp", progress.best[0]) == "pyvrp"
    assert progress.begun_by("pyvrp", None) == "pyvrp"
    assert progress.begun_by("pyvrp", network) == "pyvrp, from bq-tsp's start"

"""The planner's arithmetic, and the profile that it rests on."""

import itertools
import json
from types import SimpleNamespace

import pytest

from nco.problems.tsp import files
from nco.solving import machine, schedule
from nco.solving.schedule import ELSEWHERE, NETWORKS, PARTS, Setting, Stage
from nco.zoo import cards


def setting(**changes):
    usual = {"size": 100, "cores": 2, "begin": 0.1, "end": 1.1, "improver": "solver", "first": 0.05}
    return Setting(**{**usual, **changes})


def by_core(stages):
    return {core: [s for s in stages if s.core == core] for core in {s.core for s in stages}}


@pytest.mark.parametrize("cores", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [10, 1000, 10_000])
@pytest.mark.parametrize("improver", [None, "solver"])
@pytest.mark.parametrize("first", [None, 0.01, 50.0])
@pytest.mark.parametrize("same", [False, True])
def test_stages_of_a_core_follow_one_another_and_fill_the_time(cores, size, improver, first, same):
    """Whatever the setting, no core has a gap or an overlap."""
    asked = setting(
        cores=cores, size=size, improver=improver, first=first, same=same, parts=size > 5000
    )
    busy = by_core(schedule.make(asked))
    assert len(busy) <= cores
    for stages in busy.values():
        assert stages[0].begin == asked.begin
        assert stages[-1].end == pytest.approx(asked.end)
        for one, other in itertools.pairwise(stages):
            assert other.begin == pytest.approx(one.end)


def test_every_core_has_another_seed_and_beginning():
    """One core starts by itself, the other from the networks."""
    stages = [s for s in schedule.make(setting()) if s.solver == "solver"]
    assert {s.seed for s in stages} == {0, 1}
    assert {s.start for s in stages} == {"own", "network"}
    assert schedule.make(setting(size=1000, first=None))[0].start == "construct"


def test_a_solver_that_shares_cores_has_all_of_them():
    """One stage with a thread for each; on one core it is a stage like any other."""
    (stage,) = schedule.make(setting(together=True, cores=3))
    assert (stage.core, stage.threads, stage.start) == (0, 3, "own")
    assert str(stage).startswith("cores 0-2, ")
    assert all(s.threads == 1 for s in schedule.make(setting(together=True, cores=1)))


@pytest.mark.parametrize(
    ("cores", "together", "wanted"),
    [
        (2, False, [("solver", 0, 1), ("other", 1, 1)]),
        (3, False, [("solver", 0, 1), ("other", 1, 1), ("solver", 2, 1)]),
        (2, True, [("solver", 0, 1), ("other", 1, 1)]),
        (3, True, [("solver", 0, 2), ("other", 2, 1)]),
        (1, True, [("solver", 0, 1)]),
    ],
)
def test_another_solver_has_a_core_while_one_is_loading(cores, together, wanted):
    """A call of several cores does not rest on what is not ready yet."""
    stages = schedule.make(setting(cores=cores, together=together, alone=True, first=None))
    hedged = schedule.hedged(stages, "solver", SimpleNamespace(name="other"))
    assert [(s.solver, s.core, s.threads) for s in hedged] == wanted
    assert schedule.hedged(stages, "solver", SimpleNamespace(name="solver")) == stages


def test_networks_before_a_solver_have_a_tenth_of_the_time_at_most():
    """They have less where their first search takes less."""
    (network,) = [s for s in schedule.make(setting(first=0.5)) if s.solver == NETWORKS]
    assert network.end - network.begin == pytest.approx(schedule.THRESHOLDS.networks * 1.0)
    (network,) = [s for s in schedule.make(setting(first=0.01)) if s.solver == NETWORKS]
    assert network.end - network.begin == pytest.approx(0.01)


@pytest.mark.parametrize("late", [{"first": 100.0}, {"loading": 3.0}])
def test_networks_that_would_come_too_late_are_left_out(late):
    """Loading counts as well as the search."""
    assert all(s.solver != NETWORKS for s in schedule.make(setting(**late)))


def test_a_solver_that_always_does_the_same_runs_once():
    """The other core is for the networks."""
    stages = schedule.make(setting(same=True))
    assert [s.solver for s in stages] == ["solver", NETWORKS]
    assert [s.solver for s in schedule.make(setting(same=True, cores=1))] == ["solver"]


def test_networks_alone_have_a_search_on_every_core_or_every_core_for_one():
    """One for large cases, and where no other process has loaded the network yet."""
    spread = {"improver": None, "spread": True}
    stages = schedule.make(setting(**spread, cores=3))
    assert [s.solver for s in stages] == [NETWORKS, ELSEWHERE, ELSEWHERE]
    assert [(s.core, s.seed, s.threads) for s in stages] == [(2, 0, 1), (0, 1, 1), (1, 2, 1)]
    for other in ({**spread, "size": 200}, {"improver": None}):
        (stage,) = schedule.make(setting(**other, cores=3))
        assert (stage.solver, stage.threads) == (NETWORKS, 3)
    assert [s.threads for s in schedule.make(setting(**spread, cores=1))] == [1]


def test_only_so_many_processes_hold_a_network():
    """The cores that are left are threads of the call's own search."""
    stages = schedule.make(setting(improver=None, spread=True, cores=20))
    most = schedule.THRESHOLDS.processes
    assert [s.core for s in stages] == [most, *range(most)]
    assert sum(s.threads for s in stages) == 20


def test_what_was_measured_decides_the_beginnings():
    """The best measured start goes first."""
    stages = schedule.make(setting(starts=["construct", "own", "network"]))
    assert [s.start for s in stages] == ["construct", "own"]
    stages = schedule.make(setting(starts=["network", "own"], cores=1))
    assert [s.solver for s in stages] == [NETWORKS, "solver"]


def test_what_is_too_large_is_improved_in_parts_in_rounds():
    """Every core has a stage in each round."""
    stages = schedule.make(setting(size=10_000, parts=True))
    assert {s.solver for s in stages} == {PARTS}
    assert len(stages) == 2 * schedule.THRESHOLDS.rounds


def test_a_stage_says_what_it_does():
    """Core, time, solver, start and seed are in one line."""
    assert str(Stage("solver", 1, 0.0, 2.0, 3, "best")) == (
        "core 1, 0.00-2.00 s: solver, from the best, seed +3"
    )


def test_seconds_are_on_the_line_between_measurements_and_grow_with_the_square_beyond():
    """Interpolation is in logarithms."""
    rows = [
        {"size": 50, "seconds_per_instance": 1.0},
        {"size": 800, "seconds_per_instance": 16.0},
    ]
    assert cards.seconds(rows, 50) == 1.0
    assert cards.seconds(rows, 200) == pytest.approx(4.0)
    assert cards.seconds(rows, 1600) == 64.0
    assert cards.seconds(rows, 25) == 0.25
    assert cards.seconds([], 10) == float("inf")


def test_the_profile_of_this_machine_goes_before_the_cards(tmp_path, monkeypatch):
    """What `nco tune` wrote is believed, unless it is of another format."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = files.from_arrays([[float(i), 0.0] for i in range(100)])
    stated = machine.first_seconds(case)
    assert machine.starts(case, 1.0) == []
    written = {
        "format": machine.FORMAT,
        "loading": 1.5,
        "networks": [{"problem": "tsp", "size": 100, "seconds_per_instance": stated + 1}],
        "starts": [
            {
                "problem": "tsp",
                "size": 100,
                "time_limit": 1.0,
                "gap_percent": {"own": 2.0, "network": 1.0},
            }
        ],
    }
    machine.path().parent.mkdir()
    machine.path().write_text(json.dumps(written))
    assert machine.first_seconds(case) == stated + 1
    assert machine.starts(case, 1.2) == ["network", "own"]
    assert machine.starts(case, 60.0) == []
    machine.path().write_text("{}")
    assert machine.starts(case, 1.2) == []

"""Dispatching without Ray: nothing is lost and nothing done twice, whatever hosts do."""

from collections import Counter

import pytest
from cluster_fakes import FakeFleet

from nco.cluster import batch
from nco.cluster.dispatch import Dispatch, Rules
from nco.cluster.task import Kind, Task
from nco.core.errors import NCOError


def tasks(words):
    return iter([Task(f"t{i}", i, word) for i, word in enumerate(words)])


def run(fleet, words, **rules):
    dispatch = Dispatch(fleet, Rules(**rules), fleet.clock)
    return list(dispatch.run(tasks(words)))


@pytest.mark.parametrize("seed", range(10))
def test_each_task_has_one_result_whatever_hosts_die_and_come(seed):
    """Of 2,000, in spite of deaths; only those that kill hosts by themselves are quarantined."""
    words = ["fine"] * 2000
    for place in (0, 700, 1999):
        words[place] = "poison"
    words[5], words[6] = "unreadable", "failing"
    fleet = FakeFleet(3, seed)
    found = run(fleet, words, patience=1e9)
    kinds = {result.task.id: result.kind for result in found}
    assert len(found) == len(kinds) == 2000
    quarantined = {id for id, kind in kinds.items() if kind is Kind.QUARANTINED}
    assert quarantined == {"t0", "t6", "t700", "t1999"}
    assert [id for id, kind in kinds.items() if kind is Kind.REFUSED] == ["t5"]
    assert all(r.value == f"{r.task.id} solved" for r in found if r.kind is Kind.DONE)
    again = [id for id, runs in fleet.runs.items() if runs > 1]
    assert again == ["t6"]  # whose answers were heard: of the others none was


def test_a_quarantined_task_says_why():
    """How often it was tried, where, and what happened there."""
    (result,) = run(FakeFleet(1), ["poison"])
    assert (result.kind, result.tries) == (Kind.QUARANTINED, 3)
    assert result.error == "failed 3 times, at last on host0: died"


def test_a_task_that_failed_is_tried_elsewhere():
    """A host on which all fails is ended, once others have done what failed there."""
    fleet = FakeFleet(3, broken="host1")
    found = run(fleet, ["fine"] * 300)
    assert {result.kind for result in found} == {Kind.DONE}
    assert len(found) == 300
    (dropped,) = fleet.dropped
    assert dropped[0] == "host1"
    assert "no space left" in dropped[1]


def test_one_host_is_kept_though_all_fails():
    """Without another one it is the tasks that are blamed."""
    found = run(FakeFleet(1, broken="host0"), ["fine"] * 20)
    assert Counter(result.kind for result in found) == {Kind.QUARANTINED: 20}


def test_a_host_that_hangs_is_ended():
    """After the limit of its block and the time to get ready; the one task is at fault."""
    fleet = FakeFleet(2)
    words = ["fine"] * 50
    words[20] = "hang"
    found = run(fleet, words, limit=lambda block, cores: 2.0, late=5.0)
    bad = [result for result in found if result.kind is not Kind.DONE]
    assert [result.task.id for result in bad] == ["t20"]
    assert "no answer within 7 s" in bad[0].error
    assert len(found) == 50


def test_without_a_host_it_ends_in_one_line():
    """Not before its patience is over."""
    fleet = FakeFleet(0)
    with pytest.raises(NCOError, match="no node for 30 s; none was ready"):
        run(fleet, ["fine"], patience=30.0)
    assert 30 < fleet.now < 31


def test_tasks_are_drawn_as_hosts_take_them():
    """A million need not be in memory: those drawn and not done fit into the hosts' blocks."""
    fleet = FakeFleet(2)
    drawn = done = most = 0

    def endless():
        nonlocal drawn
        for index in range(5000):
            drawn += 1
            yield Task(str(index), index, "fine")

    for _ in Dispatch(fleet, Rules(most=50), fleet.clock).run(endless()):
        done += 1
        most = max(most, drawn - done)
    assert done == 5000
    assert most <= 2 * 2 * 50 + 50


def test_blocks_grow_to_the_target_and_shrink_at_the_end():
    """A tenth of a second a task makes blocks of ten for a second; the last ones are smaller."""
    fleet = FakeFleet(2)
    run(fleet, ["fine"] * 200, count=200)
    sizes = [len(block) for _, block, _ in fleet.sent]
    assert sizes[0] <= 2
    assert max(sizes) == 10
    assert sizes[-1] <= 2


def test_results_in_order_wait_for_those_before_them(monkeypatch):
    """And the input waits, too, once too many are held back."""
    monkeypatch.setattr(batch, "AHEAD", 20)
    monkeypatch.setattr(batch, "LATE", 5.0)
    fleet = FakeFleet(2)
    monkeypatch.setattr("nco.cluster.dispatch.time.monotonic", fleet.clock)
    words = ["fine"] * 300
    words[3] = "poison"
    drawn = []

    def noted():
        for task in tasks(words):
            drawn.append(task.index)
            yield task

    indices = []
    monkeypatch.setattr(batch.solving, "seconds", lambda *arguments: 1.0)
    plan = batch.Plan("local", in_order=True)
    for result in batch.results(fleet, noted(), {}, plan, 300):
        indices.append(result.task.index)
        assert drawn[-1] - len(indices) <= 2 * 20 + 2
    assert indices == list(range(300))


def in_total(monkeypatch, words):
    """The fleet after a run of 20 seconds in all, and the seconds of an instance, by block."""
    fleet = FakeFleet(2)
    for name in ("nco.cluster.dispatch.time.monotonic", "nco.cluster.batch.time.monotonic"):
        monkeypatch.setattr(name, fleet.clock)
    monkeypatch.setattr(batch.solving, "seconds", lambda *arguments: 60.0)
    plan = batch.Plan("local", in_order=False)
    given = {"total_time": 20.0}
    found = list(batch.results(fleet, tasks(words), given, plan, len(words)))
    assert len(found) == len(words)
    return fleet, [note["total_time"] / len(block) for _, block, note in fleet.sent]


def test_a_total_time_is_divided_among_the_blocks(monkeypatch):
    """For each instance about the same, on all hosts, until the time is over."""
    fleet, told = in_total(monkeypatch, ["fine"] * 400)
    assert 18.0 < fleet.now < 20.5
    assert max(told) < 2 * min(told)


def test_time_that_blocks_do_not_need_is_for_the_others(monkeypatch):
    """Those that are solved at once leave theirs."""
    fleet, told = in_total(monkeypatch, ["early"] * 300 + ["fine"] * 100)
    assert 18.0 < fleet.now < 20.5
    assert told[-1] > 3 * told[0]


def test_a_total_time_needs_a_number_of_instances():
    """An endless iterable cannot share it."""
    with pytest.raises(NCOError, match="must be known"):
        list(batch.results(FakeFleet(1), tasks([]), {"total_time": 1.0}, batch.Plan("x"), None))

"""Batches on real clusters of two and three nodes, which lose nodes, workers and drivers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from cluster_fakes import Trouble
from cluster_nodes import ray_or_skip

import nco
from nco import cli
from nco.cluster import batch, inputs
from nco.cluster.connect import ray
from nco.cluster.dispatch import Dispatch, Rules
from nco.cluster.fleet import RayFleet
from nco.cluster.task import Kind, Task
from nco.core.errors import NCOError
from nco.solving.options import Options

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]

OPTIONS = {"model": "none", "classical": False}


def items(count):
    return [
        {
            "values": [1 + (7 * i + 3 * k) % 11 for k in range(8)],
            "weights": [1 + (5 * i + 2 * k) % 7 for k in range(8)],
            "capacity": 12 + i % 5,
        }
        for i in range(count)
    ]


def routes(tmp_path, count, **columns):
    """A manifest of routes that nothing proves optimal: each takes the whole of its time."""
    path = tmp_path / "many.jsonl"
    rows = [
        {
            "coords": [[(13 * i + 7 * k) % 50, (11 * i + 17 * k) % 50] for k in range(13)],
            "demand": [0] + [1 + (i + k) % 9 for k in range(12)],
            "capacity": 20,
            **columns,
        }
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def troubled(tmp_path, words, meanwhile=None, **rules):
    """The results of work that goes wrong as the words say."""
    fleet = RayFleet(ray(), Trouble(str(tmp_path)))
    found = []
    try:
        dispatch = Dispatch(fleet, Rules(**rules))
        for result in dispatch.run(Task(f"t{i}", i, w) for i, w in enumerate(words)):
            found.append(result)
            if meanwhile is not None:
                meanwhile(result, len(found))
    finally:
        fleet.close()
    return found, fleet


# Those of one node come first and those of three last: a node that is begun costs seconds.


def test_the_command_prints_rows_and_says_what_is_wrong(nodes, tmp_path, capsys):
    """A wrong row costs no other one, is not tried again, and makes the exit code 2."""
    nodes.resize(1)
    path = tmp_path / "many.jsonl"
    rows = [*items(2), {"values": [1], "weights": [-1], "capacity": 3}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["solve", str(path), "--cluster", nodes.address, "--time_limit", "none"]
    with pytest.raises(SystemExit) as stop:
        cli.main([*words, "--model", "none", "--order", "done"])
    captured = capsys.readouterr()
    assert stop.value.code == 2
    lines = [line for line in captured.out.splitlines() if line.startswith("{")]  # not Ray's
    found = {row["index"]: row for row in map(json.loads, lines)}
    assert found[0]["feasible"]
    assert found[1]["feasible"]
    assert "weights" in found[2]["error"]
    assert "2 done, 1 refused" in captured.err


def test_an_instance_that_nobody_can_solve_ends_an_iteration(nodes):
    """`nco.solve_iter` raises, as it does without a cluster."""
    nodes.resize(1)
    source = [*items(1), {"values": [1], "weights": [-1], "capacity": 3}]
    solutions = nco.solve_iter(source, **OPTIONS, cluster=nodes.address)
    assert next(solutions).feasible
    with pytest.raises(NCOError, match="weights"):
        next(solutions)


def test_it_works_from_another_thread(nodes):
    """Where Ray must not touch the signals."""
    nodes.resize(1)
    found = []
    call = threading.Thread(
        target=lambda: found.extend(nco.solve_iter(items(3), **OPTIONS, cluster=nodes.address))
    )
    call.start()
    call.join(60)
    assert len(found) == 3


def test_solutions_are_those_of_one_process(nodes):
    """In order, from two nodes, with all that a solution has."""
    nodes.resize(2)
    source = items(60)
    here = list(nco.solve_iter(source, **OPTIONS))
    there = list(nco.solve_iter(source, **OPTIONS, cluster=nodes.address))
    assert [s.solution for s in there] == [s.solution for s in here]
    assert [s.cost for s in there] == [s.cost for s in here]
    assert there[7].actions == here[7].actions
    assert there[7].case.capacity == source[7]["capacity"]


def test_iterations_give_the_same_answers_as_one_process(nodes, tmp_path, tiny):
    """Counted effort of a network does not depend on where it is spent."""
    nodes.resize(2)
    maps = [[[(13 * i + 7 * k) % 50, (11 * i + 17 * k) % 50] for k in range(9)] for i in range(6)]
    asked = {"model": tiny["tsp"], "classical": False, "iterations": 3, "seed": 5}
    here = [nco.solve(each, **asked) for each in maps]
    path = tmp_path / "maps.jsonl"
    path.write_text("".join(json.dumps({"coords": each}) + "\n" for each in maps))
    plan = batch.Plan(nodes.address)
    summary = batch.run([str(path)], Options(**asked), plan, tmp_path / "out")
    rows = [json.loads(line) for line in summary.written.read_text().splitlines()]
    assert [row["cost"] for row in rows] == [solution.cost for solution in here]
    assert [row["solution"] for row in rows] == [solution.solution for solution in here]


def test_a_task_that_kills_workers_is_quarantined(nodes, tmp_path):
    """After three tries by itself; no other one is blamed, though they died with it."""
    nodes.resize(2)
    words = ["fine"] * 60
    words[30] = "poison"
    found, _ = troubled(tmp_path, words)
    bad = [result for result in found if result.kind is not Kind.DONE]
    assert [result.task.id for result in bad] == ["t30"]
    assert bad[0].error.startswith("failed 3 times, at last on ")
    assert len(found) == 60
    begun = (tmp_path / "t30.begun").read_text().split()
    assert 3 <= len(begun) <= 6


def test_workers_have_the_priority_of_who_began_the_cluster(nodes):
    """Ray's own would give way to all else on the machine, and an actor might never begin."""
    nodes.resize(2)

    def niceness():
        return os.nice(0)

    assert ray().get(ray().remote(niceness).remote()) == os.nice(0)


def test_a_worker_that_hangs_is_ended(nodes, tmp_path):
    """After its limit; the task that hung is quarantined, the others are done."""
    nodes.resize(2)
    words = ["fine"] * 10
    words[4] = "hang"
    found, fleet = troubled(tmp_path, words, limit=lambda block, cores: 0.3, late=0.2, tries=2)
    kinds = {result.task.id: result.kind for result in found}
    assert kinds.pop("t4") is Kind.QUARANTINED
    assert set(kinds.values()) == {Kind.DONE}
    assert len(kinds) == 9
    assert all("no answer within" in line for line in fleet.dropped)


def test_a_killed_worker_costs_no_task(nodes, tmp_path):
    """As by the kernel when memory runs out."""
    nodes.resize(2)

    def strike(result, count):
        if count == 10:
            (pid,) = (tmp_path / f"{result.task.id}.begun").read_text().split()
            os.kill(int(pid), signal.SIGKILL)

    found, _ = troubled(tmp_path, ["slow"] * 60, strike)
    assert Counter(result.task.id for result in found) == Counter(f"t{i}" for i in range(60))
    assert {result.kind for result in found} == {Kind.DONE}


def test_a_killed_driver_goes_on(nodes, tmp_path):
    """From the ledger: nothing is lost, and nothing is solved twice."""
    nodes.resize(2)
    many = 60
    path = routes(tmp_path, many, time_limit=0.15)
    out = tmp_path / "out"
    words = ["solve", path, "--cluster", nodes.address, "--output", str(out), "--model", "none"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "nco.cli", *words],
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    ledger = out / "ledger.jsonl"
    while not (ledger.exists() and ledger.read_text().count("\n") >= 4):
        assert driver.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    before = ledger.read_text()[: ledger.read_text().rfind("\n") + 1]
    assert before.count("\n") < many
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert not stop.value.code
    text = ledger.read_text()
    assert text.startswith(before)
    ids = [json.loads(line)["id"] for line in text.splitlines()]
    assert sorted(ids) == sorted(task.id for task in inputs.tasks([path]))
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(many))
    assert all(row["feasible"] for row in rows)


def test_a_total_time_holds(nodes):
    """For all of them, on all nodes."""
    nodes.resize(2)
    begin = time.monotonic()
    source = items(8)
    solved = list(nco.solve_iter(source, model="none", total_time=1.5, cluster=nodes.address))
    assert len(solved) == 8
    assert all(solution.feasible for solution in solved)
    assert time.monotonic() - begin < 1.5 + 12  # nodes begin meanwhile, on a busy machine


def test_a_lost_node_costs_no_task(nodes, tmp_path):
    """What it had is done by the others, and a node that joins is used."""
    nodes.resize(3)
    hosts, drawn = set(), []

    def words():
        while len(drawn) < 200 or (len(hosts) < 4 and len(drawn) < 10_000):
            drawn.append("slow")
            yield "slow"

    def strike(result, count):
        hosts.add(result.host)
        if count == 20:
            nodes.kill(nodes.nodes[0])
        if count == 40:
            nodes.add()

    found, _ = troubled(tmp_path, words(), strike, target=0.3)
    assert Counter(result.task.id for result in found) == Counter(
        f"t{i}" for i in range(len(drawn))
    )
    assert {result.kind for result in found} == {Kind.DONE}
    assert len(hosts) == 4

"""Batches while workers, nodes and drivers are killed at random: the answers are those of peace.

All ten schedules: ``pytest tests/cluster/test_fault_schedule.py -m slow -n 0``.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cluster_nodes import Nodes, ray_or_skip

import nco

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]

MANY = 40
OPTIONS: dict[str, Any] = {"model": "none", "iterations": 60}  # counted: the same everywhere
PATIENCE = 300.0  # seconds of a schedule, on a busy machine


def routes() -> list[dict[str, Any]]:
    """CVRPs of 20 customers."""
    draw = np.random.default_rng(3)
    return [
        {
            "id": f"r{i}",
            "coords": draw.integers(0, 1000, (21, 2)).tolist(),
            "demand": [0, *draw.integers(1, 10, 20).tolist()],
            "capacity": 30,
        }
        for i in range(MANY)
    ]


@pytest.fixture(scope="module")
def alone() -> list[Any]:
    """The solutions of one process without a cluster."""
    rows = [{k: v for k, v in row.items() if k != "id"} for row in routes()]
    return [nco.solve(row, **OPTIONS).solution for row in rows]


class Run:
    """A batch, its driver and the ways to harm it."""

    def __init__(self, nodes: Nodes, folder: Path, draw: random.Random) -> None:
        self.nodes, self.draw = nodes, draw
        self.manifest, self.out = folder / "routes.jsonl", folder / "out"
        self.manifest.write_text("".join(json.dumps(row) + "\n" for row in routes()))
        self.kept = b""  # of the ledger when a driver was killed
        self.driver = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        words = ["solve", str(self.manifest), "--cluster", self.nodes.address]
        words += ["--output", str(self.out)]
        words += [word for key, value in OPTIONS.items() for word in (f"--{key}", str(value))]
        return subprocess.Popen([sys.executable, "-m", "nco.cli", *words], stderr=subprocess.PIPE)

    def ledger(self) -> bytes:
        """Its whole lines so far."""
        path = self.out / "ledger.jsonl"
        text = path.read_bytes() if path.exists() else b""
        return text[: text.rfind(b"\n") + 1]

    def wait(self, lines: int) -> None:
        """Until so many instances have ended."""
        until = time.monotonic() + PATIENCE
        while self.ledger().count(b"\n") < lines:
            assert self.driver.poll() is None, self.driver.stderr.read().decode()[-500:]  # type: ignore[union-attr]
            assert time.monotonic() < until
            time.sleep(0.02)

    def end(self) -> None:
        """Until the driver has ended."""
        _, said = self.driver.communicate(timeout=PATIENCE)
        assert self.driver.returncode == 0, said.decode()[-500:]

    def strike(self, what: str) -> None:
        if what == "driver":
            self.driver.kill()
            self.driver.communicate()
            self.kept = self.ledger()
            self.driver = self._started()
        elif what == "node":
            self.nodes.kill(self.draw.choice(self.nodes.nodes))
            self.nodes.add()
        elif workers := list(self._workers()):
            os.kill(self.draw.choice(workers), signal.SIGKILL)

    def _workers(self) -> Iterator[int]:
        """Processes of hosts on these nodes, and of the solvers below them."""
        parents, names = {}, {}
        for entry in Path("/proc").iterdir():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
                names[int(entry.name)] = (entry / "cmdline").read_bytes()
            except (ValueError, OSError):  # no process, or one that has just ended
                continue
        found = {node.all_processes["raylet"][0].process.pid for node in self.nodes.nodes}
        hosts = {
            pid
            for pid, parent in parents.items()
            if parent in found and names[pid].startswith(b"ray::Host")
        }
        yield from sorted(hosts)
        yield from sorted(pid for pid, parent in parents.items() if parent in hosts)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for workers in /proc")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_answers_are_those_of_one_process_whatever_is_killed(
    seed: int, nodes: Nodes, alone: list[Any], tmp_path: Path
) -> None:
    """Nothing is lost, and nothing that had ended is solved again."""
    nodes.resize(2)
    draw = random.Random(seed)
    strikes = ["worker", "node", "driver"]
    draw.shuffle(strikes)
    run = Run(nodes, tmp_path, draw)
    try:
        for lines, what in zip(sorted(draw.sample(range(1, MANY - 10), 3)), strikes, strict=True):
            run.wait(lines)
            run.strike(what)
        run.end()
    finally:
        run.driver.kill()
        run.driver.wait()
    text = run.ledger()
    assert run.kept
    assert text.startswith(run.kept)
    assert sorted(json.loads(line)["id"] for line in text.splitlines()) == sorted(
        f"r{i}" for i in range(MANY)
    )
    rows = [json.loads(line) for line in (run.out / "results.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"r{i}" for i in range(MANY)]
    assert {row["ended"] for row in rows} == {"done"}
    assert [row["solution"] for row in rows] == alone

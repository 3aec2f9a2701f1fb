"""Training on several processes: data by rank, equal weights, and the death of a rank."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_runs import CONFIG, load

from nco.core.seeds import generator
from nco.labels import store

HERE = str(Path(__file__).parent)
RANKS = ["--trainer.accelerator", "cpu", "--trainer.strategy", "ddp"]
STEPS = 6


@pytest.fixture
def place(tours, tmp_path):
    """A folder with the configuration of a short run."""
    text = CONFIG.format(labels=tours, folder=tmp_path / "logs").replace(
        "max_steps: 8", f"max_steps: {STEPS}"
    )
    (tmp_path / "config.yaml").write_text(text)
    return tmp_path


def words(place, folder, *more):
    seen = place / folder / "seen"
    seen.mkdir(parents=True, exist_ok=True)
    callback = ["--trainer.callbacks+", "module_of_ranks.Seen"]
    callback += ["--trainer.callbacks.folder", str(seen)]
    run = ["--config", "config.yaml", "--checkpoint.folder", str(place / folder)]
    return ["fit", *run, "--checkpoint.steps", "2", *RANKS, *callback, *more]


def environment():
    path = os.pathsep.join([HERE, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(command, place):
    with open(place / "log.txt", "a") as log:  # a pipe would wait for every child
        return subprocess.Popen(command, cwd=place, env=environment(), stdout=log, stderr=log)


def fit(place, folder, *more):
    command = [sys.executable, "-m", "nco.cli", *words(place, folder, *more)]
    return run([*command, "--trainer.devices", "2"], place).wait(400)


def seen(place, folder, rank):
    lines = (place / folder / "seen" / f"rank{rank}.jsonl").read_text().splitlines()
    return {row["step"]: row["costs"] for row in map(json.loads, lines)}


def weights(place, folder):
    found = load(place / folder / "last.ckpt")
    return {k: v for k, v in found["state_dict"].items() if k.startswith("policy.")}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def torchrun(place, folder):
    """Two "nodes" of one process each, which meet at an address of this machine."""
    meet = ["--nnodes", "2", "--nproc_per_node", "1", "--master_addr", "127.0.0.1"]
    meet += ["--master_port", str(free_port())]
    nodes = []
    for rank in range(2):
        own = [*words(place, folder), "--trainer.devices", "1", "--trainer.num_nodes", "2"]
        start = [sys.executable, "-m", "torch.distributed.run", *meet, "--node_rank", str(rank)]
        nodes.append(run([*start, "-m", "nco.cli", *own], place))
    return [node.wait(400) for node in nodes]


@pytest.mark.long
def test_two_processes_are_killed_resumed_and_repeated_on_two_nodes(place, tours):
    """Whoever dies when, the run ends with the same weights, on all ranks."""
    death = ["--trainer.callbacks+", "module_of_ranks.Death", "--trainer.callbacks.rank", "1"]
    death += ["--trainer.callbacks.step", "5", "--trainer.callbacks.folder", str(place)]
    assert fit(place, "run", *death) != 0
    log = (place / "log.txt").read_text()
    assert (place / "died").exists(), log[-2000:]
    assert load(place / "run" / "last.ckpt")["global_step"] == 4, log[-2000:]
    assert fit(place, "run", "--ckpt_path", "last") == 0, (place / "log.txt").read_text()[-2000:]
    assert torchrun(place, "nodes") == [0, 0], (place / "log.txt").read_text()[-2000:]

    for name, tensor in weights(place, "run").items():
        assert torch.equal(tensor, weights(place, "nodes")[name]), name
    digests = {path.read_text() for path in place.glob("*/seen/rank*.weights")}
    assert len(digests) == 1
    assert seen(place, "run", 0) == seen(place, "nodes", 0)
    assert seen(place, "run", 1) == seen(place, "nodes", 1)
    assert seen(place, "run", 0) != seen(place, "run", 1)
    check_data_of_ranks(place, tours)


def check_data_of_ranks(place, tours):
    """Each batch is drawn by (seed, step, rank) from the chunk of its step."""
    costs = [chunk.cost[:, 0] for chunk in store.read(tours)]
    for rank in range(2):
        for step in range(2):  # whose chunks are the first one: each has a visit a step
            random = generator(0, "labels", step, rank)
            torch.multinomial(torch.tensor([4.0]), 1, generator=random)
            rows = torch.randint(4, (4,), generator=random)
            assert seen(place, "run", rank)[step + 1] == costs[step][rows].tolist()

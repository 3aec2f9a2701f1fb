"""Asynchronous rollouts in a training on several processes: each has actors of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_nodes import TESTS, Nodes, ray_or_skip
from family_runs import attached, collecting
from torch import distributed

from nco.cluster.rollouts import Asynchronous
from nco.core.errors import NCOError

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]
CONFIG = """
model:
  class_path: nco.models.policy_gradient.PolicyGradient
  init_args:
    problem: {class_path: nco.problems.tsp.TSP, init_args: {size: 6}}
    policy:
      class_path: nco.models.nets.AttentionPolicy
      init_args:
        heads: 2
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {width: 16, heads: 2, layers: 1, hidden: 16}
    source:
      class_path: nco.cluster.rollouts.Asynchronous
      init_args: {address: ADDRESS}
    advantage: {class_path: nco.models.policy_gradient.advantages.Standardised}
    surrogate: {class_path: nco.models.policy_gradient.surrogates.Truncated}
    training: {lr: 1.0e-3, warmup: 1}
data: {class_path: nco.training.data.Fresh, init_args: {batch_size: 8}}
trainer:
  limit_train_batches: 1000000
  max_steps: 250
  enable_progress_bar: false
  accelerator: cpu
  devices: 2
  strategy: ddp
  callbacks+:
    class_path: module_of_ranks.Played
    init_args: {folder: .}
"""


@pytest.mark.slow  # two processes, and steps until the actors of both have played
def test_each_rank_learns_from_its_own_actors(nodes: Nodes, tmp_path: Path) -> None:
    """All ranks end with the same weights, and each has learned from groups of actors."""
    nodes.resize(2)
    (tmp_path / "config.yaml").write_text(CONFIG.replace("ADDRESS", nodes.address))
    path = os.pathsep.join([f"{TESTS}/training", os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, "-m", "nco.cli", "fit", "--config", "config.yaml"]
    with open(tmp_path / "log.txt", "w") as log:  # a pipe would wait for every child
        ended = subprocess.run(
            [*words, "--checkpoint.folder", "run"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            timeout=500,
            check=False,
        )
    assert ended.returncode == 0, (tmp_path / "log.txt").read_text()[-2000:]
    assert len({(tmp_path / f"rank{rank}.weights").read_text() for rank in range(2)}) == 1
    assert all(int((tmp_path / f"rank{rank}.learned").read_text()) > 0 for rank in range(2))


def test_ranks_that_would_each_begin_a_cluster_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the way to one cluster for all of them."""
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 3)
    source, trained = attached(Asynchronous())
    with pytest.raises(NCOError, match=r"3 processes would begin a cluster each: run `ray start"):
        source.collect(collecting(trained))

"""Short training runs as a user starts them, for the tests of training."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nco.training.command import main

CONFIG = """
model:
  class_path: nco.models.imitation.Imitation
  init_args:
    problem:
      class_path: nco.problems.tsp.TSP
      init_args: {{size: [4, 6]}}
    policy:
      class_path: nco.models.nets.AttentionPolicy
      init_args:
        heads: 2
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {{width: 8, heads: 2, layers: 2, hidden: 8}}
    training: {{lr: 1.0e-2, warmup: 3}}
    views: 2
data:
  class_path: nco.training.data.Labels
  init_args:
    sets: [{labels}]
    batch_size: 4
    references: [{labels}]
trainer:
  limit_train_batches: 4  # two epochs in eight steps
  max_steps: 8
  log_every_n_steps: 1
  enable_progress_bar: false
  accelerator: cpu
  logger:
    class_path: lightning.pytorch.loggers.CSVLogger
    init_args: {{save_dir: {folder}}}
"""
# what a user may write: ends of a run, and a loss that goes astray
MODULE = """
import os
import signal

from lightning.pytorch import Callback

from nco.models.imitation import Imitation


class End(Callback):
    def __init__(self, step: int, kill: bool) -> None:
        self.step, self.kill = step, kill

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt


class Astray(Imitation):
    def loss(self, batch, generator):
        loss = super().loss(batch, generator)
        return loss * float("nan") if self.global_step == 3 else loss
"""


def write_config(tours: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "module_of_a_user", raising=False)
    (folder / "module_of_a_user.py").write_text(MODULE)
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(labels=tours, folder=folder / "logs"))
    return path


def fit(config: Path, folder: str, *words: str) -> Path:
    """Runs `nco fit` in this process; the path of its checkpoint."""
    main(["fit", "--config", str(config), "--checkpoint.folder", folder, *words])
    return Path(folder) / "last.ckpt"


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found

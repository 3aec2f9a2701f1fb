"""The page on objectives: a surrogate of a user's own trains by the command."""

import sys
from pathlib import Path

import pages
import pytest
import torch

from nco.training.command import main


def test_an_own_surrogate_trains_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's module, at most 15 lines, and its config, as they stand, three steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module, config = pages.write_files(pages.DOCS / "extend" / "objective.md", tmp_path)
    lines = [line for line in module.read_text().splitlines() if line.strip()]
    assert len(lines) <= 15
    words = ["--trainer.max_steps", "3", "--trainer.logger", "false", "--checkpoint.folder", "run"]
    main(["fit", "--config", config.name, *words, "--trainer.enable_progress_bar", "false"])
    checkpoint = torch.load("run/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    described = checkpoint["nco"]["method"]["init_args"]["surrogate"]
    assert described == {"class_path": "my_objective.Cautious", "init_args": {"most": 0.5}}
    sys.modules.pop("my_objective", None)

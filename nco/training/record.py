"""What a run's folder says of itself: its whole configuration, its commands, its versions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from nco.core import atomic
from nco.training import folder


class Record(SaveConfigCallback):
    """Writes ``config.yaml`` and ``about.json`` into the run's folder when training starts.

    Args:
        parser: that the configuration was read by.
        config: the configuration.
        words: the command's, for ``about.json``.
        where: the folder; None is the logger's of this run.
        overwrite: whether the run that is there is given up.
    """

    def __init__(
        self,
        parser: LightningArgumentParser,
        config: Any,
        words: Sequence[str] = (),
        where: str | None = None,
        overwrite: bool = False,
    ) -> None:
        super().__init__(parser, config, save_to_log_dir=False)
        self.words, self.where, self.replaces = words, where, overwrite

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """On rank 0, before the first step."""
        root = trainer.log_dir or trainer.default_root_dir
        place = Path(self.where if self.where is not None and stage == "fit" else root)
        place.mkdir(parents=True, exist_ok=True)
        if self.replaces and stage == "fit":
            folder.forget(place)
        config = self.config.clone()
        config["ckpt_path"], config["overwrite"] = None, False  # of this command, not of the run
        text = self.parser.dump(config, skip_none=False)
        atomic.write_text(place / "config.yaml", text)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Once the step is known that the run goes on from."""
        if trainer.is_global_zero:
            place = Path(self.where or trainer.log_dir or trainer.default_root_dir)
            device = str(trainer.strategy.root_device)
            part = folder.describe_part(self.words, trainer.global_step, device)
            folder.write_about(place, part)

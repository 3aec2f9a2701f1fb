"""What a run's folder says of itself: its whole configuration, its commands, versions, curve."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn

from nco.core import atomic
from nco.training import curve, folder
from nco.training.curve import Curve, draw

SELDOM = 60.0  # seconds between two writings without a validation, and between two drawings


class Record(SaveConfigCallback):
    """Writes ``config.yaml`` and ``about.json`` when training starts, and the curve as it grows.

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
        self.root = ""
        self.curve: Curve | None = None
        self._drawn = self._written = self._begin = time.monotonic()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """On every rank, which asks for the folder together: the first one tells the others."""
        self.root = trainer.log_dir or trainer.default_root_dir
        super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """On rank 0, before the first step."""
        place = Path(self.where if self.where is not None and stage == "fit" else self.root)
        place.mkdir(parents=True, exist_ok=True)
        if self.replaces and stage == "fit":
            folder.forget(place)
        config = self.config.clone()
        config["ckpt_path"], config["overwrite"] = None, False  # of this command, not of the run
        text = self.parser.dump(config, skip_none=False)
        atomic.write_text(place / "config.yaml", text)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Once the step is known that the run goes on from."""
        if not trainer.is_global_zero:
            return
        place = Path(self.where or self.root)
        device = str(trainer.strategy.root_device)
        part = folder.describe_part(self.words, trainer.global_step, device)
        folder.write_about(place, part)
        path = place / curve.NAME
        there = path.exists() and trainer.global_step > 0
        self.curve = Curve.read(path).before(trainer.global_step) if there else Curve()
        self.place = place
        self._begin = time.monotonic() - self.curve.seconds
        self._written = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._add(trainer, "train/")
            if time.monotonic() - self._written > SELDOM:
                self._write()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._add(trainer, "val/")
            self._write()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(drawn=True)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._write(drawn=True)

    def _add(self, trainer: Trainer, prefix: str) -> None:
        if self.curve is None:
            return
        found = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(prefix) and not name.endswith(("_step", "_epoch"))
        }
        self.curve.add(trainer.global_step, time.monotonic() - self._begin, found)

    def _write(self, drawn: bool = False) -> None:
        """A disk that is full costs the curve, not the training."""
        if self.curve is None or not self.curve.rows:
            return
        try:
            self.curve.write(self.place / curve.NAME)
            if drawn or time.monotonic() - self._drawn > SELDOM:
                atomic.write_bytes(self.place / curve.PICTURE, draw({self.place.name: self.curve}))
                self._drawn = time.monotonic()
        except OSError as error:
            print(f"nco: {self.place}: the curve cannot be written ({error})", file=sys.stderr)
        self._written = time.monotonic()

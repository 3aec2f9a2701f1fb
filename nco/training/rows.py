"""The table of `nco test` and `nco validate`: a row for each set as soon as it is done."""

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from nco.training.method import Method

NAME, CELL = 12, 18  # least widths of a set's name and of a gap, in characters
ALONE = (TrainerFn.TESTING, TrainerFn.VALIDATING)  # not the validation within a fit


class Rows(Callback):
    """Prints each set's gaps with standard error, number of instances and seconds.

    After Ctrl-C the set at hand has a row too, of as many instances as were done.
    """

    def __init__(self) -> None:
        self._begin = 0.0
        self._open: int | None = None  # the set at hand
        self._headed: list[str] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._warn(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._warn(trainer, pl_module)

    def _warn(self, trainer: Trainer, module: LightningModule) -> None:
        """Random weights have gaps, too."""
        assert isinstance(module, Method)
        fresh = trainer.ckpt_path is None and module.settings.initial is None
        if fresh and trainer.state.fn in ALONE and trainer.is_global_zero:
            print(
                "nco: neither --ckpt_path nor training.initial is given: the network is untrained",
                file=sys.stderr,
            )

    def on_test_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._enter(dataloader_idx)

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._enter(dataloader_idx)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._leave(trainer, pl_module, batch_idx, int(trainer.num_test_batches[dataloader_idx]))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._leave(trainer, pl_module, batch_idx, int(trainer.num_val_batches[dataloader_idx]))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        if self._open is not None and isinstance(exception, KeyboardInterrupt):
            self._print(trainer, pl_module, "interrupted")

    def _enter(self, index: int) -> None:
        if self._open != index:
            self._open, self._begin = index, time.perf_counter()

    def _leave(self, trainer: Trainer, module: LightningModule, batch: int, batches: int) -> None:
        if batch + 1 == batches:
            self._print(trainer, module, "")
            self._open = None

    def _print(self, trainer: Trainer, module: LightningModule, note: str) -> None:
        if (
            trainer.state.fn not in (TrainerFn.TESTING, TrainerFn.VALIDATING)
            or not trainer.is_global_zero
        ):
            return
        assert isinstance(module, Method)
        assert self._open is not None
        name = module.set_name("test" if trainer.testing else "val", self._open)
        means = module.gaps.means(name)
        if not means:
            return
        seconds = time.perf_counter() - self._begin
        width = max(NAME, len(name))
        if self._headed != list(means):
            self._headed = list(means)
            heads = "".join(f"{key + ' (%)':>{max(CELL, len(key) + 6)}}" for key in means)
            _say(f"{'set':<{width}}{heads}{'instances':>11}{'seconds':>9}")
        cells = "".join(f"{found!s:>{max(CELL, len(key) + 6)}}" for key, found in means.items())
        count = next(iter(means.values())).instances
        _say(f"{name:<{width}}{cells}{count:>11}{seconds:>9.1f}  {note}".rstrip())


def _say(line: str) -> None:
    """Above the bar of progress, where there is one."""
    from tqdm import tqdm

    tqdm.write(line)

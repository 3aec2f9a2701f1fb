"""`nco fit|validate|test|predict`: Lightning's own command line over methods and data modules."""

import contextlib
import io
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EMAWeightAveraging
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from nco.core import atomic
from nco.core.errors import NCOError
from nco.core.versions import ARGUMENTS, is_old, refuse_config
from nco.training import folder
from nco.training.data import Data
from nco.training.messages import EXAMPLE, OneLineParser, as_error, refuse_missing
from nco.training.method import Method
from nco.training.record import Record
from nco.training.references import SHIPPED
from nco.training.rows import Rows

INTERRUPTED = 130  # exit code after Ctrl-C
ASK = 10  # steps between two questions of several ranks whether a checkpoint is due
COMMANDS = ("fit", "validate", "test", "predict")
# an "epoch" is only the distance between two validations: the data is an endless stream
DEFAULTS: dict[str, Any] = {
    "max_epochs": -1,
    "limit_train_batches": 500,
    "gradient_clip_val": 1.0,
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,
    "log_every_n_steps": 20,
    "use_distributed_sampler": False,
    "default_root_dir": "runs",
    "plugins": [{"class_path": "nco.training.command.AtomicCheckpoints"}],
}


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint so that the file is the old one or the new one, even after ``kill -9``.

    Lightning itself moves a file from the system's temporary folder. Where that is on another disk,
    moving means copying, which can break off half-way.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(target, buffer.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Without pickle, which could run code, also where Lightning would allow it."""
        checkpoint: dict[str, Any] = super().load_checkpoint(path, map_location, weights_only=True)
        return checkpoint


class Newest(Checkpoint):
    """Writes ``last.ckpt`` every few minutes, at the end, and when training is interrupted.

    Args:
        minutes: between two checkpoints.
        steps: between two checkpoints, in addition; 0 is never.
        folder: where; by default the logger's folder of this run.
    """

    def __init__(self, minutes: float = 3.0, steps: int = 0, folder: str | None = None) -> None:
        self.minutes, self.steps, self.folder = minutes, steps, folder
        self._written = time.monotonic()
        self._root = ""

    def path(self, trainer: Trainer) -> Path:
        """The file that is written."""
        if self.folder is not None:
            return Path(self.folder) / folder.CHECKPOINT
        root = self._root or trainer.log_dir or trainer.default_root_dir
        return Path(root) / folder.CHECKPOINT

    def _write(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path(trainer), weights_only=False)  # with the optimiser
        self._written = time.monotonic()

    def _write_alone(self, trainer: Trainer) -> None:
        """On the first of several ranks, which waits for none: they may have ended."""
        if trainer.is_global_zero:
            checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
            trainer.strategy.save_checkpoint(checkpoint, self.path(trainer))

    def _is_late(self, trainer: Trainer) -> bool:
        """Whether the minutes are over; all ranks must agree, as they write together."""
        late = time.monotonic() - self._written > self.minutes * 60
        if trainer.world_size == 1:
            return late
        if trainer.global_step % ASK:
            return False
        return bool(trainer.strategy.broadcast(late))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._written = time.monotonic()
        self._root = trainer.log_dir or trainer.default_root_dir  # asked for by all ranks together

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        due = self.steps > 0 and step % self.steps == 0
        if due or self._is_late(trainer):
            self._write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        # after a numerical failure the newest good checkpoint must stay
        if isinstance(exception, KeyboardInterrupt) and trainer.global_step > 0:
            if trainer.world_size > 1:
                self._write_alone(trainer)
            else:
                self._write(trainer)


class MovingAverage(EMAWeightAveraging):
    """Exponential moving average of the weights, which validation and checkpoints then use.

    Args:
        decay: share of the average that a step keeps.
    """

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__(decay=decay)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keeps weights and average apart, so that a later run goes on from both.

        Lightning would copy the average over the weights.
        """


class Command(LightningCLI):
    """Lightning's command line with a checkpoint every few minutes (``--checkpoint.minutes``)."""

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # there a staticmethod
        """Those that `parser_kwargs` names: to make a parser of all options takes a while."""
        every = LightningCLI.subcommands()
        return {name: every[name] for name in COMMANDS if name in self.parser_kwargs}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_lightning_class_args(Newest, "checkpoint")
        parser.add_argument(
            "--overwrite", action="store_true", help="replace a run that is in the folder"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parses `args`, without Lightning's warning that the process has arguments too.

        What they ask of the run's folder is settled here, before anything is loaded or made.
        """
        assert isinstance(args, list)
        self.config = parser.parse_args(args)
        own = self.config[self.config.subcommand]
        where = own.checkpoint.folder
        if own.get("ckpt_path") is not None:
            own.ckpt_path = folder.checkpoint(str(own.ckpt_path), where)
        if self.config.subcommand == "fit":
            folder.claim(where, own.ckpt_path, own.overwrite)
        elif "verbose" in own:
            own["verbose"] = False  # of Lightning's table, which comes when all is done
        self.save_config_kwargs = {"words": args, "where": where, "overwrite": own.overwrite}

    def instantiate_trainer(self, **given: Any) -> Trainer:
        """The trainer; its logs lie beside the checkpoint, where nothing says otherwise."""
        own = self.config[self.config.subcommand]
        where = own.checkpoint.folder
        if where is not None and own.trainer.default_root_dir == DEFAULTS["default_root_dir"]:
            given = {"default_root_dir": where, **given}
        return super().instantiate_trainer(**given)

    def instantiate_classes(self) -> None:
        """Makes the objects of the configuration; what they refuse is said in one line."""
        try:
            super().instantiate_classes()
        except Exception as error:
            if (mistake := as_error(error)) is None:
                raise
            raise mistake from error


def _shipped(word: str) -> str:
    """`word`, or the shipped file that it means: ``configs/PROBLEM/METHOD.yaml`` works anywhere."""
    flag, _, path = word.rpartition("=")
    ours = SHIPPED / path.removeprefix("configs/")
    if not path.startswith("configs/") or Path(path).exists() or not ours.is_file():
        return word
    return f"{flag}={ours}" if flag else str(ours)


def _seeded(words: list[str]) -> list[str]:
    """``--seed_everything N`` said of what draws random numbers here: the training and its data."""
    seeds = [
        word.partition("=")[2] or after
        for word, after in zip(words, [*words[1:], ""], strict=True)
        if word.partition("=")[0] == "--seed_everything"
    ]
    if not seeds or not seeds[-1].isdecimal():
        return words
    flags = ("--model.init_args.training.seed", "--data.init_args.seed")
    stated = {word.partition("=")[0] for word in words}
    stated |= {word.replace("--model.", "--model.init_args.", 1) for word in stated}
    stated |= {word.replace("--data.", "--data.init_args.", 1) for word in stated}
    return [*words, *(f"{flag}={seeds[-1]}" for flag in flags if flag not in stated)]


def main(arguments: list[str], command: type[Command] = Command) -> None:
    """Runs Lightning's command line; `arguments` begin with fit, validate, test or predict.

    A config may name classes of a module in the present folder. Where a cluster trains, it has a
    `command` of its own.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # as `python -m` does, but last: nothing is shadowed
    words = _seeded([_shipped(word) for word in arguments])
    if len(words) == 1:
        print(EXAMPLE.format(words[0]), file=sys.stderr)
        raise SystemExit(2)
    refuse_missing(words, SHIPPED)
    _refuse_old(words)
    asked = words[:1] if words[0] in COMMANDS else COMMANDS
    # one line instead of a page before every error
    usages = {name: {"usage": f"nco {name} --config FILE [options]"} for name in asked}
    torch.set_float32_matmul_precision("highest")  # "medium" is slower on CPUs with AMX
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_no_advertisement)
    with warnings.catch_warnings():
        # of Lightning 2.6 about its use of torch 2.13 and jsonargparse 4.53; a user cannot help it
        warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec", FutureWarning)
        warnings.filterwarnings("ignore", "", DeprecationWarning, r"lightning\.|jsonargparse\.")
        # of configs without a reference set, which need no validation
        warnings.filterwarnings("ignore", "Total length of `list` across ranks is zero")
        try:
            command(
                Method,
                Data,
                subclass_mode_model=True,
                subclass_mode_data=True,
                seed_everything_default=0,
                trainer_defaults={**DEFAULTS, "callbacks": [Rows()]},
                save_config_callback=Record,
                auto_configure_optimizers=False,
                parser_class=OneLineParser,
                parser_kwargs={"prog": "nco", "allow_abbrev": False, **usages},
                args=words,
            )
        except SystemExit as ended:
            if isinstance(ended.__context__, KeyboardInterrupt):  # Lightning's code is 1
                raise SystemExit(INTERRUPTED) from None
            raise


def _refuse_old(words: list[str]) -> None:
    """Raises NCOError where a config or an option is of version 0.1."""
    for before, word in zip(["", *words], words, strict=False):
        flag, _, value = word.rpartition("=")
        if (flag or before) in ("--config", "-c") and Path(value).is_file():
            with contextlib.suppress(yaml.YAMLError):  # the parser says where
                refuse_config(yaml.safe_load(Path(value).read_text()), value)
        if is_old(value):
            refuse_config({"class_path": value}, flag or before)
        name = word.partition("=")[0].removeprefix("--model.").removeprefix("init_args.")
        if word.startswith("--model.") and name in ARGUMENTS:
            raise NCOError(f"{word}: is of version 0.1; now it is {ARGUMENTS[name]}")


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip: For seamless cloud" not in record.getMessage()

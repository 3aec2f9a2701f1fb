"""What every way of training shares: optimiser, schedule, validation, checkpoints of plain data."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Generator, Tensor
from torch.nn import Parameter

from nco.core.describe import DESCRIPTION, Described, describe
from nco.core.errors import NCOError
from nco.core.policy import Policy, Widens
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.core.versions import CHECKPOINT, refuse_checkpoint
from nco.labels.store import Labelled
from nco.training.evaluation import Evaluation, Multistart, Stage
from nco.training.gaps import Gaps
from nco.training.optimizer import MuonAdamW


@dataclass(frozen=True)
class Training(Described):
    """What every method asks of a training run.

    The learning rate warms up and then stays constant, because compute comes in pieces of unknown
    total length. A short decay run from any checkpoint
    (``--model.init_args.training.decay_steps 2000``) takes it linearly to zero and then stops.

    Args:
        optimizer: ``adamw``, or ``muon``: orthogonal steps for the matrices of hidden layers and
            AdamW for the rest (`nco.training.optimizer`).
        lr: highest learning rate of AdamW; None is the method's own.
        warmup: steps until it is reached; None is the method's own.
        decay_steps: where positive, this run takes the rate to zero in so many steps from where it
            begins.
        weight_decay: of parameters with more than one axis.
        seed: of initial weights and of rollouts.
        initial: a checkpoint, a folder or the name of a shipped model whose weights are the start.
        new_columns: what to do with columns of the problem that `initial` does not know: ``refuse``
            it, or begin with weights of ``zero``, so that it decides at first as it did without
            them.
    """

    optimizer: Literal["adamw", "muon"] = "adamw"
    lr: float | None = None
    warmup: int | None = None
    decay_steps: int = 0
    weight_decay: float = 0.0
    seed: int = 0
    initial: str | None = None
    new_columns: Literal["refuse", "zero"] = "refuse"

    def __post_init__(self) -> None:
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(f"optimizer must be adamw or muon, not {self.optimizer}")
        if self.new_columns not in ("refuse", "zero"):
            raise ValueError(f"new_columns must be refuse or zero, not {self.new_columns}")
        if self.lr is not None and not self.lr >= 0:
            raise ValueError(f"lr must be at least 0, not {self.lr}")
        if min(self.warmup or 0, self.decay_steps) < 0 or self.weight_decay < 0:
            raise ValueError(
                "warmup, decay_steps and weight_decay must be at least 0, not "
                f"{self.warmup}, {self.decay_steps}, {self.weight_decay}"
            )


PARTS = ("problem", "policy")  # of a method, by which a checkpoint is told from another


class Method(Described, LightningModule, ABC):
    """A method adds its `loss`; everything else is here.

    Random numbers depend on (seed, step, rank) alone, so a run that was killed and resumed equals
    one that was not, bit for bit on the same hardware and threads.

    Args:
        problem: the rules.
        policy: the network; its layers are built here, for the problem's widths.
        training: optimiser, schedule, seed and initial weights.
        lr: the method's own learning rate, where `training` names none.
        warmup: the method's own steps of warm-up, where `training` names none.

    Attributes:
        evaluation: how validation and prediction play the policy.
        gaps: of the validation or test at hand, or the last one.
    """

    evaluation: ClassVar[Evaluation] = Multistart()

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        training: Training | None = None,
        *,
        lr: float = 3e-4,
        warmup: int = 200,
    ) -> None:
        super().__init__()
        self.settings = training if training is not None else Training()
        torch.manual_seed(
            self.settings.seed
        )  # initial weights: the one use of the global generator
        self.problem, self.policy = problem, policy.build(problem.schema)
        self.lr = lr if self.settings.lr is None else self.settings.lr
        self.warmup = warmup if self.settings.warmup is None else self.settings.warmup
        self.decay_start: int | None = None
        self.gaps = Gaps()
        if self.settings.initial is not None:
            from nco.zoo.weights import load

            self._begin_as(load(self.settings.initial).policy)

    def _begin_as(self, other: Policy) -> None:
        """Takes over weights.

        Raises:
            NCOError: where they are of another network, or of other columns and `new_columns` does
                not say what to do.
        """
        given = other.state_dict()
        shapes = {name: tensor.shape for name, tensor in given.items()}
        if shapes == {name: tensor.shape for name, tensor in self.policy.state_dict().items()}:
            self.policy.load_state_dict(given)
            return
        start = f"initial {self.settings.initial}"
        if self.settings.new_columns != "zero":
            raise NCOError(
                f"{start}: its weights have other shapes, as of another network or problem; where "
                "only columns are new, say training.new_columns: zero"
            )
        if not isinstance(self.policy, Widens):
            raise NCOError(f"{start}: {type(self.policy).__name__} cannot begin with new columns")
        try:
            self.policy.widen(other)
        except NCOError as error:
            raise NCOError(f"{start}: {error}") from error

    @abstractmethod
    def loss(self, batch: Any, generator: Generator) -> Tensor:
        """The loss of one batch from the data module; log with `self.log`."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        loss = self.loss(batch, self.generator("train", self.global_step))
        self.check_finite(loss)
        return loss

    def check_finite(self, loss: Tensor) -> None:
        """Raises FloatingPointError if the loss is NaN or infinite, before the optimiser's step."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {self.global_step}")

    def generator(self, *where: int | str) -> Generator:
        """Random numbers for one place in the training, on the module's device."""
        return generator(self.settings.seed, self.global_rank, *where, device=self.device)

    def validation_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Logs the gaps to the stored reference costs in percent, as `evaluation` plays."""
        self._log_gaps("val", batch, dataloader_idx)

    def test_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._log_gaps("test", batch, dataloader_idx)

    def on_validation_epoch_start(self) -> None:
        self.gaps.clear()

    def on_test_epoch_start(self) -> None:
        self.gaps.clear()

    def on_validation_epoch_end(self) -> None:
        self._log_errors("val")

    def on_test_epoch_end(self) -> None:
        self._log_errors("test")

    def set_name(self, stage: Stage, index: int) -> str:
        """The short name of a reference set, by its number."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        names = data.test_references if stage == "test" else data.references
        return Path(names[index]).name

    def _log_gaps(self, stage: Stage, batch: Labelled, index: int) -> None:
        """Logs gaps in percent of each named cost, as means over the reference set."""
        reference = batch.cost.amin(1)
        name = self.set_name(stage, index)
        costs = self.evaluation.costs(self.problem, self.policy, batch.instance, stage)
        for key, cost in costs.items():
            value = 100 * (cost - reference) / reference.abs()
            self.gaps.add(name, key, value)
            self.log(
                f"{stage}/{name}/{key}",
                value.mean(),
                batch_size=len(value),
                prog_bar=key == "gap",
                sync_dist=True,
                add_dataloader_idx=False,
            )

    def _log_errors(self, stage: Stage) -> None:
        """Logs the standard errors of the means, once all sets are done."""
        for name in self.gaps.values:
            for key, found in self.gaps.means(name).items():
                if found.standard_error is not None:
                    self.log(
                        f"{stage}/{name}/{key}_standard_error", found.standard_error, sync_dist=True
                    )

    def predict_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """The best actions ``[B, T, *M]`` that `evaluation` plays."""
        return self.evaluation.best(self.problem, self.policy, batch.instance)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._optimizer(self.parameters_to_train())
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def parameters_to_train(self) -> Iterable[Parameter]:
        """What the optimiser moves."""
        return self.policy.parameters()

    def _optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        decay = self.settings.weight_decay
        if self.settings.optimizer == "muon":
            return MuonAdamW(parameters, self.lr, decay)
        every = list(parameters)
        groups = [
            {"params": [p for p in every if p.ndim > 1], "weight_decay": decay},
            {"params": [p for p in every if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.lr)

    def _rate(self, step: int) -> float:
        rate = min(1.0, (step + 1) / max(self.warmup, 1))
        if self.decay_start is not None:
            rate *= max(0.0, 1 - (step - self.decay_start) / self.settings.decay_steps)
        return rate

    def on_train_start(self) -> None:  # in `on_fit_start` the step is not restored yet
        if self.settings.decay_steps and self.decay_start is None:
            self.decay_start = self.global_step

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if 0 < self.trainer.max_steps <= self.global_step:
            self.trainer.should_stop = True  # by which Lightning validates the last step
        if self.decay_start is None:
            return
        if self.global_step >= self.decay_start + self.settings.decay_steps:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # not `save_hyperparameters`: Lightning's CLI would let those override the command line
        checkpoint[DESCRIPTION] = {
            "format": CHECKPOINT,
            "method": describe(self),
            "decay_start": self.decay_start,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        refuse_checkpoint(checkpoint.get(DESCRIPTION, {}), "--ckpt_path")
        own, given = self.policy.state_dict(prefix="policy."), checkpoint.get("state_dict")
        if given is not None and any(_shape(given, n) != _shape(own, n) for n in own):
            made = checkpoint[DESCRIPTION]["method"]["init_args"]
            words = [each["class_path"].rpartition(".")[2] for each in map(made.get, PARTS)]
            mine = [type(each).__name__ for each in (self.problem, self.policy)]
            first, *_ = (name for name in own if _shape(given, name) != _shape(own, name))
            raise NCOError(
                f"--ckpt_path: is of {words[1]} for {words[0]}, and its weights do not fit this "
                f"{mine[1]} for {mine[0]}: {first} is {_shape(given, first)}, not "
                f"{_shape(own, first)}; training.initial begins with weights of another run"
            )
        if self.settings.decay_steps:
            self.decay_start = checkpoint[DESCRIPTION]["decay_start"]


def _shape(weights: Mapping[str, Tensor], name: str) -> list[int] | None:
    """Of one of the weights; None where it is not there."""
    return [*weights[name].shape] if name in weights else None

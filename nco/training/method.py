"""What every way of training shares: optimiser, schedule, validation, checkpoints of plain data."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Generator, Tensor

from nco.core.defaults import count_starts, starts_of
from nco.core.describe import DESCRIPTION, Described, describe
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Rollout, greedy, rollout
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.training.optimizer import MuonAdamW


class Method(Described, LightningModule, ABC):
    """A method adds its `loss`; everything else is here.

    The learning rate warms up and then stays constant, because compute comes in pieces of unknown
    total length. A short decay run from any checkpoint (``--model.init_args.decay_steps 2000``)
    takes it linearly to zero and then stops by itself.

    Random numbers depend on (seed, step, rank) alone, so a run that was killed and resumed equals
    one that was not, bit for bit on the same hardware and threads.

    Args:
        problem: the rules.
        policy: the network; its layers are built here, for the problem's widths.
        lr: peak learning rate of AdamW; warmup: steps to reach it; weight_decay: AdamW's.
        decay_steps: when positive, this run takes the rate to zero in so many steps from its start.
        seed: of rollouts.
        initial: a checkpoint, a folder or the name of a shipped model whose weights are the start.
        muon: move the matrices of hidden layers by Muon (`nco.training.optimizer`), not AdamW.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        lr: float = 3e-4,
        warmup: int = 200,
        weight_decay: float = 0.0,
        decay_steps: int = 0,
        seed: int = 0,
        initial: str | None = None,
        muon: bool = False,
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)  # initial weights: the one use of the global generator
        self.problem, self.policy = problem, policy.build(problem.schema)
        self.lr, self.warmup, self.weight_decay = lr, warmup, weight_decay
        self.decay_steps, self.seed, self.initial = decay_steps, seed, initial
        self.muon = muon
        self.decay_start: int | None = None
        if initial is not None:
            from nco.zoo.weights import load

            self.policy.load_state_dict(load(initial).policy.state_dict())

    @abstractmethod
    def loss(self, batch: Any, generator: Generator) -> Tensor:
        """The loss of one batch from the data module; log with `self.log`."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        loss = self.loss(batch, self.generator("train", self.global_step))
        self.finite(loss)
        return loss

    def finite(self, loss: Tensor) -> None:
        """Raises where it is not: now, before weights and the next checkpoint hold it."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {self.global_step}")

    def generator(self, *where: int | str) -> Generator:
        """Random numbers for one place in the training, on the module's device."""
        return generator(self.seed, self.global_rank, *where, device=self.device)

    def validation_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Gaps to the stored reference cost in percent: the best over all starts, and the first."""
        self._measure("val", batch, dataloader_idx)

    def test_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._measure("test", batch, dataloader_idx)

    def _measure(self, stage: str, batch: Labelled, index: int) -> None:
        costs = self._multistart(batch.instance).cost
        self._log_gaps(stage, batch, index, gap=costs.amin(1), gap_first_start=costs[:, 0])

    def _log_gaps(self, stage: str, batch: Labelled, index: int, **costs: Tensor) -> None:
        """Logs gaps in percent of named costs ``[B]``, as means over the reference set."""
        reference = batch.cost.amin(1)
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        names = data.test_references if stage == "test" else data.references
        name = Path(names[index]).name
        for key, cost in costs.items():
            value = 100 * (cost - reference) / reference.abs()
            self.log(
                f"{stage}/{name}/{key}",
                value.mean(),
                batch_size=len(value),
                prog_bar=key == "gap",
                sync_dist=True,
                add_dataloader_idx=False,
            )

    def _multistart(self, instance: Any) -> Rollout:
        starts = count_starts(self.problem, instance)
        prefix = starts_of(self.problem, instance, starts)
        return rollout(
            self.problem, self.policy, instance, starts, greedy, prefix=prefix, logp=False
        )

    def predict_step(self, batch: Labelled, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """The best greedy actions ``[B, T]``."""
        found = self._multistart(batch.instance)
        best = found.cost.argmin(1)
        return found.actions[torch.arange(len(best), device=best.device), best]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _optimizer(self) -> torch.optim.Optimizer:
        if self.muon:
            return MuonAdamW(self.policy.parameters(), self.lr, self.weight_decay)
        groups = [
            {
                "params": [p for p in self.policy.parameters() if p.ndim > 1],
                "weight_decay": self.weight_decay,
            },
            {"params": [p for p in self.policy.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.lr)

    def _rate(self, step: int) -> float:
        rate = min(1.0, (step + 1) / max(self.warmup, 1))
        if self.decay_start is not None:
            rate *= max(0.0, 1 - (step - self.decay_start) / self.decay_steps)
        return rate

    def on_train_start(self) -> None:  # in `on_fit_start` the step is not restored yet
        if self.decay_steps and self.decay_start is None:
            self.decay_start = self.global_step

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.decay_start is not None and self.global_step >= self.decay_start + self.decay_steps:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # not `save_hyperparameters`: Lightning's CLI would let those override the command line
        checkpoint[DESCRIPTION] = {"method": describe(self), "decay_start": self.decay_start}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.decay_steps:
            self.decay_start = checkpoint[DESCRIPTION]["decay_start"]

"""Training data as a pure function of (seed, step, rank), and reference sets for validation."""

from abc import abstractmethod
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nco.core.defaults import relatives_of
from nco.core.describe import Described
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.labels.store import Labelled, by_size, read

SHIPPED = Path(str(files("nco.configs")))


class _Steps(IterableDataset):
    """An endless stream of batches that begins at the trainer's step."""

    def __init__(self, module: "Data") -> None:
        self.module = module

    def __iter__(self) -> Iterator[Any]:
        trainer = self.module.trainer
        assert trainer is not None
        step = trainer.global_step * trainer.accumulate_grad_batches
        while True:
            yield self.module.batch(step, trainer.global_rank)
            step += 1


class _Resumable(DataLoader):
    """Tells Lightning that training can resume in mid-epoch: the trainer's step is all it needs."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class _Listed(Dataset):
    """Batches that are at hand."""

    def __init__(self, batches: list[Labelled]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Labelled:
        return self.batches[index]


class Data(Described, LightningDataModule):
    """What the kinds of training data share: seed, batch size and reference sets.

    Args:
        batch_size: instances of a step, on each rank.
        seed: of the training data.
        references: folders of labelled sets for validation and test (`nco label` makes them), or
            names of the reference sets that ship with the package, such as ``tsp50``.
        reference_batch: instances of a validation batch.
        test_references: the same for `nco test`, where it shall measure others.
    """

    def __init__(
        self,
        batch_size: int = 64,
        seed: int = 0,
        references: list[str] | None = None,
        reference_batch: int = 64,
        test_references: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self.references, self.reference_batch = references or [], reference_batch
        self.test_references = test_references or self.references

    @property
    def problem(self) -> Problem[Any, Any]:
        """The method's problem: it is declared once, there."""
        assert self.trainer is not None
        found: Problem[Any, Any] = self.trainer.lightning_module.problem  # type: ignore[assignment]
        return found

    @abstractmethod
    def batch(self, step: int, rank: int) -> Any:
        """The batch of one training step on one rank, the same whenever it is asked for."""

    def train_dataloader(self) -> DataLoader:
        return _Resumable(_Steps(self), batch_size=None)

    def val_dataloader(self) -> list[DataLoader]:
        return [self._reference(name) for name in self.references]

    def test_dataloader(self) -> list[DataLoader]:
        return [self._reference(name) for name in self.test_references]

    def predict_dataloader(self) -> list[DataLoader]:
        return self.val_dataloader()

    def _reference(self, name: str) -> DataLoader:
        folder = SHIPPED / "references" / name
        if not folder.exists():
            folder = Path(name)
        batches = []
        for part in by_size(read(folder, self.problem), self.problem):
            batches += [
                part[first : first + self.reference_batch]
                for first in range(0, len(part), self.reference_batch)
            ]
        return DataLoader(_Listed(batches), batch_size=None)


class Fresh(Data):
    """New random instances at every step, made on the training device's behalf by the problem.

    Args:
        batch_size, seed, references, reference_batch, test_references: as in `Data`.
    """

    def __init__(
        self,
        batch_size: int = 64,
        seed: int = 0,
        references: list[str] | None = None,
        reference_batch: int = 64,
        test_references: list[str] | None = None,
    ) -> None:
        super().__init__(batch_size, seed, references, reference_batch, test_references)

    def batch(self, step: int, rank: int) -> Any:
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        return self.problem.generate(
            self.batch_size, generator(self.seed, "fresh", step, rank, device=device)
        )


class Labels(Data):
    """Random batches of labelled sets, one size a batch.

    Args:
        folders: labelled sets made by `nco label`, drawn from by their numbers of labels; one that
            is named twice is drawn from twice as often.
        relatives: whether to learn from what follows from them too (`HasRelatives`).
        batch_size, seed, references, reference_batch, test_references: as in `Data`.
    """

    def __init__(
        self,
        folders: list[str],
        batch_size: int = 64,
        seed: int = 0,
        references: list[str] | None = None,
        reference_batch: int = 64,
        test_references: list[str] | None = None,
        relatives: bool = False,
    ) -> None:
        super().__init__(batch_size, seed, references, reference_batch, test_references)
        self.folders, self.relatives = folders, relatives
        self.groups: list[Labelled] = []

    def setup(self, stage: str) -> None:
        if stage != "fit" or self.groups:
            return
        for folder in self.folders:
            self.groups += by_size(read(Path(folder), self.problem), self.problem)
        if not self.groups:
            raise NCOError("no labelled set: give data.init_args.folders, made by `nco label`")
        if self.relatives:
            self.groups += [part for group in self.groups for part in self._related(group)]
        counts = torch.tensor([float(group.cost.numel()) for group in self.groups])
        self.weights = counts / counts.sum()

    def _related(self, group: Labelled) -> list[Labelled]:
        found = relatives_of(self.problem, group.instance, group.actions[:, 0])
        return [
            Labelled(instance, actions[:, None], self.problem.cost(instance, actions[:, None]))
            for instance, actions in found
        ]

    def batch(self, step: int, rank: int) -> Labelled:
        random = generator(self.seed, "labels", step, rank)
        group = self.groups[int(torch.multinomial(self.weights, 1, generator=random))]
        rows = torch.randint(len(group), (self.batch_size,), generator=random)
        return group[rows]

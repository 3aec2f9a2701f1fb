"""Training data as a pure function of (seed, step, rank), and reference sets for validation."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nco.core.defaults import relatives_of
from nco.core.describe import Described
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.labels.recipe import Recipe
from nco.labels.store import Labelled, by_size, read
from nco.training.references import OWN, can_make, folder_of, is_unlike, own, refuse_other
from nco.training.schedule import Schedule
from nco.training.source import Source
from nco.workers.cores import usable_cores


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
    """Batches in memory."""

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
            names of the reference sets that ship with the package, such as ``tsp50``; ``own``:
            instances of the trained problem, solved at the first use and kept
            (`nco.training.references`). Training adds it where no reference has a trained size.
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
        problem: Problem[Any, Any] = self.trainer.lightning_module.problem  # type: ignore[assignment]
        return problem

    @abstractmethod
    def batch(self, step: int, rank: int) -> Any:
        """The batch of one training step on one rank, the same whenever it is asked for."""

    def train_dataloader(self) -> DataLoader:
        return _Resumable(_Steps(self), batch_size=None)

    def val_dataloader(self) -> list[DataLoader]:
        trainer = self.trainer
        assert trainer is not None
        if trainer.state.fn == TrainerFn.FITTING and is_unlike(self.references, self.problem):
            self.references = [*self.references, *([OWN] if can_make(self.problem) else [])]
        return [self._reference(name) for name in self.references]

    def test_dataloader(self) -> list[DataLoader]:
        return [self._reference(name) for name in self.test_references]

    def predict_dataloader(self) -> list[DataLoader]:
        return self.val_dataloader()

    def _own(self) -> Path:
        """The set of the trained problem itself, which the first process makes."""
        trainer = self.trainer
        assert trainer is not None
        if trainer.global_rank > 0:
            trainer.strategy.barrier()
        folder = own(self.problem)
        if trainer.global_rank == 0:
            trainer.strategy.barrier()
        return folder

    def _reference(self, name: str) -> DataLoader:
        folder = self._own() if name == OWN else folder_of(name)
        refuse_other(folder, self.problem)
        batches = []
        for part in by_size(read(folder, self.problem), self.problem):
            batches += [
                part[first : first + self.reference_batch]
                for first in range(0, len(part), self.reference_batch)
            ]
        return DataLoader(_Listed(batches), batch_size=None)


class Fresh(Data):
    """New random instances at every step, made by the problem on the device that trains.

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
    """Random batches of labelled sets, one chunk of one size a step.

    A set that is not there yet is made while training goes on, from its recipe: each step has its
    chunk (`nco.training.schedule`), and waits for it where it is not made yet. So the run is the
    same, bit for bit, however fast labels come.

    Args:
        sets: labelled sets, each a recipe (see `Recipe`) or the folder of one that is complete;
            drawn from by their numbers of labels. One that is named again, by its folder, is drawn
            from twice as often.
        relatives: whether to learn from what follows from them too (`HasRelatives`).
        chunk: instances of a file of all recipes, instead of their own number: a small one gives
            the first step sooner.
        workers: solvers that make labels at a time. None: as many as cores that training leaves
            free; where it leaves none, labels and training take turns on all of them.
        batch_size, seed, references, reference_batch, test_references: as in `Data`.
    """

    def __init__(
        self,
        sets: list[str | Recipe],
        batch_size: int = 64,
        seed: int = 0,
        references: list[str] | None = None,
        reference_batch: int = 64,
        test_references: list[str] | None = None,
        relatives: bool = False,
        chunk: int | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(batch_size, seed, references, reference_batch, test_references)
        self.sets, self.relatives, self.chunk, self.workers = sets, relatives, chunk, workers
        self._source: Source | None = None
        self._kept: dict[tuple[int, int], list[Labelled]] = {}

    def setup(self, stage: str) -> None:
        if stage != "fit" or self._source is not None:
            return
        if not self.sets:
            raise NCOError("no labelled set: give data.init_args.sets, recipes or folders")
        assert self.trainer is not None
        threads = torch.get_num_threads() if self.trainer.strategy.root_device.type == "cpu" else 1
        self._source = Source(self.sets, self.problem, self.chunk)
        counts = [(number, self._source.labels(number)) for number in self._source.mentions]
        self._schedule = Schedule(counts, self.batch_size, self.seed)
        if self.trainer.global_rank == 0:  # the others wait for the files
            free = usable_cores() - threads * self.trainer.num_devices
            self._source.produce(self._schedule.order(), self.workers, free)

    def batch(self, step: int, rank: int) -> Labelled:
        random = generator(self.seed, "labels", step, rank)
        parts = self._parts(*self._schedule.at(step))
        counts = torch.tensor([float(part.cost.numel()) for part in parts])
        part = parts[int(torch.multinomial(counts, 1, generator=random))]
        rows = torch.randint(len(part), (self.batch_size,), generator=random)
        return part[rows]

    def _parts(self, number: int, chunk: int) -> list[Labelled]:
        """A chunk, and what follows from it; kept in memory."""
        assert self._source is not None
        if (number, chunk) not in self._kept:
            labels = self._source.read(number, chunk)
            related = self._related(labels) if self.relatives else []
            self._kept[number, chunk] = [labels, *related]
        return self._kept[number, chunk]

    def groups(self) -> list[Labelled]:
        """All labels, those of one size together; waits until all of them are made."""
        assert self._source is not None
        groups = []
        for number in self._source.mentions:
            groups += by_size(self._source.read_all(number), self.problem)
        if self.relatives:
            groups += [part for group in groups for part in self._related(group)]
        return groups

    def _related(self, group: Labelled) -> list[Labelled]:
        return [
            Labelled(instance, actions[:, None], self.problem.cost(instance, actions[:, None]))
            for instance, actions in relatives_of(self.problem, group.instance, group.actions[:, 0])
        ]

    def teardown(self, stage: str) -> None:
        """Ends the making of labels; a later run goes on from there."""
        if self._source is not None:
            self._source.stop()

    def on_exception(self, exception: BaseException) -> None:
        self.teardown("fit")

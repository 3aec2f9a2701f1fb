"""Dataclasses of tensors: indexing, joining, and the way to tensordicts and back."""

import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch import Tensor

from nco.core.batch import Batch, cat, stack
from nco.core.seeds import generator
from nco.problems.atsp import ATSP
from nco.problems.jssp import JSSP


@dataclass(frozen=True, eq=False)
class Inner(Batch):
    weight: Tensor


@dataclass(frozen=True, eq=False)
class Outer(Batch):
    inner: Inner
    number: Tensor
    absent: Tensor | None = None


def outer(rows: int) -> Outer:
    inner = Inner(torch.arange(rows * 6.0).reshape(rows, 2, 3))
    return Outer(inner, torch.arange(rows * 2).reshape(rows, 2))


def test_batch_indexing_reaches_every_tensor() -> None:
    """Nested batches are indexed too, and None stays None."""
    batch = outer(4)
    assert len(batch) == 4
    assert batch.device == torch.device("cpu")
    part = batch[1:3]
    assert torch.equal(part.inner.weight, batch.inner.weight[1:3])
    assert part.absent is None
    chosen = batch[[3, 0]]
    assert torch.equal(chosen.number, batch.number[[3, 0]])
    assert torch.equal(batch[batch.number[:, 0] > 2].number, batch.number[2:])


def test_batch_take_and_fold() -> None:
    """Rows of the second axis are picked, and two axes become one."""
    batch = outer(2)
    taken = batch.take(torch.tensor([[1, 1, 0], [0, 1, 1]]))
    assert taken.number.tolist() == [[1, 1, 0], [2, 3, 3]]
    assert taken.inner.weight[1, 2].tolist() == [9.0, 10.0, 11.0]
    folded = stack([batch, batch, batch], 2).fold()
    assert folded.number.tolist() == [[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]]


def test_batches_join() -> None:
    """Rows of several batches follow one another."""
    joined = cat([outer(2), outer(1)])
    assert joined.number.tolist() == [[0, 1], [2, 3], [0, 1]]
    assert joined.absent is None
    assert torch.equal(joined[2:].inner.weight, outer(1).inner.weight)


def test_a_batch_is_frozen() -> None:
    """No field can be set."""
    with pytest.raises(AttributeError):
        outer(1).number = torch.zeros(1)  # type: ignore[misc]


# --------------------------------------------------------------------------------------------------
# Tensordicts


@dataclass(frozen=True, eq=False)
class Stored(Batch):
    """A batch whose annotation does not say what it holds."""

    instance: Any
    cost: Tensor


def same(first: Batch, second: Batch) -> bool:
    """Whether two batches of one class hold the same numbers."""
    pairs = [(getattr(first, item.name), getattr(second, item.name)) for item in fields(first)]  # type: ignore[arg-type]
    return type(first) is type(second) and all(
        same(one, other)
        if isinstance(one, Batch)
        else one is other
        if one is None
        else torch.equal(one, other)
        for one, other in pairs
    )


def test_a_tensordict_holds_the_tensors_by_name() -> None:
    """Nested batches are nested tensordicts, what is None is not there, and rows are rows."""
    batch = outer(3)
    data = batch.to_tensordict()
    assert data.batch_size == torch.Size([3])
    assert set(data.keys(include_nested=True, leaves_only=True)) == {"number", ("inner", "weight")}
    assert data["number"] is batch.number
    assert same(Outer.from_tensordict(data[1:]), batch[1:])


@pytest.mark.parametrize("problem", [ATSP(4), JSSP(3)], ids=["a width of 0", "bool and long"])
def test_instances_and_states_come_back(problem: Any) -> None:
    """Of every type, also tensors without any number."""
    instance = problem.generate(3, generator(1))
    for batch in (instance, problem.reset(instance, 2), problem.features(instance)):
        assert same(type(batch).from_tensordict(batch.to_tensordict()), batch)


def test_a_batch_is_memory_mapped(tmp_path: Path) -> None:
    """What is read is read from the files, a row at a time, and they hold no pickle."""
    problem = ATSP(4)
    instance = problem.generate(5, generator(1))
    stored = Stored(instance, torch.arange(5.0))
    stored.to_tensordict().memmap(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".memmap", ".json"}
    data = TensorDict.load_memmap(tmp_path)
    found = Stored.from_tensordict(data, {"instance": type(instance)})
    assert same(found[1:3], stored[1:3])
    (tmp_path / "cost.memmap").write_bytes(torch.full((5,), 7.0).numpy().tobytes())
    assert found.cost.tolist() == [7.0] * 5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"more": torch.zeros(2)}, "Outer has no field more"),
        ({"number": None}, "Outer needs a field number"),
    ],
)
def test_a_tensordict_of_something_else_is_refused(change: dict[str, Any], sentence: str) -> None:
    """By the name of the field, too many or missing."""
    tensors = {**outer(2).to_tensordict(), **change}
    data = TensorDict({k: v for k, v in tensors.items() if v is not None}, batch_size=[2])
    with pytest.raises(ValueError, match=sentence):
        Outer.from_tensordict(data)


def test_a_part_of_unknown_class_is_asked_for() -> None:
    """Because a tensordict does not remember it."""
    data = Stored(outer(2), torch.zeros(2)).to_tensordict()
    with pytest.raises(ValueError, match=r"Stored.instance: say in `parts` which Batch it is"):
        Stored.from_tensordict(data)


@pytest.mark.long
def test_tensordict_is_imported_only_where_it_is_used() -> None:
    """It takes seconds, which no solve may wait for."""
    code = "import sys, nco.core.batch; sys.exit('tensordict' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""Labelled sets: instances with good solutions, found by a solver, checked, and stored compactly.

A set is a folder: ``set.json`` says what it holds, ``00000.safetensors`` and so on hold the actions
and costs of one chunk each. Instances are not stored; chunk i is generated again from
``derive(seed, "labels", i)`` and compared by its fingerprint. A chunk file is written whole or not
at all, so a run that was killed goes on where it stopped and ends with the same set.

Chunks are not memory-mapped tensordicts: each is read once in a run, in less than a millisecond,
which mapping takes as well, and they would need five to fifteen times the space on the disk.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nco.core import atomic
from nco.core.batch import Batch, cat
from nco.core.defaults import pad_actions
from nco.core.describe import construct
from nco.core.errors import InstanceError, NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator

FORMAT = 1
CHUNK = 200  # instances of one file, unless somebody asks for another number
LONGEST = 60  # characters of a value in an error


@dataclass(frozen=True, eq=False)
class Labelled(Batch):
    """Instances of one size with known solutions."""

    instance: Batch
    actions: Tensor  # [B, L, T, *M] long; L solutions an instance, short ones end in no-ops
    cost: Tensor  # [B, L] double, in the source's units, from the independent checker
    # [B, L] long, first actions that are not to be learned, as a policy chose them; None: all are
    given: Tensor | None = None


@dataclass(frozen=True)
class LabelSpec:
    """What a labelled set holds; equal specs have the same instances.

    Where `time_limit` is None, or the labels are a model's, they have the same solutions too.

    Attributes:
        problem: description of the problem whose `generate` makes the instances.
        solver: name of a solver in the problem folder's `classical.py`, or ``model:NAME``.
        time_limit: seconds for each instance; None is the solver's default.
        instances: number of instances; seed: theirs; chunk: instances of one file (and one size).
        rollouts: of a model's search; None is its own pass.
        improves: the set that a model goes on from, by the SHA-256 of its description.
        after: a model that makes the first decisions of every solution (`nco.labels.dagger`), and
            the SHA-256 of its file; None: none does.
        moments: in how many of the states that it comes to the solver goes on, each a label.
        iterations: of a solver that can count them, instead of seconds.
    """

    problem: dict[str, Any]
    solver: str
    time_limit: float | None
    instances: int
    seed: int
    chunk: int = CHUNK
    format: int = FORMAT
    rollouts: int | None = None
    improves: str | None = None
    after: tuple[str, str] | None = None
    moments: int | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        if self.after is not None:  # JSON has lists only
            object.__setattr__(self, "after", tuple(self.after))

    def chunks(self) -> int:
        """How many files the set has."""
        return -(-self.instances // self.chunk)

    def count(self, index: int) -> int:
        """How many instances chunk `index` has."""
        return min(self.chunk, self.instances - index * self.chunk)

    def labels(self, index: int) -> int:
        """How many labels chunk `index` has, or a few less where a policy's ways are short."""
        return self.count(index) * (self.moments or 1)


def problem_of(spec: LabelSpec, folder: Path) -> Problem[Any, Any]:
    """The problem whose instances the set in `folder` holds.

    Raises:
        InstanceError: where this version has no such problem.
    """
    try:
        problem: Problem[Any, Any] = construct(spec.problem)
    except NCOError as error:
        raise InstanceError(str(error), path=folder / "set.json") from error
    return problem


def generate_chunk(problem: Problem[Any, Any], spec: LabelSpec, index: int) -> Any:
    """The instances of chunk `index`."""
    return problem.generate(spec.count(index), generator(spec.seed, "labels", index))


def chunk_path(folder: Path, index: int) -> Path:
    """The file of chunk `index`."""
    return folder / f"{index:05d}.safetensors"


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    return atomic.sha256(path.read_bytes())


def chunk_digests(folder: Path) -> list[str] | None:
    """Checksums of the chunks of a complete set; None until it is complete."""
    digests: list[str] | None = json.loads((folder / "set.json").read_text()).get("sha256")
    return digests


def claim(spec: LabelSpec, folder: Path) -> None:
    """Makes `folder` the set that `spec` says.

    Raises:
        NCOError: where it already is another one, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NCOError(f"{folder}: cannot be made a folder ({error.strerror})") from error
    path = folder / "set.json"
    if path.exists():
        present = read_spec(folder)
        if present != spec:
            differences = ", ".join(_differences(present.__dict__, spec.__dict__))
            raise NCOError(f"{path}: holds another set ({differences}); choose another folder")
        return
    atomic.write_text(path, json.dumps(spec.__dict__, indent=1))


def _differences(present: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """Each value of a description that is not the one asked for, such as ``seed 3, not 4``."""
    for key in dict.fromkeys((*present, *asked)):
        here, wanted = present.get(key), asked.get(key)
        if here == wanted:
            continue
        if isinstance(here, Mapping) and isinstance(wanted, Mapping):
            yield from _differences(here, wanted)
        else:
            values = (shorten(str(value), LONGEST, placeholder=" ...") for value in (here, wanted))
            yield f"{key} {', not '.join(values)}"


def unclaim(folder: Path) -> None:
    """Undoes `claim` where the set has no chunk, so that the folder is free for another one."""
    if any(folder.glob("*.safetensors")) or chunk_digests(folder) is not None:
        return
    (folder / "set.json").unlink()
    with contextlib.suppress(OSError):  # other things are in it
        folder.rmdir()


def read_spec(folder: Path) -> LabelSpec:
    """What the set in `folder` holds.

    Raises:
        NCOError: where there is none.
        InstanceError: where its description is none of this version.
    """
    path = folder / "set.json"
    try:
        data = json.loads(path.read_text())
        spec = LabelSpec(**{key: value for key, value in data.items() if key != "sha256"})
    except FileNotFoundError as error:
        raise NCOError(f"{path}: no such labelled set; make one with `nco label`") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InstanceError(
            f"not the description of a labelled set ({error})", path=path
        ) from error
    if spec.format != FORMAT:
        raise InstanceError(
            "this version reads format 1", field="format", value=spec.format, path=path
        )
    return spec


def fingerprint(instance: Batch) -> str:
    """Sixteen hexadecimal digits of the tensors' bytes."""
    parts: list[bytes] = []
    instance.map(lambda tensor: parts.append(tensor.contiguous().numpy().tobytes()) or tensor)  # type: ignore[func-returns-value]
    return atomic.sha256(b"".join(parts))[:16]


def complete(folder: Path) -> None:
    """Writes the checksums of all chunks: from now on the set is complete."""
    spec = read_spec(folder)
    digests = [file_digest(chunk_path(folder, index)) for index in range(spec.chunks())]
    text = json.dumps({**spec.__dict__, "sha256": digests}, indent=1)
    atomic.write_text(folder / "set.json", text)


def write_chunk(labels: Labelled, path: Path) -> None:
    """Stores actions and costs; the instances are made again from their seed."""
    atomic.write_bytes(path, chunk_bytes(labels))


def chunk_bytes(labels: Labelled) -> bytes:
    """The content of a chunk's file, the same for the same labels."""
    small = torch.int16 if int(labels.actions.max()) < 2**15 else torch.int32
    actions = labels.actions.to(small)
    if labels.given is None:
        tensors = {"actions": actions[:, 0].contiguous(), "cost": labels.cost[:, 0].contiguous()}
    else:
        given = labels.given.to(torch.int32)
        tensors = {"actions": actions, "cost": labels.cost, "given": given}
    metadata = {"instances": fingerprint(labels.instance)}
    return bytes(safetensors.torch.save(tensors, metadata))


def read(folder: Path, problem: Problem[Any, Any] | None = None) -> Iterator[Labelled]:
    """The chunks of a complete set, verified; actions in the encoding of `problem` if given."""
    spec = read_spec(folder)
    own = problem_of(spec, folder)
    digests = chunk_digests(folder)
    if digests is None:
        raise NCOError(f"{folder}: the set is not complete; run the same `nco label` again")
    for index in range(spec.chunks()):
        yield read_chunk(spec, own, folder, index, digests[index], problem)


def read_chunk(
    spec: LabelSpec,
    own: Problem[Any, Any],
    folder: Path,
    index: int,
    digest: str | None,
    problem: Problem[Any, Any] | None = None,
) -> Labelled:
    """One chunk, with its instances made again from the seed."""
    path = chunk_path(folder, index)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InstanceError("missing; run the same `nco label` again", path=path) from error
    if digest is not None and atomic.sha256(data) != digest:
        raise InstanceError(
            "damaged; run the same `nco label` again",
            field="SHA-256",
            value=atomic.sha256(data)[:16],
            path=path,
        )
    with safetensors.safe_open(os.fspath(path), "pt") as file:
        metadata = file.metadata()
        actions = file.get_tensor("actions").long()
        cost = file.get_tensor("cost")
        given = file.get_tensor("given").long() if "given" in file.keys() else None  # noqa: SIM118
    check_encoding(spec, folder, own, problem)
    instance = generate_chunk(own, spec, index)
    if metadata["instances"] != fingerprint(instance):
        raise InstanceError(
            "this version generates other instances than those labelled",
            field="fingerprint",
            value=metadata["instances"],
            path=path,
        )
    if given is not None:
        return Labelled(instance, actions, cost, given)
    if problem is not None and type(problem) is not type(own):
        actions = problem.actions(instance, own.solution(instance, actions))
    return Labelled(instance, actions[:, None], cost[:, None])


def check_encoding(
    spec: LabelSpec, folder: Path, own: Problem[Any, Any], problem: Problem[Any, Any] | None
) -> None:
    """Raises NCOError where labels of `own` cannot be read as labels of `problem`."""
    if spec.after is not None and problem is not None and type(problem) is not type(own):
        reason = f"{folder}: labels after a model's decisions are for {type(own).__name__} only"
        raise NCOError(reason)


def by_size(chunks: Iterator[Labelled], problem: Problem[Any, Any]) -> list[Labelled]:
    """Chunks of equal instance shape joined, shorter action rows padded with their no-op.

    Those whose first actions are given stay apart, because in each it is another number.
    """
    groups: dict[tuple[int, ...], list[Labelled]] = {}
    for number, chunk in enumerate(chunks):
        nodes = problem.features(chunk.instance).nodes.shape[1]
        apart = () if chunk.given is None else (number,)
        # as many nodes may be other numbers of agents and of what they serve
        groups.setdefault((nodes, *chunk.actions.shape[3:], *apart), []).append(chunk)
    joined = []
    for parts in groups.values():
        longest = max(part.actions.shape[2] for part in parts)
        joined.append(
            cat(
                [
                    replace(
                        part, actions=pad_actions(problem, part.instance, part.actions, longest)
                    )
                    for part in parts
                ]
            )
        )
    return joined

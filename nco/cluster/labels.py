"""Labelled sets made by a cluster: a chunk is a task, and the set the same whoever makes it.

A chunk is a function of the set's description and its number, as long as the solver's effort is
counted and not timed. Nodes send the content of its file here, where it is written: to a folder,
or to any address that fsspec knows, such as ``s3://bucket/labels``.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nco.cluster.connect import connected
from nco.cluster.dispatch import Dispatch, Rules
from nco.cluster.fleet import RayFleet
from nco.cluster.task import Answer, Kind, Task
from nco.core import atomic
from nco.core.errors import NCOError
from nco.labels import make, store
from nco.labels.store import LabelSpec
from nco.workers.pool import Workers

SLOW = 3600.0  # seconds that a chunk without a time limit may take


@dataclass(frozen=True)
class Label:
    """The work: chunks of one set."""

    spec: LabelSpec

    def open(self, cores: int) -> "Labeller":
        return Labeller(self.spec, cores)


class Labeller:
    """Makes chunks with as many solvers at a time as there are cores."""

    def __init__(self, spec: LabelSpec, cores: int) -> None:
        self._spec, self._pool = spec, Workers(cores)
        self._problem = store.problem_of(spec, Path("cluster"))

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        """The content of each chunk's file."""
        return [self._made(task.payload) for task in tasks]

    def _made(self, chunk: "Chunk") -> Answer:
        try:
            with tempfile.TemporaryDirectory(prefix="nco-") as place:
                base = None if chunk.base is None else chunk.base.placed(Path(place))
                labels = make.labelled(self._pool, self._problem, self._spec, chunk.index, base)
            return Answer(store.chunk_bytes(labels))
        except NCOError as error:
            return Answer(refused=str(error))
        except Exception as error:
            return Answer(failed=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Ends the solvers."""
        self._pool.close()


@dataclass(frozen=True)
class Base:
    """One chunk of a set that is to be improved, on its way to a host.

    Attributes:
        about: the text of its ``set.json``.
        index: of the chunk.
        content: of the chunk's file.
    """

    about: str
    index: int
    content: bytes

    @classmethod
    def of(cls, folder: Path, index: int) -> "Base":
        path = store.chunk_path(folder, index)
        return cls((folder / "set.json").read_text(), index, path.read_bytes())

    def placed(self, folder: Path) -> Path:
        """A folder that holds this chunk and no other."""
        (folder / "set.json").write_text(self.about)
        store.chunk_path(folder, self.index).write_bytes(self.content)
        return folder


@dataclass(frozen=True)
class Chunk:
    """What a host is sent for one chunk."""

    index: int
    base: Base | None = None


class Place(Protocol):
    """Where a set is kept."""

    def __enter__(self) -> object: ...

    def __exit__(self, *exception: object) -> None: ...

    def lacks(self, index: int) -> bool:
        """Whether chunk `index` is to be made."""

    def write(self, index: int, content: bytes) -> None:
        """Keeps a chunk, whole or not at all."""


class Folder(make.Maker):
    """A folder of this machine, or one that machines share."""

    def __init__(self, spec: LabelSpec, folder: Path) -> None:
        super().__init__(spec, folder, None)

    def write(self, index: int, content: bytes) -> None:
        atomic.write_bytes(store.chunk_path(self.folder, index), content)


class Address:
    """A folder that fsspec knows by its address; writing one file is whole or nothing there.

    Raises:
        NCOError: where there is another set, or no such file system.
    """

    def __init__(self, spec: LabelSpec, address: str) -> None:
        import fsspec

        self.spec, self._address = spec, address.rstrip("/")
        try:
            self._files, self._root = fsspec.core.url_to_fs(self._address)
        except (ValueError, ImportError) as error:
            raise NCOError(f"--output {address}: {error}") from error

    def __enter__(self) -> "Address":
        about = f"{self._root}/set.json"
        with tempfile.TemporaryDirectory(prefix="nco-") as place:
            copy = Path(place) / "set.json"
            if self._files.exists(about):
                copy.write_bytes(self._files.cat_file(about))
            try:
                store.claim(self.spec, Path(place))
            except NCOError as error:
                raise NCOError(str(error).replace(place, self._address)) from error
            self._digests = store.chunk_digests(Path(place))
            self._files.makedirs(self._root, exist_ok=True)
            if not self._files.exists(about):
                self._files.pipe_file(about, copy.read_bytes())
        return self

    def __exit__(self, *exception: object) -> None:
        """Declares the set complete, if it is."""
        chunks = range(self.spec.chunks())
        if any(exception) or not all(self._files.exists(self._path(i)) for i in chunks):
            return
        digests = [atomic.sha256(self._files.cat_file(self._path(index))) for index in chunks]
        text = json.dumps({**self.spec.__dict__, "sha256": digests}, indent=1)
        self._files.pipe_file(f"{self._root}/set.json", text.encode())

    def lacks(self, index: int) -> bool:
        path = self._path(index)
        if not self._files.exists(path):
            return True
        if self._digests is None:
            return False
        return atomic.sha256(self._files.cat_file(path)) != self._digests[index]

    def write(self, index: int, content: bytes) -> None:
        target = self._path(index)
        self._files.pipe_file(f"{target}.tmp", content)
        self._files.mv(f"{target}.tmp", target)

    def _path(self, index: int) -> str:
        return f"{self._root}/{store.chunk_path(Path(), index)}"


def is_address(output: str) -> bool:
    """Whether an output is an address, and no path of this machine."""
    return "://" in output


def fill(
    spec: LabelSpec,
    output: str,
    address: str,
    progress: Callable[[int], None],
    base: Path | None = None,
    cores: int | None = None,
) -> None:
    """Fills a set by the nodes of a cluster; goes on where an earlier run of the same spec stopped.

    Args:
        spec: what it holds.
        output: a folder, or an address that fsspec knows.
        address: of the cluster.
        progress: is told how many instances are done.
        base: the set that `spec.improves`.
        cores: of each node at most; None: all.

    Raises:
        NCOError: where no node is left, a chunk cannot be made, or there is another set.
    """
    place: Place = Address(spec, output) if is_address(output) else Folder(spec, Path(output))
    done = 0
    with place, connected(address, cores) as ray:
        missing = [index for index in range(spec.chunks()) if place.lacks(index)]
        done = spec.instances - sum(spec.count(index) for index in missing)
        progress(done)
        fleet = RayFleet(ray, Label(spec), cores)
        try:
            dispatch = Dispatch(fleet, _rules(spec, len(missing)))
            for result in dispatch.run(_tasks(missing, base)):
                if result.kind is not Kind.DONE:
                    raise NCOError(f"chunk {result.task.index}: {result.error}")
                place.write(result.task.index, result.value)
                done += spec.count(result.task.index)
                progress(done)
        finally:
            fleet.close()


def _tasks(missing: Sequence[int], base: Path | None) -> Iterator[Task]:
    for index in missing:
        part = None if base is None else Base.of(base, index)
        yield Task(f"{index:05d}", index, Chunk(index, part))


def _rules(spec: LabelSpec, count: int) -> Rules:
    def limit(block: Sequence[Task], cores: int) -> float:
        if spec.time_limit is None:
            return SLOW
        return 3 * spec.time_limit * (spec.chunk / cores + 1)

    return Rules(most=1, count=count, limit=limit)

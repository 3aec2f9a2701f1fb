"""A folder of results: an append-only ledger while they come, a table when they are there.

`run.json` says what the run is, and ``ledger.jsonl`` gets a line for each instance that has ended.
Whoever begins again with the same folder skips what has a line. ``results.jsonl`` or
``results.parquet`` is written from the ledger at every end.
"""

import contextlib
import hashlib
import itertools
import json
import os
import time
from array import array
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from nco.cluster.task import Kind, Result
from nco.core import atomic
from nco.core.errors import InstanceError, NCOError

FORMAT = 1
SYNC = 2.0  # seconds between two flushes to the disk itself
ROWS = 10_000  # of a Parquet file that are in memory at a time
COLUMNS = {  # of a Parquet file: name to type; a result that has no such figure has an empty cell
    "id": "string",
    "index": "int64",
    "ended": "string",
    "error": "string",
    "tries": "int64",
    "host": "string",
    "problem": "string",
    "name": "string",
    "n": "int64",
    "cost": "float64",
    "objective": "float64",
    "feasible": "bool",
    "status": "string",
    "bound": "float64",
    "gap": "float64",
    "seconds": "float64",
    "found_by": "string",
    "model": "string",
    "seed": "int64",
    "solution": "string",  # as JSON, since problems differ
}


class Ledger:
    """What has ended, on the disk; one process at a time writes it.

    Args:
        folder: made where it is not there.
        about: what the run is: another run must not go on here.

    Raises:
        NCOError: where the folder holds another run, or another process writes to it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self._about = folder, json.loads(json.dumps({"format": FORMAT, **about}))
        self.counts = dict.fromkeys(Kind, 0)
        self._done: set[int] = set()  # by earlier processes
        self._begun: set[int] = set()  # by this one
        self._file: FileIO | None = None
        self._size = 0  # bytes of whole lines
        self._synced = 0.0

    def __enter__(self) -> "Ledger":
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NCOError(f"{self.folder}: cannot be made a folder ({error.strerror})") from error
        self._claim()
        # without a buffer, which would keep a line that the disk had no space for
        self._file = open(self._path, "ab", buffering=0)
        self._lock(self._file)
        self._recall(self._file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        with self._file as file, atomic.naming(self._path):
            os.fsync(file.fileno())

    def begin(self, id: str) -> bool:
        """Whether an instance is to be solved: no earlier process has ended it.

        Raises:
            InstanceError: where another instance of this run has the same id.
        """
        key = _key(id)
        if key in self._begun:
            raise InstanceError("two instances have this id", field="id", value=id)
        self._begun.add(key)
        return key not in self._done

    def add(self, result: Result) -> None:
        """Appends a line; it survives the end of this process from now on.

        Raises:
            OSError: where the disk is full; the ledger is as it was before.
        """
        line = {
            "id": result.task.id,
            "index": result.task.index,
            "ended": result.kind.value,
            "error": result.error,
            "tries": result.tries,
            "host": result.host,
            "result": result.value,
        }
        with atomic.naming(self._path):
            self._append(json.dumps(line).encode() + b"\n")
        self.counts[result.kind] += 1

    def _append(self, line: bytes) -> None:
        """Writes all of it, or nothing."""
        assert self._file is not None
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(line)
        if time.monotonic() - self._synced > SYNC:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def rows(self, in_order: bool = True) -> Iterator[dict[str, Any]]:
        """What has ended, a flat row each: in the order of the input, or as it came."""
        places, offset = array("q"), 0
        with open(self._path, "rb") as file:
            for line in file:
                places.extend((json.loads(line)["index"], offset))
                offset += len(line)
        pairs = range(len(places) // 2)
        order = sorted(pairs, key=lambda i: places[2 * i]) if in_order else pairs
        with open(self._path, "rb") as file:
            for i in order:
                file.seek(places[2 * i + 1])
                row = json.loads(file.readline())
                result = row.pop("result") or {}
                yield {**row, **result}

    def export(self, kind: str, in_order: bool = True) -> Path:
        """Writes ``results.jsonl`` or ``results.parquet``, whole or not at all; its path.

        Raises:
            OSError: with the name of the table, where the disk is full.
        """
        target = self.folder / f"results.{kind}"
        temporary = self.folder / f".results.{os.getpid()}.tmp"
        try:
            with atomic.naming(target):
                if kind == "parquet":
                    _write_parquet(self.rows(in_order), temporary)
                else:
                    with open(temporary, "w") as file:
                        file.writelines(json.dumps(row) + "\n" for row in self.rows(in_order))
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        return target

    # ---- opening

    @property
    def _path(self) -> Path:
        return self.folder / "ledger.jsonl"

    def _claim(self) -> None:
        path = self.folder / "run.json"
        if not path.exists():
            if any(self.folder.glob("*.jsonl")):
                raise NCOError(f"{self.folder}: holds something else; choose another --output")
            atomic.write_text(path, json.dumps(self._about, indent=1) + "\n")
            return
        try:
            present = json.loads(path.read_text())
        except ValueError as error:
            raise InstanceError("not the description of a run", path=path) from error
        for key in {**present, **self._about}:
            if present.get(key) != self._about.get(key):
                values = f"{present.get(key)!r}, not {self._about.get(key)!r}"
                raise NCOError(f"{path}: is another run ({key} {values}); choose another --output")

    def _lock(self, file: FileIO) -> None:
        if atomic.fcntl is None:
            return
        try:
            atomic.fcntl.flock(file, atomic.fcntl.LOCK_EX | atomic.fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise NCOError(f"{self.folder}: another process works on this run") from error

    def _recall(self, file: FileIO) -> None:
        """Reads what has ended; a last line that was broken off is cut away."""
        with open(self._path, "rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    row = None
                if row is None:
                    break
                self._size += len(line)
                self._done.add(_key(row["id"]))
                self.counts[Kind(row["ended"])] += 1
        file.truncate(self._size)


def _key(id: str) -> int:
    """A number that stands for an id: two of 2^128 are never alike."""
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=16).digest(), "big")


def _write_parquet(rows: Iterator[dict[str, Any]], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, _type(pyarrow, kind)) for name, kind in COLUMNS.items()])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while block := [_cells(row) for row in itertools.islice(rows, ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(block, schema))


def _type(pyarrow: Any, name: str) -> Any:
    kinds = {"string": "string", "int64": "int64", "float64": "float64", "bool": "bool_"}
    return getattr(pyarrow, kinds[name])()


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        value = row.get(name)
        cells[name] = float(value) if kind == "float64" and value is not None else value
    cells["solution"] = json.dumps(row.get("solution")) if "solution" in row else None
    return cells

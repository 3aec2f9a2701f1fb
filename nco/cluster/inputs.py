"""Where instances come from: files, patterns, manifests, anything iterable; one at a time.

A manifest is a file with a row for each instance: JSON lines (``.jsonl``, ``.ndjson``), a CSV file
with a column ``path``, or a Parquet file. A row has a ``path``, or the arrays that `nco.solve`
takes, each under its own name; and, where it wants, an ``id``, a ``problem`` and a ``time_limit``.
"""

import csv
import glob
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nco.cluster.solving import Source
from nco.cluster.task import Task
from nco.core.case import Case
from nco.core.errors import InstanceError, NCOError

LINES = (".jsonl", ".ndjson")
PARQUET = ".parquet"
OWN = ("id", "problem", "time_limit")  # columns that are no array of the instance
ROWS = 1000  # of a Parquet file that are in memory at a time

Row = tuple[str | None, Source]  # an id where the row has one, and the instance


def tasks(sources: Iterable[Any], shared: bool = False) -> Iterator[Task]:
    """A task for each of what `nco.solve_iter` takes, and for each row of a manifest.

    Args:
        sources: paths, patterns with ``*``, folders, manifests, cases, arrays, and pairs of an id
            and one of these.
        shared: hosts find files at the same paths, and read them; else their content is sent.

    Raises:
        NCOError: where a pattern has no file, or a row says nothing of an instance.
    """
    index = 0
    for source in sources:
        for id, found in _found(source, shared):
            yield Task(id or _made_up(index, found), index, found)
            index += 1


def count(sources: Iterable[Any]) -> int | None:
    """How many instances there are, without reading them; None where that is not known."""
    if not isinstance(sources, Sequence):
        return None
    return sum(_count(source) for source in sources)


def is_manifest(path: str) -> bool:
    """Whether a file has a row for each instance."""
    suffix = Path(path).suffix.lower()
    if suffix in (*LINES, PARQUET):
        return True
    if suffix != ".csv" or not Path(path).is_file():
        return False
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        return "path" in next(csv.reader(file), [])


def _count(source: Any) -> int:
    if not isinstance(source, str | Path):
        return 1
    word = str(source)
    if not is_manifest(word):
        return len(_files(word))
    if word.endswith(PARQUET):
        return int(_parquet(word).metadata.num_rows)
    with _opened(word) as file:
        return sum(1 for line in file if line.strip()) - word.lower().endswith(".csv")


def _found(source: Any, shared: bool) -> Iterator[Row]:
    """The instances of one source."""
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], str):
        yield source[0], _one(source[1], shared)
    elif not isinstance(source, str | Path):
        yield None, _one(source, shared)
    elif is_manifest(str(source)):
        yield from _rows(str(source), shared)
    else:
        for name in _files(str(source)):
            yield name, _one(name, shared)


def _one(source: Any, shared: bool, options: Mapping[str, Any] | None = None) -> Source:
    options = options or {}
    if isinstance(source, Case):
        return Source(source.name, source, None, options)
    if not isinstance(source, str | Path):
        return Source("", source, None, options)
    name = str(source)
    if shared or name.startswith("example:"):
        return Source(name, name, None, options)
    try:
        return Source(name, name, Path(name).read_bytes(), options)
    except OSError:  # the host says so as `nco.solve` does
        return Source(name, name, None, options)


def _files(word: str) -> list[str]:
    """What a folder or a pattern stands for, in order; another word for itself."""
    if Path(word).is_dir():
        found = sorted(str(path) for path in Path(word).iterdir() if path.is_file())
        if not found:
            raise NCOError(f"{word}: there is no file in this folder")
    elif any(c in word for c in "*?[") and not Path(word).exists():
        found = sorted(path for path in glob.iglob(word, recursive=True) if Path(path).is_file())
    else:
        return [word]
    if not found:
        raise NCOError(f"{word}: no file has such a name")
    return found


def _made_up(index: int, source: Source) -> str:
    """An id of an instance without one: its place, and a digest of what can be written down."""
    try:
        text = json.dumps([source.name, source.source, dict(source.options)], default=_plain)
    except (TypeError, ValueError):
        return f"{index:08d}"
    return f"{index:08d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # of numpy and torch
        return value.tolist()
    raise TypeError


# ---- manifests


def _rows(path: str, shared: bool) -> Iterator[Row]:
    suffix = Path(path).suffix.lower()
    reader: Callable[[str], Iterator[tuple[int, Mapping[str, Any]]]] = (
        _parquet_rows if suffix == PARQUET else _json_rows if suffix in LINES else _csv_rows
    )
    for line, row in reader(path):
        yield _row(path, line, row, shared)


def _row(path: str, line: int, row: Mapping[str, Any], shared: bool) -> Row:
    options = {name: row[name] for name in OWN[1:] if row.get(name) not in (None, "")}
    try:
        if "time_limit" in options:
            options["time_limit"] = float(options["time_limit"])
    except (TypeError, ValueError):
        raise InstanceError(
            "is no number of seconds",
            field="time_limit",
            value=options["time_limit"],
            path=path,
            line=line,
        ) from None
    id = row.get("id")
    if "path" in row:
        beside = Path(path).parent / str(row["path"])
        file = str(row["path"]) if not beside.exists() else str(beside)
        return str(id or row["path"]), _one(file, shared, options)
    arrays = {k: v for k, v in row.items() if k not in OWN and v is not None}
    if not arrays:
        raise InstanceError("no path, and no arrays", path=path, line=line)
    name = str(id) if id is not None else f"{path}:{line}"
    return None if id is None else str(id), Source(name, arrays, None, options)


def _json_rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InstanceError(f"no JSON ({error})", path=path, line=number) from error
            if not isinstance(row, dict):
                raise InstanceError("no JSON object", value=line, path=path, line=number)
            yield number, row


def _csv_rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with _opened(path) as file:
        reader = csv.DictReader(file)
        for row in reader:
            if not row.get("path"):
                raise InstanceError("an empty path", path=path, line=reader.line_num)
            yield reader.line_num, row


def _parquet_rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    number = 0
    for block in _parquet(path).iter_batches(ROWS):
        for row in block.to_pylist():
            number += 1
            yield number, row


def _parquet(path: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        from nco.cluster.connect import INSTALL

        raise NCOError(f"{path}: Parquet needs pyarrow: {INSTALL}") from error
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InstanceError(f"cannot be read: {str(error).splitlines()[0]}", path=path) from error


def _opened(path: str) -> Any:
    try:
        return open(path, newline="", encoding="utf-8-sig")
    except OSError as error:
        raise InstanceError(f"cannot be read: {error.strerror}", path=path) from error

"""Flexible flow shops: a text form of this package's own, for want of a public one, and arrays.

``FFSP jobs stages``, then a line of the number of machines of every stage, then for each stage a
line a job: its durations on the machines of that stage. ``#`` begins a comment.

Machines are numbered from 0, stage after stage. A solution is a dict of ``start[job][stage]`` and
``machine[job][stage]``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._shop import text as words
from nco.problems.fjsp import files as fjsp

SUFFIX = ".txt"  # of the files that `write` makes
ARRAYS = {"durations", "name"}
WORD = "FFSP"

scheduled, read_solution, write_solution = (
    fjsp.scheduled,
    fjsp.read_solution,
    fjsp.write_solution,
)
Schedule = fjsp.Schedule


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(fjsp.Case):
    """One flexible flow shop: all jobs go through the same stages, each of parallel machines.

    It is a flexible job shop whose operations are stages; the machines of a stage differ in how
    long they take for a job.

    Attributes:
        stages: how many machines each stage has.
    """

    problem: ClassVar[str] = "ffsp"
    stages: tuple[int, ...]


def case_of(
    durations: Sequence[np.ndarray], *, name: str = "unnamed", path: str | None = None
) -> Case:
    """The case of one array ``[jobs, machines]`` of durations for every stage."""
    stages = tuple(table.shape[1] for table in durations)
    first = np.cumsum([0, *stages]).tolist()
    work = [
        [
            [(first[s] + k, int(length)) for k, length in enumerate(table[j].tolist())]
            for s, table in enumerate(durations)
        ]
        for j in range(len(durations[0]))
    ]
    return Case(name=name, path=path, work=work, machines=first[-1], stages=stages)


def recognise(text: str) -> bool:
    """Whether the text begins with the word that files of this form begin with."""
    head = text[:4096]
    if "\0" in head or "\ufffd" in head:
        return False
    _, row = next(words.rows(head), (0, [""]))
    return row[0].upper() == WORD


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text; its name is the file's stem.

    Raises:
        InstanceError: for every defect, naming the field, the value and the line.
    """
    table = list(words.rows(text, path))
    line, header = table[0] if table else (1, [""])
    if header[0].upper() != WORD or len(header) != 3:
        reason = "the first line must be: FFSP jobs stages"
        value = " ".join(header[:9])
        raise InstanceError(reason, field="header", value=value, path=path, line=line)
    jobs = words.count(header[1], "jobs", path, line)
    stages = words.count(header[2], "stages", path, line)
    line, row = table[1] if len(table) > 1 else (line, [])
    if len(row) != stages:
        reason = f"there must be a line of {stages} numbers, the machines of every stage"
        value = " ".join(row[:9])
        raise InstanceError(reason, field="machines", value=value, path=path, line=line)
    machines = [words.count(word, "machines", path, line) for word in row]
    rows = table[2:]
    if len(rows) != jobs * stages:
        reason = f"{jobs} jobs in {stages} stages are {jobs * stages} lines of durations"
        raise InstanceError(reason, field="lines", value=len(rows), path=path)
    tables = [
        _stage(rows[s * jobs : (s + 1) * jobs], s, count, path) for s, count in enumerate(machines)
    ]
    return case_of(tables, name=Path(path).stem if path else "unnamed", path=path)


def _stage(rows: list[words.Row], stage: int, machines: int, path: str | None) -> np.ndarray:
    """Durations ``[jobs, machines]`` of one stage."""
    durations = []
    for job, (line, row) in enumerate(rows):
        if len(row) != machines:
            reason = f"stage {stage} has {machines} machines, job {job} {len(row)} durations"
            value = " ".join(row[:9])
            raise InstanceError(reason, field="durations", value=value, path=path, line=line)
        durations.append([words.duration(word, "duration", path, line) for word in row])
    return np.array(durations, dtype=np.int64)


def from_arrays(data: object) -> Case | None:
    """The case of a dict with ``durations``: one array ``[jobs, machines]`` for every stage.

    Returns:
        None where there are no durations, or ``machines`` beside them (a job shop).
    """
    if not isinstance(data, Mapping) or "durations" not in data or "machines" in data:
        return None
    if unknown := set(data) - ARRAYS:
        reason = "a flexible flow shop's arrays are durations, and name"
        raise InstanceError(reason, field=min(map(str, unknown)))
    stages: Any = data["durations"]
    if isinstance(stages, np.ndarray) and stages.ndim == 0:
        stages = []
    if not isinstance(stages, list | tuple | np.ndarray) or len(stages) == 0:
        reason = "must be one array [jobs, machines] for every stage"
        raise InstanceError(reason, field="durations", value=stages)
    tables = [words.array(f"durations of stage {s}", part, 2, 0) for s, part in enumerate(stages)]
    for s, table in enumerate(tables):
        if len(table) != len(tables[0]):
            reason = f"must have a row for each of the {len(tables[0])} jobs"
            raise InstanceError(reason, field=f"durations of stage {s}", value=len(table))
    return case_of(tables, name=str(data.get("name", "unnamed")))


def write(case: Case) -> str:
    """The text of a file from which `read` makes the same case."""
    lines = [f"{WORD} {case.size} {len(case.stages)}", " ".join(map(str, case.stages))]
    for s in range(len(case.stages)):
        lines += [" ".join(str(length) for _, length in job[s]) for job in case.work]
    return "\n".join(lines) + "\n"


__all__ = [
    "ARRAYS",
    "SUFFIX",
    "Case",
    "from_arrays",
    "read",
    "read_solution",
    "recognise",
    "write",
    "write_solution",
]

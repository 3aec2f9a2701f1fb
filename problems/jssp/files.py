"""Job shops as their source states them: the standard and Taillard's text forms, and arrays.

Standard: ``jobs machines``, then a line a job: pairs ``machine duration`` in the job's order.
Taillard: ``jobs machines``, then ``Times`` and a line of durations a job, ``Machines`` and a line
of machines from 1 a job; the two words, a line of text before all, and seeds and bounds after the
two numbers may be there or not. Machines count from 0, or from 1 throughout. ``#`` begins a
comment.

A solution is ``start[job][operation]``, in the file's unit of time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems._shop import plan
from nco.problems._shop import text as words

SUFFIX = ".txt"  # of the files that `write` makes
ARRAYS = {"machines", "durations", "name"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One job shop: each job visits every machine once, in an order of its own.

    Attributes:
        machines: ``[jobs, machines]`` int64, the machine of each operation, from 0.
        durations: ``[jobs, machines]`` int64, not negative.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "jssp"
    view: ClassVar[str] = "start"
    machines: np.ndarray  # [J, M]
    durations: np.ndarray  # [J, M]

    def __post_init__(self) -> None:
        shape = list(self.durations.shape)
        if len(shape) != 2:
            reason = "must be [jobs, machines]; this is its shape"
            raise InstanceError(reason, field="durations", value=shape, path=self.path)
        if list(self.machines.shape) != shape:
            reason = f"must have the shape of the durations, which is {shape}"
            value = list(self.machines.shape)
            raise InstanceError(reason, field="machines", value=value, path=self.path)
        every = np.arange(shape[1])
        wrong = np.flatnonzero((np.sort(self.machines, 1) != every).any(1))
        if wrong.size:
            job = int(wrong[0])
            reason = (
                f"job {job} must visit each of the machines 0 to {shape[1] - 1} once; "
                "other routes are for problem fjsp"
            )
            row = self.machines[job].tolist()
            raise InstanceError(reason, field="machines", value=row, path=self.path)
        if (self.durations < 0).any():
            job, place = np.argwhere(self.durations < 0)[0].tolist()
            reason = f"of operation {place} of job {job} must not be negative"
            length = int(self.durations[job, place])
            raise InstanceError(reason, field="duration", value=length, path=self.path)
        words.check_total(sum(map(sum, self.durations.tolist())), self.path)

    @property
    def size(self) -> int:
        """The number of jobs."""
        return len(self.durations)

    @property
    def work(self) -> plan.Work:
        """``[job][operation]``: one pair (machine, duration) each, in a list."""
        pairs = zip(self.machines.tolist(), self.durations.tolist(), strict=True)
        return [[[pair] for pair in zip(*row, strict=True)] for row in pairs]

    def construct(self) -> list[list[int]]:
        """The best schedule of the dispatching rules."""
        return self.stated(plan.construct(self.work))

    def planned(self, solution: list[list[int]]) -> plan.Plan:
        """A solution with the machines, which are given."""
        return plan.Plan(solution, self.machines.tolist())

    def stated(self, found: plan.Plan) -> list[list[int]]:
        """A plan as a solution."""
        return found.start

    def numbered(self, solution: Any) -> list[list[int]]:
        """Start times are the same everywhere: jobs and operations count from 0."""
        found: list[list[int]] = words.plain(solution)
        return found

    def indexed(self, solution: Any) -> list[list[int]]:
        return self.numbered(solution)


def recognise(text: str) -> bool:
    """Whether the text starts like a job shop, in either form.

    Only the first 65536 characters are read. Of the rows after the header, most must be pairs of a
    machine and a duration; or there is the word ``Times`` or ``Machines`` alone on a line.
    """
    head = text[:65536].lstrip("\ufeff")
    if "\0" in head or "\ufffd" in head:
        return False
    lines = list(words.rows(head))
    lines = lines[:-1] if len(text) > 65536 else lines  # the last line may be cut
    lowered = [row[0].lower().rstrip(":") for _, row in lines if len(row) == 1]
    if "times" in lowered and "machines" in lowered:
        return True
    table = [row for _, row in lines]
    if len(table) < 2 or len(table[0]) < 2 or not all(map(words.numeric, table[0])):
        return False
    if len(table[0]) != 2:
        return False
    seen = table[1:17]
    return 2 * sum(_is_route(row, table[0][1]) for row in seen) > len(seen)


def _is_route(row: Sequence[str], machines: str) -> bool:
    """Whether a row is pairs of machine and duration, or nearly."""
    if len(row) % 2 or not all(map(words.numeric, row)):
        return False
    visited = sorted(float(word) for word in row[::2])
    most = len(row) // 2
    permutation = visited in ([float(m) for m in range(k, most + k)] for k in (0, 1))
    as_long = float(most) == float(machines) and max(visited) <= most and most > 1
    return permutation or as_long


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text; its name is the file's stem.

    Raises:
        InstanceError: for every defect, naming the field, the value and the line.
    """
    table = list(words.rows(text, path))
    while table and not words.numeric(table[0][1][0]):
        table.pop(0)  # what Taillard's files call their columns
    if not table:
        raise InstanceError("there must be a line: jobs machines", field="header", path=path)
    line, header = table.pop(0)
    if len(header) < 2:
        reason = "the first line must hold two numbers: jobs machines"
        raise InstanceError(reason, field="header", value=header[0], path=path, line=line)
    jobs = words.count(header[0], "jobs", path, line)
    machines = words.count(header[1], "machines", path, line)
    if jobs * machines > words.MAX_OPERATIONS:
        reason = f"at most {words.MAX_OPERATIONS} operations are read"
        raise InstanceError(reason, field="header", value=" ".join(header), path=path, line=line)
    blocks = [row for row in table if not _is_title(row[1])]
    paired = len(blocks) == len(table) and not _has_blocks(blocks, jobs, machines)
    if paired:
        visited, durations = _standard(blocks, jobs, machines, path)
    else:
        visited, durations = _taillard(blocks, jobs, machines, path)
    return Case(
        name=Path(path).stem if path else "unnamed",
        path=path,
        machines=visited,
        durations=durations,
    )


def _is_title(row: list[str]) -> bool:
    return len(row) == 1 and row[0].lower().rstrip(":") in ("times", "machines")


def _has_blocks(table: list[words.Row], jobs: int, machines: int) -> bool:
    """Whether these are two blocks of a row a job rather than rows of pairs."""
    return len(table) > jobs and len(table[0][1]) == machines and machines > 1


def _standard(
    table: list[words.Row], jobs: int, machines: int, path: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Machines and durations ``[J, M]`` of rows of pairs."""
    rows = _block(iter(table), jobs, 2 * machines, "pairs machine duration", path)
    if len(table) > jobs:
        reason = f"more than the {jobs} jobs announced; remove the line or correct the header"
        line, row = table[jobs]
        raise InstanceError(reason, field="jobs", value=" ".join(row[:9]), path=path, line=line)
    visited = [(line, row[::2]) for line, row in rows]
    times = [[words.duration(w, "duration", path, line) for w in row[1::2]] for line, row in rows]
    return _machines(visited, machines, path), np.array(times, dtype=np.int64)


def _taillard(
    table: list[words.Row], jobs: int, machines: int, path: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Machines and durations ``[J, M]`` of two blocks."""
    rows = iter(table)
    first = _block(rows, jobs, machines, "durations", path)
    times = [[words.duration(w, "duration", path, line) for w in row] for line, row in first]
    visited = _block(rows, jobs, machines, "machines", path)
    for line, row in rows:
        reason = f"nothing may follow the two blocks of {jobs} jobs; or correct the header"
        raise InstanceError(reason, field="jobs", value=" ".join(row[:9]), path=path, line=line)
    return _machines(visited, machines, path), np.array(times, dtype=np.int64)


def _block(
    rows: Iterator[words.Row], jobs: int, wide: int, what: str, path: str | None
) -> list[words.Row]:
    """The next `jobs` rows, each of `wide` words."""
    found: list[words.Row] = []
    while len(found) < jobs:
        line, row = next(rows, (0, []))
        if not row:
            reason = f"the file holds {len(found)} rows of {what}; complete it or correct jobs"
            raise InstanceError(reason, field="jobs", value=jobs, path=path)
        if len(row) != wide:
            reason = f"job {len(found)} must have {wide} numbers ({what}), not {len(row)}"
            shown = " ".join(row[:9])
            raise InstanceError(reason, field="job", value=shown, path=path, line=line)
        found.append((line, row))
    return found


def _machines(table: list[words.Row], machines: int, path: str | None) -> np.ndarray:
    """Machines from 0, each once a job; files may count from 0, or from 1 throughout."""
    found = [[words.whole(word, "machine", path, line) for word in row] for line, row in table]
    base = 1 if all(min(row) >= 1 for row in found) else 0
    for (line, _), row in zip(table, found, strict=True):
        for machine in row:
            if not base <= machine < machines + base:
                reason = f"machines go from {base} to {machines + base - 1} here"
                raise InstanceError(reason, field="machine", value=machine, path=path, line=line)
        if len(set(row)) < machines:
            twice = next(machine for machine in row if row.count(machine) > 1)
            reason = "visited twice by one job, which is for problem fjsp; correct the line"
            raise InstanceError(reason, field="machine", value=twice, path=path, line=line)
    return np.array(found, dtype=np.int64) - base


def from_arrays(data: object) -> Case | None:
    """The case of a dict with ``machines`` and ``durations`` ``[jobs, machines]``.

    Returns:
        None where the two are not there, or are not two-dimensional.
    """
    if not isinstance(data, Mapping) or not {"machines", "durations"} <= set(data):
        return None
    if unknown := set(data) - ARRAYS:
        reason = "a job shop's arrays are machines and durations, and name"
        raise InstanceError(reason, field=min(map(str, unknown)))
    return Case(
        name=str(data.get("name", "unnamed")),
        machines=words.array("machines", data["machines"], 2, 0),
        durations=words.array("durations", data["durations"], 2, 0),
    )


def write(case: Case) -> str:
    """The text of a file in the standard form, from which `read` makes the same case."""
    pairs = np.stack([case.machines, case.durations], -1).reshape(case.size, -1)
    lines = [f"{case.size} {case.durations.shape[1]}"]
    lines += [" ".join(map(str, row)) for row in pairs.tolist()]
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> list[list[int]]:
    """Start times: a line a job, a JSON list of one list a job, or that under ``solution``.

    Raises:
        InstanceError: where the text is none of these. Whether the times are right is the checker's
            to say.
    """
    text = text.strip().lstrip("\ufeff")
    if not text:
        raise InstanceError("the solution is empty", field="solution")
    if text[0] in "[{":
        return words.table(words.json_solution(text), "solution")
    return [
        [words.whole(word, "start", None, line) for word in row] for line, row in words.rows(text)
    ]


def write_solution(case: Case, solution: Sequence[Sequence[int]], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` (the makespan) and ``solution``."""
    data = {"name": case.name, "cost": cost, "solution": case.numbered(solution)}
    return json.dumps(data) + "\n"

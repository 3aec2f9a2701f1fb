"""Job shops as their source states them: the standard and Taillard's text forms, and arrays.

Standard: ``jobs machines``, then a line a job: pairs ``machine duration`` in the job's order; a job
may skip machines.
Taillard: ``jobs machines``, then ``Times`` and a line of durations a job, ``Machines`` and a line
of machines from 1 a job; the two words, a line of text before all, and seeds and bounds after the
two numbers may be there or not. Machines count from 0, or from 1 throughout. ``#`` begins a
comment.

A solution is ``start[job][operation]``, in the file's unit of time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems._shop import nested, plan
from nco.problems._shop import text as words

SUFFIX = ".txt"  # of the files that `write` makes
ARRAYS = {"machines", "durations", "jobs", "name", "names"}
SKIPPED = -1  # in place of a machine, where a job has fewer operations than another


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One job shop: each job visits machines once each, in an order of its own, all or some.

    Attributes:
        machines: ``[jobs, operations]`` int64, the machine of each operation, from 0; `SKIPPED`
            behind the last operation of a job that has fewer than another.
        durations: ``[jobs, operations]`` int64, not negative; 0 where there is no operation.
        time_unit: of durations, such as "minutes"; empty where the source does not say.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "jssp"
    view: ClassVar[str] = "start"
    machines: np.ndarray  # [J, P]
    durations: np.ndarray  # [J, P]
    time_unit: str = ""

    def __post_init__(self) -> None:
        shape = list(self.durations.shape)
        if len(shape) != 2:
            reason = "must be [jobs, machines]; this is its shape"
            raise InstanceError(reason, field="durations", value=shape, path=self.path)
        if list(self.machines.shape) != shape:
            reason = f"must have the shape of the durations, which is {shape}"
            value = list(self.machines.shape)
            raise InstanceError(reason, field="machines", value=value, path=self.path)
        for job, row in enumerate(self.routes):
            count = len(row)
            rest = self.machines[job, count:].tolist()
            if not count or any(machine != SKIPPED for machine in rest):
                reason = f"job {job} must have operations, and {SKIPPED} only behind the last"
                stated = self.machines[job].tolist()
                raise InstanceError(reason, field="machines", value=stated, path=self.path)
            if len(set(row)) < count or min(row) < 0:
                reason = (
                    f"job {job} must visit machines from 0 on, each once at most; "
                    "other routes are for problem fjsp"
                )
                raise InstanceError(reason, field="machines", value=row, path=self.path)
        if int(self.machines.max()) >= words.MAX_OPERATIONS:
            reason = f"at most {words.MAX_OPERATIONS}: number the machines without gaps"
            most = int(self.machines.max())
            raise InstanceError(reason, field="machines", value=most, path=self.path)
        if (self.durations < 0).any():
            job, place = np.argwhere(self.durations < 0)[0].tolist()
            reason = f"of operation {place} of job {job} must not be negative"
            length = int(self.durations[job, place])
            raise InstanceError(reason, field="duration", value=length, path=self.path)
        words.check_total(sum(map(sum, self.durations.tolist())), self.path)

    @property
    def cost_unit(self) -> str:
        """Of the makespan: that of the durations."""
        return self.time_unit

    @property
    def size(self) -> int:
        """The number of jobs."""
        return len(self.durations)

    @cached_property
    def routes(self) -> list[list[int]]:
        """The machines of each job, in its order."""
        counts = (self.machines != SKIPPED).sum(1).tolist()
        return [row[:count] for row, count in zip(self.machines.tolist(), counts, strict=True)]

    @property
    def work(self) -> plan.Work:
        """``[job][operation]``: one pair (machine, duration) each, in a list."""
        rows = zip(self.routes, self.durations.tolist(), strict=True)
        return [[[pair] for pair in zip(*row, strict=False)] for row in rows]

    def construct(self) -> list[list[int]]:
        """The best schedule of the dispatching rules."""
        return self.stated(plan.construct(self.work))

    def planned(self, solution: list[list[int]]) -> plan.Plan:
        """A solution with the machines, which are given."""
        return plan.Plan(solution, self.routes)

    def stated(self, made: plan.Plan) -> list[list[int]]:
        """A plan as a solution."""
        return made.start

    def numbered(self, solution: Any) -> list[list[int]]:
        """Start times are the same everywhere: jobs and operations count from 0."""
        start: list[list[int]] = words.plain(solution)
        return start

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
    if 2 * sum(_is_route(row, table[0][1]) for row in seen) > len(seen):
        return True
    # rows of two numbers alone may as well be a knapsack's items
    return max(map(len, seen)) > 2 and all(_skips(row, table[0][1]) for row in seen)


def _is_route(row: Sequence[str], machines: str) -> bool:
    """Whether a row is pairs of machine and duration, or nearly."""
    if len(row) % 2 or not all(map(words.numeric, row)):
        return False
    visited = sorted(float(word) for word in row[::2])
    most = len(row) // 2
    permutation = visited in ([float(m) for m in range(k, most + k)] for k in (0, 1))
    as_long = float(most) == float(machines) and max(visited) <= most and most > 1
    return permutation or as_long


def _skips(row: Sequence[str], machines: str) -> bool:
    """Whether a row is pairs of some machines and their durations."""
    if len(row) % 2 or not all(map(words.numeric, row)):
        return False
    visited = [float(word) for word in row[::2]]
    return len(set(visited)) == len(visited) and 0 <= min(visited) <= max(visited) <= float(
        machines
    )


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
    """Whether a line is the title of one of the two blocks."""
    return len(row) == 1 and row[0].lower().rstrip(":") in ("times", "machines")


def _has_blocks(table: list[words.Row], jobs: int, machines: int) -> bool:
    """Whether these are two blocks of a row a job rather than rows of pairs."""
    return len(table) > jobs and len(table[0][1]) == machines and machines > 1


def _standard(
    table: list[words.Row], jobs: int, machines: int, path: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Machines and durations ``[J, P]`` of rows of pairs."""
    rows = _pairs(table[:jobs], jobs, machines, path)
    if len(table) > jobs:
        reason = f"more than the {jobs} jobs announced; remove the line or correct the header"
        line, row = table[jobs]
        raise InstanceError(reason, field="jobs", value=" ".join(row[:9]), path=path, line=line)
    visited = [(line, row[::2]) for line, row in rows]
    times = [[words.duration(w, "duration", path, line) for w in row[1::2]] for line, row in rows]
    return padded(_machines(visited, machines, path), SKIPPED), padded(times, 0)


def padded(rows: Sequence[Sequence[int]], filler: int) -> np.ndarray:
    """Rows as one array, int64, the shorter ones filled up."""
    wide = max(map(len, rows), default=0)
    return np.array([[*row, *[filler] * (wide - len(row))] for row in rows], dtype=np.int64)


def _pairs(table: list[words.Row], jobs: int, machines: int, path: str | None) -> list[words.Row]:
    """Rows of pairs, one a job; a job may have fewer than there are machines."""
    for job, (line, row) in enumerate(table):
        if len(row) % 2 or len(row) > 2 * machines:
            reason = (
                f"job {job} must have pairs machine duration, at most {machines} of them, "
                f"not {len(row)} numbers"
            )
            value = " ".join(row[:9])
            raise InstanceError(reason, field="job", value=value, path=path, line=line)
    if len(table) < jobs:
        reason = (
            f"the file holds {len(table)} rows of pairs machine duration; complete it or correct "
            "jobs"
        )
        raise InstanceError(reason, field="jobs", value=jobs, path=path)
    return table


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
    return padded(_machines(visited, machines, path), SKIPPED), padded(times, 0)


def _block(
    rows: Iterator[words.Row], jobs: int, wide: int, what: str, path: str | None
) -> list[words.Row]:
    """The next `jobs` rows, each of `wide` words."""
    block: list[words.Row] = []
    while len(block) < jobs:
        line, row = next(rows, (0, []))
        if not row:
            reason = f"the file holds {len(block)} rows of {what}; complete it or correct jobs"
            raise InstanceError(reason, field="jobs", value=jobs, path=path)
        if len(row) != wide:
            reason = f"job {len(block)} must have {wide} numbers ({what}), not {len(row)}"
            shown = " ".join(row[:9])
            raise InstanceError(reason, field="job", value=shown, path=path, line=line)
        block.append((line, row))
    return block


def _machines(table: list[words.Row], machines: int, path: str | None) -> list[list[int]]:
    """Machines from 0, each once a job at most; files may count from 0, or from 1 throughout.

    Where no job visits all machines, they count from 1 if the last one's number is used.
    """
    stated = [[words.whole(word, "machine", path, line) for word in row] for line, row in table]
    every = [machine for row in stated for machine in row]
    full = any(len(row) == machines for row in stated)
    base = 1 if min(every) >= 1 and (full or max(every) >= machines) else 0
    for (line, _), row in zip(table, stated, strict=True):
        for machine in row:
            if not base <= machine < machines + base:
                reason = f"machines go from {base} to {machines + base - 1} here"
                raise InstanceError(reason, field="machine", value=machine, path=path, line=line)
        if len(set(row)) < len(row):
            twice = next(machine for machine in row if row.count(machine) > 1)
            reason = "visited twice by one job, which is for problem fjsp; correct the line"
            raise InstanceError(reason, field="machine", value=twice, path=path, line=line)
    return [[machine - base for machine in row] for row in stated]


def from_arrays(data: object) -> Case | None:
    """The case of a dict with ``machines`` and ``durations``, or with ``jobs``.

    Args:
        data: ``machines`` and ``durations`` ``[jobs, operations]``, whose rows may differ in length
            and whose machines may have names; or ``jobs``, a list of pairs (machine, duration) for
            each; optionally ``name``, and ``names`` of the jobs.

    Returns:
        None where these are not there, or ``jobs`` has alternatives (a flexible job shop).
    """
    if not isinstance(data, Mapping):
        return None
    if "jobs" in data and "durations" not in data:
        return _of_jobs(data)
    if not {"machines", "durations"} <= set(data):
        return None
    if unknown := set(data) - (ARRAYS - {"jobs"}):
        reason = "a job shop's arrays are machines and durations, and name and names if need be"
        raise InstanceError(reason, field=min(map(str, unknown)))
    machines, durations = (words.plain(data[key]) for key in ("machines", "durations"))
    if _needs_care(machines) or _needs_care(durations):
        for key, rows in (("machines", machines), ("durations", durations)):
            if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
                raise InstanceError("must be one list a job", field=key, value=rows)
        if list(map(len, machines)) != list(map(len, durations)):
            reason = "must be as many in each job as there are machines"
            raise InstanceError(reason, field="durations", value=durations)
        pairs = [list(zip(*row, strict=True)) for row in zip(machines, durations, strict=True)]
        rest = {key: data[key] for key in ("name", "names") if key in data}
        return _of_jobs({**rest, "jobs": pairs})
    visited = words.array("machines", data["machines"], 2, 0)
    return Case(
        name=str(data.get("name", "unnamed")),
        names=nested.names(data, [], len(visited)),
        machines=visited,
        durations=words.array("durations", data["durations"], 2, 0),
    )


def _needs_care(rows: Any) -> bool:
    """Whether rows differ in length or hold names, which are no array of numbers."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        return False
    named = any(isinstance(cell, str) for row in rows for cell in row)
    return named or len(set(map(len, rows))) > 1


def _of_jobs(data: Mapping[str, Any]) -> Case | None:
    """The case of ``jobs``; None where operations have alternatives, or a job returns."""
    if not set(data) <= {"jobs", "name", "names"}:
        return None
    jobs = nested.read(data["jobs"])
    if not jobs.alone or not nested.once(jobs.work):
        return None
    return of_work(
        jobs.work,
        name=str(data.get("name", "unnamed")),
        names=nested.names(data, jobs.machines, len(jobs.work)),
    )


def of_work(
    work: plan.Work,
    *,
    name: str,
    names: Mapping[str, Sequence[str]],
    path: str | None = None,
    remarks: Sequence[str] = (),
    time_unit: str = "",
) -> Case:
    """The case of a work list in which each operation has one machine."""
    return Case(
        name=name,
        path=path,
        names=names,
        remarks=remarks,
        time_unit=time_unit,
        machines=padded([[choices[0][0] for choices in job] for job in work], SKIPPED),
        durations=padded([[choices[0][1] for choices in job] for job in work], 0),
    )


def write(case: Case) -> str:
    """The text of a file in the standard form, from which `read` makes the same case."""
    lines = [f"{case.size} {int(case.machines.max()) + 1}"]
    lines += [" ".join(f"{m} {length}" for [(m, length)] in job) for job in case.work]
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

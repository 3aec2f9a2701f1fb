"""Flexible job shops as their source states them: the ``.fjs`` text form, and nested lists.

``jobs machines``, which a third number may follow (the mean number of alternatives), then a line a
job: the number of operations, and for each the number of alternatives followed by so many pairs
``machine duration``. Machines count from 0 or from 1. ``#`` begins a comment.

A solution is a dict of ``start[job][operation]`` and ``machine[job][operation]``, in the file's
unit of time and its own numbers of machines.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems._shop import nested, plan
from nco.problems._shop import text as words

SUFFIX = ".fjs"  # of the files that `write` makes
ARRAYS = {"jobs", "machines", "name", "names"}
Schedule = dict[str, list[list[int]]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One flexible job shop: each operation is done by one of some machines.

    Attributes:
        work: ``[job][operation]``, the alternatives of each as pairs (machine, duration), machines
            from 0; at least one job, operation and alternative each.
        machines: how many there are.
        base: the source's number of the first machine, 0 or 1.
        time_unit: of durations, such as "minutes"; empty where the source does not say.

    Raises:
        InstanceError: where the work breaks these rules.
    """

    problem: ClassVar[str] = "fjsp"
    view: ClassVar[str] = "schedule"
    work: plan.Work
    machines: int
    base: int = 0
    time_unit: str = ""

    def __post_init__(self) -> None:
        if not self.work or not all(self.work):
            empty = next((j for j, job in enumerate(self.work) if not job), None)
            reason = "a job must have operations" if self.work else "there must be a job"
            raise InstanceError(reason, field="job", value=empty, path=self.path)
        if self.machines > words.MAX_OPERATIONS:
            reason = f"at most {words.MAX_OPERATIONS}: number the machines without gaps"
            raise InstanceError(reason, field="machines", value=self.machines, path=self.path)
        total = 0
        for j, job in enumerate(self.work):
            for p, choices in enumerate(job):
                _check_choices(choices, self.machines, self.base, f"job {j}, operation {p}", self)
                total += max(duration for _, duration in choices)
        words.check_total(total, self.path)

    @property
    def cost_unit(self) -> str:
        """Of the makespan: that of the durations."""
        return self.time_unit

    @property
    def size(self) -> int:
        """The number of jobs."""
        return len(self.work)

    def construct(self) -> Schedule:
        """The best schedule of the dispatching rules."""
        return self.stated(plan.construct(self.work))

    def planned(self, solution: Any) -> plan.Plan:
        """A solution, its machines from 0."""
        own = self.indexed(solution)
        return plan.Plan(own["start"], own["machine"])

    def stated(self, made: plan.Plan) -> Schedule:
        """A plan as a solution, in the source's numbers of machines."""
        return self.numbered(scheduled(made))

    def numbered(self, solution: Any) -> Schedule:
        """A schedule by machines from 0 put into the source's numbers."""
        moved = [[int(m) + self.base for m in row] for row in solution["machine"]]
        return {"start": words.plain(solution["start"]), "machine": moved}

    def indexed(self, solution: Any) -> Schedule:
        moved = []
        for row in solution["machine"]:
            for machine in row:
                if not self.base <= machine < self.machines + self.base:
                    reason = f"machines go from {self.base} to {self.machines + self.base - 1}"
                    raise InstanceError(reason, field="machine", value=machine, path=self.path)
            moved.append([int(machine) - self.base for machine in row])
        return {"start": words.plain(solution["start"]), "machine": moved}


def scheduled(made: plan.Plan) -> Schedule:
    """A plan as a solution, machines from 0."""
    return {"start": made.start, "machine": made.machine}


def _check_choices(
    choices: Sequence[tuple[int, int]], machines: int, base: int, where: str, case: BaseCase
) -> None:
    """An `InstanceError` unless these are alternatives of an operation."""
    if not choices:
        reason = f"{where}: there must be a machine that can do it"
        raise InstanceError(reason, field="alternatives", path=case.path)
    seen: set[int] = set()
    for machine, duration in choices:
        if not 0 <= machine < machines:
            reason = f"{where}: machines go from {base} to {machines + base - 1} here"
            raise InstanceError(reason, field="machine", value=machine + base, path=case.path)
        if machine in seen:
            reason = f"{where}: named twice; keep one duration"
            raise InstanceError(reason, field="machine", value=machine + base, path=case.path)
        if duration < 0:
            reason = f"{where}: must not be negative"
            raise InstanceError(reason, field="duration", value=duration, path=case.path)
        seen.add(machine)


def recognise(text: str) -> bool:
    """Whether the text starts like a flexible job shop.

    Only the first 65536 characters are read. Of the rows after the header, most must be made of
    counts and pairs as the form demands.
    """
    head = text[:65536].lstrip("\ufeff")
    if "\0" in head or "\ufffd" in head:
        return False
    lines = list(words.rows(head))
    lines = lines[:-1] if len(text) > 65536 else lines  # the last line may be cut
    table = [row for _, row in lines]
    if len(table) < 2 or not 2 <= len(table[0]) <= 3:
        return False
    if not all(words.numeric(word) for row in table[:17] for word in row):
        return False
    seen = table[1:17]
    return 2 * sum(_is_job(row) for row in seen) > len(seen)


def _is_job(row: Sequence[str]) -> bool:
    """Whether the counts in a row lead exactly to its end."""
    numbers = [float(word) for word in row]
    if numbers[0] < 1 or len(numbers) < 4:
        return False
    place, left = 1, numbers[0]
    while left > 0 and place < len(numbers) and numbers[place] >= 1:
        place += 1 + 2 * int(min(numbers[place], len(numbers)))
        left -= 1
    return left == 0 and place == len(numbers)


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text; its name is the file's stem.

    Raises:
        InstanceError: for every defect, naming the field, the value and the line.
    """
    table = list(words.rows(text, path))
    if not table:
        raise InstanceError("there must be a line: jobs machines", field="header", path=path)
    line, header = table[0]
    if not 2 <= len(header) <= 3:
        reason = "the first line must hold two or three numbers: jobs machines"
        value = " ".join(header[:9])
        raise InstanceError(reason, field="header", value=value, path=path, line=line)
    jobs = words.count(header[0], "jobs", path, line)
    machines = words.count(header[1], "machines", path, line)
    if len(table) - 1 < jobs:
        reason = f"the file holds {len(table) - 1} jobs; complete it or correct the header"
        raise InstanceError(reason, field="jobs", value=jobs, path=path)
    if len(table) - 1 > jobs:
        line, row = table[jobs + 1]
        reason = f"more than the {jobs} jobs announced; remove the line or correct the header"
        value = " ".join(row[:9])
        raise InstanceError(reason, field="jobs", value=value, path=path, line=line)
    named = [_job(row, j, path, line) for j, (line, row) in enumerate(table[1:])]
    base = _base(named, machines, [line for line, _ in table[1:]], path)
    work = [[[(m - base, d) for m, d in choices] for choices in job] for job in named]
    name = Path(path).stem if path else "unnamed"
    return Case(name=name, path=path, work=work, machines=machines, base=base)


def _job(row: Sequence[str], job: int, path: str | None, line: int) -> list[list[tuple[int, int]]]:
    """The operations of a line, machines by the file's numbers."""
    rest = iter(row)

    def take(field: str) -> str:
        word = next(rest, None)
        if word is None:
            reason = f"the line of job {job} ends before its {field}; complete it"
            raise InstanceError(reason, field=field, path=path, line=line)
        return word

    operations = []
    for _ in range(words.count(take("operations"), "operations", path, line)):
        choices = []
        for _ in range(words.count(take("alternatives"), "alternatives", path, line)):
            machine = words.whole(take("machine"), "machine", path, line)
            length = words.duration(take("duration"), "duration", path, line)
            choices.append((machine, length))
        operations.append(choices)
    left = list(rest)
    if left:
        reason = f"job {job} has {len(operations)} operations, but its line goes on; correct it"
        value = " ".join(left[:9])
        raise InstanceError(reason, field="operations", value=value, path=path, line=line)
    return operations


def _base(
    named: list[list[list[tuple[int, int]]]],
    machines: int,
    lines: list[int],
    path: str | None,
) -> int:
    """The number of the first machine: 1 where the last one's is used and 0 is not."""
    used = {machine for job in named for choices in job for machine, _ in choices}
    base = 1 if 0 not in used and machines in used else 0
    for line, job in zip(lines, named, strict=True):
        for choices in job:
            for machine, _ in choices:
                if not base <= machine < machines + base:
                    reason = f"machines go from {base} to {machines + base - 1} here"
                    raise InstanceError(
                        reason, field="machine", value=machine, path=path, line=line
                    )
    return base


def from_arrays(data: object) -> Case | None:
    """The case of a dict with ``jobs``: lists of operations, each a list of (machine, duration).

    Machines count from 0, or have names; ``machines`` says how many there are, by default as many
    as are used; ``names`` are those of the jobs.

    Returns:
        None where there is no ``jobs``, or each operation is a pair itself: a job shop.
    """
    if not isinstance(data, Mapping) or "jobs" not in data:
        return None
    if unknown := set(data) - ARRAYS:
        reason = "a flexible job shop is jobs, and machines, name and names if need be"
        raise InstanceError(reason, field=min(map(str, unknown)))
    jobs = nested.read(data["jobs"])
    if jobs.alone and "machines" not in data and nested.once(jobs.work):
        return None
    used = max((machine for job in jobs.work for some in job for machine, _ in some), default=0) + 1
    machines = data.get("machines", used)
    if isinstance(machines, bool) or not isinstance(machines, int) or machines < 1:
        raise InstanceError("must be how many there are", field="machines", value=machines)
    return Case(
        name=str(data.get("name", "unnamed")),
        names=nested.names(data, jobs.machines, len(jobs.work)),
        work=jobs.work,
        machines=machines,
    )


def write(case: Case) -> str:
    """The text of a file from which `read` makes the same case."""
    lines = [f"{case.size} {case.machines}"]
    for job in case.work:
        numbers = [len(job)]
        for choices in job:
            numbers.append(len(choices))
            for machine, length in choices:
                numbers += [machine + case.base, length]
        lines.append(" ".join(map(str, numbers)))
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> Schedule:
    """A JSON object with ``start`` and ``machine``, one list a job each; or that in ``solution``.

    Raises:
        InstanceError: where the text is none of these. Whether it is right is the checker's to say.
    """
    data = words.json_solution(text.strip().lstrip("\ufeff"))
    if not isinstance(data, dict) or not {"start", "machine"} <= set(data):
        reason = 'must be a JSON object with "start" and "machine"'
        raise InstanceError(reason, field="solution", value=text)
    return {key: words.table(data[key], key) for key in ("start", "machine")}


def write_solution(case: Case, solution: Schedule, cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` (the makespan) and ``solution``."""
    plain = {key: words.plain(solution[key]) for key in ("start", "machine")}
    return json.dumps({"name": case.name, "cost": cost, "solution": plain}) + "\n"

"""The verdict on a plan, in whole numbers; shares nothing with what makes plans."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nco.core.case import Report
from nco.problems._common.verdicts import is_integer, shown, titled

Work = Sequence[Sequence[Sequence[tuple[int, int]]]]


def check_plan(
    jobs: Work,
    start: Any,
    machine: Any,
    names: Mapping[str, Sequence[str]] | None = None,
    base: int = 0,
) -> Report:
    """Checks shape, numbers, machines, the order within jobs, and that no machine does two at once.

    Args:
        jobs: ``[job][operation]``, the alternatives of each as pairs (machine, duration).
        start: ``[job][operation]``, when each begins.
        machine: ``[job][operation]``, on which machine.
        names: of "jobs" and "machines", where they have some, for the sentences; operations of
            jobs with names are counted from 1, as in tables.
        base: the number of the first machine.

    Returns:
        The report; its cost is the makespan, None where the form is wrong. Touching is no overlap,
        and an operation of no duration may begin whenever its machine is between two others.
    """
    counts = [len(job) for job in jobs]
    called = _Called(names or {}, base)
    own = called.first
    start, machine = _listed(start), _listed(machine)
    violations = _form("start", start, counts) + _form("machine", machine, counts)
    if violations:
        return Report(None, None, violations)
    times: dict[int, list[tuple[int, int, int, int]]] = {}
    last = 0
    for j, job in enumerate(jobs):
        before = 0
        for p, choices in enumerate(job):
            begin = int(start[j][p])
            if begin < before:
                what = "time 0" if p == 0 else f"{before}, when operation {p - 1 + own} ends"
                violations.append(
                    f"operation {p + own} of {called.job(j)}{called.on(machine[j][p])} begins at "
                    f"{begin}, before {what}"
                )
            durations = [int(length) for name, length in choices if name == machine[j][p]]
            if not durations:
                able = ", ".join(str(name) for name, _ in choices)
                violations.append(
                    f"operation {p + own} of {called.job(j)} is on "
                    f"{called.machine(machine[j][p])}; it can be on {able}"
                )
                return Report(None, None, violations)
            before = begin + durations[0]
            times.setdefault(int(machine[j][p]), []).append((begin, before, j, p))
        last = max(last, before)
    for name, busy in sorted(times.items()):
        violations += _overlaps(name, busy, called)
    return Report(last, last, violations)


@dataclass(frozen=True)
class _Called:
    """Jobs and machines by their numbers, and names where they have some."""

    names: Mapping[str, Sequence[str]]
    base: int

    @property
    def first(self) -> int:
        """The number of a job's first operation: 1 where jobs have names, as in tables."""
        return 1 if any(self.names.get("jobs", ())) else 0

    def on(self, number: int) -> str:
        """`` on machine 1 (saw)`` where machines have names."""
        return f" on {self.machine(number)}" if any(self.names.get("machines", ())) else ""

    def job(self, number: int) -> str:
        return titled("job", number, self.names.get("jobs", ()))

    def machine(self, number: int) -> str:
        return titled("machine", number, self.names.get("machines", ()), number - self.base)


def _overlaps(name: int, busy: list[tuple[int, int, int, int]], called: _Called) -> list[str]:
    """A sentence for each operation that begins while another is on the machine."""
    sentences = []
    busy = sorted(busy)
    longest = busy[0]
    for entry in busy[1:]:
        if entry[0] < longest[1]:
            sentences.append(
                f"{called.machine(name)}: operation {entry[3] + called.first} of "
                f"{called.job(entry[2])} begins at {entry[0]}, while operation "
                f"{longest[3] + called.first} of {called.job(longest[2])} is on it until "
                f"{longest[1]}"
            )
        if entry[1] > longest[1]:
            longest = entry
    return sentences


def _listed(rows: Any) -> Any:
    """Arrays as lists; anything else as it is."""
    if isinstance(rows, np.ndarray):
        return rows.tolist()
    if isinstance(rows, list | tuple):
        return [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    return rows


def _form(word: str, rows: Any, counts: list[int]) -> list[str]:
    """What is wrong with the form of ``[job][operation]``."""
    if not isinstance(rows, list | tuple):
        return [f"{word} must be a list of one list a job, not {type(rows).__name__}"]
    if len(rows) != len(counts):
        return [f"{word} has {len(rows)} rows, but there are {len(counts)} jobs"]
    sentences = []
    for j, (row, count) in enumerate(zip(rows, counts, strict=True)):
        if not isinstance(row, list | tuple):
            sentences.append(f"{word} of job {j} must be a list, not {shown(row)}")
        elif len(row) != count:
            sentences.append(f"{word} of job {j} has {len(row)} entries for {count} operations")
        else:
            sentences += _numbers(word, j, row)
    return sentences


def _numbers(word: str, job: int, row: Sequence[Any]) -> list[str]:
    """A sentence for each entry of a row that is no whole number."""
    sentences = []
    for p, value in enumerate(row):
        if not is_integer(value):
            sentences.append(
                f"{word} of operation {p} of job {job} must be a whole number, not {shown(value)}"
            )
    return sentences


# --------------------------------------------------------------------------------------------------
# All solutions of a tiny instance, for tests


def every_plan(jobs: Work, most: int) -> Iterator[tuple[list[list[int]], list[list[int]]]] | None:
    """Start times and machines by every choice of machines and every order on each.

    An optimal plan is among them: each operation begins as early as the orders allow. None where
    there are more than `most` choices and orders together.
    """
    cells = [(j, p) for j, job in enumerate(jobs) for p in range(len(job))]
    choices = [range(len(jobs[j][p])) for j, p in cells]
    total = 0
    for chosen in itertools.product(*choices):
        sizes = Counter(jobs[j][p][k][0] for (j, p), k in zip(cells, chosen, strict=True))
        total += math.prod(math.factorial(size) for size in sizes.values())
        if total > most:
            return None
    return _every_order(jobs, cells, choices)


def _every_order(
    jobs: Work, cells: list[tuple[int, int]], choices: list[range]
) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
    """`every_plan` without its limit."""
    for chosen in itertools.product(*choices):
        taken = {cell: jobs[cell[0]][cell[1]][k] for cell, k in zip(cells, chosen, strict=True)}
        names = sorted({machine for machine, _ in taken.values()})
        on = [[cell for cell in cells if taken[cell][0] == name] for name in names]
        for orders in itertools.product(*(itertools.permutations(row) for row in on)):
            before = {cell: [(cell[0], cell[1] - 1)] if cell[1] else [] for cell in cells}
            for order in orders:
                for first, second in itertools.pairwise(order):
                    before[second].append(first)
            begin = _earliest(before, {cell: taken[cell][1] for cell in cells})
            if begin is not None:
                yield (
                    [[begin[j, p] for p in range(len(job))] for j, job in enumerate(jobs)],
                    [[taken[j, p][0] for p in range(len(job))] for j, job in enumerate(jobs)],
                )


def _earliest(
    before: dict[tuple[int, int], list[tuple[int, int]]], duration: dict[tuple[int, int], int]
) -> dict[tuple[int, int], int] | None:
    """When each may begin after all that must come before it; None where they wait in a circle."""
    begin: dict[tuple[int, int], int] = {}
    while len(begin) < len(before):
        ready = [
            cell
            for cell, needed in before.items()
            if cell not in begin and all(other in begin for other in needed)
        ]
        if not ready:
            return None
        for cell in ready:
            ends = (begin[other] + duration[other] for other in before[cell])
            begin[cell] = max(ends, default=0)
    return begin

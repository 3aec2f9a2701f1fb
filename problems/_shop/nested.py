"""Work lists as nested lists of a user, whose machines may have names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nco.core.errors import InstanceError
from nco.problems._shop import text as words

FORM = (
    "must be one list a job, of one operation each: a pair (machine, duration), or a list of such "
    "pairs where there is a choice"
)


class Jobs(NamedTuple):
    """A work list.

    Attributes:
        work: ``[job][operation]``, the alternatives of each as pairs (machine, duration), machines
            from 0.
        machines: the names of the machines, in the order in which they come; empty for numbers.
        alone: whether every operation is stated as one pair, and there are some in each job.
    """

    work: list[list[list[tuple[int, int]]]]
    machines: list[str]
    alone: bool


def read(data: Any) -> Jobs:
    """The jobs of nested lists.

    Args:
        data: ``[job][operation]``, each a pair (machine, duration) or a list of pairs; machines are
            numbers from 0, or names.

    Raises:
        InstanceError: another form; numbers that are not whole, or negative.
    """
    jobs = words.plain(data)
    if not isinstance(jobs, list):
        raise InstanceError(FORM, field="jobs", value=jobs)
    stated: list[list[list[tuple[Any, Any]]]] = []
    alone = True
    for j, job in enumerate(jobs):
        if not isinstance(job, list):
            raise InstanceError(FORM, field=f"jobs: job {j}", value=job)
        operations = []
        for p, operation in enumerate(job):
            where = f"jobs: job {j}, operation {p}"
            if not isinstance(operation, list):
                raise InstanceError(FORM, field=where, value=operation)
            single = len(operation) == 2 and not isinstance(operation[0], list)
            alone = alone and single
            choices = [operation] if single else operation
            operations.append([_pair(choice, where) for choice in choices])
        stated.append(operations)
    named = any(isinstance(m, str) for job in stated for choices in job for m, _ in choices)
    places: dict[str, int] = {}
    if named:
        every = (str(m) for job in stated for choices in job for m, _ in choices)
        places = {name: place for place, name in enumerate(dict.fromkeys(every))}
    work = [
        [[(places[str(m)] if named else m, length) for m, length in choices] for choices in job]
        for job in stated
    ]
    return Jobs(work, list(places), alone and bool(jobs) and all(work))


def _pair(value: Any, where: str) -> tuple[Any, int]:
    """A machine, a number or a name, and a duration."""
    if not isinstance(value, list) or len(value) != 2:
        raise InstanceError(FORM, field=where, value=value)
    machine, length = value
    if not isinstance(machine, str):
        machine = _whole(machine, f"{where}: machine")
        if machine < 0:
            raise InstanceError("machines count from 0", field=f"{where}: machine", value=machine)
    elif not machine.strip():
        raise InstanceError("the name is empty", field=f"{where}: machine")
    else:
        machine = " ".join(machine.split())
    length = _whole(length, f"{where}: duration")
    if length < 0:
        raise InstanceError("must not be negative", field=f"{where}: duration", value=length)
    return machine, length


def _whole(value: Any, where: str) -> int:
    """A whole number; 3.0 is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InstanceError("a whole number belongs here", field=where, value=repr(value))
    if not (abs(value) <= words.MAX_TOTAL and value == int(value)):
        reason = "must be a whole number: use a smaller unit of time"
        reason = reason if where.endswith("duration") else "must be a whole number"
        raise InstanceError(reason, field=where, value=value)
    return int(value)


def once(work: list[list[list[tuple[int, int]]]]) -> bool:
    """Whether no job visits a machine twice, each operation having one: a job shop."""
    return all(
        all(len(choices) == 1 for choices in job)
        and len({choices[0][0] for choices in job}) == len(job)
        for job in work
    )


def names(data: Mapping[str, Any], machines: list[str], jobs: int) -> dict[str, list[str]]:
    """The names of a case: of its machines, and of its jobs where ``names`` states them.

    Raises:
        InstanceError: not as many names as jobs.
    """
    named = {"machines": machines} if machines else {}
    stated = words.plain(data.get("names"))
    if stated is None:
        return named
    if not isinstance(stated, list) or len(stated) != jobs:
        reason = f"must be the names of the {jobs} jobs"
        raise InstanceError(reason, field="names", value=stated)
    return {**named, "jobs": [str(name) for name in stated]}

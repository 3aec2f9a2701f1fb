"""Flexible flow shops as tables: a row for each job, stage and machine of it; and schedules."""

from typing import TYPE_CHECKING

from nco.problems._shop import sheets
from nco.problems.fjsp.sheet import read_solution, table
from nco.tables.forms import Argument, Column, Form
from nco.tables.reading import Given, Reading

if TYPE_CHECKING:
    from nco.problems.ffsp.files import Case

__all__ = ["ARGUMENTS", "FORMS", "PLAN", "from_tables", "read_solution", "table"]

STAGES = Form(
    "operations",
    (sheets.JOB, Column("stage", ("stages", "phase"), text=True), sheets.MACHINE, sheets.DURATION),
    (("job", "stage", "machine", "duration"),),
    ("jobs", "stages"),
)
FORMS = (STAGES,)
PLAN = sheets.SCHEDULE
ARGUMENTS: tuple[Argument, ...] = ()


def from_tables(given: Given) -> "Case | None":
    """The case: stages in the order of their numbers, or that of the first job's rows.

    Raises:
        InstanceError: a job that lacks a stage, or a machine of one; a machine of two stages;
            durations that are not whole.
    """
    from nco.problems.ffsp.files import Case

    reading = given.find(STAGES)
    assert reading is not None
    read = sheets.operations(reading, "stage")
    stages = read.labels[0]
    members = [[machine for machine, _ in choices] for choices in read.work[0]]
    order = [machine for some in members for machine in some]
    if len(set(order)) < len(order):
        twice = next(machine for machine in order if order.count(machine) > 1)
        reason = "belongs to two stages: each machine to one"
        raise reading.error(reason, "machine", value=read.machines[twice])
    place = {machine: k for k, machine in enumerate(order)}
    work = []
    for j, job in enumerate(read.work):
        lengths = _stage_lengths(reading, read, j, stages, members)
        work.append([sorted((place[m], length) for m, length in some.items()) for some in lengths])
        assert len(job) == len(stages)
    return Case(
        name=given.name,
        path=given.path,
        names={"jobs": read.jobs, "machines": [read.machines[m] for m in order]},
        remarks=read.remarks,
        time_unit=read.time_unit,
        work=work,
        machines=len(order),
        stages=tuple(map(len, members)),
    )


def _stage_lengths(
    reading: Reading, read: sheets.Operations, job: int, stages: list[str], members: list[list[int]]
) -> list[dict[int, int]]:
    """A job's duration on each machine of every stage."""
    own = dict(zip(read.labels[job], map(dict, read.work[job]), strict=True))
    name = read.jobs[job]
    row = read.rows[job][0]
    if missing := [stage for stage in (*stages, *own) if stage not in own or stage not in stages]:
        reason = (
            f"each job must have one operation at every stage ({', '.join(stages)}), and no other: "
            f"add or correct {missing[0]}"
        )
        raise reading.error(reason, "job", row, name)
    for stage, some in zip(stages, members, strict=True):
        if set(own[stage]) != set(some):
            machines = ", ".join(read.machines[m] for m in some)
            reason = (
                f"stage {stage} must have a duration on each of {machines}; others are for fjsp"
            )
            raise reading.error(reason, "job", row, name)
    return [own[stage] for stage in stages]

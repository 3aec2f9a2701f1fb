"""Job shops as tables: a row an operation, and schedules."""

from typing import TYPE_CHECKING

from nco.problems._shop import sheets
from nco.tables.columns import match
from nco.tables.forms import Argument
from nco.tables.reading import Given
from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.jssp.files import Case

FORMS = (sheets.OPERATIONS,)
PLAN = sheets.SCHEDULE
ARGUMENTS: tuple[Argument, ...] = ()


def from_tables(given: Given) -> "Case | None":
    """The case; None where operations have alternatives or a job returns to a machine (fjsp).

    Raises:
        InstanceError: durations that are not whole, jobs or machines without a name.
    """
    from nco.problems._shop import nested
    from nco.problems.jssp.files import of_work

    reading = given.find(sheets.OPERATIONS)
    assert reading is not None
    read = sheets.operations(reading)
    if not nested.once(read.work):
        if given.problem == "jssp":
            reason = "a job returns to a machine, or an operation has several: that is problem fjsp"
            raise reading.error(reason)
        return None
    return of_work(
        read.work,
        name=given.name,
        names=read.names,
        path=given.path,
        remarks=read.remarks,
        time_unit=read.time_unit,
    )


def table(case: "Case", solution: list[list[int]]) -> Table:
    """A row an operation: job, operation (from 1), machine, start, end, duration."""
    return sheets.schedule(case, solution)


def read_solution(table: Table, case: "Case") -> list[list[int]]:
    """The start times in a table.

    Raises:
        InstanceError: no such columns, a job that does not exist, times that are not whole, an
            operation on another machine than its own.
    """
    starts, machines = sheets.read_schedule(table, case)
    if "operation" not in match(sheets.SCHEDULE, table, {}).places:
        return starts  # of which operation a row is, only its start says: the checker judges it
    for job, (own, work) in enumerate(zip(machines, case.work, strict=True)):
        if len(own) != len(work):
            continue  # the checker says so
        for step, (stated, choices) in enumerate(zip(own, work, strict=True), 1):
            machine = choices[0][0]
            if stated != machine:
                called = [case.called("machines", m) or str(m) for m in (stated, machine)]
                title = case.called("jobs", job) or f"job {job}"
                reason = f"operation {step} of {title} is on {called[1]}: set it so"
                raise table.error(reason, field="machine", value=called[0])
    return starts

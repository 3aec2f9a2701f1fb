"""Flexible job shops as tables: a row an alternative of an operation, and schedules."""

from typing import TYPE_CHECKING

from nco.problems._shop import sheets
from nco.tables.forms import Argument
from nco.tables.reading import Given
from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.fjsp.files import Case, Schedule

FORMS = (sheets.OPERATIONS,)
PLAN = sheets.SCHEDULE
ARGUMENTS: tuple[Argument, ...] = ()


def from_tables(given: Given) -> "Case | None":
    """The case; None where it is a plain job shop and the user names no problem.

    Raises:
        InstanceError: durations that are not whole, jobs or machines without a name.
    """
    from nco.problems._shop import nested
    from nco.problems.fjsp.files import Case

    reading = given.find(sheets.OPERATIONS)
    assert reading is not None
    read = sheets.operations(reading)
    if given.problem != "fjsp" and nested.once(read.work):
        return None
    return Case(
        name=given.name,
        path=given.path,
        names=read.names,
        remarks=read.remarks,
        time_unit=read.time_unit,
        work=read.work,
        machines=len(read.machines),
    )


def table(case: "Case", solution: "Schedule") -> Table:
    """A row an operation: job, operation (from 1), machine, start, end, duration."""
    return sheets.schedule(case, solution, case.base)


def read_solution(table: Table, case: "Case") -> "Schedule":
    """The schedule in a table.

    Raises:
        InstanceError: no such columns, jobs or machines that do not exist, times that are not
            whole.
    """
    start, machine = sheets.read_schedule(table, case, case.base)
    return {"start": start, "machine": machine}

"""Tables of operations, and of schedules: what the ``sheet.py`` of job and flow shops share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nco.tables.columns import match, time_unit
from nco.tables.forms import Column, Form
from nco.tables.reading import Reading
from nco.tables.table import Figure, Table, shown

if TYPE_CHECKING:
    from nco.problems._shop.plan import Plan, Work

MOST_TIME = 2**53  # of one duration
JOB = Column(
    "job",
    (
        *("jobs", "job name", "job id", "job no", "work order", "order", "order no", "part"),
        *("product", "auftrag", "auftragsnummer", "auftrag nr", "trabajo", "pedido"),
    ),
    text=True,
)
MACHINE = Column(
    "machine",
    (
        *("machines", "machine name", "resource", "workstation", "work station", "station"),
        *("work center", "work centre", "workplace", "equipment", "tool", "maschine"),
        *("arbeitsplatz", "maquina"),
    ),
    text=True,
)
DURATION = Column(
    "duration",
    (
        *("durations", "time", "processing time", "process time", "proc time", "run time"),
        *("length", "minutes", "hours", "dauer", "bearbeitungszeit", "tiempo", "duree"),
    ),
)
OPERATION = Column(
    "operation",
    (
        *("operations", "op", "operation no", "step", "sequence", "seq", "position", "pos"),
        *("op no", "op nr", "operation nr", "operation number", "step number", "routing step"),
        *("step no", "task", "activity", "ag", "arbeitsgang", "arbeitsschritt", "arbeitsfolge"),
        *("schritt", "vorgang", "operacion", "etape"),
    ),
    text=True,
)
IN_ORDER = "each row is one, in the order of the rows; rows of alternatives would need it"
OPERATIONS = Form(
    "operations",
    (JOB, MACHINE, DURATION, OPERATION),
    (("job", "machine", "duration"),),
    ("jobs", "routings", "routing"),
    wide=("machine", "duration"),
)
SCHEDULE = Form(
    "schedule",
    (
        *(JOB, OPERATION, MACHINE),
        Column("start", ("begin", "from", "start time")),
        Column("end", ("finish", "end time", "ende")),
        Column("duration", ("durations", "dauer")),
    ),
    (("job", "start"),),
)


@dataclass(frozen=True)
class Operations:
    """The operations of a table.

    Attributes:
        work: ``[job][operation]``, the alternatives of each as pairs (machine, duration).
        jobs, machines: their names.
        labels: ``[job][operation]``, what the table calls each; empty text without such a column.
        rows: ``[job][operation]``, the row of each one's first alternative.
        time_unit: of the durations, where their header says it.
        remarks: how the table was read, a sentence each.
    """

    work: list[list[list[tuple[int, int]]]]
    jobs: list[str]
    machines: list[str]
    labels: list[list[str]]
    rows: list[list[int]]
    time_unit: str = ""
    remarks: Sequence[str] = ()

    @property
    def names(self) -> dict[str, list[str]]:
        """As a case has names."""
        return {"jobs": self.jobs, "machines": self.machines}


def operations(reading: Reading, by: str = "operation") -> Operations:
    """The operations of each job, in their order.

    Rows of one job and one operation are alternatives. Without such a column each row is an
    operation of its own, in the order of the rows. A job's name that is left empty is the one
    above, as merged cells leave it.

    Args:
        reading: a table of operations.
        by: the column that tells operations apart.

    Raises:
        InstanceError: durations that are not whole or negative, a machine without a name, one named
            twice for an operation.
    """
    jobs = _filled(reading)
    machines = reading.texts("machine")
    durations = reading.all_numbers("duration", 0)
    labels = _labels(reading, by) if reading.has(by) else [""] * len(jobs)
    apart = reading.has(by)
    places = {name: place for place, name in enumerate(dict.fromkeys(machines))}
    members: dict[str, dict[Any, list[int]]] = {}
    for row, (job, label) in enumerate(zip(jobs, labels, strict=True)):
        members.setdefault(job, {}).setdefault(label if apart else row, []).append(row)
    work, rows, called = [], [], []
    for own in members.values():
        groups = _ordered(own, apart)
        work.append([_choices(reading, some, machines, places, durations) for some in groups])
        rows.append([some[0] for some in groups])
        called.append([shown(labels[some[0]]) for some in groups])
    unit = time_unit(reading.header("duration"))
    remarks = [reading.remark]
    if not apart and not reading.table.unfolded:
        remarks.append(f"no column {by}: {IN_ORDER}")
    return Operations(work, list(members), list(places), called, rows, unit, remarks)


def _filled(reading: Reading) -> list[str]:
    """The job of each row."""
    jobs: list[str] = []
    if not len(reading):
        raise reading.error("there is no row below the headers")
    for row, job in enumerate(reading.texts("job")):
        if not job and not jobs:
            raise reading.error("is empty: the job's name belongs here", "job", row)
        jobs.append(job or jobs[-1])
    for row, machine in enumerate(reading.texts("machine")):
        if not machine:
            raise reading.error("is empty: the machine's name belongs here", "machine", row)
    return jobs


def _labels(reading: Reading, by: str) -> list[str]:
    """What tells the operations apart."""
    labels = reading.texts(by)
    for row, label in enumerate(labels):
        if not label:
            raise reading.error("is empty: number the operations of each job", by, row)
    return labels


def _ordered(own: dict[Any, list[int]], apart: bool) -> list[list[int]]:
    """The operations of a job by their numbers; by their rows where they have none."""
    if not apart:
        return list(own.values())
    try:
        return [own[label] for label in sorted(own, key=float)]
    except ValueError:
        return list(own.values())


def _choices(
    reading: Reading,
    rows: Sequence[int],
    machines: Sequence[str],
    places: dict[str, int],
    durations: Sequence[float],
) -> list[tuple[int, int]]:
    """The alternatives of one operation."""
    seen = Counter(machines[row] for row in rows)
    for row in rows:
        if seen[machines[row]] > 1:
            reason = "is there twice for one operation: number the operations of each job"
            raise reading.error(reason, "machine", row, machines[row])
        if not durations[row].is_integer() or durations[row] > MOST_TIME:
            reason = "must be a whole number: use a smaller unit of time, such as minutes"
            raise reading.error(reason, "duration", row, f"{durations[row]:g}")
    return [(places[machines[row]], int(durations[row])) for row in rows]


# --------------------------------------------------------------------------------------------------
# Schedules


class Case(Protocol):
    """What is read of a shop's case."""

    @property
    def work(self) -> "Work": ...
    @property
    def cost_unit(self) -> str: ...
    def planned(self, solution: Any, /) -> "Plan": ...
    def called(self, kind: str, position: int) -> str | None: ...


def schedule(case: Case, solution: Any, base: int = 0) -> Table:
    """A row an operation: job, operation (from 1), machine, start, end, duration.

    Jobs and machines have their names, or the numbers of the source.

    Args:
        case: the shop.
        solution: of it.
        base: the source's number of the first machine.
    """
    from nco.problems._shop.plan import duration_of

    plan = case.planned(solution)
    rows: list[list[Any]] = []
    for j, job in enumerate(case.work):
        name = case.called("jobs", j) or j
        for p, choices in enumerate(job):
            begin, machine = int(plan.start[j][p]), int(plan.machine[j][p])
            length = duration_of(choices, machine)
            shop = case.called("machines", machine) or machine + base
            rows.append([name, p + 1, shop, begin, begin + length, length])
    columns = ("job", "operation", "machine", "start", "end", "duration")
    busy = Figure("duration", "sum", word="busy", unit=case.cost_unit)
    return Table(columns, rows, name="schedule", figures=(busy,))


def read_schedule(
    table: Table, case: Case, base: int = 0
) -> tuple[list[list[int]], list[list[int]]]:
    """Start times and machines (in the source's numbers) ``[job][operation]``, of a table.

    The machines are empty lists where the table has none.

    Raises:
        InstanceError: no such columns, jobs and machines that do not exist, times not whole; an
            end or a duration that does not belong to the operation.
    """
    reading = Reading(table, SCHEDULE, match(SCHEDULE, table, {}))
    reading.require("job", "start")
    jobs = _places(reading, "job", "jobs", case, len(case.work), 0)
    order = reading.numbers("operation") if reading.has("operation") else [None] * len(jobs)
    starts = reading.all_numbers("start")
    count = 1 + max(m for job in case.work for choices in job for m, _ in choices)
    named = reading.has("machine")
    machines = _places(reading, "machine", "machines", case, count, base) if named else []
    rows: list[list[int]] = [[] for _ in case.work]
    for row, job in enumerate(jobs):
        rows[job].append(row)
        if not starts[row].is_integer():
            raise reading.error("a whole number belongs here", "start", row, f"{starts[row]:g}")
    for own in rows:
        own.sort(key=lambda row: starts[row] if order[row] is None else order[row] or 0.0)
    stated = {name: reading.numbers(name) for name in ("duration", "end") if reading.has(name)}
    for own, work in zip(rows, case.work, strict=True):
        if stated and len(own) == len(work):  # else the checker says what is missing
            for choices, row in zip(work, own, strict=True):
                lengths = dict(choices) if named or len(choices) == 1 else {}
                length = lengths.get(machines[row] if named else choices[0][0])
                if length is not None:
                    _check_length(reading, row, length, starts[row], stated)
    begin = [[int(starts[row]) for row in own] for own in rows]
    return begin, [[machines[row] + base for row in own] if named else [] for own in rows]


def _check_length(
    reading: Reading,
    row: int,
    length: int,
    begin: float,
    stated: Mapping[str, Sequence[float | None]],
) -> None:
    """Refuses what a row says that is not so: how long the operation takes, and when it ends."""
    for name, values in stated.items():
        expected = length + (begin if name == "end" else 0)
        value = values[row]
        if value is not None and value != expected:
            reason = f"the operation takes {length}: this must be {expected:g}"
            raise reading.error(reason, name, row, f"{value:g}")


def _places(
    reading: Reading, column: str, kind: str, case: Case, count: int, base: int
) -> list[int]:
    """Positions of jobs or machines, by their names or numbers."""
    known: dict[str, int] = {}
    for place in range(count):
        known.setdefault(case.called(kind, place) or str(place + base), place)
    places = []
    for row, name in enumerate(reading.texts(column)):
        if name not in known:
            raise reading.error(f"no {column} is called so", column, row, name)
        places.append(known[name])
    return places

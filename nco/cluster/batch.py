"""Many instances on a cluster: `nco.solve_iter(cluster=)` and ``nco solve --cluster``."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nco.cluster import inputs, solving
from nco.cluster.connect import connected
from nco.cluster.dispatch import Dispatch, Rules
from nco.cluster.fleet import RayFleet
from nco.cluster.ledger import Ledger
from nco.cluster.solving import Solve
from nco.cluster.task import Kind, Result, Task
from nco.core.errors import NCOError
from nco.solving import solver
from nco.solving.options import OF_ONE, Options, takes_options

if TYPE_CHECKING:
    from nco.solving.solution import Solution

AHEAD = 1000  # instances for each host from the first that is not done on, where order is kept
TOTAL = 50  # instances of a block that share a part of the total time
PATIENCE = 600.0  # seconds of a block without a limit
LATE = 120.0  # seconds beyond its limit, in which a host may also load networks


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run on a cluster is asked for, beside the options of a solve.

    Attributes:
        address: ``local``, ``auto`` or ``HOST:PORT``.
        shared: files lie at the same paths on all nodes, and are read there.
        in_order: results come in the order of the input, instead of as they come.
        patience: seconds that a block of instances without a limit may take.
        cores: of each node at most; None: all.
    """

    address: str
    shared: bool = False
    in_order: bool = True
    patience: float = PATIENCE
    cores: int | None = None


@takes_options("progress", *OF_ONE)
def solve_iter(source: Iterable[Any], options: Options) -> "Iterator[Solution]":
    """`solve` of many instances, whose solutions come in order, each as soon as it is there.

    Files are read a chunk at a time where each instance has its own limit or none; with
    ``total_time``, all of them first. With ``cluster`` the nodes of a Ray cluster work at the same
    time, each on all its cores: what one loses with a node another does again, and memory here does
    not grow with the number of instances. Sources may then be patterns and manifests, too
    (`nco.cluster.inputs`).

    Args:
        source: sources as those of `solve`.
        OPTIONS

    Raises:
        InstanceError: what is wrong with which input, when it is read.
        NCOError: an unknown or contradictory option; of a cluster, an instance that no node could
            solve.
    """
    if options.cluster is None:
        yield from solver.iterate(source, options, time.perf_counter())
        return
    from nco.solving import limits

    plan = Plan(options.cluster)
    given = given_of(limits.settle_several(dataclasses.replace(options, bound=bool(options.bound))))
    if options.total_time is not None:
        source = list(source)
    with connected(plan.address, plan.cores) as ray:
        fleet = RayFleet(ray, Solve(given, "solution"), plan.cores)
        try:
            for result in results(fleet, inputs.tasks(source), given, plan, inputs.count(source)):
                if result.error is not None:
                    name = result.task.payload.name
                    raise NCOError(": ".join(part for part in (name, result.error) if part))
                yield result.value
        finally:
            fleet.close()


def given_of(options: Options) -> dict[str, Any]:
    """The options as hosts get them: what the driver does itself is left out."""
    fields = [field for field in dataclasses.fields(options) if field.name not in OF_ONE]
    given = {field.name: getattr(options, field.name) for field in fields}
    return {k: v for k, v in given.items() if k not in ("cluster", "progress")}


def results(
    fleet: Any,
    tasks: Iterator[Task],
    options: Mapping[str, Any],
    plan: Plan,
    count: int | None,
    say: Callable[[str], None] | None = None,
) -> Iterator[Result]:
    """The result of every task, in the order of the input or as they come.

    Args:
        fleet: the hosts.
        tasks: indices may have gaps, where some have ended before.
        options: of the solves; a ``total_time`` is divided among what is left.
        plan: what the run is asked for.
        count: of tasks, where it is known.
        say: is told of lost and dropped hosts.

    Raises:
        NCOError: where no node is left; a total time of an unknown number of tasks.
    """
    order = _Order() if plan.in_order else None
    share = None
    if options.get("total_time") is not None:
        if count is None:
            raise NCOError("total_time: the number of instances must be known: give a list")
        share = _Share(float(options["total_time"]), count, fleet)
    rules = Rules(
        late=LATE,
        limit=lambda block, cores: solving.seconds(block, cores, options, plan.patience),
        count=count,
        note=Rules.note if share is None else share.of,
        may_begin=Rules.may_begin if order is None else order.may_begin,
        most=Rules.most if share is None else TOTAL,
        depth=Rules.depth if share is None else 1,  # a block's time is told when it begins
    )
    dispatch, said = Dispatch(fleet, rules), 0
    noted = tasks if order is None else order.noted(tasks)
    for result in dispatch.run(noted):
        if say is not None:
            for line in dispatch.lost[said:]:
                say(line)
            said = len(dispatch.lost)
        yield from [result] if order is None else order.ready(result)


class _Order:
    """Holds results back until those before them are there, and the input as well."""

    def __init__(self) -> None:
        self._due: list[int] = []  # indices that have begun, in order
        self._first = 0  # of them, that is not given yet
        self._held: dict[int, Result] = {}

    def noted(self, tasks: Iterator[Task]) -> Iterator[Task]:
        """The same tasks, whose indices are due in this order."""
        for task in tasks:
            self._due.append(task.index)
            yield task

    def may_begin(self, index: int, hosts: int) -> bool:
        """Whether not too many are under way."""
        return len(self._due) - self._first <= AHEAD * hosts

    def ready(self, result: Result) -> Iterator[Result]:
        """Those whose turn it is."""
        self._held[result.task.index] = result
        while self._first < len(self._due) and self._due[self._first] in self._held:
            yield self._held.pop(self._due[self._first])
            self._first += 1
        if self._first > AHEAD:
            del self._due[: self._first]
            self._first = 0


class _Share:
    """Divides what is left of the total time evenly among the tasks that are left."""

    def __init__(self, total: float, count: int, fleet: Any) -> None:
        self._end: float | None = None  # counts from the first block, when hosts are ready
        self._total, self._left, self._fleet = total, count, fleet
        self._promised: dict[str, float] = {}  # by host, when the block that it has shall end

    def of(self, tasks: Sequence[Task], host: str) -> dict[str, Any]:
        """The total time of one block, which begins now; a host has one block at a time."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._total
        left = max(self._end - now, 0.0)
        others = [name for name in self._fleet.hosts() if name != host]
        taken = sum(max(self._promised.get(name, now) - now, 0.0) for name in others)
        free = (1 + len(others)) * left - taken  # seconds of all hosts
        share = max(min(left, free * len(tasks) / max(self._left, len(tasks))), 1e-3)
        self._left -= len(tasks)
        self._promised[host] = now + share
        return {"total_time": share}


@dataclasses.dataclass(frozen=True)
class Summary:
    """How a run went.

    Attributes:
        counts: results of each kind in the folder, from all processes that worked on it.
        infeasible: of this process.
        seconds: of this process.
        written: the table of results.
    """

    counts: Mapping[Kind, int]
    infeasible: int
    seconds: float
    written: Path | None


def run(
    words: Sequence[str],
    options: Options,
    plan: Plan,
    output: Path | None,
    kind: Literal["jsonl", "parquet"] = "jsonl",
    show: Callable[[dict[str, Any]], None] | None = None,
) -> Summary:
    """Solves all that the words name; goes on where an earlier process with this folder ended.

    Args:
        words: files, patterns, folders and manifests.
        options: of the solves.
        plan: how.
        output: the folder of the ledger and the results; None: nothing is kept.
        kind: of the table of results.
        show: is given each result as a row of plain data.

    Raises:
        NCOError: where no node is left, the folder holds another run, or an input is wrong.
    """
    if options.total_time is not None:
        options = dataclasses.replace(options, time_limit=None)
    given, total = given_of(options), inputs.count(words)
    begin, infeasible = time.monotonic(), 0
    counts = dict.fromkeys(Kind, 0)
    with contextlib.ExitStack() as stack:
        tasks = inputs.tasks(words, plan.shared)
        ledger = None
        if output is not None:
            about = {"inputs": list(words), "options": given}
            ledger = stack.enter_context(Ledger(output, about))
            stack.callback(ledger.export, kind, plan.in_order)  # at every end, Ctrl-C too
            tasks, counts = filter(_is_left(ledger), tasks), ledger.counts
        before = sum(counts.values())
        left = None if total is None else total - before
        ray = stack.enter_context(connected(plan.address, plan.cores))
        fleet = RayFleet(ray, Solve(given), plan.cores)
        stack.callback(fleet.close)
        bar = stack.enter_context(_bar(total, before, options.progress))
        for result in results(fleet, tasks, given, plan, left, _say):
            if ledger is not None:
                ledger.add(result)
            else:
                counts[result.kind] += 1
            row = flat(result)
            infeasible += row.get("feasible") is False
            if show is not None:
                show(row)
            bar.update()
    written = None if output is None else output / f"results.{kind}"
    return Summary(counts, infeasible, time.monotonic() - begin, written)


def _is_left(ledger: Ledger) -> Callable[[Task], bool]:
    return lambda task: ledger.begin(task.id)


def flat(result: Result) -> dict[str, Any]:
    """A result as a row of plain data."""
    row: dict[str, Any] = {"id": result.task.id, "index": result.task.index}
    if result.error is not None:
        return {**row, "ended": result.kind.value, "error": result.error}
    return {**row, **result.value}


def _bar(total: int | None, before: int, progress: bool | None) -> Any:
    """The number done, how many a second, and the time that is left."""
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    return tqdm(total=total, initial=before, unit="instance", disable=hidden, smoothing=0.05)


def _say(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(f"nco: {line}; done again elsewhere", file=sys.stderr)

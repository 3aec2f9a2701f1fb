"""Work lists, plans, and plans by dispatching rules; torch-free and exact."""

import itertools
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

Work = Sequence[Sequence[Sequence[tuple[int, int]]]]  # [job][operation][alternative]


class Plan(NamedTuple):
    """When each operation begins, and on which machine."""

    start: list[list[int]]  # [job][operation]
    machine: list[list[int]]  # [job][operation]


class Queue(NamedTuple):
    """What a rule may look at: of one next operation numbers, of several arrays."""

    duration: Any  # of its alternative that would be completed first
    arrival: Any  # when the job's last operation is completed
    work: Any  # what remains of the job, by the mean over alternatives
    operations: Any  # how many remain of the job


Rule = Callable[[Queue], Any]  # the least goes first

RULES: dict[str, Rule] = {
    "mwkr": lambda queue: -queue.work,
    "mor": lambda queue: -queue.operations,
    "spt": lambda queue: queue.duration,
    "fifo": lambda queue: queue.arrival,
    "lpt": lambda queue: -queue.duration,
}
NEVER = np.iinfo(np.int64).max // 4


class Table(NamedTuple):
    """A work list as arrays, padded with alternatives that end at `NEVER`."""

    machine: np.ndarray  # [J, P, K]
    duration: np.ndarray  # [J, P, K]
    counts: np.ndarray  # [J] operations
    mean: np.ndarray  # [J, P] over alternatives
    machines: int

    @classmethod
    def of(cls, jobs: Work) -> "Table":
        """Of a work list with at least one job."""
        most = max(len(job) for job in jobs)
        wide = max(len(choices) for job in jobs for choices in job)
        machine = np.zeros((len(jobs), most, wide), dtype=np.int64)
        duration = np.full_like(machine, NEVER)
        mean = np.zeros((len(jobs), most))
        for j, job in enumerate(jobs):
            for p, choices in enumerate(job):
                machine[j, p, : len(choices)] = [choice[0] for choice in choices]
                duration[j, p, : len(choices)] = [choice[1] for choice in choices]
                mean[j, p] = float(np.mean([choice[1] for choice in choices]))
        counts = np.array([len(job) for job in jobs])
        return cls(machine, duration, counts, mean, int(machine.max()) + 1)


def dispatch(table: Table, rule: Rule) -> Plan:
    """A schedule in which no machine waits while a job that looks to it could begin.

    Each job looks to the alternative of its next operation that would be completed first; where
    there are no alternatives, that is a non-delay schedule. Of the operations that can begin
    earliest, the one that `rule` puts first does, on a tie that of the first job.
    """
    jobs, most, _ = table.machine.shape
    every = np.arange(jobs)
    left = np.cumsum(table.mean[:, ::-1], 1)[:, ::-1]
    left = np.concatenate([left, np.zeros((jobs, 1))], 1)
    taken = np.zeros(jobs, dtype=np.int64)
    arrival = np.zeros(jobs, dtype=np.int64)
    free = np.zeros(table.machines, dtype=np.int64)
    start = np.full((jobs, most), -1)
    chosen = np.full((jobs, most), -1)
    for _ in range(int(table.counts.sum())):
        over = taken >= table.counts
        now = np.minimum(taken, most - 1)
        machine, duration = table.machine[every, now], table.duration[every, now]
        begin = np.maximum(arrival[:, None], free[machine])
        best = (begin + duration).argmin(1)
        begin, machine, duration = (a[every, best] for a in (begin, machine, duration))
        begin[over] = NEVER
        first = np.flatnonzero(begin == begin.min())
        queue = Queue(duration, arrival, left[every, taken], table.counts - taken)
        job = int(first[rule(queue)[first].argmin()])
        place = int(taken[job])
        start[job, place], chosen[job, place] = begin[job], machine[job]
        arrival[job] = free[machine[job]] = begin[job] + duration[job]
        taken[job] += 1
    counts = table.counts.tolist()
    return Plan(
        [row[:count].tolist() for row, count in zip(start, counts, strict=True)],
        [row[:count].tolist() for row, count in zip(chosen, counts, strict=True)],
    )


def dispatch_alone(jobs: Work, rule: Rule) -> Plan:
    """What `dispatch` gives where each operation has one machine, in time O(n log n).

    Every machine has a queue of its own, and a clock goes from one event to the next.
    """
    start = [[0] * len(job) for job in jobs]
    left: list[list[float]] = []
    for job in jobs:
        lengths = [float(choices[0][1]) for choices in reversed(job)]
        left.append(list(itertools.accumulate(lengths))[::-1])
    # (moment, what, who): a job arrives before a machine asks for one
    events: list[tuple[int, int, int]] = [(0, 0, j) for j in range(len(jobs))]
    queues: dict[int, list[tuple[Any, int]]] = {}
    free: dict[int, int] = {}
    places = [0] * len(jobs)
    while events:
        now, asked, who = heappop(events)
        if not asked:
            place = places[who]
            if place == len(jobs[who]):
                continue
            machine, length = jobs[who][place][0]
            key = rule(Queue(length, now, left[who][place], len(jobs[who]) - place))
            heappush(queues.setdefault(machine, []), (key, who))
            heappush(events, (max(now, free.get(machine, 0)), 1, machine))
        elif free.get(who, 0) <= now and queues[who]:
            _, taken = heappop(queues[who])
            length = jobs[taken][places[taken]][0][1]
            start[taken][places[taken]] = now
            places[taken] += 1
            free[who] = now + length
            heappush(events, (now + length, 0, taken))
            heappush(events, (now + length, 1, who))
    return Plan(start, _only_machines(jobs))


def _only_machines(jobs: Work) -> list[list[int]]:
    """The first machine of each operation: the only one, where none has a choice."""
    return [[choices[0][0] for choices in job] for job in jobs]


def _alone(jobs: Work) -> bool:
    """Whether each operation has one machine."""
    return all(len(choices) == 1 for job in jobs for choices in job)


def by_rule(jobs: Work, name: str) -> Plan:
    """The plan that the dispatching rule `name` makes."""
    if _alone(jobs):
        return dispatch_alone(jobs, RULES[name])
    return dispatch(Table.of(jobs), RULES[name])


LARGEST = 3000  # operations up to which every rule is tried: the first answer is due at once


def construct(jobs: Work) -> Plan:
    """The best plan of all rules, forwards and backwards in time.

    Of a very large work list that of most work remaining alone.
    """
    if sum(map(len, jobs)) > LARGEST:
        return by_rule(jobs, "mwkr")
    mirror = [list(reversed(job)) for job in jobs]
    plans = [by_rule(jobs, name) for name in RULES]
    plans += [shifted(jobs, mirrored(mirror, by_rule(mirror, name))) for name in RULES]
    return min(plans, key=lambda plan: makespan(jobs, plan))


def mirrored(jobs: Work, plan: Plan) -> Plan:
    """A plan of `jobs` run backwards in time, which is one of the jobs read backwards."""
    last = makespan(jobs, plan)
    start = []
    for job, begins, machines in zip(jobs, *plan, strict=True):
        ends = [
            begin + duration_of(choices, machine)
            for choices, begin, machine in zip(job, begins, machines, strict=True)
        ]
        start.append([last - end for end in reversed(ends)])
    return Plan(start, [list(reversed(row)) for row in plan.machine])


def duration_of(choices: Sequence[tuple[int, int]], machine: int) -> int:
    """How long an operation takes on one of its machines."""
    return next(duration for name, duration in choices if name == machine)


def makespan(jobs: Work, plan: Plan) -> int:
    """When the last operation is completed."""
    return max(
        plan.start[j][-1] + duration_of(job[-1], plan.machine[j][-1]) for j, job in enumerate(jobs)
    )


def shifted(jobs: Work, plan: Plan) -> Plan:
    """The same order on every machine, each operation as early as that allows."""
    order: list[tuple[int, int, int, int]] = []
    for j, job in enumerate(jobs):
        for p, choices in enumerate(job):
            begin = plan.start[j][p]
            # what takes no time comes before what begins at the same moment
            order.append((begin, begin + duration_of(choices, plan.machine[j][p]), p, j))
    ready = [0] * len(jobs)
    free: dict[int, int] = {}
    start: list[list[Any]] = [[0] * len(job) for job in jobs]
    for begin, end, p, j in sorted(order):
        machine = plan.machine[j][p]
        start[j][p] = max(ready[j], free.get(machine, 0))
        ready[j] = free[machine] = start[j][p] + end - begin
    return Plan(start, plan.machine)

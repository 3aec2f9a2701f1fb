"""A work list and a schedule of it as arrays, and back."""

from typing import NamedTuple

import numpy as np

from nco.problems._shop.plan import Plan, Work, duration_of

ONE = np.uint32(1)  # added to an unsigned number it gives an unsigned number, which indexes fastest


class Shop(NamedTuple):
    """A work list of J jobs, n operations, K alternatives and M machines.

    Operations are numbered job after job from 1, and one number stays free after each job. So
    ``v - 1`` and ``v + 1`` are the operations before and after ``v`` in its job, or free. A free
    number (0 is one) stands for "none": its times are 0 for ever. There are V numbers.
    """

    first: np.ndarray  # [J] uint32, each job's first operation
    last: np.ndarray  # [J] uint32, and its last
    job: np.ndarray  # [V] int32, the job of each operation; -1 of a free number
    pointer: np.ndarray  # [V + 1] uint32; v has the alternatives pointer[v] to pointer[v + 1] - 1
    machine: np.ndarray  # [K] uint32, of each alternative
    length: np.ndarray  # [K] int64, how long each takes
    machines: int  # M


class Orders(NamedTuple):
    """A schedule: on which machine each operation is, and after which other.

    Every operation begins as early as it can. A machine move changes `choice` and `duration`.
    """

    order: np.ndarray  # [n] uint32, all operations, each behind those that it waits for
    position: np.ndarray  # [V] uint32, where in `order` each is
    choice: np.ndarray  # [V] uint32, which alternative each takes, an index of Shop.machine
    duration: np.ndarray  # [V] int64
    before: np.ndarray  # [V] uint32, the operation before it on its machine; 0: none
    after: np.ndarray  # [V] uint32, the operation after it on its machine; 0: none
    front: np.ndarray  # [M] uint32, the first operation on each machine; 0: none
    end: np.ndarray  # [V] int64, when each is completed (its head and its duration)
    tail: np.ndarray  # [V] int64, from its beginning to the end of all that waits for it
    rear: np.ndarray  # [M] uint32, room: the last operation on each machine


def shop_of(work: Work) -> Shop:
    """The arrays of a work list; machines are numbered from 0."""
    first, last, job = [], [], [-1]
    pointer, machine, length = [0, 0], [], []
    for j, operations in enumerate(work):
        first.append(len(job))
        for choices in operations:
            job.append(j)
            machine += [name for name, _ in choices]
            length += [duration for _, duration in choices]
            pointer.append(len(machine))
        last.append(len(job) - 1)
        job.append(-1)
        pointer.append(len(machine))
    return Shop(
        np.array(first, dtype=np.uint32),
        np.array(last, dtype=np.uint32),
        np.array(job, dtype=np.int32),
        np.array(pointer, dtype=np.uint32),
        np.array(machine, dtype=np.uint32),
        np.array(length, dtype=np.int64),
        max(machine) + 1,
    )


def empty_orders(shop: Shop) -> Orders:
    """Room for a schedule; nothing in it yet."""
    numbers = len(shop.job)
    return Orders(
        order=np.zeros(int((shop.job >= 0).sum()), dtype=np.uint32),
        position=np.zeros(numbers, dtype=np.uint32),
        choice=np.zeros(numbers, dtype=np.uint32),
        duration=np.zeros(numbers, dtype=np.int64),
        before=np.zeros(numbers, dtype=np.uint32),
        after=np.zeros(numbers, dtype=np.uint32),
        front=np.zeros(shop.machines, dtype=np.uint32),
        end=np.zeros(numbers, dtype=np.int64),
        tail=np.zeros(numbers, dtype=np.int64),
        rear=np.zeros(shop.machines, dtype=np.uint32),
    )


def sequence_of(work: Work, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """A plan as an order ``[n]`` of all operations and the choice ``[V]`` of each, both uint32.

    At one moment, what takes no time comes before what begins then, as in `plan.shifted`.
    """
    keys: list[tuple[int, int, int, int]] = []
    choice: list[int] = [0]
    alternatives = 0
    for j, job in enumerate(work):
        for p, choices in enumerate(job):
            machine, begin = plan.machine[j][p], plan.start[j][p]
            keys.append((begin, begin + duration_of(choices, machine), p, len(choice)))
            choice.append(alternatives + [name for name, _ in choices].index(machine))
            alternatives += len(choices)
        choice.append(0)
    order = [number for _, _, _, number in sorted(keys)]
    return np.array(order, dtype=np.uint32), np.array(choice, dtype=np.uint32)


def plan_of(work: Work, order: np.ndarray, choice: np.ndarray) -> Plan:
    """The plan in which every operation begins as early as an order and choices allow.

    Args:
        work: the work list.
        order: ``[n]`` uint32, all operations, those of a job in the job's order.
        choice: ``[V]`` uint32, an index into all alternatives of the work list.
    """
    cells: list[tuple[int, int] | None] = [None]
    flat: list[tuple[int, int]] = []
    for j, job in enumerate(work):
        for p, choices in enumerate(job):
            cells.append((j, p))
            flat += choices
        cells.append(None)
    start = [[0] * len(job) for job in work]
    machine = [[0] * len(job) for job in work]
    ready = [0] * len(work)
    free: dict[int, int] = {}
    for number in order.tolist():
        cell = cells[number]
        assert cell is not None, f"{number} is no operation"
        j, p = cell
        name, duration = flat[choice[number]]
        start[j][p] = max(ready[j], free.get(name, 0))
        machine[j][p] = name
        ready[j] = free[name] = start[j][p] + duration
    return Plan(start, machine)

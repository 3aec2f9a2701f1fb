"""First schedules."""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Shop
from nco.problems._shop.kernels.choice import LARGE


class Queue(NamedTuple):
    """Room for how far each job and each machine is while a schedule is made."""

    upcoming: np.ndarray  # [J] uint32, the next operation of each job
    rest: np.ndarray  # [J] int64, how much remains of it
    ready: np.ndarray  # [J] int64, when its last operation is completed
    free: np.ndarray  # [M] int64, when each machine is
    looked: np.ndarray  # [J] uint32, the alternative that each job looks to
    ends: np.ndarray  # [J] int64, and when that would be completed


def empty_queue(shop: Shop) -> Queue:
    """Room for a work list."""
    jobs = len(shop.first)
    return Queue(
        upcoming=np.zeros(jobs, dtype=np.uint32),
        rest=np.zeros(jobs, dtype=np.int64),
        ready=np.zeros(jobs, dtype=np.int64),
        free=np.zeros(shop.machines, dtype=np.int64),
        looked=np.zeros(jobs, dtype=np.uint32),
        ends=np.zeros(jobs, dtype=np.int64),
    )


@part
def mean_length(shop: Shop, v: Whole) -> Whole:
    """The mean over the alternatives of an operation, rounded down."""
    total, begin, end = np.int64(0), np.int64(shop.pointer[v]), np.int64(shop.pointer[v + 1])
    for choice in range(begin, end):
        total += shop.length[choice]
    return total // (end - begin)


@part
def reset(shop: Shop, queue: Queue) -> None:
    """Puts every job at its first operation and every machine at time 0."""
    queue.free[:] = 0
    for j in range(len(shop.first)):
        queue.upcoming[j] = shop.first[j]
        queue.ready[j] = 0
        queue.rest[j] = 0
        for v in range(shop.first[j], shop.last[j] + ONE):
            queue.rest[j] += mean_length(shop, v)


@part
def look(shop: Shop, queue: Queue, j: Whole) -> None:
    """Finds the alternative of a job's next operation that would be completed first."""
    v = queue.upcoming[j]
    queue.ends[j] = LARGE
    if v > shop.last[j]:
        return
    for c in range(shop.pointer[v], shop.pointer[v + ONE]):
        end = max(queue.ready[j], queue.free[shop.machine[c]]) + shop.length[c]
        if end < queue.ends[j]:
            queue.ends[j], queue.looked[j] = end, c


@part
def most_work(shop: Shop, queue: Queue, waits: bool, noise: Whole, random: np.ndarray) -> Whole:
    """The job that is next: see `schedule`."""
    earliest, where = np.int64(LARGE), np.uint32(0)
    for j in range(len(shop.first)):
        look(shop, queue, j)
        if queue.ends[j] < LARGE:
            moment = queue.ends[j] if waits else queue.ends[j] - shop.length[queue.looked[j]]
            if moment < earliest:
                earliest, where = moment, shop.machine[queue.looked[j]]
    most, taken = np.int64(-1), np.int64(-1)
    for j in range(len(shop.first)):
        if queue.ends[j] == LARGE or shop.machine[queue.looked[j]] != where:
            continue
        begin = queue.ends[j] - shop.length[queue.looked[j]]
        if begin < earliest or (queue.ends[j] if waits else begin) == earliest:
            weight = queue.rest[j] * (1000 + below(random, noise + 1))
            if weight > most:
                most, taken = weight, np.int64(j)
    return taken


@part
def schedule(
    shop: Shop,
    order: np.ndarray,
    choice: np.ndarray,
    queue: Queue,
    waits: bool,
    noise: Whole,
    random: np.ndarray,
) -> Whole:
    """A schedule by most work remaining, and its makespan.

    Each job looks to the alternative of its next operation that is completed first. An active
    schedule (Giffler & Thompson, Operations Research 8, 1960) goes on with the machine on which the
    first of these is completed: of the jobs that look to it and could begin before that moment, the
    one with most work remaining is next, even if the machine waits for it. In one without delay the
    first that could begin is next, most work remaining decides between several.

    Args:
        shop: the work list.
        order: ``[n]`` uint32, is overwritten with the operations as they are taken.
        choice: ``[V]`` uint32, is overwritten with their alternatives.
        queue: room.
        waits: whether to make an active schedule, in which machines may wait, or one without delay.
        noise: by how many thousandths, at most, a work remaining counts for more than it is.
        random: the state of the random numbers.
    """
    reset(shop, queue)
    latest = np.int64(0)
    for i in range(len(order)):
        j = most_work(shop, queue, waits, noise, random)
        v = queue.upcoming[j]
        order[i] = v
        choice[v] = queue.looked[j]
        queue.ready[j] = queue.ends[j]
        queue.free[shop.machine[queue.looked[j]]] = queue.ends[j]
        queue.rest[j] -= mean_length(shop, v)
        queue.upcoming[j] = v + ONE
        latest = max(latest, queue.ends[j])
    return latest

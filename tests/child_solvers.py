"""Classical solvers for tests, most of which fail, each in its own way.

A child process imports them from this module; nothing here imports torch, so that it starts
at once.
"""

import math
import os
import resource
import time
from dataclasses import dataclass
from typing import ClassVar

from nco.core.case import Case

MEBIBYTE = 1 << 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Plain(Case):
    """A case that holds nothing, for solvers that do not look at it."""

    problem: ClassVar[str] = "plain"
    view: ClassVar[str] = "nothing"

    @property
    def size(self) -> int:
        return 0

    def construct(self) -> None:
        return None


def killed(case, *, time_limit, seed, start=None):
    """As by the kernel when memory runs out, or by a person."""
    os.kill(os.getpid(), 9)


def broken(case, *, time_limit, seed, start=None):
    """As a failed assertion in C++ ends a process, std::bad_alloc among them."""
    os.abort()


def hasty(case, *, time_limit, seed, start=None):
    """Gives up at once with the first seed, and takes its time with others."""
    if seed > 0:
        time.sleep(time_limit / 2)
        return [0, 4, 3, 2, 1]
    return [0, 2, 4, 1, 3]


def hung(case, *, time_limit, seed, start=None):
    while True:
        time.sleep(60.0)


def greedy_for_memory(case, *, time_limit, seed, start=None):
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 64 * MEBIBYTE, before[1]))
    try:
        return [bytearray(16 * MEBIBYTE) for _ in range(1000)]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def of_wrong_type(case, *, time_limit, seed, start=None):
    return "nonsense"


def infeasible(case, *, time_limit, seed, start=None):
    return [0, 1, 1]


def not_a_number(case, *, time_limit, seed, start=None):
    return [math.nan] * case.size


class Bomb:
    """Has no meaning in another process: unpickling it fails in an unusual way."""

    def __reduce__(self):
        return (math.sqrt, (-1.0,))


def unreadable(case, *, time_limit, seed, start=None):
    return Bomb()


def rubbish_in_the_pipe(case, *, time_limit, seed, start=None):
    """Writes to whatever is open, as memory that was overwritten might have it."""
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    time.sleep(60.0)


def honest(case, *, time_limit, seed, start=None):
    return [0, 4, 3, 2, 1]


def killed_once(case, *, time_limit, seed, start=None, iterations=None):
    """Somebody kills its process, but not that of the next run; a file tells which this is."""
    mark = os.environ["KILLED_ONCE"]
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), 9)
    return [0, 4, 3, 2, 1]


def tell(case, *, time_limit, seed, start=None):
    return "well"


def time_limit_here(case, *, time_limit, seed, start=None):
    return time_limit


def cores_here(case, *, time_limit, seed, start=None):
    return len(os.sched_getaffinity(0))


def busy(case, *, time_limit, seed, start=None, found=None):
    """Tells the tour in the order of the numbers, and then works until its time is up."""
    end = time.perf_counter() + time_limit
    tour = list(range(case.size))
    found(tour)
    while time.perf_counter() < end:
        pass
    return tour


def ordered(case, *, time_limit, seed, start=None):
    """The tour in the order of the numbers, when its time is up."""
    time.sleep(time_limit)
    return list(range(case.size))

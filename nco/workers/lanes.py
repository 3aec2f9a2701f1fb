"""Child processes that the calls of all threads share: each call leases some for its time.

A call alone has as many as there are cores. Of k calls at once each has a k-th part of the cores,
and at least one child, which then shares its core with others; who has more gives them back when
another call begins. Above a number of children calls wait in line, within their own time.
"""

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry.interface import Solver
from nco.workers.child import PATIENCE
from nco.workers.cores import usable_cores
from nco.workers.lane import Lane
from nco.workers.outcome import Outcome

PER_CORE, FEWEST = 4, 16  # children for each core, and for a machine of few cores
WORTHWHILE = 1.0  # seconds that a call must have left for its surplus to be taken from it


class Lease:
    """The children that a call has, numbered from 0, until `release` or the end of the `with`.

    Attributes:
        waited: seconds in line before it had any; most: the calls that shared at one time, this one
            among them; cores: that they share.
    """

    def __init__(
        self, lanes: "Lanes", given: list[Lane], until: float | None, waited: float
    ) -> None:
        self._lanes, self._given = lanes, dict(enumerate(given))
        self._until = until
        self._surrender: Callable[[int], None] | None = None
        self.waited, self.cores, self.most = waited, lanes.cores, 1
        self.count = len(given)  # of the numbers; some may have been given back

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def __len__(self) -> int:
        """Children that it still has."""
        return len(self._given)

    def lane(self, core: int) -> Lane:
        """The child with a number."""
        return self._given[core]

    def has(self, core: int) -> bool:
        """Whether that child is still the call's own."""
        return core in self._given

    def has_loaded(self, solver: Solver[Any]) -> bool:
        """Whether the first child has the solver's kernels in memory, or is about to."""
        return self.has(0) and self._given[0].workers.has_loaded(solver)

    def is_warm(self, core: int, solver: Solver[Any]) -> bool:
        """Whether that child has been made ready for a solver."""
        return self.has(core) and self._given[core].workers.is_warm(solver)

    def on_surplus(self, surrender: Callable[[int], None]) -> None:
        """What is called, on another thread, with how many children to keep: `give_back` others."""
        self._surrender = surrender
        self._lanes._call_for_surplus()  # another call may have begun before

    def warm_another(self, solver: Solver[Any]) -> None:
        """Has a process beside this call's load a solver, so that a later call has it at once.

        A call that comes meanwhile takes one that is ready with another solver. Where no further
        process may be started, the call's own first one loads it. Nothing happens where some
        process of the session is loading already.
        """
        lane = self._lanes._spare()
        if lane is None and self.has(0):
            lane = self._given[0]
        if lane is not None and not any(each.is_loading() for each in list(self._lanes._all)):
            lane.warm_later(solver)

    def give_back(self, core: int) -> None:
        """Gives one child back before the end."""
        self._lanes._take_back(self, [core])

    def release(self) -> None:
        """Gives all children back."""
        self._lanes._take_back(self, list(self._given))


class Lanes:
    """The child processes of a session, and who has them.

    Args:
        cores: that its calls share; None: all that the process may use.
        workers: children at most; None: a few for each core. They start when they are needed.

    Raises:
        NCOError: a number below one.
    """

    every: ClassVar["weakref.WeakSet[Lanes]"] = weakref.WeakSet()

    def __init__(self, cores: int | None = None, workers: int | None = None) -> None:
        for name, value in (("cores", cores), ("workers", workers)):
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and (not whole or value < 1):
                raise NCOError(f"{name} must be a whole number from 1 on, not {value!r}")
        self._cores, self._workers = cores, workers
        self._closed = False
        self.reset()
        Lanes.every.add(self)

    def reset(self) -> None:
        """Begins without children, as in a fork, where those of before belong to the parent."""
        self._turn = threading.Condition()  # guards those below
        self._all: list[Lane] = []
        self._idle: list[Lane] = []
        self._leases: list[Lease] = []
        self._line: deque[object] = deque()

    @property
    def cores(self) -> int:
        """That calls share."""
        return usable_cores() if self._cores is None else self._cores

    @property
    def workers(self) -> int:
        """Children at most."""
        return max(FEWEST, PER_CORE * self.cores) if self._workers is None else self._workers

    def has_started(self) -> bool:
        """Whether any child is there, ready or not."""
        with self._turn:
            return any(lane.workers.has_started() for lane in self._all)

    def lane(self, core: int) -> Lane:
        """The one with a number, leased or not; made where there is none: to warm it."""
        with self._turn:
            while len(self._all) <= core:
                self._idle.append(self._made())
            return self._all[core]

    def lease(
        self,
        most: int | None = None,
        *,
        until: float | None = None,
        wanted: Solver[Any] | None = None,
    ) -> Lease:
        """Children for a call: its share of the cores, waited for while all are taken.

        Args:
            most: that the call can use; None: one for each core.
            until: the reading of `time.perf_counter` at which the call gives up waiting; it then
                has none. None: it never does.
            wanted: the solver that will probably run: children that can begin at once come first.

        Raises:
            NCOError: after `close`.
        """
        ticket, begun = object(), time.perf_counter()
        with self._turn:
            self._check_open()
            self._line.append(ticket)
        try:
            self._call_for_surplus()
            with self._turn:
                waited = self._wait_for_turn(ticket, until)
                left = None if until is None else until - time.perf_counter()
                count = min(self._share(len(self._leases)), self.workers - self._taken())
                if left is not None and left <= 0:
                    count = 0
                count = count if most is None else min(count, most)
                given = [self._next(wanted, number == 0) for number in range(count)]
                lease = Lease(self, given, until, time.perf_counter() - begun if waited else 0.0)
                lease.most = self._calls()
                self._line.remove(ticket)
                if given:
                    self._leases.append(lease)
                    self._count_calls(self._calls())
                return lease
        finally:
            with self._turn:
                if ticket in self._line:
                    self._line.remove(ticket)
                self._turn.notify_all()

    def _wait_for_turn(self, ticket: object, until: float | None) -> bool:
        """Until it is first in line and a child is free, or its time is over; whether it waited."""
        waited = False
        while self._line[0] is not ticket or self._taken() >= self.workers:
            waited = waited or self._taken() >= self.workers
            left = None if until is None else until - time.perf_counter()
            if left is not None and left <= 0:
                break
            self._turn.wait(left)
            self._check_open()
        return waited

    def close(self) -> None:
        """Ends the children and every run; calls in line raise `NCOError`."""
        with self._turn:
            self._closed = True
            every, self._all, self._idle = self._all, [], []
            self._turn.notify_all()
        for lane in every:  # all of them end at the same time
            lane.workers.close_soon()
        for lane in every:
            lane.workers.close()

    def _spare(self) -> Lane | None:
        """An idle child that has not started, or a new one; None: there may be no more."""
        with self._turn:
            for lane in self._idle:
                if not lane.workers.has_started():
                    return lane
            if self._closed or len(self._all) >= self.workers:
                return None
            lane = self._made()
            self._idle.append(lane)
            return lane

    # ---- under the lock

    def _check_open(self) -> None:
        if self._closed:
            raise NCOError("this session is closed")

    def _made(self) -> Lane:
        lane = Lane()
        self._all.append(lane)
        return lane

    def _taken(self) -> int:
        return sum(len(lease._given) for lease in self._leases)

    def _calls(self) -> int:
        return len(self._leases) + len(self._line)

    def _share(self, place: int) -> int:
        """Of the cores, for the call with a place in the order of their beginnings."""
        each, left = divmod(self.cores, max(self._calls(), 1))
        return max(1, each + (place < left))

    def _count_calls(self, calls: int) -> None:
        for lease in self._leases:
            lease.most = max(lease.most, calls)

    def _next(self, wanted: Solver[Any] | None, first: bool) -> Lane:
        """The idle child that can begin first; a new one where the others are not really idle.

        One that is loading will be ready before one that is yet to start.
        """
        best = min(self._idle, key=lambda lane: lane.rank(wanted), default=None)
        is_held_up = best is not None and (best.hangs() or (first and best.loads_long()))
        if best is None or (is_held_up and len(self._all) < self.workers):
            return self._made()
        self._idle.remove(best)
        return best

    def _take_back(self, lease: Lease, numbers: Sequence[int]) -> None:
        with self._turn:
            for core in numbers:
                lane = lease._given.pop(core, None)
                if lane is not None and lane in self._all:  # not of a closed session, nor a fork
                    self._idle.append(lane)
            if not lease._given and lease in self._leases:
                self._leases.remove(lease)
            self._turn.notify_all()

    # ---- outside

    def _call_for_surplus(self) -> None:
        """Has calls give back what is more than their share, where they have time to lose."""
        calls: list[tuple[Callable[[int], None], int]] = []
        with self._turn:
            now = time.perf_counter()
            self._count_calls(self._calls())
            for place, lease in enumerate(self._leases):
                if lease._surrender is None:
                    continue
                if lease._until is not None and lease._until - now < WORTHWHILE:
                    continue
                if len(lease) > self._share(place):
                    calls.append((lease._surrender, self._share(place)))
        for surrender, keep in calls:
            surrender(keep)


_current: ContextVar[Lanes | None] = ContextVar("nco_session", default=None)
_default: list[Lanes] = []  # of this process: none before its first use, then one
_making = threading.Lock()


def current() -> Lanes:
    """Those of the session that the running call belongs to; else those of the process."""
    lanes = _current.get()
    if lanes is not None:
        return lanes
    with _making:
        if not _default:
            _default.append(Lanes())
        return _default[0]


@contextlib.contextmanager
def within(lanes: Lanes) -> Iterator[None]:
    """`current` gives these meanwhile, on this thread."""
    token = _current.set(lanes)
    try:
        yield
    finally:
        _current.reset(token)


def run(
    case: Case,
    solver: str | Solver[Any],
    *,
    time_limit: float | None,
    seed: int = 0,
    start: Any = None,
    grace: float = PATIENCE.grace,
    iterations: int | None = None,
) -> Outcome:
    """`Workers.run` on a child of the current session, waited for where all are taken."""
    with current().lease(1, wanted=solver if isinstance(solver, Solver) else None) as lease:
        return lease.lane(0).run(
            case,
            solver,
            time_limit=time_limit,
            seed=seed,
            start=start,
            grace=grace,
            iterations=iterations,
        )


def _begin_anew() -> None:
    """In a fork: the threads and the children of before are the parent's."""
    global _making
    _making = threading.Lock()  # another thread may have held it
    for lanes in list(Lanes.every):
        lanes.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)

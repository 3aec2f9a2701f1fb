"""Which host does which tasks, and what happens when one is lost: free of Ray.

Tasks travel in blocks. A block that is lost with its host, or takes far too long, is divided and
sent again; every repeated block has a host for itself, so that a task which kills hosts is found,
and only its own deaths count against it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nco.cluster.task import Answer, Kind, Result, Task
from nco.core.errors import NCOError


@dataclass(frozen=True)
class Event:
    """What has become of a block.

    Attributes:
        ticket: which, as `Fleet.send` numbered it.
        answers: one for each task; None where the block is lost.
        lost: why it is.
        seconds: that the host worked at it.
    """

    ticket: int
    answers: list[Answer] | None = None
    lost: str = ""
    seconds: float = 0.0


class Fleet(Protocol):
    """The hosts: those that are ready, what is sent to them, and what comes back."""

    def hosts(self) -> Mapping[str, int]:
        """The hosts that can be sent to, each with its cores.

        Raises:
            NCOError: where there will be none.
        """

    def send(self, host: str, tasks: Sequence[Task], note: Mapping[str, Any]) -> int:
        """Sends a block; returns its number at once."""

    def events(self, timeout: float) -> list[Event]:
        """What has happened; waits for so many seconds at most."""

    def drop(self, host: str, reason: str, *, again: bool) -> None:
        """Ends a host, whose blocks are lost then; `again` begins a new one on its node."""


@dataclass(frozen=True)
class Rules:
    """How tasks are sent.

    Attributes:
        tries: a task that failed so often by itself is quarantined.
        depth: blocks that a host has at a time, so that it need not wait for the next one.
        most: tasks of a block.
        target: seconds that a block should take: far more than sending it.
        parts: a lost block is divided into so many.
        faulty: a host is ended on which so many tasks, and no others between them, failed that
            other hosts then did.
        patience: seconds without any host until it is an error.
        late: seconds that a block may take beyond `limit`, in which a host also gets ready.
        limit: seconds that a block may take, by its tasks and the host's cores.
        count: tasks in all, where it is known, to divide the last ones evenly.
        note: what is said of a block when it is sent, by its tasks and its host.
        may_begin: whether a task is not too far ahead of those that are not done, by its index and
            the number of hosts.
    """

    tries: int = 3
    depth: int = 2
    most: int = 200
    target: float = 1.0
    parts: int = 8
    faulty: int = 5
    patience: float = 120.0
    late: float = 120.0
    limit: Callable[[Sequence[Task], int], float] = lambda tasks, cores: 600.0
    count: int | None = None
    note: Callable[[Sequence[Task], str], Mapping[str, Any]] = lambda tasks, host: {}
    may_begin: Callable[[int, int], bool] = lambda index, hosts: True


@dataclass
class _Block:
    """Tasks that travel together.

    Attributes:
        tries: of a single one, that have failed.
        alone: whether it has its host for itself.
        shunned: hosts on which it failed, which come last.
        begun: reading of the clock at which the host could begin with it.
        limit: seconds from then on, after which the host is taken to hang.
    """

    tasks: list[Task]
    tries: int = 0
    alone: bool = False
    shunned: set[str] = field(default_factory=set)
    host: str = ""
    begun: float = 0.0
    limit: float = 0.0


class Dispatch:
    """Has every task done once, whatever hosts come and go.

    Args:
        fleet: the hosts.
        rules: how.
        clock: seconds; another one in tests.
    """

    def __init__(
        self, fleet: Fleet, rules: Rules, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fleet, self._rules, self._clock = fleet, rules, clock
        self._flying: dict[int, _Block] = {}
        self._on: dict[str, dict[int, _Block]] = {}  # the same by host, the running one first
        self._again: deque[_Block] = deque()
        self._blame: dict[str, int] = {}  # by host: tasks that failed there and not elsewhere
        self._pace: float | None = None  # seconds a task
        self._sent = 0
        self._alive_at = clock()
        self.lost: list[str] = []  # why blocks were, for people

    def run(self, tasks: Iterator[Task]) -> Iterator[Result]:
        """Results in the order in which they come; tasks are drawn as hosts can take them.

        Raises:
            NCOError: where no host is left for `Rules.patience` seconds.
        """
        source = _Source(tasks, self._rules.may_begin)
        while True:
            self._fill(source)
            if source.is_empty() and not self._flying and not self._again:
                return
            for event in self._fleet.events(0.2):
                yield from self._hear(event)
            self._end_late_ones()

    # ---- sending

    def _fill(self, source: "_Source") -> None:
        hosts = self._fleet.hosts()
        if hosts:
            self._alive_at = self._clock()
        elif self._clock() - self._alive_at > self._rules.patience:
            raise NCOError(f"--cluster: no node for {self._rules.patience:g} s; {self._reasons()}")
        waiting = len(self._again)  # so many hosts at most are kept free for repeated blocks
        for host, cores in sorted(hosts.items(), key=lambda item: len(self._on.get(item[0], ()))):
            mine = self._on.get(host, {})
            if any(block.alone for block in mine.values()):
                continue
            if waiting and (block := self._repeated(host, hosts)) is not None:
                waiting -= 1
                if not mine:
                    self._again.remove(block)
                    self._send(host, cores, block)
                continue
            for _ in range(self._rules.depth - len(mine)):
                if drawn := source.draw(self._size(cores, len(hosts)), len(hosts)):
                    self._sent += len(drawn)
                    self._send(host, cores, _Block(drawn))

    def _repeated(self, host: str, hosts: Mapping[str, int]) -> _Block | None:
        """A block that was lost before; not where it failed, if there is another host."""
        for block in self._again:
            if host not in block.shunned or block.shunned >= set(hosts):
                return block
        return None

    def _size(self, cores: int, hosts: int) -> int:
        """Tasks of a new block: as many as take the target's time, and fewer near the end."""
        rules, size = self._rules, cores
        if self._pace is not None:
            size = max(1, int(rules.target / max(self._pace, 1e-6)))
            size = -(-size // cores) * cores  # all cores end at about the same time
        if rules.count is not None:
            left = max(rules.count - self._sent, 1)
            size = min(size, -(-left // (rules.depth * hosts)))
        return max(1, min(size, rules.most))

    def _send(self, host: str, cores: int, block: _Block) -> None:
        block.host, block.begun = host, self._clock()
        block.limit = self._rules.limit(block.tasks, cores) + self._rules.late
        ticket = self._fleet.send(host, block.tasks, self._rules.note(block.tasks, host))
        self._flying[ticket] = block
        self._on.setdefault(host, {})[ticket] = block

    # ---- hearing

    def _hear(self, event: Event) -> Iterator[Result]:
        block = self._flying.pop(event.ticket)
        others = self._on[block.host]
        del others[event.ticket]
        for other in others.values():  # which may begin now
            other.begun = self._clock()
        if event.answers is None:
            self.lost.append(f"{block.host}: {event.lost}")
            yield from self._lost(block, event.lost)
            return
        each = event.seconds / len(block.tasks)
        if self._pace is None or each < self._pace:  # the first blocks wait for networks to load
            self._pace = each
        else:
            self._pace = 0.7 * self._pace + 0.3 * each
        for task, answer in zip(block.tasks, event.answers, strict=True):
            yield from self._answered(block, task, answer)

    def _answered(self, block: _Block, task: Task, answer: Answer) -> Iterator[Result]:
        if answer.failed is None:
            self._blame[block.host] = 0
            kind = Kind.DONE if answer.refused is None else Kind.REFUSED
            yield Result(task, kind, answer.value, answer.refused, block.host, block.tries)
            for host in block.shunned - {block.host}:
                self._accuse(host)
            return
        self.lost.append(f"{block.host}: {answer.failed}")
        tries = block.tries if len(block.tasks) == 1 else 0
        single = _Block([task], tries, True, block.shunned, block.host)
        yield from self._tried(single, answer.failed)

    def _accuse(self, host: str) -> None:
        """One more task that failed on this host was done by another one."""
        blame = self._blame[host] = self._blame.get(host, 0) + 1
        hosts = self._fleet.hosts()
        if blame >= self._rules.faulty and host in hosts and len(hosts) > 1:
            last = next(text for text in reversed(self.lost) if text.startswith(f"{host}: "))
            self._fleet.drop(host, f"{blame} tasks failed in a row, {last}", again=False)

    def _lost(self, block: _Block, reason: str) -> Iterator[Result]:
        """Divides it; of a single task it was a try, where nothing else ran on its host."""
        if len(block.tasks) == 1 and block.alone:
            yield from self._tried(block, reason)
            return
        size = -(-len(block.tasks) // self._rules.parts)
        for first in range(0, len(block.tasks), size):
            self._again.append(_Block(block.tasks[first : first + size], alone=True))

    def _tried(self, block: _Block, reason: str) -> Iterator[Result]:
        """One more try of a single task has failed."""
        task, tries = block.tasks[0], block.tries + 1
        if tries >= self._rules.tries:
            error = f"failed {tries} times, at last on {block.host}: {reason}"
            yield Result(task, Kind.QUARANTINED, None, error, block.host, tries)
            return
        self._again.append(_Block([task], tries, True, {*block.shunned, block.host}))

    def _end_late_ones(self) -> None:
        """Ends hosts that hang: `Fleet.events` then tells that their blocks are lost."""
        now = self._clock()
        for host, blocks in self._on.items():
            running = next(iter(blocks.values()), None)
            if running is None or now - running.begun <= running.limit:
                continue
            if host in self._fleet.hosts():
                self._fleet.drop(host, f"no answer within {running.limit:.0f} s", again=True)

    def _reasons(self) -> str:
        return f"the last one: {self.lost[-1]}" if self.lost else "none was ready"


class _Source:
    """The tasks that nobody has had yet."""

    def __init__(self, tasks: Iterator[Task], may_begin: Callable[[int, int], bool]) -> None:
        self._tasks, self._may_begin = tasks, may_begin
        self._next: Task | None = next(tasks, None)

    def is_empty(self) -> bool:
        return self._next is None

    def draw(self, size: int, hosts: int) -> list[Task]:
        """Up to so many; none, while those before them have to be done first."""
        drawn: list[Task] = []
        while self._next is not None and len(drawn) < size:
            if not self._may_begin(self._next.index, hosts):
                break
            drawn.append(self._next)
            self._next = next(self._tasks, None)
        return drawn

"""Tabu search over the orders on machines, in plain Python: thousands of steps a second."""

import itertools
import math
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from nco.problems._shop.plan import Plan, Work, duration_of

TENURE = 8, 16  # steps for which a swap may not be undone, drawn anew for each
PATIENCE = 2000  # steps without a better plan, after which the search returns to the best one
STEPS = 5000  # without a time limit
SHAKES = 5  # random swaps at a new beginning


class Swap(NamedTuple):
    """Two operations that follow one another on a machine, to change places."""

    bound: int  # an estimate of the makespan afterwards
    first: int
    second: int


class Move(NamedTuple):
    """An operation that goes to another machine, between two others there."""

    bound: int
    operation: int
    choice: int  # which of its alternatives
    before: int  # the operation on that machine that it comes after, or none
    after: int


def improve(
    jobs: Work,
    plan: Plan,
    *,
    time_limit: float | None,
    seed: int,
    found: Callable[[Plan], None] | None = None,
    iterations: int = STEPS,
) -> Plan:
    """A plan never worse than `plan`.

    Nowicki and Smutnicki, "A fast taboo search algorithm for the job shop problem" (Management
    Science, 1996): of one longest path, only the first two and the last two operations of a block
    on one machine change places; Taillard's bound says which pair is best (1994). Where operations
    can be done by several machines, one of that path may go to another, too, in the order of times
    (after Dauzere-Peres and Paulli, Annals of Operations Research, 1997).

    Args:
        jobs: the work list.
        plan: a feasible plan.
        time_limit: seconds from here on; None for `iterations` steps.
        seed: of ties and of how long a swap is forbidden.
        found: is called with each better plan on the way.
    """
    begun = time.perf_counter()
    search = Orders(jobs, plan, random.Random(seed))
    steps, told = 0, math.inf
    while search.step():
        steps += 1
        if found is not None and search.best < told:
            told = search.best
            found(search.plan())
        if time_limit is None and steps >= iterations:
            break
        if time_limit is not None and time.perf_counter() - begun > time_limit:
            break
    return search.plan()


class Orders:
    """The order on every machine, and what follows from it.

    Operations are numbered job after job; number n stands for none. They are lists, because
    numpy's arrays are slow where one number at a time is read.
    """

    def __init__(self, jobs: Work, plan: Plan, random: random.Random) -> None:
        self.random = random
        self.counts = [len(job) for job in jobs]
        n = self.size = sum(self.counts)
        self.choices = [choices for job in jobs for choices in job]
        self.on = [machine for row in plan.machine for machine in row]
        self.duration = [
            duration_of(choices, machine)
            for choices, machine in zip(self.choices, self.on, strict=True)
        ] + [0]
        # neighbours in the job and on the machine
        self.before, self.after = [n] * (n + 1), [n] * (n + 1)
        self.earlier, self.later = [n] * (n + 1), [n] * (n + 1)
        self.lasts: list[int] = []
        first = 0
        for count in self.counts:
            for v in range(first, first + count - 1):
                self.after[v], self.before[v + 1] = v + 1, v
            first += count
            self.lasts.append(first - 1)
        self._ordered(plan)
        self.end, self.tail = [0] * (n + 1), [0] * (n + 1)
        self._forwards(0)
        self._backwards(n - 1)
        self.cost = self.best = max(self.end)
        self._keep()
        self.forbidden: dict[tuple[int, int], int] = {}
        self.now = self.since = 0

    def _keep(self) -> None:
        """Remembers all of this as the best."""
        parts = (self.order, self.earlier, self.later, self.end, self.on, self.duration)
        self.kept = tuple(part.copy() for part in parts)

    def _ordered(self, plan: Plan) -> None:
        """Orders on machines, and one of all operations that keeps both kinds of neighbours."""
        starts = [begin for row in plan.start for begin in row]
        names = self.on
        places = [p for count in self.counts for p in range(count)]
        length = self.duration
        self.order = sorted(
            range(self.size), key=lambda v: (starts[v], starts[v] + length[v], places[v])
        )
        last: dict[int, int] = {}
        self.first = {name: self.size for choices in self.choices for name, _ in choices}
        for v in self.order:
            u = last.get(names[v], self.size)
            if u < self.size:
                self.later[u], self.earlier[v] = v, u
            else:
                self.first[names[v]] = v
            last[names[v]] = v
        self.place = [0] * self.size
        for place, v in enumerate(self.order):
            self.place[v] = place

    def plan(self) -> Plan:
        """The best so far."""
        _, _, _, end, on, duration = self.kept
        starts, machines, first = [], [], 0
        for count in self.counts:
            starts.append([end[v] - duration[v] for v in range(first, first + count)])
            machines.append(on[first : first + count])
            first += count
        return Plan(starts, machines)

    def _forwards(self, place: int) -> None:
        """When operations end, those from `place` on in the order."""
        end, before, earlier, duration = self.end, self.before, self.earlier, self.duration
        for v in self.order[place:]:
            x, y = end[before[v]], end[earlier[v]]
            end[v] = (x if x > y else y) + duration[v]

    def _backwards(self, place: int) -> None:
        """How long it takes from their beginnings to the end of all, those up to `place`."""
        tail, after, later, duration = self.tail, self.after, self.later, self.duration
        for v in reversed(self.order[: place + 1]):
            x, y = tail[after[v]], tail[later[v]]
            tail[v] = (x if x > y else y) + duration[v]

    def step(self) -> bool:
        """The best change that is not forbidden; False where none can help: this is optimal.

        Where what could help is not allowed (a job that comes back at once, operations without
        duration), a random change leads elsewhere.
        """
        path = self._path()
        swaps = self._swaps(path)
        if not swaps and all(len(self.choices[v]) == 1 for v in path):
            return False  # one job or one machine is busy all the time
        changes = self._changes(path, swaps) or self._anything()
        if not changes:
            return False
        free = [
            change
            for change in changes
            if change.bound < self.best or self.forbidden.get(_done(change), 0) <= self.now
        ]
        chosen = min(free, key=_bound) if free else self.random.choice(changes)
        self._take(chosen)
        if self.cost < self.best:
            self.best, self.since = self.cost, 0
            self._keep()
        elif self.since > PATIENCE:
            self._begin_again()
        return True

    def _changes(self, path: list[int], swaps: list[Swap]) -> list[Swap | Move]:
        """The changes that may shorten a longest path."""
        legal = [swap for swap in swaps if self._legal(swap)]
        if len(legal) < len(swaps):  # what is next to them may have to move before they can
            inner = [
                Swap(self._bound(u, v), u, v)
                for u, v in itertools.pairwise(path)
                if self.later[u] == v
            ]
            legal = [swap for swap in inner if self._legal(swap)]
        return [*legal, *self._moves(path)]

    def _anything(self) -> list[Swap | Move]:
        """A random pair of operations that may change places on its machine, if there is one."""
        for u in self.random.sample(range(self.size), self.size):
            v = self.later[u]
            if v < self.size and self._legal(swap := Swap(0, u, v)):
                return [swap]
        return []

    def _begin_again(self) -> None:
        """Returns to the best orders, and makes some random changes there."""
        parts = (part.copy() for part in self.kept)
        self.order, self.earlier, self.later, self.end, self.on, self.duration = parts
        for v in range(self.size):
            if self.earlier[v] == self.size:
                self.first[self.on[v]] = v
        for name in self.first.keys() - set(self.on):
            self.first[name] = self.size
        self._placed()
        self.cost, self.since = self.best, 0
        self.forbidden.clear()
        for _ in range(SHAKES):
            path = self._path()
            if changes := self._changes(path, self._swaps(path)) or self._anything():
                self._take(self.random.choice(changes))

    def _placed(self) -> None:
        """Updates what follows from the order of all operations."""
        for place, v in enumerate(self.order):
            self.place[v] = place
        self._forwards(0)
        self._backwards(self.size - 1)

    def _take(self, change: Swap | Move) -> None:
        self.now, self.since = self.now + 1, self.since + 1
        until = self.now + self.random.randint(*TENURE)
        if isinstance(change, Swap):
            self._exchange(change.first, change.second)
            self.forbidden[change.second, change.first] = until
        else:
            names = [name for name, _ in self.choices[change.operation]]
            old = names.index(self.on[change.operation])
            self.forbidden[change.operation, -1 - old] = until
            self._relocate(change)
        self.cost = max([self.end[last] for last in self.lasts])

    def _path(self) -> list[int]:
        """A longest path; where several operations can follow, one is drawn."""
        end, tail, duration, cost = self.end, self.tail, self.duration, self.cost
        heads = [v for v in range(self.size) if tail[v] == cost and end[v] == duration[v]]
        v = self.random.choice(heads)
        path = [v]
        while True:
            turns = [
                w
                for w in (self.after[v], self.later[v])
                if w < self.size and end[w] - duration[w] == end[v] and end[v] + tail[w] == cost
            ]
            if not turns:
                return path
            v = turns[0] if len(turns) == 1 else self.random.choice(turns)
            path.append(v)

    def _swaps(self, path: list[int]) -> list[Swap]:
        """Pairs at the ends of the blocks of a longest path; not at its own two ends."""
        blocks: list[list[int]] = [[path[0]]]
        for u, v in itertools.pairwise(path):
            if self.later[u] == v:
                blocks[-1].append(v)
            else:
                blocks.append([v])
        pairs = set()
        for index, block in enumerate(blocks):
            if len(block) > 1:
                if index > 0:
                    pairs.add((block[0], block[1]))
                if index < len(blocks) - 1:
                    pairs.add((block[-2], block[-1]))
        return [Swap(self._bound(u, v), u, v) for u, v in sorted(pairs)]

    def _bound(self, u: int, v: int) -> int:
        """The longest path through either once they have changed places."""
        end, tail, duration = self.end, self.tail, self.duration
        first = max(end[self.before[v]], end[self.earlier[u]])
        second = max(end[self.before[u]], first + duration[v])
        rest = max(tail[self.after[u]], tail[self.later[v]]) + duration[u]
        whole = max(tail[self.after[v]], rest) + duration[v]
        return max(first + whole, second + rest)

    def _legal(self, swap: Swap) -> bool:
        """Whether the job does not lead from one to the other as well.

        It does where a job comes back at once, or through operations without duration.
        """
        begin = self.end[swap.second] - self.duration[swap.second]
        w = self.after[swap.first]
        if w != swap.second and self.end[w] > begin:
            return True
        ahead, seen = [w], {self.size}
        while ahead:
            w = ahead.pop()
            if w == swap.second:
                return False
            if w not in seen and self.end[w] <= begin:
                ahead += (self.after[w], self.later[w])
            seen.add(w)
        return True

    def _moves(self, path: list[int]) -> list[Swap | Move]:
        """Operations of the path on each of their other machines.

        What begins there before the job's last operation ends comes first, and of what begins at
        that moment all that takes no time. Nothing can then wait in a circle, as all times are
        those of the present orders, in which an operation with a duration begins before it ends.
        """
        end, tail, duration, n = self.end, self.tail, self.duration, self.size
        moves: list[Swap | Move] = []
        for v in path:
            if duration[v] == 0:
                continue
            ready, rest = end[self.before[v]], tail[self.after[v]]
            for choice, (name, length) in enumerate(self.choices[v]):
                if name == self.on[v]:
                    continue
                u, w = n, self.first[name]
                while w < n and (end[w] - duration[w] < ready or end[w] == ready):
                    u, w = w, self.later[w]
                bound = max(ready, end[u]) + length + max(rest, tail[w])
                moves.append(Move(bound, v, choice, u, w))
        return moves

    def _relocate(self, move: Move) -> None:
        """Puts an operation on another machine, and updates all else."""
        earlier, later, n = self.earlier, self.later, self.size
        v, (name, length) = move.operation, self.choices[move.operation][move.choice]
        ready = self.end[self.before[v]]
        a, b = earlier[v], later[v]
        if a < n:
            later[a] = b
        else:
            self.first[self.on[v]] = b
        if b < n:
            earlier[b] = a
        earlier[v], later[v] = move.before, move.after
        if move.before < n:
            later[move.before] = v
        else:
            self.first[name] = v
        if move.after < n:
            earlier[move.after] = v
        begins = [stop - length_ for stop, length_ in zip(self.end, self.duration, strict=True)]
        begins[v] = ready
        self.on[v], self.duration[v] = name, length
        # of what begins at one moment it comes after all that takes no time, before the others
        self.order.sort(key=lambda u: (begins[u], 0.5 if u == v else self.duration[u] > 0))
        self._placed()

    def _exchange(self, u: int, v: int) -> None:
        """Puts `v`, which follows `u` on its machine, before it, and updates all else."""
        earlier, later, n = self.earlier, self.later, self.size
        a, b = earlier[u], later[v]
        earlier[v], later[v], earlier[u], later[u] = a, u, v, b
        if a < n:
            later[a] = v
        else:
            self.first[self.on[v]] = v
        if b < n:
            earlier[b] = u
        # in the order of all, what must come before v moves before u
        low, high = self.place[u], self.place[v]
        window = self.order[low : high + 1]
        needed = {v}
        for w in reversed(window[1:-1]):
            if self.after[w] in needed or later[w] in needed:
                needed.add(w)
        moved = [w for w in window if w in needed] + [w for w in window if w not in needed]
        self.order[low : high + 1] = moved
        for place, w in enumerate(moved, low):
            self.place[w] = place
        self._forwards(low)
        self._backwards(high)


def _bound(change: Swap | Move) -> int:
    """The estimate by which changes are compared."""
    return change.bound


def _done(change: Swap | Move) -> tuple[int, int]:
    """What `Orders.forbidden` calls a change."""
    if isinstance(change, Swap):
        return change.first, change.second
    return change.operation, -1 - change.choice

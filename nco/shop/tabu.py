"""Tabu search over the orders on machines, in plain Python: thousands of steps a second."""

import itertools
import math
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from nco.shop.plan import Plan, Work, duration_of

TENURE = 8, 16  # steps for which a swap may not be undone, drawn anew for each
PATIENCE = 700  # steps without a better schedule, after which it begins at the best once more
STEPS = 5000  # without a time limit
SHAKES = 5  # random changes at a new beginning
# Operations that a shift concerns at most; each new beginning takes the other number. Three is
# better on most shops, most of all where jobs come back to a machine (Dauzere), two on some of many
# alternatives (Brandimarte, Hurink's edata).
CHAINS = 3, 2


class Shift(NamedTuple):
    """Operations that follow one another on a machine, of which one goes past the others."""

    bound: int  # an estimate of the makespan afterwards
    chain: tuple[int, ...]
    to_front: bool  # the last goes before the first; or else the first behind the last

    @property
    def after(self) -> tuple[int, ...]:
        """The chain as it will be."""
        if self.to_front:
            return (self.chain[-1], *self.chain[:-1])
        return (*self.chain[1:], self.chain[0])

    @property
    def turned(self) -> list[tuple[int, int]]:
        """The pairs that change their order, as they are before."""
        if self.to_front:
            return [(w, self.chain[-1]) for w in self.chain[:-1]]
        return [(self.chain[0], w) for w in self.chain[1:]]


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

    Of one longest path, an operation of a block on one machine goes before the block's first or
    behind its last, or as far as it can: Nowicki and Smutnicki, "A fast taboo search algorithm for
    the job shop problem" (Management Science, 1996), and for more than two Balas and Vazacopoulos,
    "Guided local search with shifting bottleneck" (1998), whose bound says which is best. Where
    operations can be done by several machines, one of that path may go to another, too, in the
    order of times (after Dauzere-Peres and Paulli, Annals of Operations Research, 1997).

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

    Operations are numbered job after job; number n stands for none. Lists rather than arrays: steps
    are scalar, and numpy's take ten times as long.
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
        self.turn = 0
        self.stuck = False  # whether an operation at the end of a block could not move

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
        blocks = self._blocks(path)
        alone = len(blocks) == 1 or len(blocks) == len(path)
        if alone and all(len(self.choices[v]) == 1 for v in path):
            return False  # one machine or one job is busy all the time
        changes = self._changes(path, blocks) or self._anything()
        if not changes:
            return False
        free = [
            change for change in changes if change.bound < self.best or not self._is_tabu(change)
        ]
        chosen = min(free, key=_bound) if free else self.random.choice(changes)
        self._take(chosen)
        if self.cost < self.best:
            self.best, self.since = self.cost, 0
            self._keep()
        elif self.since > PATIENCE:
            self._begin_again()
        return True

    def _is_tabu(self, change: Shift | Move) -> bool:
        if isinstance(change, Move):
            return self.forbidden.get((change.operation, -1 - change.choice), 0) > self.now
        return any(self.forbidden.get(pair, 0) > self.now for pair in change.turned)

    def _changes(self, path: list[int], blocks: list[list[int]]) -> list[Shift | Move]:
        """What may shorten a longest path, or else help what cannot move to do so."""
        most = CHAINS[self.turn % len(CHAINS)]
        shifts = self._shifts(blocks, most)
        if not shifts or (self.stuck and most == min(CHAINS)):
            shifts = self._inner(blocks)
        return [*shifts, *self._moves(path)]

    def _anything(self) -> list[Shift | Move]:
        """A random pair of operations that may change places on its machine, if there is one."""
        for u in self.random.sample(range(self.size), self.size):
            v = self.later[u]
            if v < self.size and self._may_swap(u, v):
                return [Shift(self._bound((u, v), True), (u, v), True)]
        return []

    def _begin_again(self) -> None:
        """At the best, and some random changes away from it."""
        parts = (part.copy() for part in self.kept)
        self.order, self.earlier, self.later, self.end, self.on, self.duration = parts
        for v in range(self.size):
            if self.earlier[v] == self.size:
                self.first[self.on[v]] = v
        for name in self.first.keys() - set(self.on):
            self.first[name] = self.size
        self._placed()
        self.cost, self.since = self.best, 0
        self.turn += 1
        self.forbidden.clear()
        for _ in range(SHAKES):
            path = self._path()
            blocks = self._blocks(path)
            changes = [*self._changes(path, blocks), *self._inner(blocks), *self._anything()]
            if changes:
                self._take(self.random.choice(changes))

    def _placed(self) -> None:
        """All that follows from the order of all."""
        for place, v in enumerate(self.order):
            self.place[v] = place
        self._forwards(0)
        self._backwards(self.size - 1)

    def _take(self, change: Shift | Move) -> None:
        self.now, self.since = self.now + 1, self.since + 1
        until = self.now + self.random.randint(*TENURE)
        if isinstance(change, Shift):
            self._shift(change)
            for first, second in change.turned:
                self.forbidden[second, first] = until
        else:
            names = [name for name, _ in self.choices[change.operation]]
            old = names.index(self.on[change.operation])
            self.forbidden[change.operation, -1 - old] = until
            self._relocate(change)
        self.cost = max([self.end[last] for last in self.lasts])

    def _path(self) -> list[int]:
        """One longest path, by random turns."""
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

    def _blocks(self, path: list[int]) -> list[list[int]]:
        """The path cut where it goes on to another machine."""
        blocks: list[list[int]] = [[path[0]]]
        for u, v in itertools.pairwise(path):
            if self.later[u] == v:
                blocks[-1].append(v)
            else:
                blocks.append([v])
        return blocks

    def _shifts(self, blocks: list[list[int]], most: int) -> list[Shift | Move]:
        """To the front of all blocks but the first, and to the back of all but the last, past fewer
        than `most` others.

        Where an operation cannot go as far, because its job leads through the others, as far as it
        can: it can go before u if its job's operation before begins before u ends, and behind v if
        its job's next ends after v begins, unless these are u and v themselves.
        """
        end, duration, n = self.end, self.duration, self.size
        found: list[Shift | Move] = []
        self.stuck = False
        for index, block in enumerate(blocks):
            count = len(block)
            for i in range(1, min(count, most)) if index > 0 else ():
                w = self.before[block[i]]
                for j in range(i):
                    u = block[j]
                    if w == n or (w != u and end[w] - duration[w] < end[u]):
                        chain = tuple(block[j : i + 1])
                        found.append(Shift(self._bound(chain, True), chain, True))
                        break
                else:
                    self.stuck = True
            if index == len(blocks) - 1 or (count == 2 and index > 0):
                continue  # of two, the one behind the other is the other before the one
            for i in range(max(0, count - most), count - 1):
                w = self.after[block[i]]
                for j in range(count - 1, i, -1):
                    v = block[j]
                    if w == n or (w != v and end[w] > end[v] - duration[v]):
                        chain = tuple(block[i : j + 1])
                        found.append(Shift(self._bound(chain, False), chain, False))
                        break
                else:
                    self.stuck = True
        return found

    def _inner(self, blocks: list[list[int]]) -> list[Shift | Move]:
        """Pairs anywhere in blocks: who cannot go to an end may need others to move first."""
        pairs = [pair for block in blocks for pair in itertools.pairwise(block)]
        return [
            Shift(self._bound(pair, True), pair, True) for pair in pairs if self._may_swap(*pair)
        ]

    def _bound(self, chain: tuple[int, ...], to_front: bool) -> int:
        """The longest path through one of the chain once it is shifted."""
        order = Shift(0, chain, to_front).after
        end, tail, duration = self.end, self.tail, self.duration
        begins, begin = [], end[self.earlier[chain[0]]]
        for v in order:
            begin = max(begin, end[self.before[v]])
            begins.append(begin)
            begin += duration[v]
        longest, rest = 0, tail[self.later[chain[-1]]]
        for v, begin in zip(reversed(order), reversed(begins), strict=True):
            rest = max(rest, tail[self.after[v]]) + duration[v]
            longest = max(longest, begin + rest)
        return longest

    def _may_swap(self, first: int, second: int) -> bool:
        """Whether the job does not lead from one to the other as well.

        It does where a job comes back at once, or through operations without duration.
        """
        begin = self.end[second] - self.duration[second]
        ahead, seen = [self.after[first]], {self.size}
        while ahead:
            w = ahead.pop()
            if w == second:
                return False
            if w not in seen and self.end[w] <= begin:
                ahead += (self.after[w], self.later[w])
            seen.add(w)
        return True

    def _moves(self, path: list[int]) -> list[Shift | Move]:
        """Operations of the path on each of their other machines.

        What begins there before the job's last operation ends comes first, and of what begins at
        that moment all that takes no time. Nothing can then wait in a circle, as all times are
        those of the present orders, in which an operation with a duration begins before it ends.
        """
        end, tail, duration, n = self.end, self.tail, self.duration, self.size
        found: list[Shift | Move] = []
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
                found.append(Move(bound, v, choice, u, w))
        return found

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

    def _shift(self, change: Shift) -> None:
        """Puts a chain into its new order, and updates all else."""
        earlier, later, n = self.earlier, self.later, self.size
        chain = change.chain
        before, behind = earlier[chain[0]], later[chain[-1]]
        for v in change.after:
            earlier[v] = before
            if before < n:
                later[before] = v
            else:
                self.first[self.on[v]] = v
            before = v
        later[before] = behind
        if behind < n:
            earlier[behind] = before
        # in the order of all, what must come before an operation goes along to the front, and what
        # must come after it to the back
        low, high = self.place[chain[0]], self.place[chain[-1]]
        window = self.order[low : high + 1]
        if change.to_front:
            along = {chain[-1]}
            for w in reversed(window[1:-1]):
                if self.after[w] in along or later[w] in along:
                    along.add(w)
        else:
            along = {chain[0]}
            for w in window[1:-1]:
                if self.before[w] in along or earlier[w] in along:
                    along.add(w)
        moved = [w for w in window if w in along]
        others = [w for w in window if w not in along]
        moved = moved + others if change.to_front else others + moved
        self.order[low : high + 1] = moved
        for place, w in enumerate(moved, low):
            self.place[w] = place
        self._forwards(low)
        self._backwards(high)


def _bound(change: Shift | Move) -> int:
    return change.bound

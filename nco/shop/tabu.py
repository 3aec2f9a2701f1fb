"""Tabu search over the orders on machines, in plain Python: thousands of steps a second."""

import itertools
import random
import time
from typing import NamedTuple

from nco.shop.plan import Plan, Work, duration_of

TENURE = 8, 16  # steps for which a swap may not be undone, drawn anew for each
PATIENCE = 2000  # steps without a better schedule, after which it begins at the best once more
STEPS = 5000  # without a time limit
SHAKES = 5  # random swaps at a new beginning


class Swap(NamedTuple):
    """Two operations that follow one another on a machine, to change places."""

    bound: int  # an estimate of the makespan afterwards
    first: int
    second: int


def improve(jobs: Work, plan: Plan, *, time_limit: float | None, seed: int) -> Plan:
    """A plan on the same machines, never worse than `plan`.

    Nowicki and Smutnicki, "A fast taboo search algorithm for the job shop problem" (Management
    Science, 1996): of one longest path, only the first two and the last two operations of a block
    on one machine change places; Taillard's bound says which pair is best (1994).

    Args:
        jobs: the work list.
        plan: a feasible plan.
        time_limit: seconds from here on; None for `STEPS` steps.
        seed: of ties and of how long a swap is forbidden.
    """
    begun = time.perf_counter()
    search = Orders(jobs, plan, random.Random(seed))
    steps = 0
    while search.step():
        steps += 1
        if time_limit is None and steps >= STEPS:
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
        self.random, self.machine = random, plan.machine
        self.counts = [len(job) for job in jobs]
        n = self.size = sum(self.counts)
        self.duration = [
            duration_of(choices, machine)
            for job, machines in zip(jobs, plan.machine, strict=True)
            for choices, machine in zip(job, machines, strict=True)
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
        self.found = self.end.copy()
        self.kept = (self.order.copy(), self.earlier.copy(), self.later.copy())
        self.forbidden: dict[tuple[int, int], int] = {}
        self.now = self.since = 0

    def _ordered(self, plan: Plan) -> None:
        """Orders on machines, and one of all operations that keeps both kinds of neighbours."""
        starts = [begin for row in plan.start for begin in row]
        names = [name for row in plan.machine for name in row]
        places = [p for count in self.counts for p in range(count)]
        length = self.duration
        self.order = sorted(
            range(self.size), key=lambda v: (starts[v], starts[v] + length[v], places[v])
        )
        last: dict[int, int] = {}
        for v in self.order:
            u = last.get(names[v], self.size)
            if u < self.size:
                self.later[u], self.earlier[v] = v, u
            last[names[v]] = v
        self.place = [0] * self.size
        for place, v in enumerate(self.order):
            self.place[v] = place

    def plan(self) -> Plan:
        """The best so far."""
        starts, v = [], 0
        for count in self.counts:
            starts.append([self.found[u] - self.duration[u] for u in range(v, v + count)])
            v += count
        return Plan(starts, self.machine)

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
        """The best swap that is not forbidden; False where none can help: this is optimal."""
        swaps = [swap for swap in self._swaps() if self._legal(swap)]
        if not swaps:
            return False
        free = [
            swap
            for swap in swaps
            if swap.bound < self.best
            or self.forbidden.get((swap.first, swap.second), 0) <= self.now
        ]
        chosen = min(free) if free else self.random.choice(swaps)
        self._take(chosen)
        if self.cost < self.best:
            self.best, self.since = self.cost, 0
            self.found = self.end.copy()
            self.kept = (self.order.copy(), self.earlier.copy(), self.later.copy())
        elif self.since > PATIENCE:
            self._begin_again()
        return True

    def _begin_again(self) -> None:
        """At the best, and some random swaps away from it."""
        order, earlier, later = self.kept
        self.order, self.earlier, self.later = order.copy(), earlier.copy(), later.copy()
        for place, v in enumerate(self.order):
            self.place[v] = place
        self._forwards(0)
        self._backwards(self.size - 1)
        self.cost, self.since = self.best, 0
        self.forbidden.clear()
        for _ in range(SHAKES):
            if swaps := [swap for swap in self._swaps() if self._legal(swap)]:
                self._take(self.random.choice(swaps))

    def _take(self, swap: Swap) -> None:
        u, v = swap.first, swap.second
        self._exchange(u, v)
        self.now, self.since = self.now + 1, self.since + 1
        self.forbidden[v, u] = self.now + self.random.randint(*TENURE)
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

    def _swaps(self) -> list[Swap]:
        """Pairs at the ends of the blocks of a longest path; not at its own two ends."""
        path = self._path()
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
        w = self.after[swap.first]
        begin = self.end[swap.second] - self.duration[swap.second]
        return w == self.size or (w != swap.second and self.end[w] > begin)

    def _exchange(self, u: int, v: int) -> None:
        """Puts `v`, which follows `u` on its machine, before it, and updates all else."""
        earlier, later, n = self.earlier, self.later, self.size
        a, b = earlier[u], later[v]
        earlier[v], later[v], earlier[u], later[u] = a, u, v, b
        if a < n:
            later[a] = v
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

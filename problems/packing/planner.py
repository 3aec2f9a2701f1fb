"""How many more bins known items need, exactly: a dynamic programme over counts of each kind.

For items that stay. What is left to place is a number of each kind, what is open a multiset of
free capacities; both recur, so answers are kept. Sinclair et al. (2023) solve the same question as
an integer programme.
"""

import math

import numpy as np

from nco.core.errors import NCOError

TOLERANCE = 1e-9
LARGEST = 200_000  # count vectors times patterns of one bin
KEPT = 500_000  # answers
DIGITS = 9
Free = tuple[float, ...]  # what one bin has left, of each resource


class Planner:
    """Fewest new bins for given counts, for one capacity and set of kinds.

    Args:
        capacity: ``[R]``; needs: ``[J, R]``.
    """

    def __init__(self, capacity: np.ndarray, needs: np.ndarray) -> None:
        self.capacity, self.needs = capacity, needs
        self._patterns: dict[Free, np.ndarray] = {}
        self._answers: dict[tuple[tuple[Free, ...], tuple[int, ...]], int] = {}

    def fewest(self, free: list[Free], counts: tuple[int, ...]) -> int:
        """New bins that items of each kind ``counts`` need beside open bins with ``free`` left.

        Raises:
            NCOError: where the kinds are too many for counting.
        """
        rounded = [tuple(round(part, DIGITS) for part in bin) for bin in free]
        key = (tuple(sorted(bin for bin in rounded if self._holds(bin, counts))), counts)
        if key not in self._answers:
            if len(self._answers) >= KEPT:
                self._answers.clear()
            self._answers[key] = self._solve(*key)
        return self._answers[key]

    def _holds(self, free: Free, counts: tuple[int, ...]) -> bool:
        """Whether a bin has room for any of the items."""
        room = np.array(free) + TOLERANCE
        fits = np.all(self.needs <= room, axis=1).tolist()
        return any(count > 0 and fit for count, fit in zip(counts, fits, strict=True))

    def _solve(self, free: tuple[Free, ...], counts: tuple[int, ...]) -> int:
        """Bins are opened until all fit; `most` holds, for each number placed of all kinds but the
        last, how many of the last can be placed as well."""
        if not any(counts):
            return 0
        shape = tuple(count + 1 for count in counts[:-1])
        most = np.full(shape, -1, dtype=np.int64)
        most[(0,) * len(shape)] = 0
        for bin in free:
            most = self._with(most, bin, counts)
        whole = tuple(float(part) for part in self.capacity)
        opened = 0
        while most[counts[:-1]] < counts[-1]:
            most = self._with(most, whole, counts)
            opened += 1
        return opened

    def _with(self, most: np.ndarray, free: Free, counts: tuple[int, ...]) -> np.ndarray:
        """`most` after one more bin."""
        patterns = self.patterns(free)
        if most.size * len(patterns) > LARGEST:
            raise NCOError(
                f"the hindsight planner counts {LARGEST} combinations of items at most, not "
                f"{most.size * len(patterns)}: use fewer kinds or periods"
            )
        best = most.copy()  # the bin may stay as it is
        for pattern in patterns.tolist():
            head, last = pattern[:-1], pattern[-1]
            if any(part > count for part, count in zip(head, counts, strict=False)):
                continue
            target = tuple(slice(part, None) for part in head)
            source = tuple(slice(0, most.shape[k] - part) for k, part in enumerate(head))
            placed = np.where(most[source] >= 0, most[source] + last, -1)
            best[target] = np.maximum(best[target], placed)
        # fewer can always be placed
        for axis in range(best.ndim):
            flipped = np.flip(best, axis)
            best = np.flip(np.maximum.accumulate(flipped, axis), axis)
        return np.minimum(best, counts[-1])

    def patterns(self, free: Free) -> np.ndarray:
        """All numbers ``[Q, J]`` that fit into a bin, with as many of the last kind as go in."""
        if free not in self._patterns:
            patterns: list[list[int]] = []
            self._extend([], np.array(free), patterns)
            self._patterns[free] = np.array(patterns, dtype=np.int64)
        return self._patterns[free]

    def _extend(self, head: list[int], room: np.ndarray, patterns: list[list[int]]) -> None:
        need = self.needs[len(head)]
        used = need > 0
        limit = math.inf
        if used.any():
            limit = float(np.floor((room[used] + TOLERANCE) / need[used]).min())
        most = int(min(max(limit, 0.0), LARGEST))
        if len(head) == len(self.needs) - 1:
            patterns.append([*head, most])
            return
        if len(patterns) > LARGEST or most == LARGEST:
            raise NCOError("the hindsight planner has too many ways to fill one bin")
        for count in range(most + 1):
            self._extend([*head, count], room - count * need, patterns)

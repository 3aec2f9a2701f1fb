"""The best tour of a search by kicks, between the kernels' chunks."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._common.kernels.driver import Span
from nco.problems.tsp.kernels.tour import WAITING

MOVES = 2000  # between two looks at the clock, before the first kick


class Changed(Protocol):
    """What kernels change: the order of the cities, and a tally with those that wait."""

    @property
    def order(self) -> np.ndarray: ...

    @property
    def tally(self) -> np.ndarray: ...


class Kept:
    """The present tour and the best, at the ends of the kernels' chunks.

    Args:
        tour: the kernels' arrays, all cities waiting.
        length: of the tour.
        descend, step: the kernels, as `search.descend` and `search.step` of the TSP.
        seed: of the random numbers.
        span: when to end.
    """

    def __init__(
        self,
        tour: Changed,
        length: float,
        descend: Callable[..., Any],
        step: Callable[..., Any],
        seed: int,
        span: Span,
    ) -> None:
        self.tour, self.span, self.random = tour, span, chance.start(seed)
        self._descend, self._step = descend, step
        self.length = self.least = length
        self.best = tour.order.copy()

    def descend(self, after: Callable[[], None]) -> None:
        """To the first local optimum, or until the time is over."""
        while self.tour.tally[WAITING] > 0 and not self.span.is_over(0):
            self._saved(self._descend(self.tour, MOVES, self.span.stop))
            after()

    def step(self, steps: int, temperature: float) -> int:
        """So many kicks."""
        done, saved = self._step(self.tour, self.random, self.span.stop, steps, temperature)
        self._saved(saved)
        return int(done)

    def _saved(self, saved: float) -> None:
        self.length -= saved
        if self.length < self.least:
            self.least = self.length
            self.best[:] = self.tour.order

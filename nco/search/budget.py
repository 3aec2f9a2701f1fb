"""What a search may spend."""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Budget:
    """Limits of one search; each limits the searches that have such a thing.

    Attributes:
        deadline: `time.perf_counter` reading at which to stop; None: no clock.
        samples: most rollouts of each instance; None: as many as the search itself wants.
        width: partial solutions of each instance that a beam search keeps; None: as many as it
            wants.
        rounds: most rounds of a search that would go on for ever.
        patience: a search ends after so many rounds in a row that found nothing better; None: it
            does all of its rounds.
        seed: of its random numbers.
        cancelled: asked now and then; True means stop at once.
    """

    deadline: float | None = None
    samples: int | None = None
    width: int | None = None
    rounds: int | None = None
    patience: int | None = None
    seed: int = 0
    cancelled: Callable[[], bool] = field(default=lambda: False)

    @classmethod
    def counting(cls, count: int | None, *, seed: int = 0, deadline: float | None = None) -> Self:
        """`count` of whatever a search counts: samples, or partial solutions of a beam."""
        return cls(deadline=deadline, samples=count, width=count, seed=seed)

    def left(self) -> float:
        """Seconds to the deadline."""
        return float("inf") if self.deadline is None else self.deadline - time.perf_counter()

    def over(self) -> bool:
        """Whether to stop at once."""
        return self.left() <= 0 or self.cancelled()

    def turns(self) -> Iterable[int]:
        """The numbers of the rounds: 0, 1, and so on."""
        return itertools.count() if self.rounds is None else range(self.rounds)

    def among(self, most: int, spent: int) -> int:
        """How many of at most `most` samples may follow the `spent` ones; 0 where it is over."""
        if self.over():
            return 0
        return most if self.samples is None else max(0, min(most, self.samples - spent))

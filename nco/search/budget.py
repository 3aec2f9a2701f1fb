"""What a search may spend, and what it hands over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Budget:
    """Limits of one search.

    Attributes:
        deadline: `time.perf_counter` reading at which to stop; None: no clock.
        rollouts: most rollouts of each instance; None: as many as the search itself wants.
        seed: of its random numbers.
        cancelled: asked now and then; True means stop at once.
    """

    deadline: float | None = None
    rollouts: int | None = None
    seed: int = 0
    cancelled: Callable[[], bool] = field(default=lambda: False)

    def left(self) -> float:
        """Seconds to the deadline."""
        return float("inf") if self.deadline is None else self.deadline - time.perf_counter()

    def over(self) -> bool:
        return self.left() <= 0 or self.cancelled()


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The best actions so far of every instance of a batch.

    Attributes:
        actions: ``[B, T, *M]`` long; cost: ``[B]``, by `Problem.cost`.
        source: what found them, in a word.
    """

    actions: Tensor
    cost: Tensor
    source: str

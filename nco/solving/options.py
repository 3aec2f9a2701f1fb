"""What the caller of `nco.solve` asked for, checked; free of torch."""

import os
from dataclasses import dataclass

from nco.core.errors import NCOError

TRACES = 1000  # futures of an online problem unless told otherwise


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The arguments of `nco.solve` beside the source; see there."""

    model: str = "auto"
    time_limit: float | None = None
    iterations: int | None = None
    seed: int = 0
    device: str = "auto"
    classical: bool = True
    hindsight: bool = False
    traces: int = TRACES
    verbose: bool = False
    bound: bool = False

    def __post_init__(self) -> None:
        if self.time_limit is not None and not self.time_limit > 0:
            raise NCOError(f"time_limit must be positive seconds, not {self.time_limit}")
        if self.iterations is not None and self.iterations < 1:
            raise NCOError(f"iterations must be at least 1, not {self.iterations}")
        if self.iterations is not None and self.time_limit is not None:
            raise NCOError("a budget is of time or of iterations: leave one of the two out")

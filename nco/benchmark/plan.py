"""What to compare on what."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nco.core.errors import NCOError
from nco.solving import machine

PUBLISHED_SEEDS, PUBLISHED = (1234, 4321), 10_000
DEFAULT = "default"  # a solver's own idea of when to stop, such as nco's one deterministic pass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compare on what: instances of one problem and size, or files.

    Attributes:
        solvers: "nco" (what `nco.solve` does), "nco-neural" (networks alone), either
            with ":MODEL" (a shipped name, a folder or a checkpoint), or names of the problem's
            `classical.py`. A solver sits out the problems it cannot solve.
        time_limits: seconds for each instance; None leaves it to the solver.
        problem: folder; with `files` only needed where they do not tell.
        size, instances, seed: of generated instances; the seeds 1234 and 4321 stand for the first
            of the published set. Solvers are given the same seed.
        files: instance files of any problems and sizes.
        best_known: CSV with columns name and best_known (in the problem's own sense: a knapsack's
            value); without it gaps are to the best cost that any solver finds in this comparison.
        device: of the networks.
        cores: of this machine, the same for every solver. A classical one that is single-threaded
            runs with as many seeds side by side, and the best counts.
        cold: instances of each problem that are also solved in fresh processes, loading included.
    """

    solvers: Sequence[str] = ("nco", "ortools")
    time_limits: Sequence[float | None] = (1.0,)
    problem: str | None = None
    size: int | None = None
    instances: int = 10
    seed: int = 1234
    files: Sequence[str] = ()
    best_known: str | None = None
    device: str = "auto"
    cores: int = 1
    cold: int = 0

    def __post_init__(self) -> None:
        for limit in self.time_limits:
            if limit is not None and not 0 < limit < math.inf:
                raise NCOError(f"time_limits: must be positive seconds, not {limit}")
        if not self.solvers or not self.time_limits:
            raise NCOError("at least one solver and one time limit are needed")
        if self.files and self.size is not None:
            raise NCOError("size is that of generated instances: leave it out with files")
        if not self.files and (self.problem is None or self.size is None):
            raise NCOError("files are needed, or a problem and a size")
        most = PUBLISHED if self.seed in PUBLISHED_SEEDS else math.inf
        if not 1 <= self.instances <= most:
            raise NCOError(f"instances must be from 1 to {most}, not {self.instances}")
        if not 1 <= self.cores <= machine.cores():
            raise NCOError(f"cores must be from 1 to the {machine.cores()} here, not {self.cores}")
        if self.cold < 0:
            raise NCOError(f"cold must be a number of instances from 0, not {self.cold}")


def shown_limit(limit: float | None) -> str:
    """A time limit as tables have it."""
    return DEFAULT if limit is None else f"{limit:g}"

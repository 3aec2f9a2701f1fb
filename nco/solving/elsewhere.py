"""Networks on one more core: a search of its own with another seed, for a child process.

Free of torch, so that a plan can be made before it is imported.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.solving.schedule import ELSEWHERE
from nco.zoo import cards


@dataclass(frozen=True)
class Networks:
    """The searches of one model, as a function for a child process.

    Attributes:
        model: its name; device: where it works.
    """

    model: str
    device: str

    __name__ = ELSEWHERE

    def __call__(
        self,
        case: Case,
        *,
        time_limit: float | None,
        seed: int,
        start: Any = None,
        found: Callable[[Any], None] | None = None,
    ) -> Any:
        """The best solution that the time allows, on one thread.

        Args:
            case: one that the model knows.
            time_limit: seconds from here on; None: there is nothing to divide, and `start` stays.
            seed: of the searches' random numbers.
            start: a solution to begin with; None: the construction.
            found: is called with each better solution on the way.
        """
        if time_limit is None:
            return start
        from nco.solving import neural, threads

        begin = time.perf_counter()
        progress = Progress([case], begin)
        if start is None:
            progress.construct()
        else:
            progress.offer(Candidate(0, start, None, ELSEWHERE))

        def post(candidate: Candidate) -> None:
            before = progress.best[0]
            progress.offer(candidate)
            best = progress.best[0]
            if found is not None and best is not None and best is not before:
                found(best.solution)

        options = Options(model=self.model, device=self.device, seed=seed)
        with threads.at_most(1):
            neural.play_beside(progress, options, begin + time_limit, post)
        best = progress.best[0]
        return None if best is None else best.solution


def networks(case: Case, options: Options) -> Solver[Any]:
    """The searches of the model for a case, as a solver whose process loads torch beforehand."""
    model = cards.choose(case) if options.model == "auto" else options.model
    return Solver(
        Networks(model or cards.NO_MODEL, options.device),
        found=True,
        modules=("nco.solving.neural",),
    )


def model_of(solver: Solver[Any]) -> str | None:
    """The model that searches; None where it is no network."""
    return solver.solve.model if isinstance(solver.solve, Networks) else None

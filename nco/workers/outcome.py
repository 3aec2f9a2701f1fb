"""What a solver comes to: better solutions on the way, and the outcome of its run."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Improvement:
    """A better solution on the way.

    Attributes:
        seconds: after how many seconds of the run.
        cost: by the independent checker, in the case's own units; nan where it was not asked yet.
        source: what found it, in a word.
        solution: in the case's own numbers, as long as it has no cost; None afterwards.
    """

    seconds: float
    cost: float
    source: str = ""
    solution: Any = None

    @property
    def is_priced(self) -> bool:
        """Whether the checker has told its cost."""
        return not math.isnan(self.cost)


@dataclass(frozen=True)
class Outcome:
    """What a run of a solver came to.

    Attributes:
        solution: in the case's own numbers; None where the solver found nothing or failed.
        seconds: wall time. Of a classical solver, that of its call alone, without the start of the
            process, the imports and the transfer; of a run that was killed, the time until then.
        error: one line when the solver failed; None when it returned, even without a solution.
        improvements: the solutions on the way, where the run was watched and the solver tells; also
            of a solver that failed later.
        bound: no feasible solution costs less, where the solver has proven one (a `Proof`).
        faults: what went wrong on the way without costing the solution, a line each.
        died: whether its process ended by itself, such as for want of memory: `error` says how.
    """

    solution: Any
    seconds: float
    error: str | None = None
    improvements: tuple[Improvement, ...] = ()
    bound: float | int | None = None
    faults: tuple[str, ...] = ()
    died: bool = False

"""What the parts of a portfolio tell its main thread, and when they must."""

from dataclasses import dataclass

from nco.core.errors import NCOError
from nco.registry.interface import Part
from nco.solving.incumbents import Candidate
from nco.solving.schedule import Stage


@dataclass(frozen=True)
class Timing:
    """What the portfolio does around its deadline, in seconds unless said otherwise.

    Attributes:
        spare: before the deadline at which solvers are told to stop: what an answer needs to
            travel and to be checked.
        late: by which a solver may be late, at least; later: the same as a share of the limit.
        grace: after which a child that does not end counts as hanging.
        early: share of its time, before which a solver that ends may have proved its answer.
        look: between two looks at whether an automatic limit is over, while nothing comes.
        lost: share of a round, in which its parts should have come back.
    """

    spare: float = 0.01
    late: float = 0.03
    later: float = 0.012
    grace: float = 0.5
    early: float = 0.8
    look: float = 0.1
    lost: float = 0.05


TIMING = Timing()


@dataclass(frozen=True)
class Ended:
    """A stage is over.

    Attributes:
        fault: what went wrong, which need not cost the answer; refused: an error of the caller's.
        early: the solver stopped long before it had to.
        bound: that it has proven.
    """

    stage: Stage
    fault: str | None = None
    early: bool = False
    refused: NCOError | None = None
    bound: float | int | None = None


@dataclass(frozen=True)
class Surplus:
    """Another call begins, and this one has more than its share: so many children to keep."""

    keep: int


News = tuple[Stage, Candidate, Part | None]
Item = News | Ended | Surplus

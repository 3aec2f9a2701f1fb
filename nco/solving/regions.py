"""A large solution in regions: cut anew each round, and joined with what the regions become.

Each core improves one region; the borders of one round lie inside the regions of the next.
"""

import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from nco import registry
from nco.registry.interface import Part
from nco.solving.incumbents import Candidate, Progress

UNEVEN = 1.05  # of an equal share: the largest region of a cut


@dataclass
class Regions:
    """The regions of the present round.

    Attributes:
        progress: of one case, whose problem's folder has a ``decomposition.py``.
        seed: of the cuts.
        cores: that improve a region each.
        turn: number of the round; None before the first one.
        whole: the solution that was cut, with what its regions have become.
        parts: the regions.
    """

    progress: Progress
    seed: int
    cores: int
    turn: int | None = None
    whole: Any = None
    parts: list[Part] = field(default_factory=list)

    def part(self, turn: int, core: int) -> Part:
        """The region of the best solution that a core improves in a round."""
        if self.turn != turn:
            case, random = self.progress.cases[0], Random(self.seed + turn)
            best = self.progress.start(0, "best")
            self.turn, self.whole = turn, None if best is None else best.solution
            most = math.ceil(UNEVEN * case.size / self.cores)
            cut = registry.folder(case.problem).decomposition.cut
            self.parts = cut(case, self.whole, most, random)
            random.shuffle(self.parts)
        return self.parts[core % len(self.parts)]

    def joined(self, turn: int, part: Part, candidate: Candidate) -> Candidate | None:
        """The whole with a candidate for one region in it.

        Returns:
            None where the candidate comes from a round that is over, as the whole is another one
            now; also where it cannot be joined, which is a fault.
        """
        if turn != self.turn:
            return None
        case = self.progress.cases[0]
        join = registry.folder(case.problem).decomposition.join
        try:
            return replace(candidate, solution=join(case, self.whole, part, candidate.solution))
        except Exception as error:  # a solver's rubbish must not cost the answer
            self.progress.fault(f"{candidate.source}: {type(error).__name__}: {error}")
            return None

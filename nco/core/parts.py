"""Parts of a large solution, each a case of its own that a solver can improve by itself."""

from dataclasses import dataclass
from typing import Any

from nco.core.case import Case


@dataclass(frozen=True, eq=False)
class Part:
    """What a problem folder's ``decomposition.py`` cuts out of a case and its solution.

    ``cut(case, solution, most, random)`` returns disjoint parts of at most about `most` nodes that
    together are the whole; ``join(case, solution, part, found)`` puts a solution of one of them
    back, which costs as much less as it costs less in the part.

    Attributes:
        case: the part as a case; solution: what the whole one does there.
        members: where the part lies in the whole, as the folder likes.
    """

    case: Case
    solution: Any
    members: Any

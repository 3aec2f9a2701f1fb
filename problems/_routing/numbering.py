"""Cases whose nodes carry numbers of their own, as TSPLIB's files state them."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nco.core.errors import InstanceError


class Numbered:
    """Node numbers to positions and back; the first base of a case with `ids`.

    Attributes:
        ids: int64 ``[n]``, the number of the node at each position.
    """

    ids: np.ndarray
    name: str
    path: str | None

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {number: position for position, number in enumerate(self.ids.tolist())}

    def numbered(self, solution: Sequence[int]) -> list[int]:
        """Positions from 0 as node numbers."""
        return self.ids[np.asarray(solution, dtype=np.int64)].tolist()

    def indexed(self, solution: Sequence[int]) -> list[int]:
        """Node numbers as positions from 0; an `InstanceError` names an unknown number."""
        for number in solution:
            if number not in self._positions:
                reason = f"{self.name} has no node of this number"
                raise InstanceError(reason, field="tour", value=number, path=self.path)
        return [self._positions[number] for number in solution]

"""Asymmetric TSPs as their sources state them: TSPLIB95 files, tours and arrays.

Tours are read and written as those of the TSP are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._routing import tsplib
from nco.problems.tsp import files as tsp
from nco.problems.tsp.files import read_solution, write, write_solution

__all__ = [
    "ARRAYS",
    "SUFFIX",
    "Case",
    "from_arrays",
    "read",
    "read_solution",
    "recognise",
    "write",
    "write_solution",
]

_TYPE = re.compile(
    r"(?:^|[\r\ufeff])[ \t]*TYPE[ \t]*:[ \t]*ATSP(?![^\s(,;])", re.IGNORECASE | re.MULTILINE
)

ARRAYS = {"coords", "distances", "name", "names", "problem"}
SUFFIX = ".atsp"  # of the files that `write` makes


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(tsp.Case):
    """An asymmetric TSP: the TSP's case without coordinates.

    Attributes:
        metric: always ``EXPLICIT``.
        ids: the numbers of the cities, int64 [n]; from 1 for files, from 0 for arrays.
        distances: from row to column, int64 or float64 [n, n] with a zero diagonal; they need
            neither be symmetric nor keep the triangle inequality.
        display: coordinates for pictures only, float64 [n, 2], or None.
    """

    problem: ClassVar[str] = "atsp"
    metric: str = "EXPLICIT"

    def __post_init__(self) -> None:
        if self.metric != "EXPLICIT":
            raise InstanceError("only EXPLICIT has a direction", field="metric", value=self.metric)
        super().__post_init__()


def recognise(text: str) -> bool:
    """Whether TYPE says ATSP."""
    return _TYPE.search(text) is not None


def read(text: str, *, path: str | None = None) -> Case:
    """Reads a TSPLIB95 file of type ATSP; raises `InstanceError` for every defect.

    The diagonal, where TSPLIB's files hold a large number, is no distance and becomes 0.
    """
    document = tsplib.parse(text, sections=tsp.SECTIONS, path=path)
    if tsplib.kind(document) != "ATSP":
        reason = "this is not an asymmetric TSP: the file must say 'TYPE : ATSP'"
        raise document.error(reason, field="TYPE", value=document.text("TYPE"))
    tsplib.dimension(document)
    document.choice("EDGE_WEIGHT_TYPE", ("EXPLICIT",))
    return tsp.read_matrix(Case, document)


def from_arrays(data: object) -> Case | None:
    """A case from a matrix of distances; None if `data` is none or symmetric.

    Args:
        data: a dict with ``distances [n, n]`` from row to column (anything array-like; the
            diagonal is ignored) and optionally ``name``, ``names [n]``, ``coords [n, 2]`` for
            pictures and ``problem``. A symmetric matrix is a TSP unless ``problem`` is ``"atsp"``.

    Raises:
        InstanceError: numbers that are not finite or overflow, a negative distance, shapes that
            do not agree.
    """
    if not isinstance(data, Mapping):
        return None
    keys = {key for key, value in data.items() if value is not None}
    if "distances" not in keys or not keys <= ARRAYS:
        return None
    if "problem" in keys and str(data["problem"]) != "atsp":
        return None
    distances = tsp.square(data["distances"])
    if "problem" not in keys and tsp.is_symmetric(distances):
        return None
    coords: np.ndarray | None = tsp.points(data["coords"]) if "coords" in keys else None
    name = str(data["name"]) if "name" in keys else "unnamed"
    named = names.named(data, "stops", len(distances))
    return tsp.from_matrix(Case, distances, coords, name, named)

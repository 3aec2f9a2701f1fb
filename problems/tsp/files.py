"""Symmetric TSPs as their sources state them: TSPLIB95 files, tours and arrays."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from nco.core import case as base
from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._routing import metrics, ordering, tsplib
from nco.problems._routing.numbering import Numbered
from nco.problems._routing.tsplib import Document

SECTIONS = ("NODE_COORD_SECTION", "EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION")
TYPES = (*metrics.METRICS, "EXPLICIT")

_TYPE = re.compile(
    r"(?:^|[\r\ufeff])[ \t]*TYPE[ \t]*:[ \t]*([^\s(,;]*)", re.IGNORECASE | re.MULTILINE
)
_NAMES = re.compile(
    r"(?:^|[\r\ufeff])[ \t]*(\w+_SECTION\b|CAPACITY(?=[ \t]*:))", re.IGNORECASE | re.MULTILINE
)

ARRAYS = {"coords", "distances", "name", "names"}
SUFFIX = ".tsp"  # of the files that `write` makes


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(Numbered, base.Case):
    """A symmetric TSP in its source's own metric and numbers.

    Attributes:
        metric: a TSPLIB edge weight type; ``EUCLIDEAN`` (not rounded) for arrays.
        ids: the numbers of the nodes, int64 [n]; from 0 for arrays.
        coords: float64 [n, 2]; None where `distances` are the only truth.
        distances: int64 or float64 [n, n], symmetric with a zero diagonal, where `metric` is
            ``EXPLICIT``; otherwise None.
        display: coordinates for pictures only, float64 [n, 2], or None.
    """

    problem: ClassVar[str] = "tsp"
    view: ClassVar[str] = "tour"
    metric: str
    ids: np.ndarray
    coords: np.ndarray | None = None
    distances: np.ndarray | None = None
    display: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.metric not in TYPES:
            raise InstanceError(f"use one of {TYPES}", field="metric", value=self.metric)
        explicit = self.metric == "EXPLICIT"
        if (self.coords is None, self.distances is not None) != (explicit, explicit):
            reason = "EXPLICIT comes with distances and any other metric with coordinates"
            raise InstanceError(reason, field="metric", value=self.metric)

    @property
    def cost_unit(self) -> str:
        """Kilometres of places on the globe."""
        return metrics.unit(self.metric)

    @property
    def size(self) -> int:
        return len(self.ids)

    def construct(self) -> list[int]:
        """The nearest node next."""
        return self.numbered(ordering.nearest_order(self.coords, self.distances))

    def matrix(self) -> np.ndarray:
        """All distances [n, n] in the case's metric; 8 n**2 bytes."""
        if self.distances is not None:
            return self.distances
        assert self.coords is not None
        return metrics.distance_matrix(self.coords, self.metric)


Form = TypeVar("Form", bound=Case)  # the case of either problem, TSP or ATSP


def recognise(text: str) -> bool:
    """Whether TYPE says TSP or, without a TYPE, the sections are those of a TSP."""
    if stated := _TYPE.search(text):
        return stated[1].upper() == "TSP"
    found = {name.upper() for name in _NAMES.findall(text)}
    return bool(found) and found <= {*SECTIONS, "FIXED_EDGES_SECTION"}


def read(text: str, *, path: str | None = None) -> Case:
    """Reads a TSPLIB95 file of type TSP; raises `InstanceError` for every defect."""
    document = tsplib.parse(text, sections=SECTIONS, path=path)
    if tsplib.kind(document) != "TSP":
        reason = "this is not a symmetric TSP: the file must say 'TYPE : TSP'"
        raise document.error(reason, field="TYPE", value=document.text("TYPE"))
    tsplib.dimension(document)
    metric = document.choice("EDGE_WEIGHT_TYPE", TYPES)
    if metric == "EXPLICIT":
        case = read_matrix(Case, document)
        if pair := metrics.first_asymmetry(matrix := case.matrix()):
            reason = _asymmetric(pair[0] + 1, pair[1] + 1, matrix[pair], matrix[pair[::-1]])
            raise document.error(reason, field="EDGE_WEIGHT_SECTION")
        return case
    if "EDGE_WEIGHT_SECTION" in document.sections:
        reason = f"EDGE_WEIGHT_TYPE {metric} needs no matrix: remove it or state EXPLICIT"
        raise document.error(reason, field="EDGE_WEIGHT_SECTION")
    nodes = tsplib.coordinates(document, metric)
    display = _display(document, ("DISPLAY_DATA_SECTION",), nodes.ids)
    return Case(
        name=document.text("NAME", "unnamed"),
        path=path,
        metric=metric,
        ids=nodes.ids,
        coords=nodes.values,
        display=display,
    )


def read_matrix(form: type[Form], document: Document) -> Form:
    """A case of EDGE_WEIGHT_TYPE EXPLICIT; TSPLIB numbers its nodes from 1."""
    distances = tsplib.edge_weights(document)
    ids = np.arange(1, len(distances) + 1)
    display = _display(document, ("DISPLAY_DATA_SECTION", "NODE_COORD_SECTION"), ids)
    return form(
        name=document.text("NAME", "unnamed"),
        path=document.path,
        metric="EXPLICIT",
        ids=ids,
        distances=distances,
        display=display,
    )


def _display(document: Document, sections: Sequence[str], ids: np.ndarray) -> np.ndarray | None:
    """The first of `sections` that the file has, as coordinates in the order of `ids`."""
    for section in sections:
        if section in document.sections:
            return tsplib.coordinates(document, "EUCLIDEAN", section, ids).values
    return None


def _asymmetric(first: int, second: int, there: float, back: float) -> str:
    """The sentence on a matrix that another problem reads."""
    reason = f"the distance {first} to {second} is {there:g} and back {back:g}"
    return f"{reason}: an asymmetric TSP is the problem atsp"


def from_arrays(data: object) -> Case | None:
    """A case from coordinates or distances; None if `data` is neither.

    Args:
        data: coordinates ``[n, 2]`` (anything array-like), or a dict with ``coords [n, 2]`` or
            ``distances [n, n]`` and optionally ``name``, and ``names [n]``. With both, the
            distances are the truth and the coordinates are for pictures. The diagonal of
            `distances` is ignored. A matrix that is not symmetric is left to the problem atsp.

    Raises:
        InstanceError: numbers that are not finite or overflow, a negative distance, shapes that
            do not agree.
    """
    if isinstance(data, Mapping):
        keys = {key for key, value in data.items() if value is not None}
        if not keys & {"coords", "distances"} or not keys <= ARRAYS:
            return None
        name = str(data["name"]) if "name" in keys else "unnamed"
        coords = points(data["coords"]) if "coords" in keys else None
        if "distances" in keys:
            matrix = square(data["distances"])
            if not is_symmetric(matrix):
                return None
            named = names.named(data, "stops", len(matrix))
            return from_matrix(Case, (matrix + matrix.T) / 2, coords, name, named)
        assert coords is not None
        named = names.named(data, "stops", len(coords))
    elif _is_points(data):
        coords, name, named = points(data), "unnamed", {}
    else:
        return None
    assert coords is not None
    if (fault := metrics.overflow(coords, "EUCLIDEAN")) is not None:
        row, reason = fault
        raise InstanceError(reason, field=f"coords[{row}]", value=coords[row].tolist())
    return Case(
        name=name, names=named, metric="EUCLIDEAN", ids=np.arange(len(coords)), coords=coords
    )


def from_matrix(
    form: type[Form],
    distances: np.ndarray,
    coords: np.ndarray | None,
    name: str,
    named: Mapping[str, Sequence[str]],
) -> Form:
    """A case numbered from 0 of a checked matrix; coordinates are for pictures only."""
    if coords is not None and len(coords) != len(distances):
        reason = f"there are distances of {len(distances)} nodes: the two must agree"
        raise InstanceError(reason, field="coords", value=list(coords.shape))
    return form(
        name=name,
        names=named,
        metric="EXPLICIT",
        ids=np.arange(len(distances)),
        distances=metrics.whole(distances),
        display=coords,
    )


def _is_points(data: object) -> bool:
    """Whether `data` has the form of coordinates, defective ones included."""
    shape = getattr(data, "shape", None)
    if shape is not None:
        return len(shape) == 2 and shape[1] == 2
    if not isinstance(data, list | tuple) or not data:
        return False
    if not all(isinstance(row, list | tuple) or getattr(row, "ndim", 0) == 1 for row in data):
        return False
    nested = any(isinstance(x, list | tuple) or getattr(x, "ndim", 0) for x in data[0])
    return len(data[0]) == 2 and not nested


def _untracked(data: Any) -> Any:
    """A torch tensor without its gradient and device (torch is not imported here)."""
    return data.detach().cpu() if hasattr(data, "detach") else data


def _array(data: Any, field: str) -> np.ndarray:
    """Numbers of any array-like, tensors included."""
    if isinstance(data, list | tuple):
        data = [_untracked(row) for row in data]
    try:
        array = np.asarray(_untracked(data))
    except ValueError:
        raise InstanceError("the rows differ in length", field=field) from None
    except TypeError as error:
        raise InstanceError(f"not an array of numbers: {error}", field=field) from None
    if array.dtype.kind not in "iuf":
        reason = f"numbers belong here, not {array.dtype.name}"
        raise InstanceError(reason, field=field, value=array.ravel()[:1].tolist())
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        place = f"{field}{wrong[0].tolist()}"
        value = str(array[tuple(wrong[0])])
        raise InstanceError("the number must be finite", field=place, value=value)
    return array


def points(data: object) -> np.ndarray:
    """Checked coordinates, float64 [n, 2]."""
    coords = _array(data, "coords").astype(np.float64)
    if coords.ndim != 2 or coords.shape[1] != 2 or not 1 <= len(coords) <= tsplib.MAX_NODES:
        reason = f"the shape must be [n, 2] with n from 1 to {tsplib.MAX_NODES:,}"
        raise InstanceError(reason, field="coords", value=list(coords.shape))
    return coords


def square(data: object) -> np.ndarray:
    """A checked matrix with a zero diagonal, float64 [n, n], symmetric or not."""
    matrix = _array(data, "distances").astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        reason = "the shape must be [n, n] with n from 1"
        raise InstanceError(reason, field="distances", value=list(matrix.shape))
    np.fill_diagonal(matrix, 0)
    wrong = np.argwhere((matrix < 0) | (matrix > metrics.EXACT))
    if len(wrong):
        place = f"distances{wrong[0].tolist()}"
        value = f"{matrix[tuple(wrong[0])]:g}"
        raise InstanceError("a distance must be from 0 to 2**53", field=place, value=value)
    return matrix


def is_symmetric(matrix: np.ndarray) -> bool:
    """Whether a matrix is symmetric but for rounding: it is a TSP, any other an ATSP."""
    return metrics.first_asymmetry(matrix, metrics.ROUNDING * float(matrix.max())) is None


def write(case: Case) -> str:
    """The case as a TSPLIB file; a matrix is numbered from 1 whatever its `ids`."""
    lines = [
        f"NAME : {tsplib.one_line(case.name)}",
        f"TYPE : {case.problem.upper()}",
        f"DIMENSION : {case.size}",
        f"EDGE_WEIGHT_TYPE : {case.metric}",
    ]
    ids = case.ids
    if case.distances is not None:
        ids = np.arange(1, case.size + 1)
        lines += ["EDGE_WEIGHT_FORMAT : FULL_MATRIX"]
    if case.display is not None:
        lines += ["DISPLAY_DATA_TYPE : TWOD_DISPLAY"]
    if case.distances is not None:
        lines += ["EDGE_WEIGHT_SECTION", *tsplib.matrix_rows(case.distances)]
    lines += tsplib.rows("NODE_COORD_SECTION", case.coords, ids)
    lines += tsplib.rows("DISPLAY_DATA_SECTION", case.display, ids)
    return "\n".join([*lines, "EOF", ""])


def read_solution(text: str, case: Case) -> list[int]:
    """A tour in node numbers, from a TSPLIB tour file or JSON.

    JSON is a list, or an object with the list as ``solution``. Whether the tour visits every node
    is the checker's question.

    Raises:
        InstanceError: neither form, a number that is none, a tour for another number of nodes.
    """
    if text.lstrip()[:1] in ("{", "["):
        return _read_json(text)
    document = tsplib.parse(text, sections=("TOUR_SECTION",))
    if "TYPE" in document.keywords and tsplib.kind(document) != "TOUR":
        reason = "this is not a tour: the file must say 'TYPE : TOUR'"
        raise document.error(reason, field="TYPE", value=document.text("TYPE"))
    if "DIMENSION" in document.keywords and tsplib.dimension(document) != case.size:
        reason = f"{case.name} has {case.size} nodes: this tour is for another instance"
        raise document.error(reason, field="DIMENSION", value=document.text("DIMENSION"))
    return tsplib.tour_numbers(document, "TOUR_SECTION")


def _read_json(text: str) -> list[int]:
    """A tour in JSON."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"the tour is no valid JSON: {error.msg}"
        raise InstanceError(reason, line=error.lineno) from None
    if isinstance(data, dict):
        if "solution" not in data:
            reason = "the JSON object needs the tour under this key"
            raise InstanceError(reason, field="solution")
        data = data["solution"]
    if not isinstance(data, list):
        raise InstanceError("a list of node numbers belongs here", field="solution", value=data)
    for place, number in enumerate(data):
        whole = isinstance(number, float) and number.is_integer()
        if isinstance(number, bool) or not (isinstance(number, int) or whole):
            reason = "a node number belongs here"
            raise InstanceError(reason, field=f"solution[{place}]", value=repr(number))
    return [int(number) for number in data]


def write_solution(case: Case, solution: Sequence[int], cost: float | None) -> str:
    """A tour as a TSPLIB tour file, in the numbers that `solution` has."""
    comment = None if cost is None else f"length {tsplib.number_text(cost)}"
    return tsplib.tour_text(case.name, comment, case.size, solution)

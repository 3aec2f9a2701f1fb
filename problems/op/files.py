"""Exact orienteering cases: reads and writes OPLib files, and takes arrays.

The format is that of `nco.problems._routing.tsplib` with COST_LIMIT, NODE_SCORE_SECTION and
DEPOT_SECTION. The depot moves to position 0, the customers keep the order of the file, and all
keep their numbers.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import nco.core.case
from nco.core.errors import InstanceError
from nco.problems._common import names
from nco.problems._routing import depots, metrics, routes, tsplib
from nco.problems._routing.numbering import Numbered
from nco.problems._routing.one_tree import shortest_ways

SECTIONS = (
    "NODE_COORD_SECTION",
    "EDGE_WEIGHT_SECTION",
    "DISPLAY_DATA_SECTION",
    "NODE_SCORE_SECTION",
    "DEPOT_SECTION",
)
TOURS = ("TOUR_SECTION", "NODE_SEQUENCE_SECTION")  # where solution files may list the nodes
TOLERANCE = 1e-6  # of the limit, as the checker grants it
MOST_FILLED = 3000  # customers up to which a construction ends with insertions, n^2 operations
ARRAYS = {"coords", "distances", "prizes", "limit", "name", "names"}
# What related problems state by keyword and would be lost if it were skipped.
_REFUSED = {
    "CAPACITY": "capacities",
    "SERVICE_TIME": "service times",
    "TIME_WINDOW": "time windows",
    "VEHICLES": "several routes",
}
_TYPE = re.compile(r"^[ \t\ufeff]*TYPE[ \t]*:[ \t]*([A-Z0-9_-]+)", re.IGNORECASE | re.MULTILINE)
_LIMIT = re.compile(r"^[ \t]*COST_LIMIT[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SCORES = re.compile(r"^[ \t]*NODE_SCORE_SECTION\b", re.IGNORECASE | re.MULTILINE)

SUFFIX = ".oplib"  # of the files that `write` makes


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(Numbered, nco.core.case.Case):
    """A depot, n customers with a prize each, and the longest route that is allowed.

    A solution is the list of the visited customers' numbers in their order, without the depot.

    Attributes:
        metric: ``EXPLICIT`` for stated distances, otherwise one of `metrics.METRICS`;
            ``EUCLIDEAN`` (not rounded) for coordinates given as an array.
        ids: the numbers of the nodes, int64 [n+1]; for arrays from 0, the depot.
        coords: float64 [n+1, 2] in the source's units, the depot first; None without coordinates.
        distances: int64 or float64 [n+1, n+1], symmetric, where the source states them.
        prizes: float64 [n+1]; the depot's, which OPLib states, is part of every route's.
        limit: of the route's length from the depot and back.
        display: float64 [n+1, 2], where the source says nodes are to be drawn.
    """

    problem: ClassVar[str] = "op"
    view: ClassVar[str] = "tour"
    metric: str
    ids: np.ndarray
    coords: np.ndarray | None
    distances: np.ndarray | None = None
    prizes: np.ndarray
    limit: float
    display: np.ndarray | None = None

    @property
    def size(self) -> int:
        return len(self.prizes) - 1

    def notes(self) -> list[str]:
        """Customers that no route within the limit can reach."""
        if self.size > MOST_FILLED:
            return [*self.remarks]
        every = np.arange(self.size + 1)
        # stated and rounded distances may have shortcuts over other customers
        away = shortest_ways(self.between(every[:, None], every))[1:]
        far = np.flatnonzero(2 * away > self.limit * (1 + TOLERANCE)) + 1
        if not len(far):
            return [*self.remarks]
        worst = int(far[away[far - 1].argmax()])
        return [
            *self.remarks,
            f"{len(far)} of {self.size} customers are out of reach, such as {self.ids[worst]}: "
            f"there and back is {2 * away[worst - 1]:.6g}, the limit is {self.limit:.6g}",
        ]

    def construct(self) -> list[int]:
        """The most prize for the way to it next; then what still fits by insertion, up to 3000."""
        route = _forward(self)
        return self.numbered(route if self.size > MOST_FILLED else fill(self, route))

    @property
    def whole(self) -> bool:
        """Whether all distances are whole numbers."""
        if self.distances is not None:
            return self.distances.dtype == np.int64
        return self.metric not in metrics.REAL

    def between(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Distances, float64, between positions of shapes that broadcast."""
        if self.distances is not None:
            return self.distances[start, end].astype(np.float64)
        assert self.coords is not None
        distances = metrics.distances(self.coords[start], self.coords[end], self.metric)
        return np.where(start == end, 0.0, distances)  # GEO's formula says 1


# --------------------------------------------------------------------------------------------------
# A simple construction


def _forward(case: Case) -> list[int]:
    """The customer of most prize for the way to it next, as long as there is a way home."""
    left = 1 + np.flatnonzero(case.prizes[1:] > 0)
    home = case.between(np.array(0), left)
    prizes = case.prizes[left]
    route, spent, current = [], 0.0, 0
    while len(left):
        way = case.between(np.array(current), left)
        fits = spent + way + home <= case.limit
        if not fits.any():
            break
        # what cannot be reached now never will be, by the triangle inequality
        left, home, prizes, way = left[fits], home[fits], prizes[fits], way[fits]
        pick = int((prizes / np.maximum(way, 1e-12 * case.limit)).argmax())
        current, spent = int(left[pick]), spent + float(way[pick])
        route.append(current)
        prizes[pick], home[pick] = 0.0, np.inf
    return route


def fill(case: Case, route: Sequence[int]) -> list[int]:
    """`route` with customers inserted, the most prize for its detour first, as long as any fits.

    Args:
        case: the case.
        route: customers in positions, a feasible route that is kept in its order.
    """
    insertion = _Insertion(case, route)
    while insertion.extend():
        pass
    return insertion.route()


class _Insertion:
    """A route that grows, with the least detour of every customer that is left."""

    def __init__(self, case: Case, route: Sequence[int]) -> None:
        self.case = case
        nodes = np.arange(case.size + 1)
        home = case.between(np.zeros_like(nodes), nodes)
        fits = (2 * home <= case.limit) & (case.prizes > 0)
        fits[[0, *route]] = False
        self.left = nodes[fits]  # customers that may be inserted
        self.prizes = case.prizes[fits]
        self.stops = [0, *route]
        self.after = np.zeros(case.size + 1, dtype=np.int64)  # what follows a stop
        self.after[self.stops] = [*route, 0]
        self.leg = np.zeros(case.size + 1)  # from a stop to what follows
        self.leg[self.stops] = case.between(np.array(self.stops), self.after[self.stops])
        self.room = case.limit - float(self.leg.sum())
        self.detour = np.empty(len(self.left))
        self.place = np.empty(len(self.left), dtype=np.int64)  # the stop before it
        self._search(np.arange(len(self.left)))

    def route(self) -> list[int]:
        """Its stops in their order."""
        stops, stop = [], int(self.after[0])
        while stop:
            stops.append(stop)
            stop = int(self.after[stop])
        return stops

    def extend(self) -> bool:
        """Inserts one customer; False where none fits."""
        fits = np.flatnonzero(self.detour <= self.room)
        if not len(fits):
            return False
        gain = self.prizes[fits] / np.maximum(self.detour[fits], 1e-12 * self.case.limit)
        pick = int(fits[gain.argmax()])
        node, before = int(self.left[pick]), int(self.place[pick])
        end = int(self.after[before])
        self.room -= float(self.detour[pick])
        for name in ("left", "prizes", "detour", "place"):
            setattr(self, name, np.delete(getattr(self, name), pick))
        near = self.case.between(np.array(node), self.left)
        self.stops.append(node)
        self.after[before], self.after[node] = node, end
        for stop, other in ((before, before), (node, end)):
            self.leg[stop] = self.case.between(np.array(node), np.array(other))
        lost = np.flatnonzero(self.place == before)  # their leg is no more
        for stop, other in ((before, before), (node, end)):
            detour = near + self.case.between(np.array(other), self.left) - self.leg[stop]
            better = detour < self.detour
            self.detour[better], self.place[better] = detour[better], stop
        self._search(lost)
        return True

    def _search(self, rows: np.ndarray) -> None:
        """The least detours of the customers `left[rows]` over all legs."""
        stops = np.array(self.stops)
        step = max(1, metrics.BLOCK // len(stops))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            nodes = self.left[part, None]
            detour = self.case.between(nodes, stops) + self.case.between(nodes, self.after[stops])
            detour -= self.leg[stops]
            best = detour.argmin(1)
            self.detour[part] = detour[np.arange(len(part)), best]
            self.place[part] = stops[best]


# --------------------------------------------------------------------------------------------------
# Files


def recognise(text: str) -> bool:
    """Whether TYPE says OP or, without a TYPE, there are a cost limit and scores."""
    if stated := _TYPE.search(text):
        return stated[1].upper() == "OP"
    return bool(_LIMIT.search(text) and _SCORES.search(text))


def read(text: str, *, path: str | None = None) -> Case:
    """Reads an OPLib file.

    Args:
        text: the whole file.
        path: its name, for error messages and the case.

    Raises:
        InstanceError: the file breaks its format, or states a rule that this problem lacks.
    """
    document = tsplib.parse(text, sections=SECTIONS, path=path)
    depots.check_type(document, "OP")
    depots.check_rules(document, _REFUSED, harmless={"VEHICLES": "1"})
    tsplib.dimension(document)
    metric = document.choice("EDGE_WEIGHT_TYPE", (*metrics.METRICS, "EXPLICIT"))
    points, distances, scores = depots.nodes(document, metric, "NODE_SCORE_SECTION")
    order = depots.first(document, scores.ids)
    limit = document.number("COST_LIMIT")
    if limit <= 0:
        value = document.text("COST_LIMIT")
        raise document.error("the limit must be positive", field="COST_LIMIT", value=value)
    prizes = scores.values[order, 0]
    if fault := _prize_fault(prizes):
        row = order[fault[0]]
        value = f"node {scores.ids[row]} with {tsplib.number_text(scores.values[row, 0])}"
        line = scores.lines[row]
        raise document.error(fault[1], field="NODE_SCORE_SECTION", value=value, line=line)
    return Case(
        name=document.text("NAME", "unnamed") or "unnamed",
        path=path,
        metric=metric,
        ids=scores.ids[order],
        coords=None if points is None else points[order],
        distances=None if distances is None else distances[np.ix_(order, order)],
        prizes=prizes,
        limit=limit,
        display=depots.display(document, scores.ids, order),
    )


def _prize_fault(prizes: np.ndarray) -> tuple[int, str] | None:
    """The first position whose prize is impossible, and the reason."""
    wrong = ~(np.isfinite(prizes) & (prizes >= 0))
    if wrong.any():
        return int(wrong.argmax()), "a prize must be 0 or a positive number"
    if not math.fsum(prizes / metrics.EXACT) <= 1:
        return int(prizes.argmax()), "the prizes sum to more than 2**53: use a larger unit"
    return None


def from_arrays(data: object) -> Case | None:
    """A case from a dict of arrays; None where its keys are not those of this problem.

    Args:
        data: ``coords`` [n+1, 2], the depot first, or ``distances`` [n+1, n+1], or both (then the
            distances count and the coordinates are drawn); ``prizes`` [n+1], the depot's 0, or
            what every route brings; ``limit``, the longest route in the unit of the distances;
            optionally ``name``, and ``names`` [n+1].

    Raises:
        InstanceError: the arrays do not fit together or hold impossible numbers.
    """
    if not isinstance(data, Mapping):
        return None
    keys = {key for key in data if data[key] is not None}
    if not keys <= ARRAYS or "prizes" not in keys or not keys & {"coords", "distances"}:
        return None
    prizes = depots.array(data["prizes"], "prizes")
    if prizes.ndim != 1 or not 1 <= len(prizes) <= tsplib.MAX_NODES:
        reason = "must be one row of numbers, the depot's first"
        raise InstanceError(reason, field="prizes", value=prizes.shape)
    if fault := _prize_fault(prizes):
        value = f"at position {fault[0]} with {float(prizes[fault[0]])}"
        raise InstanceError(fault[1], field="prizes", value=value)
    if "limit" not in keys:
        raise InstanceError("this key is missing: add the longest route's length", field="limit")
    limit = depots.array(data["limit"], "limit")
    if limit.ndim != 0 or not np.isfinite(limit) or limit <= 0:
        value = str(data["limit"])
        raise InstanceError("must be one positive number", field="limit", value=value)
    coords = distances = None
    if "coords" in keys:
        coords = depots.coordinates(data["coords"], len(prizes), "prizes")
    if "distances" in keys:
        distances = depots.distances(data["distances"], len(prizes), "prizes")
    return Case(
        name=str(data["name"]) if "name" in keys else "unnamed",
        names=names.named(data, "stops", len(prizes)),
        metric="EUCLIDEAN" if distances is None else "EXPLICIT",
        ids=np.arange(len(prizes)),
        coords=coords,
        distances=distances,
        prizes=prizes,
        limit=float(limit),
    )


def write(case: Case) -> str:
    """The case as the text of an OPLib file; a matrix is numbered from 1 whatever its `ids`."""
    ids = case.ids if case.distances is None else np.arange(1, case.size + 2)
    lines = [
        f"NAME : {tsplib.one_line(case.name)}",
        "TYPE : OP",
        f"DIMENSION : {case.size + 1}",
        f"COST_LIMIT : {tsplib.number_text(case.limit)}",
        f"EDGE_WEIGHT_TYPE : {case.metric}",
    ]
    if case.distances is not None:
        lines += ["EDGE_WEIGHT_FORMAT : FULL_MATRIX", "EDGE_WEIGHT_SECTION"]
        lines += tsplib.matrix_rows(case.distances)
    lines += tsplib.rows("NODE_COORD_SECTION", case.coords, ids)
    lines += tsplib.rows("DISPLAY_DATA_SECTION", case.display, ids)
    lines += tsplib.rows("NODE_SCORE_SECTION", case.prizes, ids)
    return "\n".join([*lines, "DEPOT_SECTION", str(ids[0]), "-1", "EOF", ""])


# --------------------------------------------------------------------------------------------------
# Solutions


def read_solution(text: str, case: Case) -> list[int]:
    """A route in node numbers, from a tour file or JSON; what it holds is for the checker.

    Args:
        text: a TSPLIB tour (the depot at its ends is dropped), a JSON list of customers, or a JSON
            object with the key ``solution``.
        case: the case it belongs to.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return _json_route(text)
    document = tsplib.parse(text, sections=(*TOURS, "DEPOT_SECTION"))
    section = next((name for name in TOURS if name in document.sections), TOURS[0])
    route = tsplib.tour_numbers(document, section)
    depot = int(case.ids[0])
    route = route[1:] if route[:1] == [depot] else route
    return route[:-1] if route[-1:] == [depot] else route


def _json_route(text: str) -> list[int]:
    """A route in JSON."""
    stated = routes.stated_in_json(text)
    if not isinstance(stated, list):
        reason = "must be a list of customers"
        raise InstanceError(reason, field="solution", value=json.dumps(stated))
    routes.check_numbers(stated, "a node number belongs here")
    return stated


def write_solution(case: Case, solution: Sequence[int], cost: float | None) -> str:
    """A route as a TSPLIB tour file that begins at the depot."""
    comment = None if cost is None else f"prize {tsplib.number_text(-cost)}"
    nodes = [int(case.ids[0]), *solution]
    return tsplib.tour_text(case.name, comment, len(nodes), nodes)

"""Reads the TSPLIB95 container: keyword lines, data sections and the distances they define.

TSP (`.tsp`, `.tour`) and vehicle-routing (`.vrp`) files share it. This module knows the container
and `metrics` the distances; what a file must hold is said by the `files.py` of each problem. It
follows G. Reinelt, "TSPLIB 95" (Heidelberg, 1995).
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing.metrics import EXACT, overflow, whole

MAX_NODES = 1_000_000
LAYOUTS = (
    "FULL_MATRIX",
    "UPPER_ROW",
    "LOWER_ROW",
    "UPPER_DIAG_ROW",
    "LOWER_DIAG_ROW",
    "UPPER_COL",
    "LOWER_COL",
    "UPPER_DIAG_COL",
    "LOWER_DIAG_COL",
)
_KEYWORD = re.compile(r"([A-Za-z][A-Za-z0-9_ ]*?)\s*:(.*)")
_SECTION = re.compile(r"([A-Za-z][A-Za-z0-9_]*_SECTION)\b\s*:?(.*)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Document:
    """A file cut into keywords and sections, with the line of everything.

    Attributes:
        keywords: upper-cased key -> (its value, its line).
        sections: upper-cased name -> the non-blank lines below it, as (line, tokens).
        headers: upper-cased section name -> the line of the name itself.
        path: the file, for error messages.
    """

    keywords: dict[str, tuple[str, int]]
    sections: dict[str, list[tuple[int, list[str]]]]
    headers: dict[str, int]
    path: str | None = None

    def error(
        self, reason: str, *, field: str, value: object = None, line: int | None = None
    ) -> InstanceError:
        """An error that names this file; without `line`, the line where `field` is stated."""
        if line is None:
            line = self.keywords[field][1] if field in self.keywords else self.headers.get(field)
        return InstanceError(reason, field=field, value=value, path=self.path, line=line)

    def text(self, key: str, default: str | None = None) -> str:
        """A keyword's value; an error if the keyword is missing and has no default."""
        if key in self.keywords:
            return self.keywords[key][0]
        if default is None:
            raise self.error(f"this keyword is missing: add a line '{key} : value'", field=key)
        return default

    def choice(self, key: str, choices: Collection[str], default: str | None = None) -> str:
        """A keyword's upper-cased value, which must be one of `choices`."""
        value = self.text(key, default).upper()
        if value not in choices:
            reason = f"is not supported: use one of {', '.join(choices)}"
            raise self.error(reason, field=key, value=self.text(key, default))
        return value

    def number(self, key: str) -> float:
        """A keyword's value as a finite number."""
        return number(self, self.text(key), key, None)

    def rows(self, section: str) -> list[tuple[int, list[str]]]:
        """A section's lines; an error if the section is absent."""
        if section not in self.sections:
            raise self.error("this section is missing: the file needs it", field=section)
        return self.sections[section]


def parse(text: str, *, sections: Collection[str], path: str | None = None) -> Document:
    """Cuts a file into keywords and sections.

    Args:
        text: the whole file; line ends may be LF, CRLF or CR.
        sections: names of the sections that the problem understands; any other is refused.
        path: the file, for error messages.

    Raises:
        InstanceError: binary or empty text, an unsupported section, a line that is neither a
            keyword nor data, a keyword or section stated twice.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        reason = "NUL byte: this is a binary file, not TSPLIB text"
        raise InstanceError(reason, path=path, line=line)
    if not text.strip():
        raise InstanceError("the file is empty", path=path)
    document = Document({}, {}, {}, path)
    rows: list[tuple[int, list[str]]] | None = None
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line, raw in enumerate(lines, start=1):
        content = raw.strip(" \t\v\f\x1a")  # \x1a ended files under DOS
        if not content:
            continue
        if content[0].isalpha():
            if content.upper().rstrip(" :") == "EOF":
                break
            if match := _SECTION.fullmatch(content):
                rows = _open(document, match[1].upper(), line, sections)
                content = match[2].strip()
            elif match := _KEYWORD.fullmatch(content):
                _state(document, match[1].upper(), match[2].strip(), line)
                rows, content = None, ""
        if content and rows is None:
            reason = "this line is neither 'KEYWORD : value' nor below the name of a section"
            raise InstanceError(reason, value=content, path=path, line=line)
        if content and rows is not None:
            rows.append((line, content.split()))
    return document


def kind(document: Document) -> str:
    """The first word of TYPE, upper-cased: ``TSP`` of ``TSP (M.~Hofmeister)``."""
    return re.split(r"[\s(,;]", document.text("TYPE"), maxsplit=1)[0].upper()


def _open(
    document: Document, name: str, line: int, sections: Collection[str]
) -> list[tuple[int, list[str]]]:
    """Starts a section and returns the list that takes its rows."""
    if name not in sections:
        reason = f"this section is not supported (known here: {', '.join(sorted(sections))})"
        if name == "FIXED_EDGES_SECTION":
            reason = "fixed edges are not supported: remove the section to solve without them"
        raise document.error(reason, field=name, line=line)
    if name in document.headers:
        reason = f"this section is stated twice, first in line {document.headers[name]}"
        raise document.error(reason, field=name, line=line)
    rows: list[tuple[int, list[str]]] = []
    document.sections[name] = rows
    document.headers[name] = line
    return rows


def _state(document: Document, key: str, value: str, line: int) -> None:
    """Enters a keyword; only a comment may be repeated."""
    if key == "COMMENT" and key in document.keywords:
        return
    if key in document.keywords:
        reason = f"this keyword is stated twice, first in line {document.keywords[key][1]}"
        raise document.error(reason, field=key, value=value, line=line)
    document.keywords[key] = (value, line)


def number(document: Document, token: str, field: str, line: int | None) -> float:
    """A finite number; the error names `field` and `line`."""
    try:
        value = float(token)
    except ValueError:
        value = math.nan
    if "_" in token or (math.isnan(value) and token.lower().lstrip("+-") != "nan"):
        raise document.error("a number belongs here", field=field, value=token or "''", line=line)
    if not math.isfinite(value):
        raise document.error("the number must be finite", field=field, value=token, line=line)
    return value


def integer(document: Document, token: str, field: str, line: int | None) -> int:
    """A whole number below 2**53 in size; ``1.0`` and ``1e3`` are whole."""
    value = number(document, token, field, line)
    if not value.is_integer() or abs(value) > EXACT:
        raise document.error("a whole number belongs here", field=field, value=token, line=line)
    return int(value)


def dimension(document: Document) -> int:
    """DIMENSION, from 1 to 1,000,000. Nothing may be allocated by it before rows were counted."""
    token = document.text("DIMENSION")
    value = integer(document, token, "DIMENSION", None)
    if not 1 <= value <= MAX_NODES:
        reason = f"the number of nodes must be from 1 to {MAX_NODES:,}"
        raise document.error(reason, field="DIMENSION", value=token)
    return value


@dataclass(frozen=True, eq=False)
class Table:
    """A section of rows ``number value...``, in the order of the file.

    Attributes:
        ids: node numbers, int64 [n].
        values: float64 [n, columns].
        lines: the line of each row.
    """

    ids: np.ndarray
    values: np.ndarray
    lines: list[int]


def table(document: Document, section: str, columns: int, ids: np.ndarray | None = None) -> Table:
    """Reads a section of one row a node.

    Args:
        ids: the nodes that must have a row; the table is put into their order. Without them the
            rows define the nodes and their number must be DIMENSION.

    Raises:
        InstanceError: a row of another length, text or infinities, a number that is negative,
            used twice, missing or unknown, more or fewer rows than DIMENSION.
    """
    size = dimension(document)
    places: dict[int, int] = {}
    values: list[list[float]] = []
    lines: list[int] = []
    for line, tokens in document.rows(section):
        if len(tokens) != columns + 1:
            reason = f"a row must be a node number and {columns} value{'s' * (columns > 1)}"
            raise document.error(reason, field=section, value=" ".join(tokens), line=line)
        node = _fresh(document, section, tokens[0], line, places, lines)
        places[node] = len(lines)
        values.append([number(document, token, section, line) for token in tokens[1:]])
        lines.append(line)
    if ids is None and len(lines) != size:
        reason = f"{section} has {len(lines)} rows: correct DIMENSION or complete the file"
        raise document.error(reason, field="DIMENSION", value=size)
    numbers = np.fromiter(places, dtype=np.int64, count=len(places))
    rows = Table(numbers, np.array(values, dtype=np.float64).reshape(-1, columns), lines)
    return rows if ids is None else _arranged(document, section, rows, ids, places)


def _fresh(
    document: Document,
    section: str,
    token: str,
    line: int,
    places: dict[int, int],
    lines: list[int],
) -> int:
    """A node number that no earlier row of the section has."""
    node = integer(document, token, section, line)
    reason = "this number is negative" if node < 0 else None
    if node in places:
        reason = f"this number is used twice, first in line {lines[places[node]]}"
    if reason:
        raise document.error(reason, field=section, value=f"node {node}", line=line)
    return node


def _arranged(
    document: Document, section: str, rows: Table, ids: np.ndarray, places: dict[int, int]
) -> Table:
    """The rows in the order of `ids`; an error names a node that either side lacks."""
    wanted = ids.tolist()
    for node in wanted:
        if node not in places:
            reason = "this node has no row: complete the section"
            raise document.error(reason, field=section, value=f"node {node}")
    if len(places) > len(wanted):
        node = min(set(places) - set(wanted))
        line = rows.lines[places[node]]
        raise document.error(
            "there is no such node", field=section, value=f"node {node}", line=line
        )
    order = [places[node] for node in wanted]
    return Table(ids, rows.values[order], [rows.lines[row] for row in order])


def coordinates(
    document: Document,
    metric: str,
    section: str = "NODE_COORD_SECTION",
    ids: np.ndarray | None = None,
) -> Table:
    """The nodes' coordinates [n, 2], checked for distances that overflow in `metric`.

    The coordinates of an EXPLICIT file are only looked at: their metric is ``EUCLIDEAN``.
    """
    if document.text("NODE_COORD_TYPE", "TWOD_COORDS").upper() == "THREED_COORDS":
        value = document.text("NODE_COORD_TYPE")
        raise document.error(
            "only two coordinates a node are read", field="NODE_COORD_TYPE", value=value
        )
    points = table(document, section, 2, ids)
    if (fault := overflow(points.values, metric)) is not None:
        row, reason = fault
        value = " ".join(str(number) for number in points.values[row])
        raise document.error(reason, field=section, value=value, line=points.lines[row])
    return points


def depots(document: Document) -> list[tuple[int, int]]:
    """DEPOT_SECTION as (line, node number), up to its -1; nothing may follow the -1."""
    stated: list[tuple[int, int]] = []
    section, ended = "DEPOT_SECTION", False
    for line, tokens in document.rows(section):
        for token in tokens:
            node = integer(document, token, section, line)
            if ended or node < -1:
                reason = "the section ends with -1" if ended else "this number is negative"
                raise document.error(reason, field=section, value=token, line=line)
            ended = node == -1
            if not ended:
                stated.append((line, node))
    return stated


def edge_weights(document: Document) -> np.ndarray:
    """EDGE_WEIGHT_SECTION as a full matrix [n, n] in any of the nine formats.

    Numbers may be spread over lines in any way. The diagonal is no distance and is set to 0.
    Formats of one triangle give a symmetric matrix; FULL_MATRIX is returned as it stands.

    Returns:
        int64 [n, n] if every distance is a whole number, otherwise float64 [n, n].
    """
    section = "EDGE_WEIGHT_SECTION"
    layout = document.choice("EDGE_WEIGHT_FORMAT", LAYOUTS)
    size = dimension(document)
    rows = document.rows(section)
    count = sum(len(tokens) for _, tokens in rows)
    diagonal = "DIAG" in layout
    needed = size * size if layout == "FULL_MATRIX" else size * (size - 1 + 2 * diagonal) // 2
    if count != needed:
        reason = f"{layout} of {size} nodes needs {needed:,} numbers, the section has {count:,}"
        raise document.error(f"{reason}: correct DIMENSION or complete the file", field=section)
    values = np.array([number(document, t, section, line) for line, row in rows for t in row])
    starts, ends = _places(layout, size)
    wrong = np.flatnonzero((starts != ends) & ((values < 0) | (values > EXACT)))
    if len(wrong):
        lines = np.repeat([line for line, _ in rows], [len(tokens) for _, tokens in rows])
        value = f"{values[wrong[0]]:g}"
        reason = "a distance must be from 0 to 2**53"
        raise document.error(reason, field=section, value=value, line=int(lines[wrong[0]]))
    matrix = np.zeros((size, size))
    matrix[starts, ends] = values
    if layout != "FULL_MATRIX":
        matrix[ends, starts] = values
    np.fill_diagonal(matrix, 0)
    return whole(matrix)


def _places(layout: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each number of a layout, in the order of the file."""
    offset = 0 if "DIAG" in layout else 1
    if layout == "FULL_MATRIX":
        rows, columns = np.divmod(np.arange(size * size), size)
        return rows, columns
    if layout in ("UPPER_ROW", "UPPER_DIAG_ROW", "LOWER_COL", "LOWER_DIAG_COL"):
        return np.triu_indices(size, offset)  # a lower triangle by columns is an upper by rows
    return np.tril_indices(size, -offset)


def number_text(value: float) -> str:
    """A number as a file states it: whole numbers without a point, others without loss."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) <= EXACT else repr(value)


def one_line(name: str) -> str:
    """A case's name as a file states it."""
    return " ".join(name.split()) or "unnamed"


def matrix_rows(matrix: np.ndarray) -> list[str]:
    """The lines of a full matrix of distances."""
    return [" ".join(map(number_text, row)) for row in matrix.tolist()]


def tour_numbers(document: Document, section: str) -> list[int]:
    """The numbers of a tour's section, up to its -1."""
    tour: list[int] = []
    ended = False
    for line, tokens in document.rows(section):
        for token in tokens:
            number = integer(document, token, section, line)
            if ended and number != -1:
                reason = "the file holds more than one tour, or -1 inside a tour"
                raise document.error(reason, field=section, value=token, line=line)
            ended = number == -1
            if not ended:
                tour.append(number)
    return tour


def tour_text(name: str, comment: str | None, dimension: int, nodes: Sequence[int]) -> str:
    """A tour file."""
    lines = [f"NAME : {one_line(name)}.tour"]
    lines += [] if comment is None else [f"COMMENT : {comment}"]
    lines += ["TYPE : TOUR", f"DIMENSION : {dimension}", "TOUR_SECTION"]
    return "\n".join([*lines, *map(str, nodes), "-1", "EOF", ""])


def rows(section: str, values: np.ndarray | None, ids: np.ndarray | None = None) -> list[str]:
    """The lines of a section of one row a node, [n] or [n, k]; nothing where there are no values.

    Nodes are numbered from 1 where there are no `ids`.
    """
    if values is None:
        return []
    numbers = np.arange(1, len(values) + 1) if ids is None else ids
    table = values.reshape(len(values), -1).tolist()
    pairs = zip(numbers.tolist(), table, strict=True)
    return [section, *(f"{node} {' '.join(map(number_text, row))}" for node, row in pairs)]

"""Cases of a depot and other nodes: what all of them read from TSPLIB documents and arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import metrics, tsplib

MEAN = "put the mean of both in both places"


def check_type(document: tsplib.Document, kind: str) -> None:
    """Refuses a file that does not say ``TYPE : kind``."""
    if "TYPE" not in document.keywords:
        reason = f"this keyword is missing: add a line 'TYPE : {kind}'"
        raise document.error(reason, field="TYPE")
    if tsplib.kind(document) != kind:
        value = document.text("TYPE")
        raise document.error(f"only the type {kind} is read here", field="TYPE", value=value)


def check_rules(
    document: tsplib.Document, refused: Mapping[str, str], harmless: Mapping[str, str] | None = None
) -> None:
    """Refuses keywords that restrict routes in a way that the problem would ignore.

    Args:
        document: the file.
        refused: from the beginning of a keyword to what it states, in the plural.
        harmless: from a keyword to the value that restricts nothing; zero, or nothing, never does.
    """
    for key, (value, line) in document.keywords.items():
        rule = next((rule for start, rule in refused.items() if key.startswith(start)), None)
        if rule is None or value.strip("0.") == "" or (harmless or {}).get(key) == value:
            continue
        reason = f"{rule} are not supported: remove the line to solve without them"
        raise document.error(reason, field=key, value=value, line=line)


def display(document: tsplib.Document, ids: np.ndarray, order: np.ndarray) -> np.ndarray | None:
    """Coordinates for pictures only, in the `order` of the nodes; None where there are none."""
    section = "DISPLAY_DATA_SECTION"
    if section not in document.sections:
        return None
    return tsplib.coordinates(document, "EUCLIDEAN", section, ids).values[order]


def nodes(
    document: tsplib.Document, metric: str, section: str, remedy: str = MEAN
) -> tuple[np.ndarray | None, np.ndarray | None, tsplib.Table]:
    """Coordinates, distances and the one column of `section`, in one order of the nodes.

    Args:
        document: the file.
        metric: of its distances.
        section: with a number for each node.
        remedy: what is said to do where distances differ by direction.
    """
    if metric != "EXPLICIT":
        if "EDGE_WEIGHT_SECTION" in document.sections:
            reason = f"distances are stated, but EDGE_WEIGHT_TYPE is {metric}: state EXPLICIT"
            raise document.error(reason, field="EDGE_WEIGHT_SECTION")
        points = tsplib.coordinates(document, metric)
        return points.values, None, tsplib.table(document, section, 1, points.ids)
    matrix = tsplib.edge_weights(document)
    if (pair := metrics.first_asymmetry(matrix)) is not None:
        reason = _asymmetric(pair[0] + 1, pair[1] + 1, matrix[pair], matrix[pair[::-1]], remedy)
        raise document.error(reason, field="EDGE_WEIGHT_SECTION")
    # The rows of a matrix carry no numbers: they are the nodes from 1 (or 0) on.
    stated = tsplib.table(document, section, 1).ids
    ids = np.arange(len(stated)) + (0 if 0 in stated else 1)
    column = tsplib.table(document, section, 1, ids)
    if "NODE_COORD_SECTION" not in document.sections:
        return None, matrix, column
    points = tsplib.coordinates(document, "EUCLIDEAN", "NODE_COORD_SECTION", ids)
    return points.values, matrix, column


def _asymmetric(first: int, second: int, there: float, back: float, remedy: str) -> str:
    """The sentence on a pair of nodes whose two distances differ."""
    distances = f"the distance {first} to {second} is {there:g} and back {back:g}"
    return f"{distances}: only symmetric ones are read here; {remedy}"


def first(document: tsplib.Document, ids: np.ndarray) -> np.ndarray:
    """The order of the nodes that puts the one depot first, [n+1]."""
    section = "DEPOT_SECTION"
    depots = tsplib.depots(document)
    if len(depots) != 1:
        reason = f"there must be one depot, here are {len(depots)}"
        line = depots[1][0] if depots else None
        value = " ".join(str(node) for _, node in depots) or None
        raise document.error(reason, field=section, value=value, line=line)
    line, node = depots[0]
    places = np.flatnonzero(ids == node)
    if not len(places):
        reason = f"there is no such node: they are {ids.min()} to {ids.max()}"
        raise document.error(reason, field=section, value=node, line=line)
    return np.concatenate([places, np.delete(np.arange(len(ids)), places)])


def array(value: Any, field: str, decimal: bool = False) -> np.ndarray:
    """A float64 copy of an array of numbers.

    Args:
        value: anything array-like, tensors included.
        field: its name, for error messages.
        decimal: read single-precision numbers as the decimals they print as: 0.1 stays 0.1, so
            that ten such demands fill a capacity of 1.
    """
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu()
    try:
        numbers = np.asarray(value)
    except (TypeError, ValueError) as error:  # ragged lists, bfloat16
        raise InstanceError(f"is no array of numbers ({error})", field=field) from error
    if numbers.dtype.kind not in "iuf" and (numbers.size or numbers.dtype.kind != "O"):
        raise InstanceError("is no array of numbers", field=field, value=str(numbers.dtype))
    if decimal and numbers.dtype == np.float32:
        return numbers.astype(str).astype(np.float64)
    return np.array(numbers, dtype=np.float64)


def coordinates(value: Any, count: int, beside: str) -> np.ndarray:
    """Finite coordinates [count, 2], as many rows as the array `beside` them has numbers."""
    coords = array(value, "coords")
    if coords.shape != (count, 2):
        reason = f"must have the shape ({count}, 2): a row a node of `{beside}`, the depot first"
        raise InstanceError(reason, field="coords", value=coords.shape)
    if not np.isfinite(coords).all():
        row = int((~np.isfinite(coords)).any(1).argmax())
        shown = f"row {row} with {coords[row].tolist()}"
        raise InstanceError("the numbers must be finite", field="coords", value=shown)
    if (fault := metrics.overflow(coords, "EUCLIDEAN")) is not None:
        raise InstanceError(fault[1], field="coords", value=f"row {fault[0]}")
    return coords


def distances(value: Any, count: int, beside: str, remedy: str = MEAN) -> np.ndarray:
    """Symmetric distances [count, count] with a zero diagonal; `remedy` as that of `nodes`."""
    matrix = array(value, "distances")
    if matrix.shape != (count, count):
        reason = f"must have the shape ({count}, {count}), as `{beside}` has {count} numbers"
        raise InstanceError(reason, field="distances", value=matrix.shape)
    np.fill_diagonal(matrix, 0)
    wrong = ~((matrix >= 0) & (matrix <= metrics.EXACT))
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        shown = f"[{row}, {column}] = {matrix[row, column]:g}"
        raise InstanceError("a distance must be from 0 to 2**53", field="distances", value=shown)
    pair = metrics.first_asymmetry(matrix, metrics.ROUNDING * float(matrix.max()))
    if pair is not None:
        reason = _asymmetric(*pair, matrix[pair], matrix[pair[::-1]], remedy)
        raise InstanceError(reason, field="distances")
    return metrics.whole((matrix + matrix.T) / 2)

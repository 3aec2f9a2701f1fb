"""The nearest customers of every customer, in sorted columns of the plane or a matrix's rows."""

import math

import numpy as np

from nco.problems._common.kernels.compiling import Whole, compiled, inlined, kernel
from nco.problems._routing.kernels.places import distance

COLUMNS = 0.3  # of the square root of n
BLOCK = 1 << 22  # entries of a matrix that are sorted at once


def nearest(coords: np.ndarray, matrix: np.ndarray | None, count: int) -> np.ndarray:
    """The nearest customers of each, the depot left out: uint32 [n+1, K], the nearest first.

    Args:
        coords: float64 [n+1, 2], the depot first.
        matrix: float64 [n+1, n+1], whose entry is the distance from row to column; None to measure
            straight lines. Where the two directions differ, their sum says who is near.
        count: how many of each, K; fewer where there are fewer others.
    """
    size = len(coords) - 1
    count = max(0, min(count, size - 1))
    if matrix is not None:
        return _of_rows(matrix, count)
    near = np.zeros((size + 1, count), dtype=np.uint32)
    if count:
        x, y = coords.T.copy()
        members, first, low, high = columns(x, y)
        fill_nearest(x, y, members, first, low, high, near)
    return near


def columns(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Customers in C columns from left to right, equally many in each, sorted by height in each.

    Args:
        x, y: float64 [n+1].

    Returns:
        Their numbers, uint32 [n]; where each column begins, int64 [C+1]; and from where to where
        it reaches, float64 [C] each.
    """
    size = len(x) - 1
    count = max(1, round(COLUMNS * math.sqrt(size)))
    across = 1 + np.argsort(x[1:], kind="stable")
    first = np.arange(count + 1) * size // count
    column = np.repeat(np.arange(count), np.diff(first))
    members = across[np.lexsort((y[across], column))]
    low, high = x[across[first[:-1]]], x[across[first[1:] - 1]]
    return members.astype(np.uint32), first, low, high


def _of_rows(matrix: np.ndarray, count: int) -> np.ndarray:
    size = len(matrix) - 1
    near = np.zeros((size + 1, count), dtype=np.uint32)
    step = max(1, BLOCK // (size + 1))
    for first in range(1, size + 1, step):
        rows = np.arange(first, min(first + step, size + 1))
        both = matrix[rows, 1:] + matrix[1:, rows].T
        both[np.arange(len(rows)), rows - 1] = np.inf
        near[rows] = both.argsort(1, kind="stable")[:, :count] + 1
    return near


@kernel
def fill_distances(
    metric: int,
    x: np.ndarray,
    y: np.ndarray,
    matrix: np.ndarray,
    near: np.ndarray,
    apart: np.ndarray,
) -> None:
    """Sets `apart`, float64 [n+1, K], to the distances from the customers in `near` to their row's.

    The others are as for `places.distance`.
    """
    for customer in range(1, len(near)):
        for rank in range(near.shape[1]):
            other = near[customer, rank]
            apart[customer, rank] = distance(metric, x, y, matrix, other, customer)


@compiled
def fill_nearest(
    x: np.ndarray,
    y: np.ndarray,
    members: np.ndarray,
    first: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    near: np.ndarray,
) -> None:
    """Sets `near`, uint32 [n+1, K], to the K nearest customers of each row's by straight lines.

    From a customer's own column to both sides, and in each column from its height up and down,
    until no nearer one can follow.

    Args:
        x, y: float64 [n+1].
        members, first, low, high: of `columns`.
    """
    count, columns = near.shape[1], len(low)
    squares = np.empty(count)
    for column in range(columns):
        for place in range(first[column], first[column + 1]):
            customer = members[place]
            nearest, kept = near[customer], 0
            for away in range(columns):
                over = True
                for side in (-1, 1):
                    other = column + side * away
                    if other < 0 or other >= columns or (away == 0 and side > 0):
                        continue
                    gap = x[customer] - high[other] if side < 0 else low[other] - x[customer]
                    if away > 0 and kept == count and gap * gap >= squares[count - 1]:
                        continue
                    over = False
                    begin, end = first[other], first[other + 1]
                    kept = _search_column(
                        x, y, members, begin, end, customer, nearest, squares, kept
                    )
                if over:
                    break


@inlined
def _search_column(
    x: np.ndarray,
    y: np.ndarray,
    members: np.ndarray,
    begin: Whole,
    end: Whole,
    customer: Whole,
    nearest: np.ndarray,
    squares: np.ndarray,
    kept: int,
) -> int:
    """Looks through ``members[begin:end]``, sorted by height; the number of `nearest` then."""
    count = len(nearest)
    low = level(y, members, begin, end, y[customer])
    for direction in (-1, 1):
        place = low if direction > 0 else low - 1
        while begin <= place < end:
            other = members[place]
            place += direction
            up = y[other] - y[customer]
            if kept == count and up * up >= squares[count - 1]:
                break
            across = x[other] - x[customer]
            square = across * across + up * up
            if other == customer or (kept == count and square >= squares[count - 1]):
                continue
            kept = insert(nearest, squares, kept, other, square)
    return kept


@inlined
def level(y: np.ndarray, members: np.ndarray, begin: Whole, end: Whole, height: float) -> int:
    """The first place in ``members[begin:end]``, sorted by height, that is not below a height."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if y[members[middle]] < height:
            low = middle + 1
        else:
            high = middle
    return int(low)


@inlined
def insert(
    nearest: np.ndarray, squares: np.ndarray, kept: int, customer: Whole, square: float
) -> int:
    """Puts a customer among the nearest, instead of the last where there is no room; their number.

    Args:
        nearest: uint32 [K], of which the first `kept` are there, the nearest first.
        squares: float64 [K], of their distances; the customer's is below the K-th.
    """
    kept = min(kept + 1, len(nearest))
    rank = kept - 1
    while rank > 0 and squares[rank - 1] > square:
        squares[rank] = squares[rank - 1]
        nearest[rank] = nearest[rank - 1]
        rank -= 1
    squares[rank] = square
    nearest[rank] = customer
    return kept

"""Searches for a short tour: what is prepared for the kernels, the clock, and what is told."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nco.problems._common.kernels.driver import Span, Teller, cool
from nco.problems.atsp.kernels.search import descend, step
from nco.problems.atsp.kernels.tour import Tour
from nco.problems.tsp.kernels.kept import Kept

SMALLEST = 7  # cities up to which all tours are looked at
SWAPS = 1000  # that a step may take, at the most


@dataclass(frozen=True)
class Settings:
    """How the search goes; temperatures are in mean legs of the tour.

    Attributes:
        candidates: of each city, for the one before it and for the one after it.
        hot, cold: temperatures at the beginning and at the end.
        warm: the first temperature from a given tour, which would else be lost.
    """

    candidates: int = 10
    hot: float = 1.0
    cold: float = 0.05
    warm: float = 0.1


@dataclass(frozen=True)
class Answer:
    """Attributes:
    tour: positions from 0 to n - 1.
    steps: kicks.
    """

    tour: list[int]
    steps: int


def search(
    distances: np.ndarray,
    *,
    until: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    start: Sequence[int] | None = None,
    tell: Callable[[list[int]], None] | None = None,
    stop: np.ndarray | None = None,
    settings: Settings | None = None,
) -> Answer:
    """A tour never longer than the start's.

    Args:
        distances: [n, n], from row to column.
        until: a reading of `time.perf_counter`.
        iterations: instead, so many kicks: equal ones give equal answers everywhere.
        seed: of the random numbers.
        start: a tour of positions to begin from; by default the nearest city comes next.
        tell: is called with better tours on the way.
        stop: int64 [1]; whoever sets it ends the search.
    """
    span = Span(until, iterations, **({} if stop is None else {"stop": stop}))
    settings = settings or Settings()
    matrix = np.ascontiguousarray(distances, dtype=np.float64)
    if len(matrix) <= SMALLEST:
        return Answer(min(_every(len(matrix)), key=lambda order: _length(matrix, order)), 0)
    tour = _prepare(matrix, start, settings.candidates)
    run = Kept(tour, _length(matrix, tour.order), descend, step, seed, span)
    teller = Teller(tell, lambda: run.best.tolist())
    run.descend(lambda: teller.look(run.least))
    unit = max(run.least / len(matrix), 1e-300)
    hot = settings.hot if start is None else settings.warm
    cold = min(settings.cold, hot)
    steps = cool(run.step, hot * unit, cold * unit, span, lambda: teller.look(run.least))
    return Answer(run.best.tolist(), steps)


def _prepare(matrix: np.ndarray, start: Sequence[int] | None, candidates: int) -> Tour:
    """The kernels' arrays; all cities wait."""
    size = len(matrix)
    apart = matrix.copy()
    np.fill_diagonal(apart, np.inf)
    order = _nearest_next(apart) if start is None else np.array(start, dtype=np.int64)
    position = np.empty(size, dtype=np.int64)
    position[order] = np.arange(size)
    return Tour(
        matrix=matrix,
        later=_nearest(apart, candidates),
        earlier=_nearest(apart.T, candidates),
        order=order,
        position=position,
        swaps=np.zeros((SWAPS, 3), dtype=np.int64),
        queue=order.copy(),
        waiting=np.ones(size, dtype=np.bool_),
        tally=np.array([0, size, 0], dtype=np.int64),
    )


def _nearest(apart: np.ndarray, count: int) -> np.ndarray:
    """The columns of each row's least entries, int64 [n, K], the least first."""
    count = min(count, len(apart) - 1)
    least = np.argpartition(apart, count - 1, axis=1)[:, :count]
    rank = np.argsort(np.take_along_axis(apart, least, 1), axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(least, rank, 1))


def _nearest_next(apart: np.ndarray) -> np.ndarray:
    """A first tour from city 0, int64 [n]: the nearest city that is left comes next."""
    size = len(apart)
    left = np.ones(size, dtype=np.bool_)
    order = np.zeros(size, dtype=np.int64)
    left[0] = False
    for place in range(1, size):
        order[place] = np.where(left, apart[order[place - 1]], np.inf).argmin()
        left[order[place]] = False
    return order


def _length(matrix: np.ndarray, order: Sequence[int] | np.ndarray) -> float:
    """The length of a tour of positions."""
    return math.fsum(matrix[order, np.roll(order, -1)].tolist())


def _every(size: int) -> list[list[int]]:
    """All tours of a few cities."""
    return [[0, *rest] for rest in itertools.permutations(range(1, size))]

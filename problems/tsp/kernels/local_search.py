"""Searches for a short tour: what is prepared for the kernels, the clock, and what is told."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nco.problems._common.kernels.driver import Span, Teller, cool
from nco.problems._routing.kernels import neighbours, places, savings
from nco.problems.tsp.kernels.candidates import candidates
from nco.problems.tsp.kernels.kept import Kept
from nco.problems.tsp.kernels.search import descend, step
from nco.problems.tsp.kernels.tour import Tour

SMALLEST = 8  # cities of a kick; up to here all tours are looked at
FLIPS = 1000  # that a step may take, at the most


@dataclass(frozen=True)
class Settings:
    """How the search goes; temperatures are in mean legs of the tour.

    Attributes:
        nearest: candidates of a city.
        quadrant: further candidates in each quadrant around it.
        stated: candidates of a city where distances are stated and nobody knows what is where.
        hot, cold: temperatures at the beginning and at the end, for up to `usual` cities. Larger
            tours begin the cooler the fewer kicks there will be for each city.
        usual, power, least: of the fall of `hot` with the size, to the last one at the least.
        warm: the first temperature from a given tour, which would else be lost.
    """

    nearest: int = 6
    quadrant: int = 2
    stated: int = 10
    hot: float = 4.0
    cold: float = 0.1
    usual: int = 1000
    power: float = 0.6
    least: float = 1.0
    warm: float = 0.1

    def first(self, size: int) -> float:
        """The first temperature of a tour of so many cities."""
        fallen = self.hot * min(1.0, (self.usual / size) ** self.power)
        return max(fallen, min(self.least, self.hot))


@dataclass(frozen=True)
class Answer:
    """Attributes:
    tour: positions from 0 to n - 1.
    steps: kicks.
    """

    tour: list[int]
    steps: int


def search(
    metric: str,
    coords: np.ndarray | None,
    distances: np.ndarray | None,
    *,
    until: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    start: Sequence[int] | None = None,
    pairs: np.ndarray | None = None,
    tell: Callable[[list[int]], None] | None = None,
    stop: np.ndarray | None = None,
    settings: Settings | None = None,
) -> Answer:
    """A tour never longer than the start's.

    Args:
        metric: ``EXPLICIT`` or one of `metrics.METRICS`.
        coords: [n, 2], for the metrics of coordinates.
        distances: [n, n], symmetric, for ``EXPLICIT``.
        until: a reading of `time.perf_counter`.
        iterations: instead, so many kicks: equal ones give equal answers everywhere.
        seed: of the random numbers.
        start: a tour of positions to begin from; by default greedy edges.
        pairs: int [n, K], candidates of each city from outside, such as a network's; None: the
            nearest and some of each quadrant.
        tell: is called with better tours on the way.
        stop: int64 [1]; whoever sets it ends the search.
    """
    span = Span(until, iterations, **({} if stop is None else {"stop": stop}))
    settings = settings or Settings()
    where = _places(metric, coords, distances)
    near = _near(where, coords, settings) if pairs is None else _given(where, pairs)
    tour = _prepare(where, start, near)
    size = len(tour.order)
    if size <= SMALLEST:
        best = min(_every(size), key=lambda order: _length(tour, order))
        return Answer(_positions(where, np.array(best, dtype=np.uint32)), 0)
    run = Kept(tour, _length(tour, tour.order), descend, step, seed, span)
    teller = Teller(tell, lambda: _positions(where, run.best))
    run.descend(lambda: teller.look(run.least))
    unit = max(run.least / size, 1e-300)
    hot = settings.first(size) if start is None else settings.warm
    cold = min(settings.cold, hot)
    steps = cool(run.step, hot * unit, cold * unit, span, lambda: teller.look(run.least))
    return Answer(_positions(where, run.best), steps)


def _places(metric: str, coords: np.ndarray | None, distances: np.ndarray | None) -> places.Places:
    """Cities are 1 to n: node 0 is a copy of the first, which no tour visits."""
    if metric == "EXPLICIT":
        assert distances is not None
        padded = np.pad(np.asarray(distances, dtype=np.float64), ((1, 0), (1, 0)))
        return places.prepare(metric, None, padded)
    assert coords is not None
    return places.prepare(metric, np.vstack([coords[:1], coords]), None)


def _near(where: places.Places, coords: np.ndarray | None, settings: Settings) -> np.ndarray:
    """Candidates, uint32 [n+1, K]: by coordinates wherever there are some."""
    if coords is None:
        return candidates(where.coords, where.stated, settings.stated, 0)
    placed = np.vstack([coords[:1], coords])[where.order].astype(np.float64)
    return candidates(placed, None, settings.nearest, settings.quadrant)


def _prepare(where: places.Places, start: Sequence[int] | None, near: np.ndarray) -> Tour:
    """The kernels' arrays; all cities wait."""
    size = len(where.order) - 1
    x, y = where.coords.T.copy()
    apart = np.zeros(near.shape)
    neighbours.fill_distances(where.metric, x, y, where.matrix, near, apart)
    rank = np.argsort(apart, axis=1, kind="stable")
    near, apart = np.take_along_axis(near, rank, 1), np.take_along_axis(apart, rank, 1)
    order = greedy(near, apart) if start is None else _numbers(where)[np.array(start) + 1]
    position = np.zeros(size + 1, dtype=np.uint32)
    position[order] = np.arange(size)
    return Tour(
        metric=where.metric,
        matrix=where.matrix,
        x=x,
        y=y,
        near=near,
        apart=apart,
        order=order,
        position=position,
        flips=np.zeros((FLIPS, 2), dtype=np.uint32),
        queue=order.copy(),
        waiting=np.ones(size + 1, dtype=np.bool_),
        tally=np.array([0, size, 0], dtype=np.int64),
    )


def _numbers(where: places.Places) -> np.ndarray:
    """The kernels' number of each of the caller's positions + 1, uint32 [n+1]."""
    return np.argsort(where.order).astype(np.uint32)


def _given(where: places.Places, pairs: np.ndarray) -> np.ndarray:
    """Candidates of the caller in the kernels' numbers, uint32 [n+1, K]."""
    near = np.zeros((len(where.order), pairs.shape[1]), dtype=np.uint32)
    near[1:] = _numbers(where)[pairs[where.order[1:] - 1] + 1]
    return near


def _positions(where: places.Places, order: np.ndarray) -> list[int]:
    """A tour in the caller's positions."""
    positions: list[int] = (where.order[order] - 1).tolist()
    return positions


def _length(tour: Tour, order: Sequence[int] | np.ndarray) -> float:
    """The length of the tour in another order."""
    starts = np.asarray(order, dtype=np.uint32)
    legs = np.zeros(len(starts))
    places.legs(tour.metric, tour.x, tour.y, tour.matrix, starts, np.roll(starts, -1), legs)
    return math.fsum(legs.tolist())


def _every(size: int) -> list[tuple[int, ...]]:
    """All tours of a few cities."""
    return [(1, *rest) for rest in itertools.permutations(range(2, size + 1))] or [()]


def greedy(near: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """A first tour, uint32 [n]: the shortest edges that can be part of one, then what is left.

    The pieces follow one another as their cities are numbered, along a curve through the plane.

    Args:
        near: uint32 [n+1, K], candidates of each city.
        apart: float64 [n+1, K], their distances.
    """
    size, count = len(near) - 1, max(1, near.shape[1])
    first, rank = np.divmod(savings.pairs(near, near.shape[1]), count)
    shortest = np.argsort(apart[first, rank], kind="stable")
    one, other = first[shortest].astype(np.uint32), near[first, rank][shortest]
    ends = np.zeros((size + 1, 2), dtype=np.uint32)
    nothing = np.zeros(size + 1)
    load = np.zeros(size + 1, dtype=np.int64)
    savings.join(one, other, np.zeros(len(one)), ends, load, 1, nothing, math.inf)
    listed = savings.chains(ends)
    return listed[listed > 0]

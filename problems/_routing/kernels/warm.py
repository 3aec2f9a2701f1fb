"""Compiles all kernels of the package, or reads them from the cache."""

import math
from collections.abc import Iterator

import numpy as np

from nco.problems._routing import metrics
from nco.problems._routing.kernels import capacitated, fleet, orders

CUSTOMERS = 5


def compile_kernels() -> None:
    """Calls each kernel once with the types of arguments that real searches give it.

    What has been compiled for this version of the package is read from its cache in less than a
    second; else it takes some seconds.
    """
    for task in _capacitated():
        capacitated.ruin_recreate(task, iterations=1)
    for mixed in _mixed():
        search = fleet.Search(mixed, 0, None)
        search.step(1, 1.0)
        fleet.Search(mixed, 0, search.best())
    ends = np.zeros((1, 2))
    orders.Search(ends, ends, ends, 1, [[1, -1]], 0).step(1, 1.0)


def _capacitated() -> Iterator[capacitated.Task]:
    """Tasks that together reach every function: coordinates, and a matrix with two directions."""
    nodes = np.arange(CUSTOMERS + 1)
    demand = np.minimum(nodes, 1)
    coords = np.stack([nodes % 3, nodes // 3], 1).astype(np.float64)
    yield capacitated.Task(metric="EUC_2D", coords=coords, demand=demand, capacity=2)
    matrix = metrics.distance_matrix(coords, "EUC_2D") + np.triu(np.ones((len(nodes), len(nodes))))
    yield capacitated.Task(
        metric="EXPLICIT",
        distances=matrix,
        demand=demand,
        capacity=2,
        vehicles=CUSTOMERS,
        limit=math.inf,
    )


def _mixed() -> Iterator[fleet.Task]:
    """Two different vehicles, for either objective."""
    nodes = np.arange(CUSTOMERS + 1)
    for last in (False, True):
        yield fleet.Task(
            coords=np.stack([nodes % 3, nodes // 3], 1).astype(np.float64),
            demand=np.minimum(nodes, 1),
            capacities=np.array([2, 3]),
            counts=np.array([3, 3]),
            fixed=np.zeros(2),
            rates=np.array([1.0, 2.0]),
            last=last,
        )

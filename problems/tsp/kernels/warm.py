"""Compiles the kernels of tours, or reads them from the cache."""

import numpy as np

from nco.problems.tsp.kernels.local_search import SMALLEST, search


def compile_kernels() -> None:
    """Calls every kernel once, with coordinates and with a matrix."""
    size = SMALLEST + 4
    coords = np.random.default_rng(0).random((size, 2))
    search("EUCLIDEAN", coords, None, iterations=1)
    apart = np.linalg.norm(coords[:, None] - coords[None], axis=-1)
    search("EXPLICIT", None, apart, iterations=1, start=list(range(size)))

"""Compiles the kernel of rich routing, or reads it from the cache."""

import numpy as np

from nco.problems.vrp.case import plain
from nco.problems.vrp.kernels.search import Search

CLIENTS = 5


def compile_kernels() -> None:
    """Calls it once with the types of arguments that real searches give it."""
    places = np.arange(CLIENTS + 1)
    coords = np.stack([places % 3, places // 3], 1).astype(np.float64)
    case = plain(CLIENTS, coords=coords)
    search = Search(case, 0, None)
    search.step(1, 1.0)
    Search(case, 0, search.best())

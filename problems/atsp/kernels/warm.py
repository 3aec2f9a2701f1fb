"""Compiles the kernels of tours with a direction, or reads them from the cache."""

import numpy as np

from nco.problems.atsp.kernels.local_search import SMALLEST, search


def compile_kernels() -> None:
    """Calls every kernel once."""
    search(np.random.default_rng(0).random((SMALLEST + 3, SMALLEST + 3)), iterations=1)

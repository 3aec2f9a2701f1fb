"""Compiles all kernels of the package, or reads them from the cache."""

from nco.problems._shop.kernels import tabu

SHOPS = [
    [[[(0, 2)], [(1, 3)]], [[(1, 2)], [(0, 1)]]],
    [[[(0, 2), (1, 1)], [(1, 3)]], [[(1, 2)], [(0, 1), (1, 4)]]],
]


def compile_kernels() -> None:
    """Calls each kernel once with the types of arguments that real searches give it.

    What has been compiled for this version of the package is read from its cache in less than a
    second; else it takes some seconds.
    """
    for jobs in SHOPS:
        tabu.improve(jobs, iterations=1)

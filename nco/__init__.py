"""Neural combinatorial optimisation: solve your own instances with trained networks.

>>> import nco
>>> print(nco.solve("berlin52.tsp"))  # doctest: +SKIP

Names are imported when first used, so that ``import nco`` costs nothing.
"""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.cluster.batch import solve_iter
    from nco.core.errors import InstanceError, NCOError
    from nco.registry.sources import read
    from nco.solving.checking import check
    from nco.solving.session import Session
    from nco.solving.solution import Solution
    from nco.solving.solver import solve
    from nco.zoo.weights import available, load

__version__ = "0.2.0"
__all__ = [
    "InstanceError",
    "NCOError",
    "Session",
    "Solution",
    "available",
    "check",
    "load",
    "read",
    "solve",
    "solve_iter",
]
__getattr__ = attribute(
    __name__,
    {
        "InstanceError": "core.errors",
        "NCOError": "core.errors",
        "Session": "solving.session",
        "Solution": "solving.solution",
        "available": "zoo.weights",
        "check": "solving.checking",
        "load": "zoo.weights",
        "read": "registry.sources",
        "solve": "solving.solver",
        "solve_iter": "cluster.batch",
    },
)

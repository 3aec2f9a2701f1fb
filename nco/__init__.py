"""Neural combinatorial optimisation: solve your own instances with trained networks.

>>> import nco
>>> print(nco.solve("berlin52.tsp"))  # doctest: +SKIP

Names are imported when first used, so that ``import nco`` costs nothing.
"""

from typing import TYPE_CHECKING

from nco.lazy import attribute

if TYPE_CHECKING:
    from nco.errors import InstanceError, NCOError
    from nco.solution import Solution
    from nco.solver import solve, solve_iter
    from nco.sources import check, read
    from nco.zoo import available, load

__version__ = "0.1.0"
__all__ = [
    "InstanceError",
    "NCOError",
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
        "InstanceError": "errors",
        "NCOError": "errors",
        "Solution": "solution",
        "available": "zoo",
        "check": "sources",
        "load": "zoo",
        "read": "sources",
        "solve": "solver",
        "solve_iter": "solver",
    },
)

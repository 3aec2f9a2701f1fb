"""Classical solvers on a mixed fleet: OR-Tools routing, PyVRP, and ruin and recreate.

The first two count in whole numbers: distances, times and costs are multiplied so that the greatest
is about a million, and speeds are shares of the fastest one. Demands are whole as
`nco.problems._routing.integers` makes them.
"""

import importlib.util

from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems.hcvrp.files import Case
from nco.problems.hcvrp.solvers.ortools_model import ortools
from nco.problems.hcvrp.solvers.pyvrp_model import pyvrp
from nco.problems.hcvrp.solvers.searching import sisr
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "pyvrp": Solver(pyvrp, modules=with_pyvrp.MODULES),
        "sisr": Solver(
            sisr,
            found=True,
            iterations=100,
            modules=("nco.problems._routing.kernels.fleet",),
            kernels="nco.problems._routing.kernels.warm",
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"sisr": "numba", "pyvrp": "pyvrp", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]

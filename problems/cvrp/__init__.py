"""The capacitated vehicle routing problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.cvrp.instances import Instance
    from nco.problems.cvrp.problem import CVRP, CVRPVia

PROBLEM = "CVRP"  # the class that the other parts of this folder serve
__all__ = ["CVRP", "CVRPVia", "Instance"]
__getattr__ = attribute(
    __name__, {"CVRP": "problem", "CVRPVia": "problem", "Instance": "instances"}
)

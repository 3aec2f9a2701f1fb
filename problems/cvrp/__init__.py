"""The capacitated vehicle routing problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.cvrp.problem import CVRP, CVRPVia, Instance

PROBLEM = "CVRP"  # the class that the other parts of this folder serve
__all__ = ["CVRP", "CVRPVia", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""Vehicle routing with a fleet of different vehicles."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.hcvrp.problem import HCVRP, Instance

PROBLEM = "HCVRP"  # the class that the other parts of this folder serve
__all__ = ["HCVRP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

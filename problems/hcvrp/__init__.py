"""Vehicle routing with a fleet of different vehicles."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.hcvrp.problem import HCVRP, Instance

__all__ = ["HCVRP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""The capacitated vehicle routing problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.cvrp.problem import CVRP, CVRPVia, Instance

__all__ = ["CVRP", "CVRPVia", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

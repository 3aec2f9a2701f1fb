"""Rich vehicle routing: depots, windows, fleets, pickups, prizes, reloads, as data of one case."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.vrp.problem import VRP, Instance

PROBLEM = "VRP"  # the class that the other parts of this folder serve
__all__ = ["VRP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

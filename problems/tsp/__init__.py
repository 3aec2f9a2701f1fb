"""The travelling salesman problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.tsp.problem import TSP, Instance

PROBLEM = "TSP"  # the class that the other parts of this folder serve
__all__ = ["TSP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

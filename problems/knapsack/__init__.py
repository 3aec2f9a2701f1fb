"""The 0-1 knapsack problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.knapsack.problem import Instance, Knapsack, KnapsackRest

PROBLEM = "Knapsack"  # the class that the other parts of this folder serve
__all__ = ["Instance", "Knapsack", "KnapsackRest"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

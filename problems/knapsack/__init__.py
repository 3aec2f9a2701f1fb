"""The 0-1 knapsack problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.knapsack.problem import Instance, Knapsack, KnapsackRest

__all__ = ["Knapsack", "KnapsackRest", "Instance"]  # noqa: RUF022  the folder's main problem class first
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

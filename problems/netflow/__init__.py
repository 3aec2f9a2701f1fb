"""Control of a supply network: one factory and its stores, over time."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.netflow.problem import Instance, SupplyChain, SupplyShares

PROBLEM = "SupplyChain"  # the class that the other parts of this folder serve
__all__ = ["Instance", "SupplyChain", "SupplyShares"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

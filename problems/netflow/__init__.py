"""Control of a supply network: one factory and its stores, over time."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.netflow.problem import Instance, SupplyChain, SupplyShares

__all__ = ["SupplyChain", "SupplyShares", "Instance"]  # noqa: RUF022  the folder's main problem class first
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""Vehicles for hire: which idle ones to send where before the next requests come."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.rebalancing.problem import Instance, Rebalancing
    from nco.problems.rebalancing.problem import RebalancingShares as RebalancingShares

PROBLEM = "Rebalancing"  # the class that the other parts of this folder serve
__all__ = ["Instance", "Rebalancing"]
# not in the list: its shares cannot say what every plan does, as the contract's planner needs
__getattr__ = attribute(__name__, dict.fromkeys([*__all__, "RebalancingShares"], "problem"))

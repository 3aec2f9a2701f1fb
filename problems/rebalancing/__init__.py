"""Vehicles for hire: which idle ones to send where before the next requests come."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.rebalancing.problem import Instance, Rebalancing
    from nco.problems.rebalancing.problem import RebalancingShares as RebalancingShares

__all__ = ["Rebalancing", "Instance"]  # noqa: RUF022  the folder's main problem class first
# not in the list: its shares cannot say what every plan does, as the contract's planner needs
__getattr__ = attribute(__name__, dict.fromkeys([*__all__, "RebalancingShares"], "problem"))

"""Inventory networks: who orders how much from whom, before demand is known."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.inventory.instances import Instance
    from nco.problems.inventory.problem import Inventory

PROBLEM = "Inventory"  # the class that the other parts of this folder serve
__all__ = ["Instance", "Inventory"]
__getattr__ = attribute(__name__, {"Instance": "instances", "Inventory": "problem"})

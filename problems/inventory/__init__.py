"""Inventory networks: who orders how much from whom, before demand is known."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.inventory.problem import Instance, Inventory

__all__ = ["Inventory", "Instance"]  # noqa: RUF022  the folder's main problem class first
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""Place what arrives at once: online bin packing, and virtual machines on hosts."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.packing.problem import Bins, Instance, Machines, Packing, Setting

PROBLEM = "Packing"  # the class that the other parts of this folder serve
__all__ = ["Bins", "Instance", "Machines", "Packing", "Setting"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

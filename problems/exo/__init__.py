"""Accept or reject what arrives: multi-secretary and network revenue management, as Exo-MDPs.

Online bin packing and virtual machines, where what arrives has to be placed, are in
`nco.problems.packing`.
"""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.exo.problem import Airline, Instance, Listed, Revenue, Secretary, Setting

PROBLEM = "Revenue"  # the class that the other parts of this folder serve
__all__ = ["Airline", "Instance", "Listed", "Revenue", "Secretary", "Setting"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

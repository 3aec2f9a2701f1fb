"""Accept or reject what arrives: multi-secretary and network revenue management, as Exo-MDPs.

Online bin packing and virtual machines, where what arrives has to be placed, are in
`nco.problems.packing`.
"""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.exo.problem import Airline, Instance, Listed, Revenue, Secretary, Setting

__all__ = ["Revenue", "Setting", "Secretary", "Airline", "Listed", "Instance"]  # noqa: RUF022  the folder's main problem class first
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

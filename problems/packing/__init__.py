"""Place what arrives at once: online bin packing, and virtual machines on hosts."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.packing.problem import Bins, Instance, Machines, Packing, Setting

__all__ = ["Packing", "Setting", "Bins", "Machines", "Instance"]  # noqa: RUF022  the folder's main problem class first
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

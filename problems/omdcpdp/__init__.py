"""Open multi-depot capacitated pickup and delivery."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.omdcpdp.problem import OMDCPDP, Instance

PROBLEM = "OMDCPDP"  # the class that the other parts of this folder serve
__all__ = ["OMDCPDP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

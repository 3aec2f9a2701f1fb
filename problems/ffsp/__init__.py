"""The flexible flow shop scheduling problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.ffsp.problem import FFSP

PROBLEM = "FFSP"  # the class that the other parts of this folder serve
__all__ = ["FFSP"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

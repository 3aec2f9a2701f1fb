"""The flexible job shop scheduling problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.fjsp.problem import FJSP

PROBLEM = "FJSP"  # the class that the other parts of this folder serve
__all__ = ["FJSP"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""The orienteering problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.op.problem import OP, Instance

PROBLEM = "OP"  # the class that the other parts of this folder serve
__all__ = ["OP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

"""The asymmetric travelling salesman problem."""

from typing import TYPE_CHECKING

from nco.core.lazy import attribute

if TYPE_CHECKING:
    from nco.problems.atsp.problem import ATSP, Instance

PROBLEM = "ATSP"  # the class that the other parts of this folder serve
__all__ = ["ATSP", "Instance"]
__getattr__ = attribute(__name__, dict.fromkeys(__all__, "problem"))

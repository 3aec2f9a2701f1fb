"""Classical solvers of one job shop: those of every shop."""

from nco.problems._shop.classical import improvers, solvers

__all__ = ["improvers", "solvers"]

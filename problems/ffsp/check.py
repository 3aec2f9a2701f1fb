"""Checks the schedule of a flexible flow shop, in whole numbers."""

from nco.problems.fjsp.check import check, every_solution

__all__ = ["check", "every_solution"]

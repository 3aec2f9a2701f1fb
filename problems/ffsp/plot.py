"""The picture of one schedule of a flexible flow shop."""

from nco.problems.fjsp.plot import plot

__all__ = ["plot"]

"""The picture of one schedule of a flexible flow shop."""

from nco.problems.fjsp.plot import plot, size

__all__ = ["plot", "size"]

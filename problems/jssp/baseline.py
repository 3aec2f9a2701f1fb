"""Classical solvers of one job shop: those of every shop."""

from nco.shop.baseline import *  # noqa: F403
from nco.shop.baseline import __all__, finishers  # noqa: F401

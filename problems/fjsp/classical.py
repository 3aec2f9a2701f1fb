"""Classical solvers of one flexible job shop: those of every shop."""

from nco.problems._shop.classical import *  # noqa: F403
from nco.problems._shop.classical import __all__, improvers  # noqa: F401

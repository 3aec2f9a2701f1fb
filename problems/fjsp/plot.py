"""The picture of one schedule of a flexible job shop."""

from typing import TYPE_CHECKING

from nco.problems._shop import gantt
from nco.problems._shop.gantt import size
from nco.problems.fjsp.files import Case, Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot", "size"]


def plot(case: Case, solution: Schedule, ax: "Axes") -> None:
    """Draws a Gantt chart: a row a machine, a colour a job."""
    gantt.draw(case, solution, ax, case.base)

"""The picture of one schedule of a flexible job shop."""

from typing import TYPE_CHECKING

from nco.problems._shop.gantt import draw
from nco.problems._shop.plan import Plan
from nco.problems.fjsp.files import Case, Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: Schedule, ax: "Axes") -> None:
    """Draws a Gantt chart: a row a machine, a colour a job."""
    work = [[[(m + case.base, d) for m, d in choices] for choices in job] for job in case.work]
    draw(case.name, work, Plan(solution["start"], solution["machine"]), ax)

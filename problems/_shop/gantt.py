"""Gantt charts."""

from typing import TYPE_CHECKING

from nco.problems._shop.plan import Plan, Work, duration_of, makespan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELLED = 150  # operations up to which the bars are wide enough for their job's number


def draw(name: str, jobs: Work, plan: Plan, ax: "Axes") -> None:
    """Draws a bar for each operation: its machine's row, its job's colour.

    The axes are time and machines, so their scales are not made equal.
    """
    colours = _colours(len(jobs))
    labelled = sum(map(len, jobs)) <= LABELLED
    for j, job in enumerate(jobs):
        begins, machines = plan.start[j], plan.machine[j]
        lengths = [duration_of(c, machine) for c, machine in zip(job, machines, strict=True)]
        ax.barh(
            machines,
            lengths,
            left=begins,
            height=0.8,
            color=colours[j],
            edgecolor="white" if labelled else "none",
            linewidth=0.5,
        )
        if labelled:
            for begin, length, machine in zip(begins, lengths, machines, strict=True):
                ax.text(begin + length / 2, machine, str(j), ha="center", va="center", fontsize=7)
    ax.invert_yaxis()
    ax.set_xlabel("time")
    ax.set_ylabel("machine")
    ax.set_title(f"{name}: makespan {makespan(jobs, plan)}")


def _colours(count: int) -> list[tuple[float, float, float]]:
    """Light colours that differ most from their neighbours' in number (steps of a golden angle)."""
    from colorsys import hsv_to_rgb

    return [hsv_to_rgb(j * 0.618034 % 1.0, 0.45, 0.9) for j in range(count)]

"""The picture of a trace and what was accepted of it."""

from typing import TYPE_CHECKING

import numpy as np

from nco.problems.exo.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: list[int], ax: "Axes") -> None:
    """Arrivals as points (period, revenue), and the share of each resource that is left as steps.

    Time and revenue differ in unit, so the axes' scales are not made equal.
    """
    periods = np.arange(case.size)
    arrivals = np.full(case.size, -1) if case.arrivals is None else case.arrivals
    top = case.revenue.max()
    taken = np.zeros(case.size, dtype=bool)
    taken[solution] = True
    for kept, label, colour in ((~taken, "rejected", "0.7"), (taken, "accepted", "C0")):
        here = kept & (arrivals >= 0)
        ax.plot(
            periods[here],
            case.revenue[arrivals[here]] / top,
            linestyle="none",
            marker="o",
            markersize=5 if case.size <= 500 else 2,
            color=colour,
            label=f"{label} ({int(here.sum())})",
        )
    used = np.where(taken[:, None], case.uses.T[arrivals], 0.0)
    left = 1 - used.cumsum(0) / np.where(case.capacity > 0, case.capacity, 1.0)
    for row, name in enumerate(case.resources):
        ax.step(periods, left[:, row], where="post", alpha=0.7, label=f"left of {name}")
    earned = case.revenue[arrivals[taken & (arrivals >= 0)]].sum()
    ax.set_title(f"{case.name}: revenue {earned:.10g}")
    ax.set_xlabel("period")
    ax.set_ylabel("share of the highest revenue, of the capacity")
    ax.legend(loc="best")

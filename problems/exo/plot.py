"""The picture of a trace and what was accepted of it."""

from typing import TYPE_CHECKING

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems.exo.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LISTED = 8  # resources up to which each has an entry in the legend
FEW = 500  # arrivals up to which marks are of full size
PALE = "#aab4be"


def size(case: Case) -> tuple[float, float]:
    """Inches: time needs width."""
    return 9.0, 5.0


def plot(case: Case, solution: list[int], ax: "Axes") -> None:
    """Arrivals as points (period, revenue), and the share of each resource that is left as steps.

    Both are shares: of the highest revenue, and of the capacity.
    """
    periods = np.arange(case.size)
    arrivals = np.full(case.size, -1) if case.arrivals is None else case.arrivals
    top = float(case.revenue.max())
    taken = np.zeros(case.size, dtype=bool)
    taken[solution] = True
    looks = ((~taken, "rejected", PALE, "x"), (taken, "accepted", colours.line(0), "o"))
    for kept, label, colour, marker in looks:
        here = kept & (arrivals >= 0)
        ax.plot(
            periods[here],
            case.revenue[arrivals[here]] / top,
            linestyle="none",
            marker=marker,
            markersize=5 if case.size <= FEW else 2,
            color=colour,
            label=f"{label} ({int(here.sum())})",
            gid=label,
            zorder=3,
        )
    used = np.where(taken[:, None], case.uses.T[arrivals], 0.0)
    left = 1 - used.cumsum(0) / np.where(case.capacity > 0, case.capacity, 1.0)
    for row, name in enumerate(case.resources):
        ax.step(
            periods,
            left[:, row],
            where="post",
            color=colours.line(row + 1),
            linestyle=colours.dash(row),
            linewidth=1.4,
            label=f"left of {axes.shortened(name, 24)}" if row < LISTED else None,
            gid=f"left-{row}",
        )
    _add_arrivals(ax, case, arrivals, taken)
    earned = float(case.revenue[arrivals[taken & (arrivals >= 0)]].sum())
    axes.entitle(ax, f"{case.name}: revenue {axes.number(earned)}")
    axes.plain(ax, whole_x=True)
    ax.set_xlabel("period")
    ax.set_ylabel("share of the highest revenue, of the capacity")
    ax.set_ylim(-0.03, 1.06)
    ax.margins(x=0.01)
    axes.legend_below(ax, 4 if axes.roomy(ax) else 2)


def _add_arrivals(ax: "Axes", case: Case, arrivals: np.ndarray, taken: np.ndarray) -> None:
    """What is known of each arrival."""
    there = np.flatnonzero(arrivals >= 0)
    kinds = arrivals[there].tolist()
    facts = {
        "period": there.tolist(),
        "revenue": case.revenue[arrivals[there]].tolist(),
        "accepted": ["yes" if taken[k] else "no" for k in there.tolist()],
    }
    places = np.stack([there, case.revenue[arrivals[there]] / float(case.revenue.max())], axis=1)
    things.add(ax, "arrival", [case.classes[k] for k in kinds], places, facts, named=False)

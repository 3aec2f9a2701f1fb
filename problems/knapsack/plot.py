"""The picture of a knapsack and one solution of it."""

from typing import TYPE_CHECKING

import numpy as np

from nco.problems.knapsack.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: list[int], ax: "Axes") -> None:
    """Draws each item as a point (weight, value): a good choice is the upper left corner.

    The axes are in the case's own units, which differ, so their scales are not made equal.
    """
    chosen = np.zeros(case.size, dtype=bool)
    chosen[solution] = True
    for kept, label, colour, order in ((~chosen, "left", "0.7", 1), (chosen, "chosen", "C0", 2)):
        ax.plot(
            case.weights[kept],
            case.values[kept],
            linestyle="none",
            marker="o",
            markersize=5 if case.size <= 500 else 2,
            color=colour,
            label=f"{label} ({int(kept.sum())})",
            zorder=order,
        )
    value, weight = case.values[chosen].sum(), case.weights[chosen].sum()
    ax.set_title(f"{case.name}: value {value:.10g}, weight {weight:.10g} of {case.capacity:.10g}")
    ax.set_xlabel("weight")
    ax.set_ylabel("value")
    ax.legend(loc="lower right")  # where the poor choices are

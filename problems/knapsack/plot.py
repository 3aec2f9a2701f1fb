"""The picture of a knapsack and one solution of it."""

from typing import TYPE_CHECKING

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems.knapsack.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 500  # items up to which marks are of full size
NUMBERED = 60  # items up to which those without names show their numbers
PALE = "#aab4be"


def plot(case: Case, solution: list[int], ax: "Axes") -> None:
    """Draws each item as a point (weight, value): a good choice is the upper left corner.

    The axes are in the case's own units, which differ, so their scales are not made equal.
    """
    chosen = np.zeros(case.size, dtype=bool)
    chosen[solution] = True
    looks = ((~chosen, "left", PALE, "D", 1), (chosen, "chosen", colours.line(0), "o", 2))
    for kept, label, colour, marker, order in looks:
        ax.plot(
            case.weights[kept],
            case.values[kept],
            linestyle="none",
            marker=marker,
            markersize=(6 if marker == "o" else 4.5) if case.size <= FEW else 2,
            markeredgewidth=0,
            color=colour,
            label=f"{label} ({int(kept.sum())})",
            gid=label,
            zorder=order,
        )
    names = [case.called("items", k) or str(k) for k in range(case.size)]
    facts = {
        "item": list(range(case.size)),
        "name": [case.called("items", k) or "" for k in range(case.size)],
        "value": case.values.tolist(),
        "weight": case.weights.tolist(),
        "chosen": ["yes" if taken else "no" for taken in chosen],
    }
    places = np.stack([case.weights, case.values], axis=1)
    most = things.MOST_NAMES if case.names else NUMBERED
    things.add(ax, "item", names, places, facts, most=most)
    value, weight = float(case.values[chosen].sum()), float(case.weights[chosen].sum())
    load = f"weight {axes.number(weight)} of {axes.number(float(case.capacity))}"
    axes.entitle(ax, f"{case.name}: value {axes.number(value)}, {load}")
    axes.plain(ax, most=7)
    ax.set_xlabel("weight")
    ax.set_ylabel("value")
    ax.legend(loc="lower right")  # where the poor choices are

"""The picture of a fleet's flows: requests, trips served and empty trips over time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems.rebalancing.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def size(case: Case) -> tuple[float, float]:
    """Inches: time needs width."""
    return 9.0, 5.0


def plot(case: Case, solution: list[Any], ax: "Axes") -> None:
    """How many trips are asked for, served, and driven empty in each period."""
    if case.trips is None:
        ax.set_title(f"{case.name}: no trace")
        return
    flows = np.asarray(solution, dtype=np.float64)
    periods = np.arange(case.periods)
    lines = (
        ("asked for", case.trips.sum((1, 2)), "0.55", "-"),
        ("served", flows[:, 0].sum((1, 2)), colours.line(0), "-"),
        ("sent empty", flows[:, 1].sum((1, 2)), colours.line(1), (0, (4, 1.5))),
    )
    for k, (label, values, colour, dash) in enumerate(lines):
        look: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.6}
        ax.step(periods, values, where="mid", label=label, gid=f"trips-{k}", **look)
        facts = {"period": periods.tolist(), "vehicles": values.tolist()}
        places = np.stack([periods, values], axis=1)
        groups = [f"trips-{k}"] * case.periods
        things.add(ax, "period", [label] * case.periods, places, facts, groups, named=False)
    served = lines[1][1].sum() / max(float(lines[0][1].sum()), 1e-9)
    axes.entitle(ax, f"{case.name}: {served:.1%} of the requests served")
    axes.plain(ax, whole_x=True, whole_y=True)
    ax.set_xlabel("period")
    ax.set_ylabel("vehicles")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.01)
    axes.legend_below(ax, 3)

"""The picture of a plan: stock over time."""

from typing import TYPE_CHECKING

import numpy as np

from nco.pictures import axes, colours, things
from nco.problems.netflow.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LISTED = 12  # lines up to which there is a legend


def size(case: Case) -> tuple[float, float]:
    """Inches: time needs width."""
    return 9.0, 5.0


def plot(case: Case, solution: list[list[float]], ax: "Axes") -> None:
    """What the factory and each store hold after each period; below zero is backlog."""
    if case.demand is None:
        ax.set_title(f"{case.name}: no trace")
        return
    flows = np.asarray(solution, dtype=np.float64)
    held = _held(case, flows)
    periods = np.arange(case.periods)
    names = ["factory", *case.stores]
    for k, name in enumerate(names):
        ax.step(
            periods,
            held[:, k],
            where="mid",
            color="0.35" if k == 0 else colours.line(k - 1),
            linestyle=(0, (1, 1)) if k == 0 else colours.dash(k - 1),
            linewidth=1.6,
            gid=f"place-{k}",
            label=axes.shortened(name, 24),
        )
        facts = {
            "period": periods.tolist(),
            "stock": held[:, k].tolist(),
            "made" if k == 0 else "arrives next": flows[:, k].tolist(),
        }
        if k:
            facts["demand"] = case.demand[:, k - 1].tolist()
        places = np.stack([periods, held[:, k]], axis=1)
        groups = [f"place-{k}"] * case.periods
        things.add(ax, "period", [name] * case.periods, places, facts, groups, named=False)
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.entitle(ax, f"{case.name}: stock after each period")
    axes.plain(ax, whole_x=True)
    ax.set_xlabel("period")
    ax.set_ylabel("stock")
    ax.margins(x=0.01)
    if len(names) <= LISTED:
        axes.legend_below(ax, 6 if axes.roomy(ax) else 3)


def _held(case: Case, flows: np.ndarray) -> np.ndarray:
    """Stock ``[T, n + 1]`` after each period, the factory first."""
    assert case.demand is not None
    stock, coming = np.zeros(case.size + 1), np.zeros(case.size + 1)
    held = np.zeros((case.periods, case.size + 1))
    for period, row in enumerate(flows):
        stock = stock + coming
        stock[0] -= row[1:].sum()
        stock[1:] -= case.demand[period]
        stock, coming = np.minimum(stock, case.capacity), row
        held[period] = stock
    return held

"""The picture of a plan: stock over time."""

from typing import TYPE_CHECKING

import numpy as np

from nco.problems.netflow.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: list[list[float]], ax: "Axes") -> None:
    """What the factory and each store hold after each period; below zero is backlog."""
    if case.demand is None:
        ax.set_title(f"{case.name}: no trace")
        return
    stock, coming = np.zeros(case.size + 1), np.zeros(case.size + 1)
    held = np.zeros((case.periods, case.size + 1))
    for period, row in enumerate(np.asarray(solution, dtype=np.float64)):
        stock = stock + coming
        stock[0] -= row[1:].sum()
        stock[1:] -= case.demand[period]
        stock, coming = np.minimum(stock, case.capacity), row
        held[period] = stock
    ax.step(range(case.periods), held[:, 0], where="post", color="0.3", label="factory")
    for store, name in enumerate(case.stores):
        ax.step(range(case.periods), held[:, store + 1], where="post", label=name)
    ax.axhline(0, color="0.8", zorder=0)
    ax.set_title(case.name)
    ax.set_xlabel("period")
    ax.set_ylabel("stock")
    if case.size <= 10:
        ax.legend(loc="best", fontsize="small")

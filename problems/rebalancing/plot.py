"""The picture of a fleet's flows: requests, trips served and empty trips over time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nco.problems.rebalancing.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: list[Any], ax: "Axes") -> None:
    """How many trips are asked for, served, and driven empty in each period."""
    if case.trips is None:
        ax.set_title(f"{case.name}: no trace")
        return
    flows = np.asarray(solution, dtype=np.float64)
    periods = range(case.periods)
    ax.step(periods, case.trips.sum((1, 2)), where="post", color="0.7", label="asked for")
    ax.step(periods, flows[:, 0].sum((1, 2)), where="post", label="served")
    ax.step(periods, flows[:, 1].sum((1, 2)), where="post", label="sent empty")
    ax.set_title(case.name)
    ax.set_xlabel("period")
    ax.set_ylabel("vehicles")
    ax.legend(loc="best")

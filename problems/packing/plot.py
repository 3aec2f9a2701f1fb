"""The picture of a packing: bins over time."""

from typing import TYPE_CHECKING

import numpy as np

from nco.problems.packing.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(case: Case, solution: list[list[int]], ax: "Axes") -> None:
    """How full each bin is in each period, in the resource that is scarcest there."""
    if case.arrivals is None or case.leaves is None:
        ax.set_title(f"{case.name}: no trace")
        return
    full = np.full((max(len(solution), 1), case.size), np.nan)
    for row, part in enumerate(solution):
        load = np.zeros((case.size, len(case.capacity)))
        for item in part:
            load[item : case.leaves[item]] += case.needs[case.arrivals[item]]
        share = (load / case.capacity).max(1)
        full[row] = np.where(share > 0, share, np.nan)
    picture = ax.imshow(full, aspect="auto", vmin=0, vmax=1, cmap="viridis", interpolation="none")
    ax.figure.colorbar(picture, ax=ax, label="share of the capacity")
    ax.set_title(f"{case.name}: {len(solution)} bins")
    ax.set_xlabel("period")
    ax.set_ylabel("bin")

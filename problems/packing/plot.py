"""The picture of a packing: bins over time."""

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.pictures import axes, things
from nco.problems.packing.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the capacity, whose colours a legend names
MOST = 20_000  # pieces of the picture that are told one by one


def size(case: Case) -> tuple[float, float]:
    """Inches: time needs width."""
    return 9.0, 5.0


def plot(case: Case, solution: list[list[int]], ax: "Axes") -> None:
    """How full each bin is in each period, in the resource that is scarcest there."""
    from matplotlib.patches import Rectangle

    if case.arrivals is None or case.leaves is None:
        ax.set_title(f"{case.name}: no trace")
        return
    full = np.full((max(len(solution), 1), case.size), np.nan)
    inside = np.zeros(full.shape, dtype=np.int64)
    for row, part in enumerate(solution):
        load = np.zeros((case.size, len(case.capacity)))
        for item in part:
            load[item : case.leaves[item]] += case.needs[case.arrivals[item]]
            inside[row, item : case.leaves[item]] += 1
        share = (load / case.capacity).max(1)
        full[row] = np.where(share > 0, share, np.nan)
    look: dict[str, Any] = {"aspect": "auto", "cmap": "cividis_r", "interpolation": "none"}
    picture = ax.imshow(full, vmin=0, vmax=1, **look)
    ax.figure.colorbar(picture, ax=ax, label="share of the capacity", format="{x:.0%}")
    for share in SHARES:  # for the legend of pages, which have no bar of colours
        patch = Rectangle((0, 0), 0, 0, facecolor=picture.cmap(share), label=f"{share:.0%} full")
        ax.add_patch(patch)
    _add_pieces(ax, full, inside)
    axes.entitle(ax, f"{case.name}: {len(solution)} bins")
    axes.plain(ax, whole_x=True, whole_y=True)
    ax.set_xlabel("period")
    ax.set_ylabel("bin")


def _add_pieces(ax: "Axes", full: np.ndarray, inside: np.ndarray) -> None:
    """Each span of time in which a bin's load stays the same."""
    spans = [
        (row, int(begin), int(end))
        for row, shares in enumerate(np.nan_to_num(full))
        for begin, end in _spans(shares, inside[row])
        if shares[begin] > 0
    ][:MOST]
    facts: dict[str, list[Any]] = {
        "from period": [begin for _, begin, _ in spans],
        "to period": [end - 1 for _, _, end in spans],
        "items": [int(inside[row, begin]) for row, begin, _ in spans],
        "full": [f"{full[row, begin]:.0%}" for row, begin, _ in spans],
    }
    places = np.array([(b - 0.5, row - 0.5, e - b, 1.0) for row, b, e in spans]).reshape(-1, 4)
    names = [f"bin {row}" for row, _, _ in spans]
    things.add(ax, "bin", names, places, facts, named=False)


def _spans(shares: np.ndarray, items: np.ndarray) -> list[tuple[int, int]]:
    """First period and the one behind the last of each span without a change."""
    changes = np.flatnonzero((np.diff(shares) != 0) | (np.diff(items) != 0)) + 1
    edges = [0, *changes.tolist(), len(shares)]
    return list(itertools.pairwise(edges))

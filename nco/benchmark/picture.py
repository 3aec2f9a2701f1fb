"""The gap against the time limit as a picture."""

import io
import math
from collections.abc import Sequence
from typing import Any

from nco.benchmark.plan import DEFAULT
from nco.benchmark.summary import Row

LINEAR = 1.0  # percent below which the picture's gap axis is linear
MARKERS = "osD^vP*X"  # so that solvers with equal gaps can be told apart


def plot(rows: Sequence[Row]) -> bytes:
    """A PNG of the gap against the time limit; bars are standard errors.

    One panel a problem. A run without a limit is hollow, at the median time that it took.
    """
    from matplotlib.figure import Figure  # not pyplot, which keeps figures in a global list

    problems = list(dict.fromkeys(row.problem for row in rows))
    figure = Figure(figsize=(6.4 * max(1, len(problems)), 4.8), layout="constrained")
    for panel, problem in enumerate(problems):
        ax = figure.add_subplot(1, len(problems), panel + 1)
        own = [row for row in rows if row.problem == problem]
        for index, solver in enumerate(dict.fromkeys(row.solver for row in own)):
            _draw(ax, [row for row in own if row.solver == solver], index)
        sizes = ", ".join(dict.fromkeys(str(row.size) for row in own))
        ax.set(xscale="log", xlabel="time limit (s)", ylabel="gap (%)")
        ax.set_yscale("symlog", linthresh=LINEAR)  # tenths and tens of a percent in one picture
        _plain_ticks(ax, own)
        ax.set_title(f"{problem}, n = {sizes}, {own[0].instances} instances")
        ax.grid(alpha=0.3)
        if all((row.gap_percent or 0.0) >= 0 for row in own):
            ax.set_ylim(-LINEAR / 10, max(ax.get_ylim()[1], LINEAR))
        if ax.get_legend_handles_labels()[1]:
            ax.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()


def _plain_ticks(ax: Any, rows: Sequence[Row]) -> None:
    """Ticks at the time limits, and numbers without powers of ten."""
    from matplotlib.ticker import NullFormatter

    limits = sorted({row.time_limit for row in rows if row.time_limit})
    if limits:
        ax.set_xticks(limits)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:g}")


def _draw(ax: Any, rows: Sequence[Row], index: int) -> None:
    """One solver's points ``(seconds, gap, standard error)``."""
    limited: list[tuple[float, float, float]] = []
    free: list[tuple[float, float, float]] = []
    for row in rows:
        if row.gap_percent is None or not math.isfinite(row.gap_percent):
            continue
        seconds = row.seconds_median if row.time_limit is None else row.time_limit
        points = free if row.time_limit is None else limited
        points.append((seconds or 0.0, row.gap_percent, row.standard_error or 0.0))
    style: dict[str, Any] = {
        "marker": MARKERS[index % len(MARKERS)],
        "color": f"C{index % 10}",
        "capsize": 3,
    }
    for points, line, label in ((limited, "-", ""), (free, "none", f", {DEFAULT}")):
        if points:
            x, y, error = zip(*sorted(points), strict=True)
            style["mfc"] = "none" if points is free else style["color"]
            style["label"] = f"{rows[0].solver}{label}"
            # later lines are thinner, so that those below them show
            width = max(1.0, 3.0 - index / 2)
            ax.errorbar(x, y, error, ls=line, lw=width, elinewidth=1, **style)

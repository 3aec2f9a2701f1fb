"""Draws the README's picture: one map, solved, and the gap over time of a comparison on it.

    nco benchmark --files example:random100.vrp --solvers nco,nco-neural,pyvrp,ortools \
        --time_limits 10 --output demo/random100
    python benchmarks/picture.py demo/random100 docs/_static/picture.svg

`make picture` runs both, and keeps the figures among the results.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

import nco

EARLIEST = 0.01  # seconds at which the axis of time begins
NAMES = {"pyvrp": "PyVRP", "ortools": "OR-Tools", "nco-neural": "nco, networks alone"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that `nco benchmark --output` wrote")
    parser.add_argument("output", type=Path, help="the picture, .svg or .png")
    options = parser.parse_args()
    arguments = json.loads((options.folder / "about.json").read_text())["arguments"]
    (file,), (limit,) = arguments["files"], arguments["time_limits"]
    matplotlib.rcParams["svg.hashsalt"] = "nco"  # the same figures, the same file
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    solution = nco.solve(file, time_limit=limit)
    solution.plot(left)
    left.set_title(f"{solution.name}: {len(solution.routes)} routes, length {solution.cost:g}")
    left.set_axis_off()
    draw_curves(right, options.folder / "curve.csv", limit)
    metadata = {"Date": None} if options.output.suffix == ".svg" else None
    figure.savefig(options.output, metadata=metadata, dpi=110)


def draw_curves(ax: Any, path: Path, limit: float) -> None:
    """The gap of each solver's best solution at every time, as steps."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            curves[row["solver"]].append((float(row["seconds"]), float(row["gap_percent"])))
    for solver, places in curves.items():
        seconds, gaps = zip(*[*places, (limit, places[-1][1])], strict=True)
        seconds = [max(second, EARLIEST) for second in seconds]
        ax.step(seconds, gaps, where="post", label=NAMES.get(solver, solver))
    ax.set(xscale="log", xlim=(EARLIEST, limit), xlabel="seconds", ylabel="gap to the best, %")
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(bottom=-0.05)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.set_title("gap over time, one core for each solver")
    ax.grid(alpha=0.3)
    ax.legend()


if __name__ == "__main__":
    main()

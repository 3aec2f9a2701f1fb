"""Draws how the gap falls with time, an axes a comparison.

    nco benchmark --problem cvrp --size 100 --solvers nco,pyvrp --time_limits 10 --output demo/cvrp
    python benchmarks/curves.py docs/_static/curves.svg demo/cvrp demo/tsp

A folder is what ``nco benchmark --output`` wrote with one time limit; its name is the title.
"""

import argparse
import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from picture import draw_curves

COLUMNS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the picture, .svg or .png")
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    matplotlib.rcParams["svg.hashsalt"] = "nco"  # the same figures, the same file
    rows = -(-len(options.folders) // COLUMNS)
    figure = Figure(figsize=(9.6, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, folder in zip(axes, options.folders, strict=False):
        about = json.loads((folder / "about.json").read_text())
        draw_curves(ax, folder / "curve.csv", max(about["arguments"]["time_limits"]))
        ax.set_title(folder.name.replace("_", " "))
    for ax in axes[len(options.folders) :]:
        ax.set_axis_off()
    metadata = {"Date": None} if options.output.suffix == ".svg" else None
    figure.savefig(options.output, metadata=metadata, dpi=110)


if __name__ == "__main__":
    main()

"""`nco compare`: training runs side by side."""

import argparse
import sys
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import command

COLUMNS = ("run", "method", "problem", "steps", "minutes", "train", "metric", "gap", "best")
EXAMPLE = """\
  nco compare runs/*
  nco compare runs/* --metric tsp50/gap --plot curves.png --save runs.csv"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Compare training runs: steps, minutes and gaps of each, and their curves."
    parser = command(commands, "compare", run, text, EXAMPLE)
    parser.add_argument("runs", nargs="+", metavar="FOLDER", help="of a run of nco fit")
    parser.add_argument("--metric", metavar="SET/NAME", help="of the validation: tsp50/gap")
    parser.add_argument("--plot", metavar="PNG", help="draw losses and gaps against steps")
    parser.add_argument("--save", metavar="CSV", help="write the table")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    if options.plot is not None:
        outputs.picture("--plot", options.plot, ("png",))
    if options.save is not None:
        outputs.writable("--save", options.save)
    import csv
    import io

    from nco.core import atomic
    from nco.training import comparison
    from nco.training.curve import draw

    folders = [Path(path) for path in options.runs]
    rows = comparison.read(folders, options.metric)
    for folder in comparison.without_curve(folders):
        print(f"nco: {folder}: left out: it was stopped before its first figures", file=sys.stderr)
    lines = [list(COLUMNS), *([_cell(row, name) for name in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    if options.save is not None:
        text = io.StringIO()
        names = (*COLUMNS, "standard_error")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in rows)
        atomic.write_text(Path(options.save), text.getvalue())
    if options.plot is not None:
        curves = {str(row.folder): row.curve for row in rows}
        atomic.write_bytes(Path(options.plot), draw(curves))
    return 0


def _cell(row: Any, name: str) -> str:
    value = getattr(row, name)
    if value is None or value == "":
        return "-"
    if name == "gap" and row.standard_error is not None:
        return f"{value:.3f} ± {row.standard_error:.3f}"
    if name == "minutes":
        return f"{value:.1f}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)

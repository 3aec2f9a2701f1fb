"""The files of a comparison, and its table on the terminal."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nco.benchmark.curve import mean_curve
from nco.benchmark.picture import plot
from nco.benchmark.plan import shown_limit
from nco.benchmark.report import report
from nco.benchmark.runs import Run
from nco.benchmark.summary import Row, summarise
from nco.core import atomic
from nco.core.case import Case
from nco.core.errors import NCOError

COLUMNS = (
    *("problem", "size", "solver", "time_limit", "instances", "failures", "mean_cost"),
    *("gap_percent", "standard_error", "gap_median", "primal_integral", "points"),
    *("seconds_median", "seconds_max", "cold_gap_percent", "cold_seconds"),
)
RUN_COLUMNS = (
    *("problem", "instance", "size", "solver", "time_limit", "cold", "cost", "objective"),
    *("gap_percent", "seconds", "primal_integral", "traced", "error", "faults"),
)
CURVE_COLUMNS = (
    *("problem", "solver", "time_limit", "points", "seconds", "gap_percent"),
    "standard_error",
)
SHOWN = 3  # failures of a row that are printed
LEFT = ("problem", "solver", "points")  # columns of words


def save(
    runs: Sequence[Run],
    folder: Path,
    about: Mapping[str, Any],
    cases: Sequence[tuple[str, Case]] = (),
) -> None:
    """Writes the tables, the curves, the picture and the report into `folder`.

    Args:
        runs: with gaps and primal integrals.
        folder: made where it is missing.
        about: the setting, as ``about.json`` and the report have it.
        cases: names and instances, for the report's pictures of solutions.

    Raises:
        NCOError: where something cannot be written; files are either old or new, each whole.
    """
    rows = summarise(runs)
    texts = {
        "table.csv": _csv(COLUMNS, rows),
        "runs.csv": _csv(RUN_COLUMNS, runs),
        "curve.csv": _curves(runs),
        "about.json": json.dumps(about, indent=1) + "\n",
        "report.html": report(runs, about, cases),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            atomic.write_text(folder / name, text)
        atomic.write_bytes(folder / "plot.png", plot(rows))
    except OSError as error:
        raise NCOError(f"{folder}: cannot be written ({error.strerror})") from error


def log_line(run: Run | None) -> str:
    """A line of ``runs.csv`` while measuring goes on; the header for None."""
    text = io.StringIO()
    cells = RUN_COLUMNS if run is None else _cells(run, RUN_COLUMNS)
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _csv(columns: Sequence[str], rows: Sequence[Run] | Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = further(rows)
    writer.writerow([*columns, *names])
    for row in rows:
        writer.writerow(_cells(row, columns) + [further_cell(row, name) for name in names])
    return text.getvalue()


def _curves(runs: Sequence[Run]) -> str:
    """The mean gap at every time, a line each time that it changes."""
    groups: dict[tuple[str, str, float | None], list[Run]] = {}
    for run in runs:
        if not run.cold:
            groups.setdefault((run.problem, run.solver, run.time_limit), []).append(run)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for (problem, solver, limit), group in groups.items():
        traced = " ".join(dict.fromkeys(run.traced for run in group if run.points))
        for place in mean_curve(group):
            writer.writerow([problem, solver, shown_limit(limit), traced, *place])
    return text.getvalue()


def further(rows: Sequence[Run] | Sequence[Row]) -> list[str]:
    """Columns that only simulated policies have."""
    if all(row.cost_standard_error is None for row in rows):
        return []
    return ["cost_standard_error", *dict.fromkeys(name for row in rows for name in row.measures)]


def further_cell(row: Run | Row, name: str) -> float | str:
    """The value in such a column; nothing where there is none."""
    value = row.measures.get(name, getattr(row, name, None))
    return "" if value is None else value


def _cells(row: Run | Row, columns: Sequence[str]) -> list[Any]:
    cells = []
    for name in columns:
        value = getattr(row, name)
        if name == "time_limit":
            value = shown_limit(value)
        elif isinstance(value, tuple):
            value = "; ".join(value)
        elif isinstance(value, bool):
            value = int(value)
        cells.append("" if value is None else value)
    return cells


def print_table(rows: Sequence[Row]) -> None:
    """The table in aligned columns, the gap with its standard error, then what went wrong."""
    names = further(rows)
    columns = [name for name in COLUMNS if name != "standard_error"]
    if all(row.cold_seconds is None for row in rows):
        columns = [name for name in columns if not name.startswith("cold_")]
    lines = [[*columns, *names]] + [
        [_shown(row, name) for name in columns] + [_figure(further_cell(row, n)) for n in names]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print()
    for line in lines:
        cells = [
            cell.ljust(width) if column in LEFT else cell.rjust(width)
            for column, cell, width in zip(lines[0], line, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
    for row in rows:
        shown = row.messages[:SHOWN]
        if len(row.messages) > SHOWN:
            shown.append(f"and {len(row.messages) - SHOWN} more, see runs.csv")
        for message in shown:
            print(f"failed: {row.solver}, time limit {shown_limit(row.time_limit)}: {message}")


def _figure(value: float | str) -> str:
    return value or "-" if isinstance(value, str) else format(value, ".4g")


def _shown(row: Row, name: str) -> str:
    """A cell of the printed table."""
    value = getattr(row, name)
    if name == "time_limit":
        return shown_limit(value)
    if value is None or value == "":
        return "-"
    if isinstance(value, str | int):
        return str(value)
    if name == "gap_percent" and row.standard_error is not None:
        return f"{value:.3f} ±{row.standard_error:.3f}"
    return format(value, ".7g" if name == "mean_cost" else ".3f")

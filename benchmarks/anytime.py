"""Measures how far answers are from the best, and how late, at time limits from 0.05 to 30 s.

    python benchmarks/anytime.py measure demo/anytime.csv            # goes on where it stopped
    python benchmarks/anytime.py draw demo/anytime.csv anytime.svg --result anytime.json
    python benchmarks/anytime.py late demo/late.csv --calls 1000 --cold 50 --result late.json

One row of `measure` is one solver on one instance at one limit. Gaps are to the best cost of an
instance in the whole file, or to `--best_known`. `late` says by how much calls exceed their limit;
a limit is kept within 50 ms or 2 %, whichever is more. Nothing else should run meanwhile.
"""

import argparse
import csv
import itertools
import math
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from kernels import written
from matplotlib.figure import Figure
from picture import NAMES

import nco
from nco.benchmark.contest import prepare
from nco.benchmark.measuring import measure
from nco.benchmark.plan import Plan
from nco.core.case import Case
from nco.core.seeds import generator
from nco.registry import folder

SIZES = {"tsp": 100, "cvrp": 100, "op": 100, "jssp": 10}
SOLVERS = {
    "tsp": ("nco-neural", "nco", "ortools", "pyvrp"),
    "cvrp": ("nco-neural", "nco", "ortools", "pyvrp"),
    "op": ("nco-neural", "nco", "ortools"),
    "jssp": ("nco-neural", "nco", "ortools"),
}
LIMITS = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
COLUMNS = ("problem", "instance", "solver", "time_limit", "seconds", "cost")
KEPT, KEPT_SHARE = 0.05, 0.02  # seconds, and share of a limit, by which a call may be late
BOUNDS = tuple(itertools.pairwise((-math.inf, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1, math.inf)))  # late
Gaps = dict[str, dict[str, dict[float, list[float]]]]  # by problem, solver and limit
COLD = """
import time
begin = time.perf_counter()
import nco
nco.solve("example:random100.tsp", time_limit={limit}, classical=False)
print(time.perf_counter() - begin)
"""


@dataclass(frozen=True)
class Block:
    """What is measured together: one solver on all instances of a problem at one limit."""

    problem: str
    solver: str
    limit: float


def blocks(problems: Sequence[str], limits: Sequence[float]) -> Iterator[Block]:
    """The blocks in the order in which they are measured, the short limits first."""
    for limit in limits:
        for problem in problems:
            for solver in SOLVERS[problem]:
                yield Block(problem, solver, limit)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a file; none where there is none yet."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def measured(path: Path, options: argparse.Namespace) -> None:
    """Appends the rows that are missing, each block whole."""
    done: dict[Block, int] = defaultdict(int)
    for row in read(path):
        done[Block(row["problem"], row["solver"], float(row["time_limit"]))] += 1
    for problem in options.problems:
        warmed(problem)
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not path.stat().st_size:
            writer.writeheader()
        for block in blocks(options.problems, options.limits):
            if done[block] >= options.instances:
                continue
            plan = Plan(
                problem=block.problem,
                size=SIZES[block.problem],
                instances=options.instances,
                solvers=(block.solver,),
                time_limits=(block.limit,),
                cores=options.cores,
            )
            for run in measure(prepare(plan)):
                values = (block.problem, run.instance, run.solver, block.limit, run.seconds)
                writer.writerow(dict(zip(COLUMNS, (*values, run.cost), strict=True)))
                file.flush()


def gaps(rows: Iterable[dict[str, str]], known: dict[str, float]) -> Gaps:
    """Percent above the best by problem, solver and limit; failed runs are left out.

    Args:
        rows: of `measured`; of equal ones the last counts.
        known: best costs by instance, before those of the rows.
    """
    latest = {
        (row["problem"], row["instance"], row["solver"], float(row["time_limit"])): float(
            row["cost"]
        )
        for row in rows
        if row["cost"]
    }
    best: dict[tuple[str, str], float] = {}
    for (problem, instance, _, _), cost in latest.items():
        best[problem, instance] = min(cost, best.get((problem, instance), math.inf))
    each: dict[tuple[str, str, float], list[float]] = defaultdict(list)
    for (problem, instance, solver, limit), cost in latest.items():
        reference = known.get(instance, best[problem, instance])
        each[problem, solver, limit].append(100 * (cost - reference) / abs(reference))
    curves: Gaps = defaultdict(lambda: defaultdict(dict))
    for (problem, solver, limit), values in sorted(each.items()):
        curves[problem][solver][limit] = values
    return curves


def table(curves: Gaps) -> dict[str, Any]:
    """A result for the page of results: a row a problem and solver, a column a limit."""
    limits = sorted({limit for each in curves.values() for own in each.values() for limit in own})
    rows = []
    for problem, solvers in curves.items():
        for solver, places in solvers.items():
            cells = [cell(places.get(limit, [])) for limit in limits]
            rows.append([problem, str(SIZES[problem]), NAMES.get(solver, solver), *cells])
    return {
        "title": "Gap against time",
        "measure": "mean gap in percent (± standard error) to the best answer of the table; each"
        " place is a run of its own with that limit",
        "threads": "one core for every solver, warm",
        "instances": "the first ones of seed 1234 of each size",
        "command": "python benchmarks/anytime.py measure demo/anytime.csv",
        "columns": ["problem", "size", "solver", *(f"{limit:g} s" for limit in limits)],
        "rows": rows,
    }


def cell(values: Sequence[float]) -> str:
    """Mean and standard error; nothing where nothing was measured."""
    if len(values) < 2:
        return ""
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.mean(values):.2f} ± {error:.2f}"


def draw(curves: Gaps, output: Path) -> None:
    """An axes a problem; every place is a run of its own with that limit."""
    matplotlib.rcParams["svg.hashsalt"] = "nco"  # the same figures, the same file
    rows = -(-len(curves) // 2)
    figure = Figure(figsize=(9.6, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for ax, (problem, solvers) in zip(axes, curves.items(), strict=False):
        for solver, places in solvers.items():
            means = [statistics.mean(values) for values in places.values()]
            ax.plot(list(places), means, "o-", label=NAMES.get(solver, solver))
        ax.set(xscale="log", xlabel="time limit, seconds", ylabel="gap to the best, %")
        ax.set_yscale("symlog", linthresh=0.01)
        ax.set_ylim(bottom=-0.001)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
        ax.set_title(f"{problem}, size {SIZES[problem]}")
        ax.grid(alpha=0.3)
        ax.legend()
    for ax in axes[len(curves) :]:
        ax.set_axis_off()
    metadata = {"Date": None} if output.suffix == ".svg" else None
    figure.savefig(output, metadata=metadata, dpi=110)


def warmed(problem: str) -> list[Case]:
    """Some cases, for which networks are loaded and children are ready from now on."""
    rules = folder(problem).problem_class(size=SIZES[problem])
    cases: list[Case] = rules.cases(rules.generate(16, generator("late")))
    for classical in (False, True):
        nco.solve(cases[0], time_limit=3.0, classical=classical)
    return cases


def late(output: Path, calls: int, cold: int, problem: str) -> dict[str, Any]:
    """Writes how late calls with random limits of 0.05 to 1 s are; a histogram of them."""
    cases = warmed(problem)
    rows: list[tuple[str, float, float]] = []
    draws = random.Random(1)
    for call in range(calls + cold):
        limit = round(0.05 * 20 ** draws.random(), 3)
        if call < calls:
            begin = time.perf_counter()
            nco.solve(cases[call % len(cases)], time_limit=limit, classical=False, bound=False)
            rows.append(("warm", limit, time.perf_counter() - begin))
        else:
            command = [sys.executable, "-c", COLD.format(limit=limit)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append(("cold", limit, float(text)))
    with open(output, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("process", "time_limit", "seconds"))
        writer.writerows(rows)
    return histogram(problem, rows)


def histogram(problem: str, rows: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    """A result for the page of results: how many calls lie where, and how many are late.

    Args:
        rows: kind of process, limit and seconds of each call.
    """
    found, ends = [], [f"up to {1000 * high:g}" for _, high in BOUNDS[:-1]]
    for kind in ("warm", "cold"):
        own = [(limit, seconds - limit) for name, limit, seconds in rows if name == kind]
        counts = [sum(low < over <= high for _, over in own) for low, high in BOUNDS]
        broken = sum(over > max(KEPT, KEPT_SHARE * limit) for limit, over in own)
        found.append([kind, *(str(number) for number in (len(own), *counts, broken))])
    return {
        "title": "How late answers are",
        "measure": "calls by the milliseconds by which they exceed their limit; a limit is kept"
        " within 50 ms or 2 %, whichever is more",
        "threads": "one core",
        "instances": f"{problem}, size {SIZES[problem]}, networks alone, limits of 0.05 to 1 s;"
        " cold calls are programs of their own, which solve a tour and count from their first line",
        "command": "python benchmarks/anytime.py late demo/late.csv --calls 1000 --cold 50",
        "columns": ["process", "calls", *ends, "more", "not kept"],
        "rows": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure", help="appends the runs that are missing")
    one.add_argument("output", type=Path)
    one.add_argument("--problems", nargs="+", default=list(SIZES), choices=list(SIZES))
    one.add_argument("--limits", nargs="+", type=float, default=list(LIMITS))
    one.add_argument("--instances", type=int, default=16)
    one.add_argument("--cores", type=int, default=1)
    two = commands.add_parser("draw", help="the picture, and the mean gaps as a table")
    two.add_argument("rows", type=Path)
    two.add_argument("output", type=Path, help=".svg or .png")
    two.add_argument("--best_known", type=Path, help="CSV with columns name and best_known")
    three = commands.add_parser("late", help="how late calls are")
    three.add_argument("output", type=Path)
    three.add_argument("--calls", type=int, default=1000)
    three.add_argument("--cold", type=int, default=0)
    three.add_argument("--problem", default="tsp", choices=list(SIZES))
    for each in (two, three):
        each.add_argument("--result", type=Path, help="a JSON file for the page of results")
    options = parser.parse_args()
    if options.command == "measure":
        measured(options.output, options)
    elif options.command == "draw":
        known = {}
        if options.best_known is not None:
            known = {row["name"]: float(row["best_known"]) for row in read(options.best_known)}
        curves = gaps(read(options.rows), known)
        draw(curves, options.output)
        written(table(curves), options.result)
    else:
        made = late(options.output, options.calls, options.cold, options.problem)
        written(made, options.result)


if __name__ == "__main__":
    main()

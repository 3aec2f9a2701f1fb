"""Measures how far answers are from the best, and how late, at time limits from 0.05 to 30 s.

    python benchmarks/anytime.py measure demo/anytime.csv            # goes on where it stopped
    python benchmarks/anytime.py draw demo/anytime.csv docs/_static/anytime.svg
    python benchmarks/anytime.py late demo/late.csv --calls 1000 --cold 50

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

import matplotlib
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
BINS = (-math.inf, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1, math.inf)  # seconds late
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


def gaps(
    rows: Iterable[dict[str, str]], known: dict[str, float]
) -> dict[str, dict[str, dict[float, float]]]:
    """Mean percent above the best by problem, solver and limit; failed runs are left out.

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
    curves: dict[str, dict[str, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    for (problem, solver, limit), values in sorted(each.items()):
        curves[problem][solver][limit] = statistics.mean(values)
    return curves


def draw(curves: dict[str, dict[str, dict[float, float]]], output: Path) -> None:
    """An axes a problem; every place is a run of its own with that limit."""
    matplotlib.rcParams["svg.hashsalt"] = "nco"  # the same figures, the same file
    rows = -(-len(curves) // 2)
    figure = Figure(figsize=(9.6, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for ax, (problem, solvers) in zip(axes, curves.items(), strict=False):
        for solver, places in solvers.items():
            ax.plot(list(places), list(places.values()), "o-", label=NAMES.get(solver, solver))
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


def late(output: Path, calls: int, cold: int, problem: str) -> None:
    """Writes how late calls with random limits of 0.05 to 1 s are, and prints a histogram."""
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
    for kind in ("warm", "cold"):
        own = [(limit, seconds - limit) for name, limit, seconds in rows if name == kind]
        if own:
            print(histogram(kind, own))


def histogram(kind: str, rows: Sequence[tuple[float, float]]) -> str:
    """Of pairs of a limit and the seconds beyond it: how many lie where, and how many are late."""
    text = [f"{kind}: {len(rows)} calls"]
    for low, high in itertools.pairwise(BINS):
        count = sum(low < over <= high for _, over in rows)
        text.append(f"  up to {1000 * high:4g} ms late: {count:5d}")
    broken = sum(over > max(KEPT, KEPT_SHARE * limit) for limit, over in rows)
    return "\n".join([*text, f"  limit not kept: {broken}"])


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
    options = parser.parse_args()
    if options.command == "measure":
        measured(options.output, options)
    elif options.command == "draw":
        known = {}
        if options.best_known is not None:
            known = {row["name"]: float(row["best_known"]) for row in read(options.best_known)}
        curves = gaps(read(options.rows), known)
        for problem, solvers in curves.items():
            for solver, places in solvers.items():
                line = "  ".join(f"{limit:g} s {gap:.3f}" for limit, gap in places.items())
                print(f"{problem} {solver}: {line}")
        draw(curves, options.output)
    else:
        late(options.output, options.calls, options.cold, options.problem)


if __name__ == "__main__":
    main()
